/* Bodies that go into pipes, as CRLs do. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/auditor/fetching.h"

#define MB	(1u << 20)

/* The sanitizer keeps what was freed. */
#if defined(__SANITIZE_ADDRESS__)
#define NO_MEASURE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_MEASURE
#endif
#endif

/* A reader, and what it found. */
struct reader {
	int		fd;		/* -1: closed */
	size_t		n;
	size_t		wrong;		/* bytes that were not served */
	int		chunks;		/* what /chunks/ says, not /bytes/ */
	int		ended;
};

/* Ask for a path; the reading end is the reader's. */
static uint64_t
ask(struct reader *r, const char *path, uint32_t cap, uint32_t timeout_ms)
{
	struct fetch_get	g;
	int			fds[2];

	memset(r, 0, sizeof(*r));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	r->fd = fds[0];
	r->chunks = strncmp(path, "/chunks/", 8) == 0;
	get_of(&g, url_of(path), 0);
	g.cap = cap;
	g.timeout_ms = timeout_ms;
	return fetch_client_pipe(client, &g, fds[1]);
}

/* Read a piece: 0 when there is none, or none will be. */
static int
take_piece(struct reader *r)
{
	static uint8_t	block[65536];
	ssize_t		n, i;

	if (r->fd == -1 || (n = read(r->fd, block, sizeof(block))) == -1)
		return 0;
	if (n == 0) {
		r->ended = 1;
		(void)close(r->fd);
		r->fd = -1;
	}
	for (i = 0; i < n; i++, r->n++)
		r->wrong += block[i] != (r->chunks ? 'c' :
		    (uint8_t)('a' + r->n % 4096 % 26));
	return n != 0;
}

/* Read what is there. */
static void
take(struct reader *r)
{
	while (take_piece(r))
		;
}

/* Read until the answer is there; then nothing more can come. */
static void
read_all(struct reader *r, struct fetch_done *d)
{
	struct err	e = ERR_INIT;
	struct pollfd	p[2];
	int		n;

	while ((n = fetch_client_next(client, d, &e)) == 0) {
		p[0].fd = ipc_fd(fetch_client_ipc(client));
		p[0].events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(client)) ? POLLOUT :
		    0));
		p[1].fd = r->fd;
		p[1].events = POLLIN;
		assert_true(poll(p, 2, WAIT_MS) > 0);
		take(r);
		assert_int_equal(fetch_client_turn(client, &e), 0);
	}
	assert_int_equal(n, 1);
	/* It was closed before the answer was sent. */
	take(r);
	assert_true(r->ended);
	assert_int_equal(d->arena, 0);
	assert_int_equal(d->length, 0);
	assert_int_equal(d->body.n, 0);
}

static void
whole(void **state)
{
	static const char *const	paths[] = { "/bytes/300000",
	    "/chunks/300000", "/bytes/1", "/bytes/0", "/bytes/65536" };
	struct reader			r;
	struct fetch_done		d;
	uint64_t			id;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		id = ask(&r, paths[i], LIMIT_CRL, 10000);
		read_all(&r, &d);
		assert_int_equal(d.id, id);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(d.status, 200);
		assert_int_equal(r.wrong, 0);
		assert_int_equal(r.n, strtoul(strrchr(paths[i], '/') + 1,
		    NULL, 10));
		assert_int_equal(d.wire, r.n);
	}
}

/* At the cap, and one over it: what the reader got is not believed then. */
static void
cap(void **state)
{
	static const char *const	paths[] = { "/bytes/70000",
	    "/chunks/70000" };
	struct reader			r;
	struct fetch_done		d;
	size_t				i;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)ask(&r, paths[i], 70000, 10000);
		read_all(&r, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(r.n, 70000);
		(void)ask(&r, paths[i], 69999, 10000);
		read_all(&r, &d);
		assert_int_equal(d.failure, FETCH_TOO_LARGE);
		assert_true(r.n <= 69999);
		assert_int_equal(d.wire, r.n);
	}
}

struct answer {
	const char		*path;
	enum fetch_failure	 failure;
	int			 status;
	size_t			 n;
};

