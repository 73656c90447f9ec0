#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "pki/name.h"
#include "pki/watch_img.h"

/*
 * The careful way: names that a plain suffix search cannot read, and bytes
 * that are no certificate at all.  It loses nothing rather than being fast.
 */

#define FOLD_CAP	(4 * LIMIT_NAME_BYTES)

/* What ends a name inside a string: "http://", a port, a path, a list. */
static int
is_separator(char c)
{
	return c != ' ' && ((unsigned char)c < ' ' || c == 0x7f ||
	    strchr("/\\:,;?#|", c) != NULL);
}

/* One candidate, already cut out: fold it and look its labels up. */
static void
candidate(struct match *m, const char *p, size_t n)
{
	char		 folded[FOLD_CAP];
	const char	*s = folded;
	struct span	 v;
	long		 len;
	int		 cut = 0;

	len = name_fold(p, n, folded, sizeof(folded));
	if (len <= 0)
		return;
	/* Of what is too long for a name, the end decides. */
	while (len > SCAN_MAX) {
		cut = 1;
		s = memchr(s, '.', (size_t)len);
		if (s == NULL)
			return;
		s++;
		len = folded + strlen(folded) - s;
	}
	v.p = (const uint8_t *)s;
	v.n = (size_t)len;
	scan_name(&m->scan, v, v.p + v.n);
	match_scan(m, cut);
}

/*
 * A piece between separators.  Blanks around it go; with blanks inside, a
 * common name is prose ("Admin of example.com"), while each word of a
 * dNSName may be meant as a name.
 */
static void
piece(struct match *m, const char *p, size_t n, int cn)
{
	const char	*end = p + n, *q;

	while (p < end && *p == ' ')
		p++;
	while (p < end && end[-1] == ' ')
		end--;
	if (cn) {
		if (p < end && memchr(p, ' ', (size_t)(end - p)) == NULL &&
		    memchr(p, '@', (size_t)(end - p)) == NULL)
			candidate(m, p, (size_t)(end - p));
		return;
	}
	for (; p < end; p = q + 1) {
		for (q = p; q < end && *q != ' ' && *q != '@'; q++)
			;
		if (q != p)
			candidate(m, p, (size_t)(q - p));
		if (q == end)
			break;
	}
}

/* Cut text into pieces. */
static void
pieces(struct match *m, const char *p, size_t n, int cn)
{
	const char	*end = p + n, *q;

	for (; p < end; p = q + 1) {
		for (q = p; q < end && !is_separator(*q); q++)
			;
		if (q != p)
			piece(m, p, (size_t)(q - p), cn);
	}
}

/* Text between NUL bytes. */
static void
part(struct match *m, const char *p, size_t n, int cn)
{
	struct watch_ip	 ip;
	char		 text[INET6_ADDRSTRLEN];
	const char	*s, *q, *end = p + n;

	while (p < end && *p == ' ')
		p++;
	while (p < end && end[-1] == ' ')
		end--;
	n = (size_t)(end - p);
	if (n == 0)
		return;
	if (n < sizeof(text)) {
		memcpy(text, p, n);
		text[n] = '\0';
		if (strchr(text, ':') != NULL &&
		    watch_ip_parse(text, &ip) == 0 && ip.plen == 128) {
			match_ip(m, ip.addr, 16);
			return;
		}
	}
	/* Behind a scheme stands a host, behind "user@" too. */
	s = memmem(p, n, "://", 3);
	if (s != NULL) {
		p = s + 3;
		for (q = p; q < end && *q != '/'; q++)
			;
		if ((s = memrchr(p, '@', (size_t)(q - p))) != NULL)
			p = s + 1;
		pieces(m, p, (size_t)(end - p), 0);
		return;
	}
	if (cn && memchr(p, ' ', n) != NULL)
		return;
	pieces(m, p, n, cn);
}

/* Read the string as one code; -1 when it is not of that code. */
static int
as_code(struct match *m, struct span v, enum name_code code, int cn)
{
	char		 text[FOLD_CAP];
	const char	*p, *nul;
	long		 n;

	n = name_utf8(v.p, v.n, code, text, sizeof(text));
	if (n == -1)
		return -1;
	m->code = code;
	for (p = text; p < text + n; p = nul + 1) {
		nul = memchr(p, '\0', (size_t)(text + n - p));
		if (nul == NULL)
			nul = text + n;
		if (nul != p)
			part(m, p, (size_t)(nul - p), cn);
	}
	return 0;
}

