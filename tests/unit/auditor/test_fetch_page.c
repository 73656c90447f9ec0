/*
 * Answers that go into an arena are read without libcurl.  What is told of
 * them is what libcurl's path tells, which is taken by those without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/auditor/fetching.h"

#define ARENA	(48u << 20)

static uint32_t		 arena;
static const uint8_t	*shared;

static int
begin_arena(void **state)
{
	struct err	e = ERR_INIT;
	void		*p;
	int		 fd;

	(void)begin(state);
	fd = fetch_client_arena(client, ARENA, &arena, &e);
	assert_true(fd >= 0);
	p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	shared = p;
	return 0;
}

static int
finish_arena(void **state)
{
	(void)munmap((void *)(uintptr_t)shared, ARENA);
	return finish(state);
}

/* The answer to ${g}; its body stays where it is. */
static struct span
answer(struct fetch_get *g, struct fetch_done *d)
{
	struct span	s;

	(void)fetch_client_get(client, g);
	next(client, d);
	if (getenv("FETCH_SAY") != NULL)
		print_message("%s: %d %s %s\n", g->url, d->status,
		    fetch_failure_name(d->failure), d->message);
	if (g->arena == 0)
		return d->body;
	s.p = shared + d->offset;
	s.n = d->length;
	return s;
}

static struct span
page(const char *path, uint32_t cap, struct fetch_done *d)
{
	struct fetch_get	g;

	get_of(&g, url_of(path), arena);
	g.cap = cap;
	return answer(&g, d);
}

static void
give(const struct fetch_done *d)
{
	fetch_client_give(client, d->arena, d->offset, d->length);
}

/* What both paths say. */
static void
same(const char *path, uint32_t cap)
{
	struct fetch_get	g;
	struct fetch_done	a, b;
	struct span		sa, sb;
	uint8_t			*copy;

	get_of(&g, url_of(path), 0);
	g.cap = cap;
	sa = answer(&g, &a);
	copy = malloc(sa.n + 1);
	assert_non_null(copy);
	if (sa.n != 0)
		memcpy(copy, sa.p, sa.n);
	sb = page(path, cap, &b);
	if (a.failure != b.failure || a.status != b.status || sa.n != sb.n)
		fail_msg("%s: %s %d %zu, %s %d %zu", path,
		    fetch_failure_name(a.failure), a.status, sa.n,
		    fetch_failure_name(b.failure), b.status, sb.n);
	assert_int_equal(b.message[0] == '\0', b.failure == FETCH_OK);
	assert_memory_equal(copy, sb.n != 0 ? sb.p : copy, sb.n);
	free(copy);
	assert_string_equal(a.date, b.date);
	assert_string_equal(a.retry_after, b.retry_after);
	assert_string_equal(a.etag, b.etag);
	assert_string_equal(a.last_modified, b.last_modified);
	assert_string_equal(a.type, b.type);
	assert_string_equal(a.encoding, b.encoding);
	assert_string_equal(a.location, b.location);
	assert_string_equal(a.links, b.links);
	assert_string_equal(a.addr, b.addr);
	/* What has no length is asked for again, by libcurl. */
	if (strncmp(path, "/error/", 7) == 0)
		assert_true(b.wire >= a.wire);
	else if (a.failure == FETCH_OK)
		assert_int_equal(a.wire, b.wire);
	give(&b);
}

static void
as_libcurl(void **state)
{
	static const char *const	paths[] = { "/plain", "/404", "/429s",
	    "/429d", "/moved", "/gzip", "/short", "/garbage", "/continue",
	    "/longtag", "/self", "/304", "/206", "/identity", "/gzips",
	    "/tegzip", "/bytes/0", "/bytes/1", "/bytes/4000",
	    "/bytes/100000", "/bytes/599999", "/headers/20",
	    "/headers/250", "/headers/260", "/request", "/none" };
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		same(paths[i], 600000);
	same("/bytes/1000", 1000);
	same("/bytes/1001", 1000);
	same("/bytes/1", 0);
	same("/bytes/0", 0);
	/* After this one all is libcurl's. */
	same("/error/0", 600000);
	same("/error/1000", 600000);
}

/* Chunks: the same but for the framing, which only one counts. */
static void
chunks(void **state)
{
	static const char *const	paths[] = { "/chunks/0", "/chunks/1",
	    "/chunks/4096", "/chunks/4097", "/chunks/500000" };
	struct fetch_done		d;
	struct span			s;
	size_t				i, k;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		s = page(paths[i], 500000, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(s.n, strtoul(paths[i] + 8, NULL, 10));
		for (k = 0; k < s.n; k++)
			assert_int_equal(s.p[k], 'c');
		assert_true(d.wire > s.n);
		give(&d);
	}
	(void)page("/chunks/500001", 500000, &d);
	assert_int_equal(d.failure, FETCH_TOO_LARGE);
	assert_int_equal(d.length, 0);
}