/* What is no CRL never reaches its parser. */
static const struct answer answers[] = {
	{ "/404", FETCH_OK, 404, 0 },
	{ "/304", FETCH_OK, 304, 0 },
	{ "/206", FETCH_OK, 206, 0 },
	{ "/moved", FETCH_OK, 302, 0 },
	{ "/429s", FETCH_OK, 429, 0 },
	{ "/error/1000", FETCH_OK, 503, 0 },
	{ "/error/65536", FETCH_OK, 503, 0 },
	{ "/error/65537", FETCH_OK, 503, 0 },
	{ "/error/9000000", FETCH_OK, 503, 0 },
	{ "/gzip", FETCH_PROTOCOL, 0, 0 },
	{ "/gzips", FETCH_PROTOCOL, 0, 0 },
	{ "/tegzip", FETCH_PROTOCOL, 0, 0 },
	{ "/garbage", FETCH_PROTOCOL, 0, 0 },
	{ "/short", FETCH_PROTOCOL, 0, 10 },
	{ "/identity", FETCH_OK, 200, 5 },
};

static void
other_answers(void **state)
{
	const struct answer	*a;
	struct reader		 r;
	struct fetch_done	 d;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		a = &answers[i];
		(void)ask(&r, a->path, LIMIT_CRL, 10000);
		read_all(&r, &d);
		if (d.failure != a->failure || d.status != a->status ||
		    r.n != a->n)
			print_message("%s: %s %d %s, %zu bytes\n", a->path,
			    fetch_failure_name(d.failure), d.status,
			    d.message, r.n);
		assert_int_equal(d.failure, a->failure);
		assert_int_equal(d.status, a->status);
		assert_int_equal(r.n, a->n);
		assert_int_equal(d.wire, a->n);
		if (d.status == 304)
			assert_string_equal(d.etag, "\"v2\"");
		if (d.status == 503)
			assert_string_equal(d.retry_after, "9");
		if (strncmp(a->path, "/gzip", 5) == 0)
			assert_non_null(strstr(d.message,
			    "Content-Encoding"));
	}
}

/* VmRSS of the process in KB. */
static long
resident(void)
{
	char	 path[64], line[256];
	long	 kb = -1;
	FILE	*f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status",
	    (long)fetch_client_proc(client)->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	(void)fclose(f);
	assert_true(kb > 0);
	return kb;
}

