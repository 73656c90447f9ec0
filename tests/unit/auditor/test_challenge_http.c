/* Requests, good and bad, and what is answered, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/challenge_http.h"
#include "auditor/role/challenge_store.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define PATH	"/.well-known/acme-challenge/"
#define HOST	"Host: www.example.com\r\n"

static struct challenge_store	store;
static struct challenge_answer	*hit;

static int
begin(void **state)
{
	struct challenge_answer	*a;

	(void)state;
	clk_fix(1793000000 * CLK_SEC);
	a = challenge_store_put(&store, "tok_en-1", 1000, 0);
	a->keyauth = mem_str("tok_en-1.thumb");
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	clk_fix(0);
	challenge_store_clear(&store);
	return 0;
}

/* The status of the answer, 0 when more must come; the answer in ${out}. */
static int
status_of(const char *p, size_t n, struct buf *out)
{
	struct span	s = { (const uint8_t *)p, n };
	int		status;

	buf_reset(out);
	if (challenge_http(s, &store, 0, out, &hit) == 0) {
		assert_int_equal(out->n, 0);
		assert_null(hit);
		return 0;
	}
	assert_memory_equal(buf_text(out), "HTTP/1.1 ", 9);
	status = (int)strtol(buf_text(out) + 9, NULL, 10);
	assert_int_equal(hit != NULL, status == 200);
	return status;
}

struct row {
	const char	*request;
	int		 status;
};

static const struct row rows[] = {
	{ "GET " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 200 },
	{ "GET " PATH "tok_en-1 HTTP/1.0\r\n\r\n", 200 },
	{ "HEAD " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 200 },
	{ "GET " PATH "tok_en-1 HTTP/1.9\r\n" HOST "\r\n", 200 },
	{ "\r\nGET " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 200 },
	{ "GET http://www.example.com" PATH "tok_en-1 HTTP/1.1\r\n" HOST
	    "\r\n", 200 },
	{ "GET HTTP://x:80" PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 200 },
	{ "GET " PATH "tok_en-1 HTTP/1.1\r\nhost:\r\nUser-Agent: x y\tz\r\n"
	    "Accept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	    200 },
	/* What follows is not looked at. */
	{ "GET " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\nGET / HTTP\x01", 200 },
	/* Another path is another path. */
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH " HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "tok_en-2 HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "tok_en- HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "tok_en-1/ HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "tok_en-1? HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "tok_en-1#x HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "%74ok_en-1 HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET " PATH "../../etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET /x" PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET /" PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET /.Well-known/acme-challenge/tok_en-1 HTTP/1.1\r\n" HOST "\r\n",
	    404 },
	{ "GET https://x" PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "GET http://x HTTP/1.1\r\n" HOST "\r\n", 404 },
	{ "HEAD / HTTP/1.1\r\n" HOST "\r\n", 404 },
	/* Another method. */
	{ "POST " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 405 },
	{ "get " PATH "tok_en-1 HTTP/1.1\r\n" HOST "\r\n", 405 },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405 },
	{ "GETT / HTTP/1.1\r\n" HOST "\r\n", 405 },
	/* Another version. */
	{ "PRI * HTTP/2.0\r\n\r\n", 505 },
	{ "GET / HTTP/0.9\r\n\r\n", 505 },
	/* No HTTP. */
	{ "GET /\r\n\r\n", 400 },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 400 },
	{ " GET / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.\r\n" HOST "\r\n", 400 },
	{ "GET / http/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.10\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/11.1\r\n" HOST "\r\n", 400 },
	{ "G\"T / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\n" HOST "\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\nb\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
	{ "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
	    400 },
	/* Seen before the end comes: TLS, a terminal, a zero byte below. */
	{ "\x16\x03\x01", 400 },
	{ "GET \x1b", 400 },
	{ "\x7f", 400 },
	/* More must come. */
	{ "", 0 },
	{ "\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST, 0 },
	{ "GET / HTTP/1.1\r\n" HOST "\r", 0 },
};

static void
requests(void **state)
{
	struct buf	out = BUF_INIT;
	size_t		i;
	int		status, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status = status_of(rows[i].request, strlen(rows[i].request),
		    &out);
		if (status == rows[i].status)
			continue;
		print_message("%d, not %d: %s\n", status, rows[i].status,
		    rows[i].request);
		bad++;
	}
	assert_int_equal(status_of("GET /\0 HTTP/1.0\r\n\r\n", 19, &out),
	    400);
	assert_int_equal(bad, 0);
	buf_free(&out);
}

