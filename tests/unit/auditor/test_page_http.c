/* Answers in HTTP/1.1 as RFC 9112 frames them, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/page_http.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limit_page.h"

/* What became of an answer. */
struct got {
	enum page_http_said	said;	/* END, ODD, BAD; MORE: cut short */
	int			status;
	int			close;
	int			lines;
	size_t			used;
	struct buf		body;
	struct err		e;
};

/* Read ${in}, of which ${piece} bytes more are there each time. */
static void
read_in(struct span in, size_t piece, struct got *g)
{
	struct page_http	h;
	enum page_http_said	r;
	size_t			there = 0, used, n;

	memset(g, 0, sizeof(*g));
	page_http_begin(&h);
	for (;;) {
		r = page_http_step(&h, (struct span){ in.p + g->used,
		    there - g->used }, &used, &g->e);
		g->used += used;
		assert_true(g->used <= there);
		if (r == PAGE_HTTP_LINE) {
			assert_true(used >= 2);
			g->lines++;
			continue;
		}
		n = there - g->used;
		if (r == PAGE_HTTP_BODY && n > 0) {
			assert_true(h.left > 0);
			n = n < h.left ? n : (size_t)h.left;
			buf_add(&g->body, in.p + g->used, n);
			page_http_took(&h, n);
			g->used += n;
			continue;
		}
		if (r != PAGE_HTTP_MORE && r != PAGE_HTTP_BODY)
			break;
		if (there == in.n) {
			r = PAGE_HTTP_MORE;
			break;
		}
		there += piece < in.n - there ? piece : in.n - there;
	}
	g->said = r;
	g->status = h.status;
	g->close = h.close;
	assert_int_equal(r == PAGE_HTTP_BAD, g->e.code != ERR_NONE);
}

struct item {
	const char		*in;
	enum page_http_said	 said;
	const char		*want;	/* body, or of the sentence */
	int			 status;
	int			 close;
	size_t			 over;	/* bytes beyond the answer */
};

#define OK	"HTTP/1.1 200 OK\r\n"
#define TE	"Transfer-Encoding: chunked\r\n"