/* 200 MB pass through a few hundred KB. */
static void
streams(void **state)
{
	struct reader		r;
	struct fetch_done	d;
	long			before;

	(void)state;
	(void)ask(&r, "/bytes/1000000", LIMIT_CRL, 60000);
	read_all(&r, &d);
	before = resident();
	(void)ask(&r, "/bytes/209715200", LIMIT_CRL, 60000);
	read_all(&r, &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(r.n, 200u * MB);
	assert_int_equal(r.wrong, 0);
	print_message("200 MB: peak memory grew by %ld KB\n",
	    resident() - before);
#ifndef NO_MEASURE
	assert_true(resident() - before < 16 * 1024);
#endif
}

/* A reader that takes nothing delays nobody else, and ends by the clock. */
static void
reader_stalls(void **state)
{
	struct reader		r, other;
	struct fetch_done	d;
	uint64_t		id;
	int			i;

	(void)state;
	id = ask(&r, "/bytes/4000000", LIMIT_CRL, 600000);
	for (i = 0; i < 20; i++) {
		fetch(client, url_of("/plain"), &d);
		assert_int_equal(d.status, 200);
		(void)ask(&other, "/chunks/200000", LIMIT_CRL, 10000);
		read_all(&other, &d);
		assert_true(d.id != id);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(other.n, 200000);
	}
	(void)close(r.fd);
	next(client, &d);
	assert_int_equal(d.id, id);
	id = ask(&r, "/bytes/4000000", LIMIT_CRL, 500);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_int_equal(d.status, 0);
	assert_non_null(strstr(d.message, "reader"));
	take(&r);
	assert_true(r.ended);
	assert_int_equal(r.wrong, 0);
	assert_int_equal(d.wire <= r.n, 1);
}

/* One that goes on after a while gets every byte, once. */
static void
reader_goes_on(void **state)
{
	struct reader		r;
	struct fetch_done	d;
	int			i;

	(void)state;
	(void)ask(&r, "/bytes/3000000", LIMIT_CRL, 20000);
	for (i = 0; i < 30; i++) {
		fetch(client, url_of("/plain"), &d);
		(void)take_piece(&r);
	}
	read_all(&r, &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(r.n, 3000000);
	assert_int_equal(r.wrong, 0);
}

/* A reader that dies: while bytes flow, and while none come. */
static void
reader_goes(void **state)
{
	static const char *const	paths[] = { "/bytes/4000000", "/drip",
	    "/hang" };
	struct reader			r;
	struct fetch_done		d;
	uint64_t			id;
	size_t				i;

	(void)state;
	for (i = 0; i < 3; i++) {
		id = ask(&r, paths[i], LIMIT_CRL, 60000);
		fetch(client, url_of("/plain"), &d);
		(void)close(r.fd);
		next(client, &d);
		assert_int_equal(d.id, id);
		assert_int_equal(d.failure, FETCH_CANCELLED);
		assert_int_equal(d.status, 0);
		assert_non_null(strstr(d.message, "went away"));
	}
}

static void
cancelled(void **state)
{
	struct reader		r;
	struct fetch_done	d;
	uint64_t		id;

	(void)state;
	id = ask(&r, "/bytes/4000000", LIMIT_CRL, 60000);
	fetch(client, url_of("/plain"), &d);
	fetch_client_cancel(client, id);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	take(&r);
	assert_true(r.ended);
	assert_int_equal(r.wrong, 0);
	/* Before it is sent at all. */
	id = ask(&r, "/hang", LIMIT_CRL, 60000);
	fetch_client_cancel(client, id);
	read_all(&r, &d);
	assert_int_equal(d.failure, FETCH_CANCELLED);
}

/* The last that fits, and one more; and again when those are gone. */
static void
how_many(void **state)
{
	static struct reader	r[LIMIT_FETCH_PIPES + 1];
	struct fetch_done	d;
	uint64_t		last = 0;
	size_t			i;

	(void)state;
	for (i = 0; i <= LIMIT_FETCH_PIPES; i++)
		last = ask(&r[i], "/hang", LIMIT_CRL, 60000);
	next(client, &d);
	assert_int_equal(d.id, last);
	assert_int_equal(d.failure, FETCH_NO_ROOM);
	for (i = 0; i <= LIMIT_FETCH_PIPES; i++)
		(void)close(r[i].fd);
	for (i = 0; i < LIMIT_FETCH_PIPES; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_CANCELLED);
	}
	(void)ask(&r[0], "/bytes/100", LIMIT_CRL, 10000);
	read_all(&r[0], &d);
	assert_int_equal(d.status, 200);
}

/* The request alone is a mistake, and so are descriptors that are no pipe. */
static void
bad_descriptors(void **state)
{
	struct fetch_get	g;
	struct fetch_setup	s;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	struct ipc_msg		m;
	struct proc		p;
	int			fds[2], i, fd, nfds, file;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	file = memfd_create("file", MFD_CLOEXEC);
	assert_true(file >= 0);
	setup_of(&s, "127.0.0.0/8");
	get_of(&g, url_of("/plain"), 0);
	for (i = 0; i < 4; i++) {
		fd = i == 1 ? fds[0] : i == 2 ? file : fds[1];
		nfds = i == 0 ? 0 : 1;
		g.id = 1;
		g.flags = i == 3 ? 0 : FETCH_F_PIPE;
		assert_int_equal(proc_spawn("fetch", NULL, 0, &p, &e), 0);
		buf_reset(&b);
		fetch_setup_pack(&b, &s);
		ipc_send(p.ipc, FETCH_SETUP, &b, NULL, 0);
		buf_reset(&b);
		fetch_get_pack(&b, &g);
		ipc_send(p.ipc, FETCH_GET, &b, &fd, nfds);
		assert_int_equal(ipc_recv(p.ipc, &m, WAIT_MS, &e), -1);
		assert_true(ipc_eof(p.ipc));
		err_clear(&e);
		proc_free(&p);
	}
	buf_free(&b);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(file);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(whole, begin, finish),
		cmocka_unit_test_setup_teardown(cap, begin, finish),
		cmocka_unit_test_setup_teardown(other_answers, begin, finish),
		cmocka_unit_test_setup_teardown(streams, begin, finish),
		cmocka_unit_test_setup_teardown(reader_stalls, begin, finish),
		cmocka_unit_test_setup_teardown(reader_goes_on, begin,
		    finish),
		cmocka_unit_test_setup_teardown(reader_goes, begin, finish),
		cmocka_unit_test_setup_teardown(cancelled, begin, finish),
		cmocka_unit_test_setup_teardown(how_many, begin, finish),
		cmocka_unit_test(bad_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
