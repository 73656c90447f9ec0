#include "auditor/net/page_http.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/limit_page.h"

#define DIGITS	18	/* of a length; no int64_t overflows */
#define HEX	15	/* of a chunk size, likewise */

void
page_http_begin(struct page_http *h)
{
	memset(h, 0, sizeof(*h));
	h->state = PAGE_HTTP_STATUS;
	h->length = -1;
}

void
page_http_took(struct page_http *h, uint64_t n)
{
	h->left -= n;
	if (h->left == 0)
		h->state = h->state == PAGE_HTTP_CHUNK ? PAGE_HTTP_CRLF :
		    PAGE_HTTP_OVER;
}

static enum page_http_said
bad(struct err *e, const char *what)
{
	(void)err_set(e, ERR_FORMAT, "the answer is not HTTP/1.1: %s", what);
	return PAGE_HTTP_BAD;
}

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 5.6.2. */
static int
is_token(uint8_t c)
{
	return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static int
is(struct span s, const char *word)
{
	return strlen(word) == s.n &&
	    strncasecmp((const char *)s.p, word, s.n) == 0;
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The next element of a list, and what is after it. */
static struct span
element(struct span *list)
{
	const uint8_t	*comma = memchr(list->p, ',', list->n);
	struct span	 s = *list;

	if (comma != NULL)
		s.n = (size_t)(comma - s.p);
	list->p += s.n + (comma != NULL);
	list->n -= s.n + (comma != NULL);
	return trim(s);
}

/* --- lines ---------------------------------------------------------------- */

/*
 * The line that begins ${in}, without its end: MORE when it is not there,
 * LINE, ODD when it ends without CR (RFC 9112 2.2 lets a reader be lenient;
 * this one is not), or BAD.
 */
static enum page_http_said
line(struct page_http *h, struct span in, struct span *out, size_t *used,
    struct err *e)
{
	size_t		 most = in.n < LIMIT_PAGE_LINE ? in.n :
			    LIMIT_PAGE_LINE;
	const uint8_t	*lf = most != 0 ? memchr(in.p, '\n', most) : NULL;

	if (lf == NULL && in.n < LIMIT_PAGE_LINE)
		return PAGE_HTTP_MORE;
	*used = lf != NULL ? (size_t)(lf - in.p) + 1 : 0;
	h->head += *used;
	if (lf == NULL || h->head > LIMIT_PAGE_HEAD) {
		(void)err_set(e, ERR_LIMIT, "the answer has more than %u bytes "
		    "of %s", lf == NULL ? LIMIT_PAGE_LINE : LIMIT_PAGE_HEAD,
		    lf == NULL ? "one line" : "header");
		return PAGE_HTTP_BAD;
	}
	out->p = in.p;
	out->n = *used - 1;
	if (out->n == 0 || out->p[out->n - 1] != '\r')
		return PAGE_HTTP_ODD;
	out->n--;
	if (memchr(out->p, '\r', out->n) != NULL ||
	    memchr(out->p, '\0', out->n) != NULL)
		return bad(e, "a line has a CR or a zero byte inside");
	return PAGE_HTTP_LINE;
}

/* RFC 9112 section 4. */
static enum page_http_said
status_line(struct page_http *h, struct span s, struct err *e)
{
	const uint8_t	*d = s.p + 9;

	if (s.n < 8 || memcmp(s.p, "HTTP/1.", 7) != 0 || !is_digit(s.p[7]))
		return bad(e, "it begins with something else (RFC 9112 4)");
	if (s.p[7] == '0')
		return PAGE_HTTP_ODD;
	if (s.n < 12 || s.p[8] != ' ' || !is_digit(d[0]) || d[0] == '0' ||
	    !is_digit(d[1]) || !is_digit(d[2]) || (s.n > 12 && d[3] != ' '))
		return bad(e, "its status is no number of three digits "
		    "(RFC 9112 4)");
	h->status = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0');
	if (h->status == 101)
		return bad(e, "it changes to a protocol that nobody asked for "
		    "(RFC 9110 15.2.2)");
	h->state = PAGE_HTTP_FIELDS;
	return PAGE_HTTP_LINE;
}

static enum page_http_said
content_length(struct page_http *h, struct span v, struct err *e)
{
	size_t	i;

	if (h->length != -1)
		return bad(e, "it has two Content-Lengths (RFC 9112 6.3)");
	if (v.n == 0 || v.n > DIGITS)
		return bad(e, "its Content-Length is no number, or absurd "
		    "(RFC 9110 8.6)");
	h->length = 0;
	for (i = 0; i < v.n; i++) {
		if (!is_digit(v.p[i]))
			return bad(e, "its Content-Length is no number "
			    "(RFC 9110 8.6)");
		h->length = h->length * 10 + (v.p[i] - '0');
	}
	return PAGE_HTTP_LINE;
}

/* Only framing is looked at (RFC 9112 section 6, 9.6). */
static enum page_http_said
field(struct page_http *h, struct span s, struct err *e)
{
	const uint8_t	*colon = memchr(s.p, ':', s.n);
	struct span	 name = s, value = s;
	size_t		 i;

	if (is_blank(s.p[0]))
		return bad(e, "a header field is folded (RFC 9112 5.2)");
	if (colon == NULL || colon == s.p)
		return bad(e, "a header line has no name and colon "
		    "(RFC 9112 5)");
	name.n = (size_t)(colon - s.p);
	for (i = 0; i < name.n; i++)
		if (!is_token(name.p[i]))
			return bad(e, "the name of a header field has a "
			    "character that is none of a name (RFC 9112 5.1)");
	value.p = colon + 1;
	value.n = s.n - name.n - 1;
	value = trim(value);
	if (h->state == PAGE_HTTP_TRAILERS)
		return PAGE_HTTP_LINE;
	if (is(name, "Content-Length"))
		return content_length(h, value, e);
	if (is(name, "Transfer-Encoding")) {
		if (h->chunked || !is(value, "chunked"))
			return bad(e, "it has a Transfer-Encoding that we did "
			    "not ask for (RFC 9112 6.1)");
		h->chunked = 1;
	} else if (is(name, "Connection"))
		while (value.n > 0)
			h->close |= is(element(&value), "close");
	return PAGE_HTTP_LINE;
}

/* The empty line: what comes now (RFC 9112 6.3)? */
static enum page_http_said
head_ends(struct page_http *h, struct err *e)
{
	if (h->chunked && h->length != -1)
		return bad(e, "it has a Transfer-Encoding and a "
		    "Content-Length (RFC 9112 6.3)");
	if (h->status < 200) {
		if (h->chunked || h->length > 0)
			return bad(e, "one that is informational has a body "
			    "(RFC 9112 6.3)");
		h->state = PAGE_HTTP_STATUS;
		h->length = -1;
		h->close = 0;
	} else if (h->status == 204 || h->status == 304) {
		/* Whether a body follows all the same, nobody can know. */
		h->close |= h->chunked || (h->status == 204 && h->length > 0);
		h->state = PAGE_HTTP_OVER;
	} else if (h->chunked)
		h->state = PAGE_HTTP_SIZE;
	else if (h->length == -1)
		return PAGE_HTTP_ODD;
	else {
		h->left = (uint64_t)h->length;
		h->state = h->left != 0 ? PAGE_HTTP_LENGTH : PAGE_HTTP_OVER;
	}
	return PAGE_HTTP_LINE;
}

/* RFC 9112 7.1; extensions, which nobody knows, are passed over. */
static enum page_http_said
chunk_size(struct page_http *h, struct span s, struct err *e)
{
	size_t	i;
	uint8_t	c;

	h->left = 0;
	for (i = 0; i < s.n && i <= HEX; i++) {
		c = s.p[i];
		if (is_digit(c))
			c = (uint8_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (uint8_t)((c | 0x20) - 'a' + 10);
		else
			break;
		h->left = h->left << 4 | c;
	}
	if (i == 0 || i > HEX)
		return bad(e, "the size of a chunk is no number, or absurd "
		    "(RFC 9112 7.1)");
	while (i < s.n && is_blank(s.p[i]))
		i++;
	if (i < s.n && s.p[i] != ';')
		return bad(e, "the size of a chunk is followed by something "
		    "else (RFC 9112 7.1)");
	/* Sizes alone may be as many as they like: what is beyond counts. */
	h->head -= s.n < HEX + 2 ? s.n + 2 : HEX + 2;
	h->state = h->left != 0 ? PAGE_HTTP_CHUNK : PAGE_HTTP_TRAILERS;
	return PAGE_HTTP_MORE;
}

/* --- steps ---------------------------------------------------------------- */

/* One line, in a state that has one; MORE: none, or it was framing only. */
static enum page_http_said
one_line(struct page_http *h, struct span in, size_t *used, struct err *e)
{
	struct span		s;
	enum page_http_said	r = line(h, in, &s, used, e);

	if (r == PAGE_HTTP_ODD && h->state != PAGE_HTTP_STATUS &&
	    h->state != PAGE_HTTP_FIELDS)
		return bad(e, "a line of its chunks ends without CR (RFC 9112 "
		    "7.1)");
	if (r != PAGE_HTTP_LINE)
		return r;
	switch (h->state) {
	case PAGE_HTTP_STATUS:
		return status_line(h, s, e);
	case PAGE_HTTP_FIELDS:
		return s.n == 0 ? head_ends(h, e) : field(h, s, e);
	case PAGE_HTTP_SIZE:
		return chunk_size(h, s, e);
	case PAGE_HTTP_CRLF:
		if (s.n != 0)
			return bad(e, "a chunk is longer than its size "
			    "(RFC 9112 7.1)");
		h->head -= *used;
		h->state = PAGE_HTTP_SIZE;
		return PAGE_HTTP_MORE;
	default:
		if (s.n == 0)
			h->state = PAGE_HTTP_OVER;
		else if (field(h, s, e) == PAGE_HTTP_BAD)
			return PAGE_HTTP_BAD;
		return PAGE_HTTP_MORE;
	}
}

enum page_http_said
page_http_step(struct page_http *h, struct span in, size_t *used,
    struct err *e)
{
	enum page_http_said	r;
	size_t			n;

	for (*used = 0;; *used += n) {
		if (h->state == PAGE_HTTP_OVER)
			return PAGE_HTTP_END;
		if (h->state == PAGE_HTTP_LENGTH ||
		    h->state == PAGE_HTTP_CHUNK)
			return PAGE_HTTP_BODY;
		n = 0;
		r = one_line(h, (struct span){ in.p + *used, in.n - *used },
		    &n, e);
		if (r != PAGE_HTTP_MORE || n == 0) {
			*used += r == PAGE_HTTP_LINE ? n : 0;
			return r;
		}
	}
}
