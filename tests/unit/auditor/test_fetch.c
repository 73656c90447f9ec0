/*
 * The real fetch process, sandboxed, against a small HTTP server on the
 * loopback address that misbehaves on request.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/net/xfer.h"
#include "auditor/proc.h"
#include "auditor/role/fetch.h"
#include "auditor/role/fetch_client.h"
#include "base/clk.h"
#include "base/err.h"
#include "tests/unit/auditor/web.h"

#define ARENA	(1u << 20)
#define WAIT_MS	20000

/* --- helpers ----------------------------------------------------------------- */

static struct fetch_client	*client;

static void
setup_of(struct fetch_setup *s, const char *allow)
{
	memset(s, 0, sizeof(*s));
	s->user_agent = "certvigil/test (+mailto:a@b.example)";
	s->proxy = "";
	s->class = EGRESS_LOG;
	if (allow != NULL) {
		s->allow[0] = allow;
		s->nallow = 1;
	}
}

static struct fetch_client *
client_of(const struct fetch_setup *s)
{
	struct err		 e = ERR_INIT;
	struct fetch_client	*c = fetch_client_new(s, &e);

	if (c == NULL)
		print_message("%s\n", e.msg);
	assert_non_null(c);
	return c;
}

static int
begin(void **state)
{
	struct fetch_setup	s;

	(void)state;
	setup_of(&s, "127.0.0.0/8");
	client = client_of(&s);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	fetch_client_free(client);
	client = NULL;
	return 0;
}

/* The next answer. */
static void
next(struct fetch_client *c, struct fetch_done *d)
{
	struct err	e = ERR_INIT;
	struct pollfd	p;
	int64_t		end = clk_mono() + WAIT_MS * 1000LL;
	int		r;

	for (;;) {
		r = fetch_client_next(c, d, &e);
		if (r < 0)
			print_message("%s\n", e.msg);
		assert_true(r >= 0);
		if (r == 1)
			return;
		assert_true(clk_mono() < end);
		p.fd = ipc_fd(fetch_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(c)) ? POLLOUT : 0));
		(void)poll(&p, 1, 100);
		if (fetch_client_turn(c, &e) != 0) {
			print_message("%s\n", e.msg);
			fail();
		}
	}
}

/* A GET of a path of the server. */
static const char *
url_of(const char *path)
{
	static char	url[256];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	return url;
}

static void
get_of(struct fetch_get *g, const char *url, uint32_t arena)
{
	memset(g, 0, sizeof(*g));
	g->method = "GET";
	g->url = url;
	g->arena = arena;
	g->cap = 600000;
	g->timeout_ms = 10000;
}

static void
fetch(struct fetch_client *c, const char *url, struct fetch_done *d)
{
	struct fetch_get	g;
	uint64_t		id;

	get_of(&g, url, 0);
	id = fetch_client_get(c, &g);
	next(c, d);
	assert_int_equal(d->id, id);
	if (getenv("FETCH_SAY") != NULL)
		print_message("%s: %d %s %s\n", url, d->status,
		    fetch_failure_name(d->failure), d->message);
}

/* --- tests ------------------------------------------------------------------ */

static void
plain(void **state)
{
	struct fetch_done	d;

	(void)state;
	fetch(client, url_of("/plain"), &d);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.body.n, 5);
	assert_memory_equal(d.body.p, "hello", 5);
	assert_string_equal(d.etag, "\"v1\"");
	assert_string_equal(d.type, "text/plain");
	assert_string_equal(d.date, "Sun, 22 Nov 2026 12:00:00 GMT");
	assert_string_equal(d.last_modified, "Sun, 22 Nov 2026 00:00:00 GMT");
	assert_string_equal(d.encoding, "");
	assert_string_equal(d.addr, "127.0.0.1");
	assert_true(d.wire > 5);
	assert_int_equal(fetch_client_pending(client), 0);
}

struct answer {
	const char		*path;
	enum fetch_failure	 failure;
	int			 status;
	const char		*retry_after;
	const char		*body;
};

