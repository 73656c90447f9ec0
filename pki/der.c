#include "pki/der.h"

#include <string.h>

#include "base/clk.h"

int
der_next_strict(struct cur *c, struct der *d)
{
	return der_read(c, d, 1);
}

int
der_only(struct span whole, uint8_t tag, struct span *body)
{
	struct cur	c = cur_span(whole);
	struct der	d;

	if (der_want(&c, tag, &d) == -1 || cur_left(&c) != 0)
		return -1;
	*body = d.body;
	return 0;
}

int
der_extn_next(struct cur *c, struct der_extn *x)
{
	struct cur	in, save = *c;
	struct der	d;

	if (der_want(c, DER_SEQ, &d) == -1)
		return -1;
	x->whole = d.whole;
	x->critical = 0;
	in = cur_span(d.body);
	if (der_want(&in, DER_OID, &d) == -1)
		goto bad;
	x->oid = d.body;
	if (der_next(&in, &d) == -1)
		goto bad;
	if (d.tag == DER_BOOL) {
		if (d.body.n != 1)
			goto bad;
		x->critical = d.body.p[0] != 0;
		if (der_next(&in, &d) == -1)
			goto bad;
	}
	if (d.tag != DER_OCTETS || cur_left(&in) != 0)
		goto bad;
	x->value = d.body;
	return 0;
bad:
	*c = save;
	return -1;
}

/*
 * Is this the body of an Extension with another OID than subjectAltName, in
 * the form that nearly all have?  Then nobody needs to look inside.
 */
static inline int
is_other_ext(struct span b)
{
	return b.n >= 5 && b.p[0] == DER_OID && b.p[1] < 0x80 &&
	    (b.p[1] != 3 || memcmp(b.p + 2, DER_OID_SAN, 3) != 0);
}

/* Walk the extensions once; remember the subjectAltName. */
static int
walk_exts(struct span exts, struct span *san)
{
	struct cur	c = cur_span(exts), one;
	struct der_extn	x;
	struct der	d;

	while (c.p != c.end) {
		if (der_next(&c, &d) == -1 || d.tag != DER_SEQ)
			return -1;
		if (is_other_ext(d.body))
			continue;
		one = cur_span(d.whole);
		if (der_extn_next(&one, &x) == -1)
			return -1;
		if (x.oid.n != 3 || memcmp(x.oid.p, DER_OID_SAN, 3) != 0)
			continue;
		if (san->p != NULL || der_only(x.value, DER_SEQ, san) == -1)
			return -1;
	}
	return 0;
}

/* What may follow the key: [1] and [2] unique identifiers, [3]. */
static const char *
walk_rest(struct cur *c, struct der_tbs *out)
{
	struct der	d;
	uint8_t		last = 0xa0;

	while (cur_left(c) != 0) {
		if (der_next(c, &d) == -1)
			return "an element after the key";
		/* In order, each once; [1] and [2] as BER may have them. */
		if ((d.tag | 0x20) <= last || (d.tag | 0x20) > 0xa3)
			return "an element after the key";
		last = d.tag | 0x20;
		if (last != 0xa3)
			continue;
		if (d.tag != 0xa3 ||
		    der_only(d.body, DER_SEQ, &out->exts) == -1)
			return "extensions";
		if (walk_exts(out->exts, &out->san) == -1)
			return "extensions";
	}
	return NULL;
}

/* Issuer, validity, subject, key. */
static const char *
walk_middle(struct cur *c, struct der_tbs *out)
{
	struct der	d;
	struct cur	in;

	if (der_want(c, DER_SEQ, &d) == -1)
		return "issuer";
	out->issuer = d.whole;
	if (der_want(c, DER_SEQ, &d) == -1)
		return "validity";
	in = cur_span(d.body);
	if (der_next(&in, &d) == -1)
		return "validity";
	out->not_before = d.whole;
	if (der_next(&in, &d) == -1 || cur_left(&in) != 0)
		return "validity";
	out->not_after = d.whole;
	if (der_want(c, DER_SEQ, &d) == -1)
		return "subject";
	out->subject = d.whole;
	if (der_want(c, DER_SEQ, &d) == -1)
		return "subject public key";
	out->spki = d.whole;
	return NULL;
}