static const struct item items[] = {
	/* 6.2, 6.3: length */
	{ OK "Content-Length: 5\r\n\r\nhello", PAGE_HTTP_END, "hello", 200,
	    0, 0 },
	{ OK "content-LENGTH:5\r\n\r\nhelloHTTP", PAGE_HTTP_END, "hello", 200,
	    0, 4 },
	{ OK "Content-Length: \t 05 \t\r\n\r\nhello", PAGE_HTTP_END, "hello",
	    200, 0, 0 },
	{ OK "Content-Length: 0\r\n\r\n", PAGE_HTTP_END, "", 200, 0, 0 },
	{ OK "Content-Length: 5\r\n\r\nhell", PAGE_HTTP_MORE, "hell", 200,
	    0, 0 },
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	    PAGE_HTTP_BAD, "two Content-Lengths", 0, 0, 0 },
	{ OK "Content-Length: 5, 5\r\n\r\nhello", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length: -5\r\n\r\n", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length: +5\r\n\r\n", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length: 0x5\r\n\r\n", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length:\r\n\r\n", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length: 5 5\r\n\r\n", PAGE_HTTP_BAD,
	    "Content-Length is no number", 0, 0, 0 },
	{ OK "Content-Length: 18446744073709551616\r\n\r\n", PAGE_HTTP_BAD,
	    "absurd", 0, 0, 0 },
	{ OK "Content-Length: 9223372036854775808\r\n\r\n", PAGE_HTTP_BAD,
	    "absurd", 0, 0, 0 },
	{ OK "Content-Length: 999999999999999999\r\n\r\nx", PAGE_HTTP_MORE,
	    "x", 200, 0, 0 },
	/* 7.1: chunks */
	{ OK TE "\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", PAGE_HTTP_END,
	    "hello world", 200, 0, 0 },
	{ OK TE "\r\n005\r\nhello\r\n000\r\n\r\n!", PAGE_HTTP_END, "hello",
	    200, 0, 1 },
	{ OK "transfer-encoding: Chunked\r\n\r\nA\r\n0123456789\r\na\r\n"
	    "0123456789\r\n0\r\n\r\n", PAGE_HTTP_END, "01234567890123456789",
	    200, 0, 0 },
	{ OK TE "\r\n5;a=b;c=\"d e\"\r\nhello\r\n0 ; last\r\n\r\n",
	    PAGE_HTTP_END, "hello", 200, 0, 0 },
	{ OK TE "\r\n5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\n",
	    PAGE_HTTP_END, "hello", 200, 0, 0 },
	{ OK TE "\r\n5\r\nhello\r\n0\r\n", PAGE_HTTP_MORE, "hello", 200, 0,
	    0 },
	{ OK TE "\r\n\r\n", PAGE_HTTP_BAD, "size of a chunk", 0, 0, 0 },
	{ OK TE "\r\n-5\r\n", PAGE_HTTP_BAD, "size of a chunk", 0, 0, 0 },
	{ OK TE "\r\n0x5\r\nhello", PAGE_HTTP_BAD, "followed by", 0, 0, 0 },
	{ OK TE "\r\n 5\r\nhello", PAGE_HTTP_BAD, "size of a chunk", 0, 0, 0 },
	{ OK TE "\r\n5 5\r\nhello", PAGE_HTTP_BAD, "followed by", 0, 0, 0 },
	{ OK TE "\r\n10000000000000005\r\nhello", PAGE_HTTP_BAD, "absurd", 0,
	    0, 0 },
	{ OK TE "\r\nfffffffffffffff\r\nhello", PAGE_HTTP_MORE, "hello", 200,
	    0, 0 },
	{ OK TE "\r\n5\r\nhello!\r\n0\r\n\r\n", PAGE_HTTP_BAD,
	    "longer than its size", 0, 0, 0 },
	{ OK TE "\r\n5\nhello\r\n0\r\n\r\n", PAGE_HTTP_BAD, "without CR", 0,
	    0, 0 },
	{ OK TE "\r\n5\r\nhello\n0\r\n\r\n", PAGE_HTTP_BAD, "without CR", 0,
	    0, 0 },
	{ OK TE "\r\n0\r\n folded\r\n\r\n", PAGE_HTTP_BAD, "folded", 0, 0, 0 },
	{ OK TE "\r\n0\r\nno trailer\r\n\r\n", PAGE_HTTP_BAD, "no name", 0, 0,
	    0 },
	/* 6.1, 6.3: both, others */
	{ OK TE "Content-Length: 5\r\n\r\n", PAGE_HTTP_BAD,
	    "a Transfer-Encoding and a Content-Length", 0, 0, 0 },
	{ OK "Content-Length: 5\r\n" TE "\r\n", PAGE_HTTP_BAD,
	    "a Transfer-Encoding and a Content-Length", 0, 0, 0 },
	{ OK TE TE "\r\n", PAGE_HTTP_BAD, "did not ask for", 0, 0, 0 },
	{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", PAGE_HTTP_BAD,
	    "did not ask for", 0, 0, 0 },
	{ OK "Transfer-Encoding: chunked, identity\r\n\r\n", PAGE_HTTP_BAD,
	    "did not ask for", 0, 0, 0 },
	{ OK "Transfer-Encoding: xchunked\r\n\r\n", PAGE_HTTP_BAD,
	    "did not ask for", 0, 0, 0 },
	/* 6.3: no body, or until the end */
	{ "HTTP/1.1 204 No\r\n\r\nx", PAGE_HTTP_END, "", 204, 0, 1 },
	{ "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", PAGE_HTTP_END,
	    "", 204, 1, 5 },
	{ "HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", PAGE_HTTP_END, "",
	    304, 0, 0 },
	{ "HTTP/1.1 304 Not\r\n" TE "\r\n", PAGE_HTTP_END, "", 304, 1, 0 },
	{ OK "Connection: close\r\n\r\nhello", PAGE_HTTP_ODD, "", 0, 0, 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", PAGE_HTTP_ODD,
	    "", 0, 0, 0 },
	{ "HTTP/1.0\r\n", PAGE_HTTP_ODD, "", 0, 0, 0 },
	/* RFC 9110 15.2: informational */
	{ "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Early\r\nLink: <a>\r\n\r\n"
	    OK "Content-Length: 2\r\n\r\nhi", PAGE_HTTP_END, "hi", 200, 0,
	    0 },
	{ "HTTP/1.1 100 Go on\r\nContent-Length: 5\r\n\r\nhello",
	    PAGE_HTTP_BAD, "informational has a body", 0, 0, 0 },
	{ "HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n" OK
	    "Content-Length: 0\r\n\r\n", PAGE_HTTP_END, "", 200, 0, 0 },
	{ "HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n" OK
	    "Content-Length: 2\r\n\r\nhi", PAGE_HTTP_END, "hi", 200, 0, 0 },
	{ "HTTP/1.1 101 Change\r\nUpgrade: x\r\n\r\n", PAGE_HTTP_BAD,
	    "changes to a protocol", 0, 0, 0 },
	/* 4: the status line */
	{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", PAGE_HTTP_END, "", 200,
	    0, 0 },
	{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", PAGE_HTTP_END, "",
	    200, 0, 0 },
	{ "HTTP/1.1 999 Odd: one\r\nContent-Length: 0\r\n\r\n", PAGE_HTTP_END,
	    "", 999, 0, 0 },
	{ "HTTP/1.1 099 Low\r\n\r\n", PAGE_HTTP_BAD, "three digits", 0, 0, 0 },
	{ "HTTP/1.1 20 OK\r\n\r\n", PAGE_HTTP_BAD, "three digits", 0, 0, 0 },
	{ "HTTP/1.1 2000 OK\r\n\r\n", PAGE_HTTP_BAD, "three digits", 0, 0, 0 },
	{ "HTTP/1.1  200 OK\r\n\r\n", PAGE_HTTP_BAD, "three digits", 0, 0, 0 },
	{ "HTTP/2 200\r\n\r\n", PAGE_HTTP_BAD, "begins with something", 0, 0,
	    0 },
	{ "HTTP/1.x 200 OK\r\n\r\n", PAGE_HTTP_BAD, "begins with something",
	    0, 0, 0 },
	{ "http/1.1 200 OK\r\n\r\n", PAGE_HTTP_BAD, "begins with something",
	    0, 0, 0 },
	{ "\r\n" OK "\r\n", PAGE_HTTP_BAD, "begins with something", 0, 0, 0 },
	{ "220 mail.example ESMTP\r\n", PAGE_HTTP_BAD,
	    "begins with something", 0, 0, 0 },
	{ "HTTP/1.1 200 OK\nContent-Length: 0\n\n", PAGE_HTTP_ODD, "", 0, 0,
	    0 },
	/* 5: fields */
	{ OK "X: a\r\n b\r\n\r\n", PAGE_HTTP_BAD, "folded", 0, 0, 0 },
	{ OK " X: a\r\n\r\n", PAGE_HTTP_BAD, "folded", 0, 0, 0 },
	{ OK "X : a\r\n\r\n", PAGE_HTTP_BAD, "none of a name", 0, 0, 0 },
	{ OK "Content-Length : 5\r\n\r\n", PAGE_HTTP_BAD, "none of a name", 0,
	    0, 0 },
	{ OK ": a\r\n\r\n", PAGE_HTTP_BAD, "no name", 0, 0, 0 },
	{ OK "nothing\r\n\r\n", PAGE_HTTP_BAD, "no name", 0, 0, 0 },
	{ OK "X: a\rb\r\n\r\n", PAGE_HTTP_BAD, "a CR or a zero", 0, 0, 0 },
	{ OK "X: a\r\r\n\r\n", PAGE_HTTP_BAD, "a CR or a zero", 0, 0, 0 },
	{ OK "X:\r\nContent-Length: 1\r\n\r\nx", PAGE_HTTP_END, "x", 200, 0,
	    0 },
	/* 9.6: the connection */
	{ OK "Connection: close\r\nContent-Length: 1\r\n\r\nx", PAGE_HTTP_END,
	    "x", 200, 1, 0 },
	{ OK "Connection: keep-alive, CLOSE\r\nContent-Length: 1\r\n\r\nx",
	    PAGE_HTTP_END, "x", 200, 1, 0 },
	{ OK "Connection: , closed\r\nConnection:\r\nContent-Length: 1\r\n"
	    "\r\nx", PAGE_HTTP_END, "x", 200, 0, 0 },
};