static const struct answer answers[] = {
	{ "/404", FETCH_OK, 404, "", "none" },
	{ "/429s", FETCH_OK, 429, "7", "" },
	{ "/429d", FETCH_OK, 429, "Sun, 22 Nov 2026 12:01:00 GMT", "" },
	{ "/moved", FETCH_OK, 302, "", "" },
	{ "/gzip", FETCH_OK, 200, "", "not gzip" },
	{ "/continue", FETCH_OK, 200, "", "" },
	{ "/longtag", FETCH_OK, 200, "", "" },
	{ "/bytes/0", FETCH_OK, 200, "", "" },
	{ "/headers/200", FETCH_OK, 200, "", "" },
	{ "/headers/300", FETCH_PROTOCOL, 0, "", "" },
	{ "/short", FETCH_PROTOCOL, 0, "", "" },
	{ "/garbage", FETCH_PROTOCOL, 0, "", "" },
};

static void
many_answers(void **state)
{
	const struct answer	*a;
	struct fetch_done	 d;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		a = &answers[i];
		fetch(client, url_of(a->path), &d);
		if (d.failure != a->failure)
			print_message("%s: %s: %s\n", a->path,
			    fetch_failure_name(d.failure), d.message);
		assert_int_equal(d.failure, a->failure);
		assert_int_equal(d.status, a->status);
		assert_int_equal(d.failure == FETCH_OK, d.message[0] == '\0');
		if (d.failure == FETCH_OK)
			assert_string_equal(d.retry_after, a->retry_after);
		assert_int_equal(d.body.n, strlen(a->body));
		if (d.body.n != 0)
			assert_memory_equal(d.body.p, a->body, d.body.n);
		if (strcmp(a->path, "/gzip") == 0)
			assert_string_equal(d.encoding, "gzip");
		if (strcmp(a->path, "/moved") == 0)
			assert_string_equal(d.location, "/plain");
		assert_string_equal(d.etag, "");
	}
}

/* The body cap, at the limit and one over, told or not told beforehand. */
static void
cap(void **state)
{
	static const char *const	paths[] = { "/bytes/70000",
	    "/chunks/70000" };
	struct fetch_get		g;
	struct fetch_done		d;
	size_t				i;

	(void)state;
	for (i = 0; i < 2; i++) {
		get_of(&g, url_of(paths[i]), 0);
		g.cap = 70000;
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(d.body.n, 70000);
		g.cap = 69999;
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_TOO_LARGE);
		assert_int_equal(d.status, 0);
		assert_int_equal(d.body.n, 0);
		assert_non_null(strstr(d.message, "69999"));
	}
}

static void
times_out(void **state)
{
	static const char *const	paths[] = { "/drip", "/hang" };
	struct fetch_get		g;
	struct fetch_done		d;
	size_t				i;

	(void)state;
	for (i = 0; i < 2; i++) {
		get_of(&g, url_of(paths[i]), 0);
		g.timeout_ms = 300;
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_TIMEOUT);
		assert_int_equal(d.status, 0);
	}
}

static void
refused(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", closed_port);
	fetch(client, url, &d);
	assert_int_equal(d.failure, FETCH_CONNECT);
	fetch(client, "http://does-not-exist.invalid/", &d);
	/* Where no name server answers, that is all that can be said. */
	assert_true(d.failure == FETCH_RESOLVE ||
	    d.failure == FETCH_TIMEOUT);
	/* A server that does not speak TLS, and waits for more. */
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", port);
	get_of(&g, url, 0);
	g.timeout_ms = 300;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_int_equal(d.status, 0);
}

/* ecosystem: every spelling of an address inside, none of which is reached. */
static void
policy_private(void **state)
{
	static const char *const	hosts[] = {
		"127.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1",
		"[::ffff:127.0.0.1]", "[::127.0.0.1]", "localhost", "[::1]",
		"169.254.169.254", "[2002:7f00:1::]", "[64:ff9b::7f00:1]",
		"0.0.0.0", "10.0.0.1", "[fe80::1]", "[fc00::1]",
		"%31%32%37.0.0.1", "127.0.0.1.", "LOCALHOST",
	};
	struct fetch_setup		s;
	struct fetch_client		*c;
	struct fetch_done		d;
	char				url[128];
	size_t				i;
	int				bad = 0;

	(void)state;
	setup_of(&s, NULL);
	s.class = EGRESS_REVOCATION;
	c = client_of(&s);
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(url, sizeof(url), "http://%s:%d/plain",
		    hosts[i], port);
		fetch(c, url, &d);
		if (d.status != 0 || (d.failure != FETCH_POLICY &&
		    d.failure != FETCH_RESOLVE &&
		    d.failure != FETCH_CONNECT)) {
			print_message("%s: %d %s\n", url, d.status,
			    fetch_failure_name(d.failure));
			bad++;
		}
	}
	fetch(c, url_of("/plain"), &d);
	assert_int_equal(d.failure, FETCH_POLICY);
	assert_non_null(strstr(d.message, "allow_private"));
	fetch_client_free(c);
	assert_int_equal(bad, 0);
}

