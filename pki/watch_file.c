#include <string.h>

#include "pki/watch_build.h"

/*
 * Patterns from a text, one a line.  Nearly all lines are canonical names as
 * they stand: those are scanned and hashed a batch at a time, and what the
 * hash table has for them is on its way while the next are read.
 */

#define BATCH	32
#define STEP	32	/* bytes that are copied at a time */

struct batch {
	struct watch_build	*b;
	struct watch_pend	 v[BATCH];
	size_t			 n;
	const char		*where;
	struct scan		 scan;
	const uint8_t		*limit;
};

/* Put the batch in.  Records of doubles go, those behind them move up. */
static int
flush(struct batch *t, struct err *e)
{
	struct watch_build	*b = t->b;
	struct watch_pend	*p;
	size_t			 i, n, to;
	uint32_t		 w;
	int			 fresh, rc = 0;

	if (t->n == 0)
		return 0;
	to = t->v[0].at;
	for (i = 0; i < t->n; i++) {
		p = &t->v[i];
		n = b->text.p[p->at + 1] + (size_t)WATCH_REC;
		if (p->at != to)
			memmove(b->text.p + to, b->text.p + p->at, n);
		p->at = (uint32_t)to;
		w = watch_build_put(b, p, &fresh);
		if (w == WATCH_NONE) {
			(void)watch_build_too_many(e);
			rc = err_prefix(e, "%s:%zu", t->where, p->line);
			break;
		}
		if (fresh)
			to += n;
		else
			watch_build_again(b, w);
	}
	b->text.n = to;
	t->n = 0;
	return rc;
}

/* Are these labels of 1 to 63 bytes? */
static int
labels_plain(const struct scan *c)
{
	size_t		from = 0, at, q;
	uint64_t	d;

	for (q = 0; q < 4; q++)
		for (d = c->dots[q]; d != 0; d &= d - 1) {
			at = q * 64 + (size_t)__builtin_ctzll(d);
			if (at == from || at - from > 63)
				return 0;
			from = at + 1;
		}
	return c->n > from && c->n - from <= 63;
}

/*
 * Take a line that is a canonical name but for capital letters: its last
 * byte is a letter, so it is no address.  0 when it is not.
 */
static int
take_plain(struct batch *t, const char *s, size_t n, size_t line)
{
	struct scan	*c = &t->scan;
	struct span	 in = { (const uint8_t *)s, n };
	int		 deep = n != 0 && *s == '.';
	uint8_t		 last;

	in.p += deep;
	in.n -= (size_t)deep;
	if (in.n == 0 || in.n > 253)
		return 0;
	scan_name(c, in, t->limit);
	last = c->buf[in.n - 1];
	if (c->odd || c->wild || last < 'a' || last > 'z' ||
	    !labels_plain(c))
		return 0;
	t->v[t->n].line = line;
	watch_build_pend(t->b, &t->v[t->n], c,
	    deep ? WATCH_DEEP : WATCH_EXACT);
	watch_build_prefetch(t->b, &t->v[t->n++]);
	return 1;
}

/* Cut off the comment, blanks and the CR. */
static size_t
trim(const char **s, size_t n)
{
	const char	*p = *s, *end = memchr(p, '#', n);

	if (end == NULL)
		end = p + n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t' ||
	    end[-1] == '\r'))
		end--;
	*s = p;
	return (size_t)(end - p);
}

/* A line that needs a closer look. */
static int
add_careful(struct watch_build *b, const char *s, size_t n, struct err *e)
{
	char	text[4 * WATCH_TEXT];

	if (memchr(s, '\0', n) != NULL)
		return err_set(e, ERR_FORMAT, "a NUL byte");
	if (n >= sizeof(text))
		return err_set(e, ERR_FORMAT, "a pattern of %zu bytes; a name "
		    "has at most 253", n);
	memcpy(text, s, n);
	text[n] = '\0';
	return watch_build_add(b, text, NULL, 0, e);
}

/* One line without its newline. */
static int
add_line(struct batch *t, const char *s, size_t n, size_t line,
    struct err *e)
{
	if (t->n == BATCH && flush(t, e) == -1)
		return -1;
	if (take_plain(t, s, n, line))
		return 0;
	n = trim(&s, n);
	if (n == 0 || take_plain(t, s, n, line))
		return 0;
	if (flush(t, e) == -1)
		return -1;
	if (add_careful(t->b, s, n, e) == -1)
		return err_prefix(e, "%s:%zu", t->where, line);
	return 0;
}

int
watch_build_part(struct watch_build *b, const char *text, size_t n,
    const char *where, size_t *line, struct err *e)
{
	const char	*p = text, *end = text + n, *nl;
	struct batch	 t;

	t.b = b;
	t.n = 0;
	t.where = where;
	t.limit = (const uint8_t *)end;
	if (*line == 0 && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		if (add_line(&t, p, (size_t)(nl - p), ++*line, e) == -1)
			return -1;
	}
	return flush(&t, e);
}

int
watch_build_file(struct watch_build *b, const char *text, size_t n,
    const char *where, struct err *e)
{
	size_t	line = 0;

	return watch_build_part(b, text, n, where, &line, e);
}

size_t
watch_build_line_bytes(const struct watch_build *b)
{
	return b->nline;
}

int
watch_build_lines(const struct watch_build *b, uint32_t *at, struct buf *out,
    size_t most)
{
	const uint8_t	*r, *last = b->text.p + b->text.n;
	uint8_t		*to, *end;
	uint32_t	 w = *at;
	size_t		 i;

	if (out->n >= most)
		return w < b->n;
	to = buf_room(out, most - out->n + WATCH_TEXT + STEP);
	for (end = out->p + most; w < b->n && to < end; w++) {
		r = watch_build_rec(b, w);
		/* most are short: whole steps, where they stay inside */
		if (last - r >= WATCH_TEXT + STEP)
			for (i = 0; i < r[1]; i += STEP)
				memcpy(to + i, r + 2 + i, STEP);
		else
			memcpy(to, r + 2, r[1]);
		to += r[1];
		*to++ = '\n';
	}
	out->n = (size_t)(to - out->p);
	*at = w;
	return w < b->n;
}
