#include "auditor/net/page_http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The end of reading ${in} in pieces: what was said, and the body. */
static enum page_http_said
walk(struct span in, size_t piece, struct buf *body)
{
	struct page_http	h;
	struct err		e = ERR_INIT;
	enum page_http_said	r;
	size_t			at = 0, there = 0, used, n;

	page_http_begin(&h);
	for (;;) {
		r = page_http_step(&h, (struct span){ in.p + at, there - at },
		    &used, &e);
		if (used > there - at)
			abort();
		at += used;
		if (r == PAGE_HTTP_LINE)
			continue;
		n = there - at;
		if (r == PAGE_HTTP_BODY && n > 0) {
			if (h.left == 0)
				abort();
			n = n < h.left ? n : (size_t)h.left;
			buf_add(body, in.p + at, n);
			page_http_took(&h, n);
			at += n;
			continue;
		}
		if ((r != PAGE_HTTP_MORE && r != PAGE_HTTP_BODY) ||
		    there == in.n)
			break;
		there += piece < in.n - there ? piece : in.n - there;
	}
	if ((r == PAGE_HTTP_BAD) != (e.code != ERR_NONE))
		abort();
	return r;
}

/* In whatever pieces an answer comes, it is the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf		whole = BUF_INIT, parts = BUF_INIT;
	struct span		in = { p + 1, n - 1 };
	enum page_http_said	r;

	if (n < 2)
		return 0;
	r = walk(in, in.n, &whole);
	if (walk(in, (size_t)p[0] + 1, &parts) != r || parts.n != whole.n ||
	    (whole.n != 0 && memcmp(whole.p, parts.p, whole.n) != 0))
		abort();
	buf_free(&whole);
	buf_free(&parts);
	return 0;
}