/* A body ends where its length says, and what is behind it answers nobody. */
static void
beyond(void **state)
{
	static const char *const	paths[] = { "/more/1", "/more/3000",
	    "/more/5000", "/more/70000", "/more/300000" };
	int				glued;
	struct fetch_done		d;
	struct span			s;
	size_t				i, k;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		s = page(paths[i], 500000, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(s.n, strtoul(paths[i] + 6, NULL, 10));
		for (k = 0; k < s.n; k++)
			assert_int_equal(s.p[k], 'x');
		give(&d);
		s = page("/bytes/4", 500000, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(s.n, 4);
		assert_memory_equal(s.p, "abcd", 4);
		give(&d);
	}
	/* all of it at once */
	for (glued = 0; glued < 2; glued++) {
		s = page("/glued", 500000, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(s.n, 5);
		assert_memory_equal(s.p, "right", 5);
		give(&d);
	}
}

/* More than any buffer, many at a time. */
static void
large(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	const uint8_t		*p;
	size_t			i, k;

	(void)state;
	for (i = 0; i < 12; i++) {
		get_of(&g, url_of("/bytes/5000001"), arena);
		g.cap = 6000000;
		g.flags = FETCH_F_GZIP | FETCH_F_LARGE;
		(void)fetch_client_get(client, &g);
	}
	for (i = 0; i < 12; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(d.length, 5000001);
		p = shared + d.offset;
		for (k = 0; k < d.length; k++)
			if (p[k] != 'a' + k % 4096 % 26)
				fail_msg("byte %zu", k);
		give(&d);
	}
}

static unsigned long
connections_so_far(void)
{
	struct fetch_done	d;
	struct span		s = page("/connections", 100, &d);
	char			text[8];

	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(s.n, 4);
	memcpy(text, s.p, 4);
	text[4] = '\0';
	give(&d);
	return strtoul(text, NULL, 10);
}

static void
kept(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	struct span		s;
	unsigned long		n = connections_so_far();
	const char		*u;
	char			url[100], text[8] = "";
	int			i;

	(void)state;
	for (i = 0; i < 5; i++) {
		(void)page("/plain", 100, &d);
		assert_int_equal(d.failure, FETCH_OK);
		give(&d);
	}
	assert_int_equal(connections_so_far(), n);
	/* An answer that is given up takes its connection with it. */
	(void)page("/bytes/1001", 1000, &d);
	assert_int_equal(d.failure, FETCH_TOO_LARGE);
	assert_int_equal(connections_so_far(), n + 1);
	/* A server that closes a kept one is asked again, once. */
	(void)page("/fickle", 100, &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(d.status, 200);
	give(&d);
	assert_int_equal(connections_so_far(), n + 2);
	/* One of that name only: another one may be another's. */
	u = url_of("/connections");
	(void)snprintf(url, sizeof(url), "http://localhost%s", strrchr(u,
	    ':'));
	get_of(&g, url, arena);
	s = answer(&g, &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(s.n, 4);
	assert_true(strtoul((char *)memcpy(text, s.p, 4), NULL, 10) == n + 3);
	give(&d);
}

static void
times(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;

	(void)state;
	get_of(&g, url_of("/hang"), arena);
	g.timeout_ms = 300;
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_non_null(strstr(d.message, "timed out"));
	get_of(&g, url_of("/drip"), arena);
	g.slow_ms = 1000;
	g.slow_bytes = 1000;
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_non_null(strstr(d.message, "too slow"));
	/* 20 bytes a second are fast enough for this one. */
	get_of(&g, url_of("/drip"), arena);
	g.slow_ms = 1000;
	g.slow_bytes = 1;
	g.timeout_ms = 3500;
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_non_null(strstr(d.message, "timed out"));
}

static void
cancelled(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	uint64_t		id;

	(void)state;
	get_of(&g, url_of("/drip"), arena);
	id = fetch_client_get(client, &g);
	/* Later than it: that one is under way then. */
	(void)page("/plain", 100, &d);
	assert_int_equal(d.failure, FETCH_OK);
	give(&d);
	fetch_client_cancel(client, id);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	(void)page("/plain", 100, &d);
	assert_int_equal(d.failure, FETCH_OK);
}

static void
refused(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", closed_port);
	get_of(&g, url, arena);
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_CONNECT);
	/* The policy is asked of the address. */
	get_of(&g, "http://10.1.2.3/", arena);
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	get_of(&g, "http://[::1]:9/", arena);
	(void)answer(&g, &d);
	assert_int_equal(d.failure, FETCH_POLICY);
}

static int
run(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin_arena, finish_arena)
	const struct CMUnitTest	tests[] = {
		T(as_libcurl),
		T(chunks),
		T(beyond),
		T(large),
		T(kept),
		T(times),
		T(cancelled),
		T(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