#define NITEMS	(sizeof(items) / sizeof(items[0]))

static void
check(const struct item *t, size_t piece)
{
	struct got	g;

	read_in(SPAN_STR(t->in), piece, &g);
	if (g.said != t->said || (t->said == PAGE_HTTP_BAD &&
	    strstr(g.e.msg, t->want) == NULL))
		fail_msg("%s\nby %zu: %d %s", t->in, piece, (int)g.said,
		    g.e.msg);
	if (t->said != PAGE_HTTP_BAD && t->said != PAGE_HTTP_ODD) {
		assert_int_equal(g.body.n, strlen(t->want));
		assert_memory_equal(g.body.p != NULL ? g.body.p :
		    (const uint8_t *)"", t->want, g.body.n);
		assert_int_equal(g.status, t->status);
	}
	if (t->said == PAGE_HTTP_END) {
		assert_int_equal(g.close, t->close);
		/* Nothing of what is beyond it was touched. */
		assert_int_equal(g.used + t->over, strlen(t->in));
	}
	buf_free(&g.body);
}

static void
framing(void **state)
{
	size_t	i, piece;

	(void)state;
	for (i = 0; i < NITEMS; i++)
		for (piece = 1; piece < 70; piece += piece < 4 ? 1 : 11)
			check(&items[i], piece);
	for (i = 0; i < NITEMS; i++)
		check(&items[i], 4096);
}