/* Plain http to a log is for allow_private alone; so is what looks odd. */
static void
policy_urls(void **state)
{
	static const char *const	urls[] = {
		"ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/",
		"http://user:pass@127.0.0.1/", "http://127.0.0.1/a b",
		"http://127.0.0.1\\@evil.example/", "http://", "127.0.0.1",
		"http://127.0.0.1:0/", "http://127.0.0.1:65536/",
		"http://10.0.0.1/", "http://\xc3\xa4.example/",
	};
	struct fetch_done		d;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		fetch(client, urls[i], &d);
		if (d.failure != FETCH_POLICY)
			print_message("%s: %s %s\n", urls[i],
			    fetch_failure_name(d.failure), d.message);
		assert_int_equal(d.failure, FETCH_POLICY);
		assert_int_equal(d.status, 0);
		assert_string_not_equal(d.message, "");
	}
}

static void
two_in_parallel(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d[2];
	uint32_t		arena;
	uint8_t			*p;
	int			fd = fetch_client_arena(client, ARENA, &arena,
				    &e), i, j;

	(void)state;
	assert_true(fd >= 0);
	p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	get_of(&g, url_of("/bytes/300000"), arena);
	(void)fetch_client_get(client, &g);
	get_of(&g, url_of("/chunks/200000"), arena);
	(void)fetch_client_get(client, &g);
	for (i = 0; i < 2; i++) {
		next(client, &d[i]);
		assert_int_equal(d[i].failure, FETCH_OK);
		assert_int_equal(d[i].arena, arena);
		assert_int_equal(d[i].body.n, 0);
	}
	assert_int_equal(d[0].length + d[1].length, 500000);
	/* Extents do not overlap, and hold what was served. */
	i = d[0].offset < d[1].offset ? 0 : 1;
	assert_true(d[i].offset + d[i].length <= d[1 - i].offset);
	for (i = 0; i < 2; i++)
		for (j = 0; j < (int)d[i].length; j++)
			assert_int_equal(p[d[i].offset + (unsigned)j],
			    d[i].length == 200000 ? 'c' :
			    'a' + j % 4096 % 26);
	for (i = 0; i < 2; i++)
		fetch_client_give(client, arena, d[i].offset, d[i].length);
	/* All is free again: one body that needs nearly all of it. */
	get_of(&g, url_of("/bytes/1000000"), arena);
	g.cap = ARENA;
	(void)fetch_client_get(client, &g);
	next(client, &d[0]);
	assert_int_equal(d[0].failure, FETCH_OK);
	assert_int_equal(d[0].length, 1000000);
	assert_int_equal(d[0].offset, 0);
	fetch_client_give(client, arena, d[0].offset, d[0].length);
	(void)munmap(p, ARENA);
	fetch_client_drop(client, arena);
}

/* No room: the request waits until an extent is given back. */
static void
waits_for_room(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d[8], last;
	uint32_t		arena;
	int			i, n;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	/* Five fill it, two have to wait. */
	get_of(&g, url_of("/bytes/200000"), arena);
	g.cap = 200000;
	for (i = 0; i < 7; i++)
		(void)fetch_client_get(client, &g);
	for (n = 0; n < 5; n++) {
		next(client, &d[n]);
		assert_int_equal(d[n].failure, FETCH_OK);
	}
	assert_int_equal(fetch_client_pending(client), 2);
	/* One that does not need the arena passes. */
	fetch(client, url_of("/plain"), &last);
	assert_int_equal(last.status, 200);
	assert_int_equal(fetch_client_pending(client), 2);
	for (i = 0; i < 2; i++) {
		fetch_client_give(client, arena, d[i].offset, d[i].length);
		next(client, &last);
		assert_int_equal(last.failure, FETCH_OK);
		assert_int_equal(last.length, 200000);
		assert_int_equal(last.offset, d[i].offset);
	}
	fetch_client_drop(client, arena);
	fetch(client, url_of("/plain"), &last);
	assert_int_equal(last.status, 200);
}

