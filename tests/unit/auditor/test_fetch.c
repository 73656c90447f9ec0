/*
 * The real fetch process, sandboxed, against a small HTTP server on the
 * loopback address that misbehaves on request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/xfer.h"
#include "tests/unit/auditor/fetching.h"

/* --- tests --- */

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
	{ "/headers/300", FETCH_HEADERS, 0, "", "" },
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
	fetch(client, "http://does-not-exist.example/", &d);
	/* Where no name server answers, that is all that can be said. */
	assert_true(d.failure == FETCH_RESOLVE ||
	    d.failure == FETCH_TIMEOUT);
	/* Of these no name server is asked. */
	fetch(client, "http://a.INVALID.:8080/x", &d);
	assert_int_equal(d.failure, FETCH_RESOLVE);
	assert_non_null(strstr(d.message, "RFC 6761"));
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
	return (int)strtol(text, NULL, 10);
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

/* --- xfer without a process --- */

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
	static const struct xfer_ops	ops = { .body = sink,
	    .done = ended };
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
	x = xfer_new(&s, -1, &e);
	assert_non_null(x);
	memset(&got, 0, sizeof(got));
	get_of(&g, url_of("/plain"), 0);
	(void)xfer_start(x, &g, &ops, &got);
	for (i = 0; i < 200 && !got.ended; i++)
		assert_int_equal(xfer_turn(x, NULL, 0, 100, &e), 0);
	assert_int_equal(got.ended, 1);
	assert_int_equal(got.done.status, 200);
	/* Stopped: not a word more. */
	get_of(&g, url_of("/hang"), 0);
	xfer_stop(x, xfer_start(x, &g, &ops, &got));
	assert_int_equal(xfer_turn(x, NULL, 0, 10, &e), 0);
	assert_int_equal(got.ended, 1);
	xfer_free(x);
	s.allow[0] = "127.0.0.1/33";
	assert_null(xfer_new(&s, -1, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(unsetenv("all_proxy"), 0);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(plain, begin, finish),
		cmocka_unit_test_setup_teardown(many_answers, begin, finish),
		cmocka_unit_test_setup_teardown(cap, begin, finish),
		cmocka_unit_test_setup_teardown(times_out, begin, finish),
		cmocka_unit_test_setup_teardown(refused, begin, finish),
		cmocka_unit_test(policy_private),
		cmocka_unit_test_setup_teardown(policy_urls, begin, finish),
		cmocka_unit_test_setup_teardown(post_and_headers, begin,
		    finish),
		cmocka_unit_test_setup_teardown(keep_alive, begin, finish),
		cmocka_unit_test(rate_cap),
		cmocka_unit_test(environment_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