static void
zero_byte(void **state)
{
	static const char	in[] = OK "X: a\0b\r\n\r\n";
	struct got		g;

	(void)state;
	read_in((struct span){ (const uint8_t *)in, sizeof(in) - 1 }, 4096,
	    &g);
	assert_int_equal(g.said, PAGE_HTTP_BAD);
	assert_non_null(strstr(g.e.msg, "zero byte"));
}

/* ${head}, ${n} times ${again}, ${tail}. */
static enum page_http_said
repeated(const char *head, const char *again, size_t n, const char *tail,
    struct got *g)
{
	struct buf	b = BUF_INIT;

	buf_str(&b, head);
	while (n-- > 0)
		buf_str(&b, again);
	buf_str(&b, tail);
	read_in(buf_bytes(&b), 8192, g);
	buf_free(&b);
	buf_free(&g->body);
	return g->said;
}

static void
limits(void **state)
{
	struct got	g;

	(void)state;
	/* A line. */
	assert_int_equal(repeated(OK "X: ", "x", LIMIT_PAGE_LINE - 5,
	    "\r\nContent-Length: 0\r\n\r\n", &g), PAGE_HTTP_END);
	assert_int_equal(repeated(OK "X: ", "x", LIMIT_PAGE_LINE - 4,
	    "\r\nContent-Length: 0\r\n\r\n", &g), PAGE_HTTP_BAD);
	assert_int_equal(g.e.code, ERR_LIMIT);
	assert_int_equal(repeated("", "x", LIMIT_PAGE_LINE, "", &g),
	    PAGE_HTTP_BAD);
	assert_int_equal(repeated("", "x", LIMIT_PAGE_LINE - 1, "", &g),
	    PAGE_HTTP_MORE);
	/* All of them; also informational answers without an end. */
	assert_int_equal(repeated(OK, "X: y\r\n", LIMIT_PAGE_HEAD / 6, "",
	    &g), PAGE_HTTP_BAD);
	assert_int_equal(g.e.code, ERR_LIMIT);
	assert_int_equal(repeated("", "HTTP/1.1 100 A\r\n\r\n",
	    LIMIT_PAGE_HEAD / 18 + 1, "", &g), PAGE_HTTP_BAD);
	assert_int_equal(g.e.code, ERR_LIMIT);
	/* Trailers and extensions count, sizes of chunks do not. */
	assert_int_equal(repeated(OK TE "\r\n0\r\n", "X: y\r\n",
	    LIMIT_PAGE_HEAD / 6, "\r\n", &g), PAGE_HTTP_BAD);
	assert_int_equal(repeated(OK TE "\r\n", "1;extension=of-a-chunk\r\n"
	    "x\r\n", LIMIT_PAGE_HEAD / 7, "0\r\n\r\n", &g), PAGE_HTTP_BAD);
	assert_int_equal(repeated(OK TE "\r\n", "1\r\nx\r\n",
	    LIMIT_PAGE_HEAD, "0\r\n\r\n", &g), PAGE_HTTP_END);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(framing),
		cmocka_unit_test(zero_byte),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