/* No part of a good request is answered, and the whole is. */
static void
pieces(void **state)
{
	const char	*all = rows[0].request;
	struct buf	 out = BUF_INIT;
	size_t		 i, n = strlen(all);

	(void)state;
	for (i = 0; i < n; i++)
		assert_int_equal(status_of(all, i, &out), 0);
	assert_int_equal(status_of(all, n, &out), 200);
	buf_free(&out);
}

static void
responses(void **state)
{
	struct buf	out = BUF_INIT;

	(void)state;
	(void)status_of(rows[0].request, strlen(rows[0].request), &out);
	assert_string_equal(buf_text(&out), "HTTP/1.1 200 OK\r\n"
	    "Date: Mon, 26 Oct 2026 07:33:20 GMT\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Length: 14\r\nCache-Control: no-store\r\n"
	    "Connection: close\r\n\r\ntok_en-1.thumb");
	assert_string_equal(hit->key, "tok_en-1");
	/* The same head, and no body. */
	(void)status_of(rows[2].request, strlen(rows[2].request), &out);
	assert_string_equal(buf_text(&out), "HTTP/1.1 200 OK\r\n"
	    "Date: Mon, 26 Oct 2026 07:33:20 GMT\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Length: 14\r\nCache-Control: no-store\r\n"
	    "Connection: close\r\n\r\n");
	(void)status_of("POST / HTTP/1.0\r\n\r\n", 19, &out);
	assert_string_equal(buf_text(&out), "HTTP/1.1 405 Method Not Allowed"
	    "\r\nDate: Mon, 26 Oct 2026 07:33:20 GMT\r\nAllow: GET, HEAD\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "Content-Length: 23\r\nCache-Control: no-store\r\n"
	    "Connection: close\r\n\r\n405 Method Not Allowed\n");
	buf_free(&out);
}

/* An answer that has ended is none. */
static void
ended(void **state)
{
	struct buf	out = BUF_INIT;
	struct span	s = SPAN_STR(rows[0].request);

	(void)state;
	assert_int_equal(challenge_http(s, &store, 999, &out, &hit), 1);
	assert_non_null(hit);
	buf_reset(&out);
	assert_int_equal(challenge_http(s, &store, 1000, &out, &hit), 1);
	assert_null(hit);
	assert_memory_equal(buf_text(&out), "HTTP/1.1 404 ", 13);
	buf_free(&out);
}

/* A head of so many bytes, and one more. */
static void
limit(void **state)
{
	static const char	first[] = "GET " PATH "tok_en-1 HTTP/1.0\r\nX: ";
	struct buf		in = BUF_INIT, out = BUF_INIT;
	size_t			n;

	(void)state;
	for (n = LIMIT_CHALLENGE_HEAD; n <= LIMIT_CHALLENGE_HEAD + 1; n++) {
		buf_reset(&in);
		buf_str(&in, first);
		while (in.n < n - 4)
			buf_str(&in, "x");
		/* Not at its end yet. */
		assert_int_equal(status_of(buf_text(&in), in.n, &out), 0);
		buf_str(&in, "\r\n\r\n");
		assert_int_equal(in.n, n);
		assert_int_equal(status_of(buf_text(&in), n, &out),
		    n > LIMIT_CHALLENGE_HEAD ? 431 : 200);
	}
	/* It never ends, with and without the empty line before it. */
	buf_reset(&in);
	while (in.n < LIMIT_CHALLENGE_HEAD)
		buf_str(&in, "\r\n");
	in.n = LIMIT_CHALLENGE_HEAD;
	memset(in.p + 2, 'x', in.n - 2);
	assert_int_equal(status_of(buf_text(&in), in.n, &out), 0);
	buf_str(&in, "x");
	assert_int_equal(status_of(buf_text(&in), in.n, &out), 431);
	in.p[0] = in.p[1] = 'x';
	assert_int_equal(status_of(buf_text(&in), in.n, &out), 431);
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(requests, begin, finish),
		cmocka_unit_test_setup_teardown(pieces, begin, finish),
		cmocka_unit_test_setup_teardown(responses, begin, finish),
		cmocka_unit_test_setup_teardown(ended, begin, finish),
		cmocka_unit_test_setup_teardown(limit, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