/* A body that can never fit ends with no_room, also of unknown length. */
static void
no_room(void **state)
{
	static const char *const	paths[] = { "/bytes/1100000",
	    "/chunks/1100000" };
	struct err			e = ERR_INIT;
	struct fetch_get		g;
	struct fetch_done		d;
	uint32_t			arena;
	size_t				i;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	for (i = 0; i < 2; i++) {
		get_of(&g, url_of(paths[i]), arena);
		g.cap = 2 * ARENA;
		(void)fetch_client_get(client, &g);
		next(client, &d);
		assert_int_equal(d.failure, FETCH_NO_ROOM);
		assert_int_equal(d.length, 0);
	}
	/* Many of unknown length, which all grow into each other's way. */
	for (i = 0; i < 12; i++) {
		get_of(&g, url_of(i % 2 == 0 ? "/chunks/500000" :
		    "/bytes/400000"), arena);
		(void)fetch_client_get(client, &g);
	}
	for (i = 0; i < 12; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_OK);
		fetch_client_give(client, arena, d.offset, d.length);
	}
	get_of(&g, url_of("/bytes/1000000"), arena);
	g.cap = ARENA;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_OK);
}

static void
inject(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_done	d;
	struct span		s = SPAN_STR("planted bytes");
	uint32_t		arena;
	uint64_t		id;
	uint8_t			*p;
	int			fd = fetch_client_arena(client, ARENA, &arena,
				    &e);

	(void)state;
	assert_true(fd >= 0);
	id = fetch_client_inject(client, arena, s);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.length, s.n);
	p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	assert_memory_equal(p + d.offset, s.p, s.n);
	(void)munmap(p, ARENA);
	fetch_client_give(client, arena, d.offset, d.length);
	s.n = 0;
	(void)fetch_client_inject(client, arena, s);
	next(client, &d);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.length, 0);
}

static void
cancel(void **state)
{
	struct err		e = ERR_INIT;
	struct fetch_get	g;
	struct fetch_done	d;
	uint32_t		arena;
	uint64_t		id;

	(void)state;
	assert_true(fetch_client_arena(client, ARENA, &arena, &e) >= 0);
	get_of(&g, url_of("/hang"), arena);
	id = fetch_client_get(client, &g);
	fetch_client_cancel(client, id);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	/* Unknown, or answered long ago: nothing comes, nothing breaks. */
	fetch_client_cancel(client, id);
	fetch_client_cancel(client, 4711);
	/* An arena that is dropped ends what goes into it. */
	id = fetch_client_get(client, &g);
	fetch_client_drop(client, arena);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.failure, FETCH_CANCELLED);
	fetch(client, url_of("/plain"), &d);
	assert_int_equal(d.status, 200);
}

static void
post_and_headers(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;

	(void)state;
	get_of(&g, url_of("/echo"), 0);
	g.method = "POST";
	g.body = SPAN_STR("{\"a\":1}");
	g.headers[0] = "Content-Type: application/json";
	g.nheaders = 1;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.body.n, 7);
	assert_memory_equal(d.body.p, "{\"a\":1}", 7);
	get_of(&g, url_of("/request"), 0);
	g.flags = FETCH_F_GZIP;
	g.headers[0] = "If-None-Match: \"v1\"";
	g.nheaders = 1;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_non_null(memmem(d.body.p, d.body.n,
	    "\r\nIf-None-Match: \"v1\"\r\n", 23));
	assert_non_null(memmem(d.body.p, d.body.n,
	    "\r\nAccept-Encoding: gzip\r\n", 25));
	assert_non_null(memmem(d.body.p, d.body.n,
	    "User-Agent: certvigil/test (+mailto:a@b.example)\r\n", 50));
	/* Nobody smuggles a line in. */
	g.headers[0] = "X: y\r\nHost: evil.example";
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_PROTOCOL);
	g.nheaders = 0;
	g.method = "BREW";
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_PROTOCOL);
	g.method = "HEAD";
	g.url = url_of("/bytes/0");
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.status, 200);
}