void
match_careful(struct match *m, struct span v, enum name_code code, int cn)
{
	m->raw = v;
	m->code = code;
	if (m->first.p == NULL && code == NAME_UTF8)
		m->first = v;
	if (v.n > LIMIT_NAME_BYTES) {
		match_bytes(m, v);
		return;
	}
	if (code != NAME_UTF8) {
		if (as_code(m, v, code, cn) == -1)
			match_bytes(m, v);
		return;
	}
	if (as_code(m, v, NAME_UTF8, cn) == -1)
		(void)as_code(m, v, NAME_LATIN1, cn);
}

/* --- bytes --- */

static int
is_run_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_' || c == '.';
}

/* The watches of a name; exclusions are not asked: it is only bytes. */
static void
bytes_probe(struct match *m, const uint8_t *p, size_t n, uint64_t h)
{
	const struct watch_set	*s = m->set;
	char			 name[SCAN_MAX + 1];
	const uint8_t		*r;
	uint32_t		 i, w;
	int			 deep;

	if (!watch_maybe(s->filter, s->head->nfilter, h))
		return;
	for (i = watch_start(h, s->head->nslot); s->slot[i] != 0;
	    i = (i + 1) & (s->head->nslot - 1)) {
		if (!watch_is_tag(s->slot[i], h))
			continue;
		w = (s->slot[i] & WATCH_SLOT_MASK) - 1;
		r = watch_rec(s, w);
		deep = (r[0] & ~WATCH_HAS_NOT) == WATCH_DEEP;
		if (r[1] != n + (size_t)deep ||
		    memcmp(r + 2 + deep, p, n) != 0)
			continue;
		memcpy(name, p, n);
		name[n] = '\0';
		m->raw = SPAN_STR(name);
		m->code = NAME_UTF8;
		match_add(m, w, NULL);
	}
}

/* Is that the length byte of ${n} bytes?  It was lower-cased with the rest. */
static int
is_length(uint8_t c, ptrdiff_t n)
{
	return n != 0 && (c == n || (c >= 'a' && c <= 'z' && c - 32 == n));
}

/*
 * The names that end at ${end}, from the right: a watched name may begin at
 * the start of the run, behind a dot, or behind a byte that happens to be a
 * letter and is its length.
 */
static void
names_ending(struct match *m, const uint8_t *run, const uint8_t *end)
{
	const uint64_t	*seed = m->set->head->seed;
	const uint8_t	*p = end, *label = end;
	uint64_t	 h = seed[0];

	for (;;) {
		/* ${label}: end of the label that begins at or before p. */
		if (p == run || p[-1] == '.') {
			h = watch_label(seed, h, p, (size_t)(label - p));
			bytes_probe(m, p, (size_t)(end - p), h);
			if (p == run)
				return;
			label = --p;
		} else if (is_length(p[-1], end - p))
			bytes_probe(m, p, (size_t)(end - p), watch_label(seed,
			    h, p, (size_t)(label - p)));
		if (p == run || end - p >= SCAN_MAX)
			return;
		p--;
	}
}

/* A run of name bytes; a name may end anywhere in it. */
static void
bytes_run(struct match *m, const uint8_t *p, size_t n)
{
	size_t	i;

	for (i = 1; i <= n && m->n <= m->max; i++)
		if (p[i - 1] != '.')
			names_ending(m, p, p + i);
}

/* Lower-case bytes with WATCH_SLACK behind them. */
static void
bytes_plain(struct match *m, const uint8_t *p, size_t n)
{
	size_t	i, from;

	for (i = 0; i < n; i++) {
		if (!is_run_byte(p[i]))
			continue;
		for (from = i; i < n && is_run_byte(p[i]); i++)
			;
		bytes_run(m, p + from, i - from);
	}
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

void
match_bytes(struct match *m, struct span v)
{
	static const uint8_t	zero[WATCH_SLACK];
	struct span		raw = m->raw;
	enum name_code		code = m->code;
	struct buf		b = BUF_INIT;
	size_t			i, odd;

	for (i = 0; i < v.n; i++)
		buf_u8(&b, lower(v.p[i]));
	buf_add(&b, zero, sizeof(zero));
	bytes_plain(m, b.p, v.n);
	/* UTF-16BE, from an even and from an odd offset. */
	for (odd = 0; odd < 2; odd++) {
		buf_reset(&b);
		for (i = odd; i + 1 < v.n; i += 2)
			buf_u8(&b, v.p[i] == 0 ? lower(v.p[i + 1]) : 0);
		i = b.n;
		buf_add(&b, zero, sizeof(zero));
		bytes_plain(m, b.p, i);
	}
	buf_free(&b);
	m->raw = raw;
	m->code = code;
}
