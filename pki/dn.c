#include "pki/dn.h"

#include <string.h>

#include "base/sha.h"
#include "pki/der.h"
#include "pki/name.h"

/* A blank that RFC 4518, 2.6.1 makes one of. */
static int
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Append text in its canonical form. */
static void
put_text(struct buf *out, const char *s, size_t n)
{
	size_t	i, begin = out->n;
	int	blank = 0;

	for (i = 0; i < n; i++) {
		if (is_blank(s[i])) {
			blank = out->n != begin;
			continue;
		}
		if (blank)
			buf_u8(out, ' ');
		blank = 0;
		buf_u8(out, (uint8_t)(s[i] >= 'A' && s[i] <= 'Z' ?
		    s[i] + ('a' - 'A') : s[i]));
	}
}

/* How the strings of a tag are coded: 0, or -1 for what is no string. */
static int
code_of(uint8_t tag, enum name_code *code)
{
	switch (tag) {
	case DER_UTF8:
	case DER_PRINTABLE:
	case DER_IA5:
	case 0x12:			/* NumericString */
	case 0x1a:			/* VisibleString */
		*code = NAME_UTF8;
		return 0;
	case DER_TELETEX:
		*code = NAME_LATIN1;
		return 0;
	case DER_BMP:
		*code = NAME_UTF16;
		return 0;
	case DER_UNIVERSAL:
		*code = NAME_UTF32;
		return 0;
	default:
		return -1;
	}
}

int
dn_text(const struct dn_attr *a, struct buf *out)
{
	enum name_code	code;
	size_t		cap = a->value.n * 2 + 1;
	long		n;

	if (code_of(a->tag, &code) == -1)
		return -1;
	n = name_utf8(a->value.p, a->value.n, code,
	    (char *)buf_room(out, cap), cap);
	if (n == -1)
		return -1;
	out->n += (size_t)n;
	return 0;
}

/* Append a value; what is no text, or not in its code, as it is. */
static void
put_value(struct buf *out, const struct dn_attr *a)
{
	struct buf	text = BUF_INIT, one = BUF_INIT;

	if (dn_text(a, &text) == -1) {
		buf_u8(out, a->tag);
		buf_vec32(out, a->value.p, a->value.n);
	} else {
		put_text(&one, buf_text(&text), text.n);
		buf_u8(out, DER_UTF8);
		buf_vec32(out, one.p, one.n);
	}
	buf_free(&text);
	buf_free(&one);
}

/* One AttributeTypeAndValue: 0 or -1. */
static int
read_attribute(struct cur *c, struct dn_attr *a)
{
	struct der	d;
	struct cur	in;

	if (der_want(c, DER_SEQ, &d) == -1)
		return -1;
	in = cur_span(d.body);
	if (der_want(&in, DER_OID, &d) == -1)
		return -1;
	a->oid = d.body;
	if (der_next(&in, &d) == -1 || cur_left(&in) != 0)
		return -1;
	a->value = d.body;
	a->tag = d.tag;
	return 0;
}

/*
 * The attributes of one RDN, in the order in which they stand: DER sorts
 * them, and those of more than one attribute are rare.
 */
static int
put_rdn(struct buf *out, struct span set)
{
	struct buf	b = BUF_INIT;
	struct cur	c = cur_span(set);
	struct dn_attr	a;
	int		r = -1;

	do {
		if (read_attribute(&c, &a) == -1)
			goto out;
		buf_vec32(&b, a.oid.p, a.oid.n);
		put_value(&b, &a);
	} while (cur_left(&c) != 0);
	buf_vec32(out, b.p, b.n);
	r = 0;
out:
	buf_free(&b);
	return r;
}

int
dn_canon(struct span name, struct buf *out)
{
	struct span	body;
	struct cur	c;
	struct der	set;

	if (der_only(name, DER_SEQ, &body) == -1)
		return -1;
	for (c = cur_span(body); cur_left(&c) != 0;)
		if (der_want(&c, DER_SET, &set) == -1 ||
		    put_rdn(out, set.body) == -1)
			return -1;
	return 0;
}

void
dn_hash(struct span name, uint8_t out[32])
{
	struct buf	b = BUF_INIT;

	if (dn_canon(name, &b) == -1) {
		buf_reset(&b);
		buf_u8(&b, 0);
		buf_span(&b, name);
	}
	sha_256(out, buf_text(&b), b.n);
	buf_free(&b);
}

int
dn_empty(struct span name)
{
	struct span	body;

	return der_only(name, DER_SEQ, &body) == -1 || body.n == 0;
}

int
dn_begin(struct dn_walk *w, struct span name)
{
	struct span	body;

	if (der_only(name, DER_SEQ, &body) == -1)
		return -1;
	w->sets = cur_span(body);
	w->in = cur_of(body.p, 0);
	return 0;
}

int
dn_next(struct dn_walk *w, struct dn_attr *a)
{
	struct der	set;

	if (cur_left(&w->in) == 0) {
		if (cur_left(&w->sets) == 0)
			return 0;
		if (der_want(&w->sets, DER_SET, &set) == -1)
			return -1;
		w->in = cur_span(set.body);
	}
	return read_attribute(&w->in, a) == -1 ? -1 : 1;
}