static int
connections_now(uint32_t flags)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			text[5] = "";

	get_of(&g, url_of("/connections"), 0);
	g.flags = flags;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.body.n, 4);
	memcpy(text, d.body.p, 4);
	return atoi(text);
}

static void
keep_alive(void **state)
{
	int	n = connections_now(0);

	(void)state;
	assert_int_equal(connections_now(0), n);
	assert_int_equal(connections_now(0), n);
	assert_int_equal(connections_now(FETCH_F_FRESH), n + 1);
}

/* With a rate cap everything still arrives; how fast is not measured here. */
static void
rate_cap(void **state)
{
	struct fetch_setup	s;
	struct fetch_client	*c;
	struct fetch_done	d;

	(void)state;
	setup_of(&s, "127.0.0.1");
	s.max_rate = 2000000;
	c = client_of(&s);
	fetch(c, url_of("/bytes/500000"), &d);
	assert_int_equal(d.status, 200);
	assert_int_equal(d.body.n, 500000);
	fetch(c, url_of("/chunks/500000"), &d);
	assert_int_equal(d.body.n, 500000);
	fetch_client_free(c);
}

/* --- xfer without a process --------------------------------------------------- */

struct got {
	int			ended;
	struct fetch_done	done;
};

static enum xfer_sink
sink(void *arg, const uint8_t *p, size_t n, int64_t left)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)left;
	return XFER_TOOK;
}

static void
ended(void *arg, const struct fetch_done *d)
{
	struct got	*g = arg;

	g->ended++;
	g->done = *d;
}

/* A proxy in the environment is not used: it would see what we may not. */
static void
environment_proxy(void **state)
{
	static const struct xfer_ops	ops = { sink, ended };
	struct err			e = ERR_INIT;
	struct fetch_setup		s;
	struct fetch_get		g;
	struct got			got;
	struct xfer			*x;
	char				proxy[64];
	int				i;

	(void)state;
	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d",
	    closed_port);
	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	assert_int_equal(setenv("all_proxy", proxy, 1), 0);
	setup_of(&s, "127.0.0.1/32");
	x = xfer_new(&s, &e);
	assert_non_null(x);
	memset(&got, 0, sizeof(got));
	get_of(&g, url_of("/plain"), 0);
	(void)xfer_start(x, &g, &ops, &got);
	for (i = 0; i < 200 && !got.ended; i++)
		assert_int_equal(xfer_turn(x, NULL, 100, &e), 0);
	assert_int_equal(got.ended, 1);
	assert_int_equal(got.done.status, 200);
	/* Stopped: not a word more. */
	get_of(&g, url_of("/hang"), 0);
	xfer_stop(x, xfer_start(x, &g, &ops, &got));
	assert_int_equal(xfer_turn(x, NULL, 10, &e), 0);
	assert_int_equal(got.ended, 1);
	xfer_free(x);
	s.allow[0] = "127.0.0.1/33";
	assert_null(xfer_new(&s, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(unsetenv("all_proxy"), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(plain, begin, finish),
		cmocka_unit_test_setup_teardown(many_answers, begin, finish),
		cmocka_unit_test_setup_teardown(cap, begin, finish),
		cmocka_unit_test_setup_teardown(times_out, begin, finish),
		cmocka_unit_test_setup_teardown(refused, begin, finish),
		cmocka_unit_test(policy_private),
		cmocka_unit_test_setup_teardown(policy_urls, begin, finish),
		cmocka_unit_test_setup_teardown(two_in_parallel, begin,
		    finish),
		cmocka_unit_test_setup_teardown(waits_for_room, begin,
		    finish),
		cmocka_unit_test_setup_teardown(no_room, begin, finish),
		cmocka_unit_test_setup_teardown(inject, begin, finish),
		cmocka_unit_test_setup_teardown(cancel, begin, finish),
		cmocka_unit_test_setup_teardown(post_and_headers, begin,
		    finish),
		cmocka_unit_test_setup_teardown(keep_alive, begin, finish),
		cmocka_unit_test(rate_cap),
		cmocka_unit_test(environment_proxy),
	};
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;
	pid_t		 server;
	int		 r;

	if (role != NULL)
		return strcmp(role, "fetch") == 0 ? fetch_main() : 64;
	server = server_start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return r;
}