static const char *
walk_tbs(struct span tbs, struct der_tbs *out)
{
	struct span	body;
	struct cur	c, in;
	struct der	d;

	if (der_only(tbs, DER_SEQ, &body) == -1)
		return "outer SEQUENCE";
	c = cur_span(body);
	out->version = 1;
	if (der_next(&c, &d) == -1)
		return "version";
	if (d.tag == 0xa0) {
		in = cur_span(d.body);
		if (der_want(&in, DER_INT, &d) == -1 || d.body.n != 1 ||
		    cur_left(&in) != 0 || d.body.p[0] > 0x7f)
			return "version";
		out->version = d.body.p[0] + 1;
		if (der_next(&c, &d) == -1)
			return "serial number";
	}
	if (d.tag != DER_INT)
		return "serial number";
	out->serial = d.body;
	if (der_want(&c, DER_SEQ, &d) == -1)
		return "signature algorithm";
	out->sigalg = d.whole;
	return NULL;
}

int
der_tbs(struct span tbs, struct der_tbs *out, struct err *e)
{
	const char	*bad;
	struct cur	 c;

	memset(out, 0, sizeof(*out));
	out->whole = tbs;
	bad = walk_tbs(tbs, out);
	if (bad == NULL) {
		c = cur_of(out->sigalg.p + out->sigalg.n, (size_t)(tbs.p +
		    tbs.n - (out->sigalg.p + out->sigalg.n)));
		bad = walk_middle(&c, out);
		if (bad == NULL)
			bad = walk_rest(&c, out);
	}
	if (bad != NULL)
		return err_set(e, ERR_FORMAT, "TBSCertificate: %s cannot be "
		    "read (RFC 5280, 4.1)", bad);
	return 0;
}

int
der_cert(struct span cert, struct span *tbs, struct span *sigalg,
    struct span *sig, struct err *e)
{
	struct span	body;
	struct cur	c;
	struct der	t, a, s;

	if (der_only(cert, DER_SEQ, &body) == -1)
		return err_set(e, ERR_FORMAT, "certificate: not one DER "
		    "SEQUENCE (RFC 5280, 4.1)");
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &t) == -1 ||
	    der_want(&c, DER_SEQ, &a) == -1 ||
	    der_want(&c, DER_BITS, &s) == -1 || cur_left(&c) != 0)
		return err_set(e, ERR_FORMAT, "certificate: not a "
		    "TBSCertificate, an algorithm and a signature "
		    "(RFC 5280, 4.1)");
	if (s.body.n < 1 || s.body.p[0] != 0)
		return err_set(e, ERR_FORMAT, "certificate: the signature is "
		    "not a whole number of bytes (RFC 5280, 4.1.1.3)");
	if (tbs != NULL)
		*tbs = t.whole;
	if (sigalg != NULL)
		*sigalg = a.whole;
	if (sig != NULL) {
		sig->p = s.body.p + 1;
		sig->n = s.body.n - 1;
	}
	return 0;
}

/* As der_ext(), but *found is the whole Extension. */
static int
find_ext(const struct der_tbs *t, const uint8_t *oid, size_t n,
    struct der_extn *found)
{
	struct cur	c = cur_span(t->exts);
	struct der_extn	x;
	int		have = 0;

	while (cur_left(&c) != 0) {
		if (der_extn_next(&c, &x) == -1)
			return -1;
		if (x.oid.n != n || memcmp(x.oid.p, oid, n) != 0)
			continue;
		if (have)
			return -1;
		have = 1;
		*found = x;
	}
	return have;
}

int
der_ext(const struct der_tbs *t, const uint8_t *oid, size_t n,
    struct span *value, int *critical)
{
	struct der_extn	x;
	int		r = find_ext(t, oid, n, &x);

	if (r == 1 && value != NULL)
		*value = x.value;
	if (r == 1 && critical != NULL)
		*critical = x.critical;
	return r;
}

void
der_put(struct buf *b, uint8_t tag, size_t len)
{
	buf_u8(b, tag);
	if (len < 0x80) {
		buf_u8(b, (uint8_t)len);
	} else if (len < 0x100) {
		buf_u8(b, 0x81);
		buf_u8(b, (uint8_t)len);
	} else if (len < 0x10000) {
		buf_u8(b, 0x82);
		buf_u16(b, (uint16_t)len);
	} else if (len < 0x1000000) {
		buf_u8(b, 0x83);
		buf_u24(b, (uint32_t)len);
	} else {
		buf_u8(b, 0x84);
		buf_u32(b, (uint32_t)len);
	}
}

/* The bytes that der_put() writes. */
static size_t
put_size(size_t len)
{
	if (len < 0x80)
		return 2;
	if (len < 0x100)
		return 3;
	if (len < 0x10000)
		return 4;
	return len < 0x1000000 ? 5 : 6;
}

int
der_tbs_without(struct span tbs, const uint8_t *oid, size_t n,
    struct buf *out, struct err *e)
{
	struct der_tbs	t;
	struct der_extn	x;
	struct span	body;
	struct cur	c;
	struct der	d;
	size_t		exts, seq = 0, three = 0, before;
	int		r;

	if (der_tbs(tbs, &t, e) == -1)
		return -1;
	r = find_ext(&t, oid, n, &x);
	if (r == -1)
		return err_set(e, ERR_FORMAT, "TBSCertificate: an extension "
		    "is there twice (RFC 5280, 4.2)");
	if (r == 0) {
		buf_span(out, tbs);
		return 0;
	}
	/* The [3] is the last element: find where it begins. */
	(void)der_only(tbs, DER_SEQ, &body);
	c = cur_span(body);
	do {
		if (der_next(&c, &d) == -1)
			return err_set(e, ERR_FORMAT, "TBSCertificate: "
			    "elements cannot be read (RFC 5280, 4.1)");
	} while (d.tag != 0xa3);
	before = (size_t)(d.whole.p - body.p);
	exts = t.exts.n - x.whole.n;
	if (exts != 0) {
		seq = put_size(exts) + exts;
		three = put_size(seq) + seq;
	}
	der_put(out, DER_SEQ, before + three);
	buf_add(out, body.p, before);
	if (exts == 0)
		return 1;
	der_put(out, 0xa3, seq);
	der_put(out, DER_SEQ, exts);
	before = (size_t)(x.whole.p - t.exts.p);
	buf_add(out, t.exts.p, before);
	buf_add(out, x.whole.p + x.whole.n, exts - before);
	return 1;
}

/* Two digits at ${p}, or -1. */
static int
two(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t
days(int y, int m, int d)
{
	static const int	sum[12] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
	};
	int64_t			n, last = y - 1;

	n = last * 365 + last / 4 - last / 100 + last / 400;
	n += sum[m - 1] + d - 1;
	if (m > 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0))
		n++;
	return n - 719162;
}

/* What follows the minutes: seconds, a fraction, then Z or an offset. */
static int
time_end(const uint8_t *p, size_t n, int *sec, int *offset)
{
	int	h, m;

	*sec = 0;
	*offset = 0;
	if (n >= 2 && two(p) != -1) {
		*sec = two(p);
		p += 2;
		n -= 2;
		if (n >= 2 && p[0] == '.' && p[1] >= '0' && p[1] <= '9')
			for (p++, n--; n != 0 && *p >= '0' && *p <= '9'; n--)
				p++;
	}
	if (n == 1 && p[0] == 'Z')
		return 0;
	if (n != 5 || (p[0] != '+' && p[0] != '-'))
		return -1;
	h = two(p + 1);
	m = two(p + 3);
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return -1;
	*offset = (h * 60 + m) * (p[0] == '-' ? -60 : 60);
	return 0;
}

int
der_time(struct span whole, int64_t *us)
{
	static const int	most[12] = {
		31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	struct cur		c = cur_span(whole);
	struct der		d;
	const uint8_t		*p;
	size_t			n;
	int			f[4], y, i, sec, off;

	if (der_next(&c, &d) == -1 || cur_left(&c) != 0)
		return -1;
	p = d.body.p;
	n = d.body.n;
	if (d.tag == DER_GENTIME) {
		if (n < 4 || two(p) == -1 || two(p + 2) == -1)
			return -1;
		y = two(p) * 100 + two(p + 2);
		p += 4;
		n -= 4;
	} else if (d.tag == DER_UTC && n >= 2 && (y = two(p)) != -1) {
		y += y < 50 ? 2000 : 1900;
		p += 2;
		n -= 2;
	} else
		return -1;
	if (n < 9)
		return -1;
	for (i = 0; i < 4; i++)
		if ((f[i] = two(p + 2 * i)) == -1)
			return -1;
	if (y < 1 || f[0] < 1 || f[0] > 12 || f[1] < 1 ||
	    f[1] > most[f[0] - 1] || f[2] > 23 || f[3] > 59 ||
	    time_end(p + 8, n - 8, &sec, &off) == -1 || sec > 60)
		return -1;
	*us = ((days(y, f[0], f[1]) * 24 + f[2]) * 3600 + f[3] * 60 + sec -
	    off) * CLK_SEC;
	return 0;
}

int
der_eku(struct span value, const uint8_t *oid, size_t n)
{
	struct span	body;
	struct cur	c;
	struct der	d;

	if (der_only(value, DER_SEQ, &body) == -1)
		return 0;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_OID, &d) == -1)
			return 0;
		if (d.body.n == n && memcmp(d.body.p, oid, n) == 0)
			return 1;
	}
	return 0;
}
