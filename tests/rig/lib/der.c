#include <stdlib.h>
#include <string.h>

#include "tests/rig/lib/der.h"

const uint8_t der_poison[10] =
    { 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3 };
const uint8_t der_scts[10] =
    { 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2 };
static const uint8_t oid_aki[3] = { 0x55, 0x1d, 0x23 };

int
der_next(struct cur *c, uint8_t *tag, struct cur *content, struct span *whole)
{
	struct cur at = *c;
	struct span s;
	uint8_t t, l, byte;
	size_t n;

	if (cur_u8(&at, &t) == -1 || (t & 31) == 31 || cur_u8(&at, &l) == -1)
		return -1;
	n = l;
	if (l >= 0x80) {
		if (l == 0x80 || l > 0x84)
			return -1;
		for (n = 0, l &= 7; l > 0; l--) {
			if (cur_u8(&at, &byte) == -1)
				return -1;
			n = n << 8 | byte;
		}
	}
	if (cur_take(&at, n, &s) == -1)
		return -1;
	if (tag != NULL)
		*tag = t;
	if (whole != NULL) {
		whole->p = c->p;
		whole->n = (size_t)(at.p - c->p);
	}
	*c = at;
	if (content != NULL)		/* may be c: then step inside */
		*content = cur_span(s);
	return 0;
}

static void
put_header(struct buf *b, uint8_t tag, size_t n)
{
	buf_u8(b, tag);
	if (n < 0x80)
		buf_u8(b, (uint8_t)n);
	else if (n < 0x100) {
		buf_u8(b, 0x81);
		buf_u8(b, (uint8_t)n);
	} else if (n < 0x10000) {
		buf_u8(b, 0x82);
		buf_u16(b, (uint16_t)n);
	} else if (n < 0x1000000) {
		buf_u8(b, 0x83);
		buf_u24(b, (uint32_t)n);
	} else {
		buf_u8(b, 0x84);
		buf_u32(b, (uint32_t)n);
	}
}

void
der_put(struct buf *b, uint8_t tag, const void *p, size_t n)
{
	put_header(b, tag, n);
	buf_add(b, p, n);
}

void
der_around(struct buf *b, size_t at, uint8_t tag)
{
	struct buf h = BUF_INIT;
	size_t n = b->n - at;

	put_header(&h, tag, n);
	(void)buf_room(b, h.n);
	memmove(b->p + at + h.n, b->p + at, n);
	memcpy(b->p + at, h.p, h.n);
	b->n += h.n;
	buf_add(b, "", 0);
	buf_free(&h);
}

void
der_deep(struct buf *b, size_t n)
{
	struct buf h = BUF_INIT, all = BUF_INIT;
	size_t i, len = 0, top = n * 6;
	uint8_t *p = buf_room(&all, top);

	for (i = 0; i < n; i++) {	/* from the innermost one on */
		buf_reset(&h);
		put_header(&h, DER_SEQ, len);
		len += h.n;
		memcpy(p + top - len, h.p, h.n);
	}
	buf_add(b, p + top - len, len);
	buf_free(&h);
	buf_free(&all);
}

void
der_int(struct buf *b, const void *p, size_t n)
{
	const uint8_t *d = p;
	size_t at = b->n;

	while (n > 1 && d[0] == 0 && d[1] < 0x80) {
		d++;
		n--;
	}
	if (n == 0 || d[0] >= 0x80)
		buf_u8(b, 0);
	buf_add(b, d, n);
	der_around(b, at, DER_INT);
}

static void
put_time(struct buf *b, uint8_t tag, time_t t)
{
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	if (strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) == 0)
		abort();
	if (tag == DER_UTC)
		der_put(b, tag, text + 2, strlen(text + 2));
	else
		der_put(b, tag, text, strlen(text));
}

void
der_gtime(struct buf *b, time_t t)
{
	put_time(b, DER_GTIME, t);
}

void
der_time(struct buf *b, time_t t)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	put_time(b, tm.tm_year < 150 ? DER_UTC : DER_GTIME, t);
}

void
der_ext(struct buf *b, struct span oid, int critical, struct span value)
{
	size_t at = b->n;

	der_put(b, DER_OID, oid.p, oid.n);
	if (critical)
		der_put(b, DER_BOOL, "\xff", 1);
	der_put(b, DER_OCTETS, value.p, value.n);
	der_around(b, at, DER_SEQ);
}

void
der_wrap(struct buf *b, uint8_t tag, const struct buf *in)
{
	der_put(b, tag, in->p, in->n);
}

/* A certificate's TBSCertificate. */
static int
tbs_of(struct span cert, struct cur *tbs)
{
	struct cur c = cur_span(cert);
	uint8_t tag;

	if (der_next(&c, &tag, &c, NULL) == -1 || tag != DER_SEQ ||
	    der_next(&c, &tag, tbs, NULL) == -1 || tag != DER_SEQ)
		return -1;
	return 0;
}

static int
is_oid(struct cur ext, const uint8_t *oid, size_t n)
{
	struct cur id;
	uint8_t tag;

	return der_next(&ext, &tag, &id, NULL) == 0 && tag == DER_OID &&
	    cur_left(&id) == n && memcmp(id.p, oid, n) == 0;
}

/* One Extension with another value, its criticality kept. */
static int
put_value(struct buf *out, struct cur ext, struct span value)
{
	struct buf b = BUF_INIT;
	struct span whole;
	uint8_t tag;
	int rc = -1;

	while (der_next(&ext, &tag, NULL, &whole) == 0)
		if (tag == DER_OCTETS) {
			der_put(&b, DER_OCTETS, value.p, value.n);
			der_wrap(out, DER_SEQ, &b);
			rc = 0;
			break;
		} else
			buf_span(&b, whole);
	buf_free(&b);
	return rc;
}

/* The [3] element with changes; left out when nothing remains. */
static int
put_extensions(struct buf *out, struct cur exts, const struct der_change *ch)
{
	struct buf list = BUF_INIT, seq = BUF_INIT;
	struct cur ext;
	struct span whole;
	uint8_t tag;
	int rc = -1;

	if (der_next(&exts, &tag, &exts, NULL) == -1 || tag != DER_SEQ)
		return -1;
	while (cur_left(&exts) > 0) {
		if (der_next(&exts, &tag, &ext, &whole) == -1)
			goto out;
		if (ch->ndrop > 0 && is_oid(ext, ch->drop, ch->ndrop))
			continue;
		if (ch->aki.n > 0 && is_oid(ext, oid_aki, sizeof(oid_aki))) {
			if (put_value(&list, ext, ch->aki) == -1)
				goto out;
		} else
			buf_span(&list, whole);
	}
	if (list.n > 0) {
		der_wrap(&seq, DER_SEQ, &list);
		der_wrap(out, DER_EXTS, &seq);
	}
	rc = 0;
out:
	buf_free(&list);
	buf_free(&seq);
	return rc;
}

int
der_tbs(struct span cert, const struct der_change *ch, struct buf *out)
{
	struct buf b = BUF_INIT;
	struct cur tbs, part;
	struct span whole;
	uint8_t tag;
	int field = 0, rc = -1;

	if (tbs_of(cert, &tbs) == -1)
		return -1;
	while (cur_left(&tbs) > 0) {
		if (der_next(&tbs, &tag, &part, &whole) == -1)
			goto out;
		/* version is [0]; then serial, signature, issuer */
		if (tag != 0xa0)
			field++;
		if (tag == DER_EXTS) {
			if (put_extensions(&b, part, ch) == -1)
				goto out;
		} else if (field == 3 && ch->issuer.n > 0)
			buf_span(&b, ch->issuer);
		else
			buf_span(&b, whole);
	}
	der_wrap(out, DER_SEQ, &b);
	rc = 0;
out:
	buf_free(&b);
	return rc;
}

int
der_extension(struct span cert, const uint8_t *oid, size_t n,
    struct span *value)
{
	struct cur tbs, exts, ext;
	uint8_t tag;

	if (tbs_of(cert, &tbs) == -1)
		return -1;
	do
		if (der_next(&tbs, &tag, &exts, NULL) == -1)
			return -1;
	while (tag != DER_EXTS);
	if (der_next(&exts, &tag, &exts, NULL) == -1)
		return -1;
	while (der_next(&exts, &tag, &ext, NULL) == 0) {
		if (!is_oid(ext, oid, n))
			continue;
		while (der_next(&ext, &tag, &tbs, NULL) == 0)
			if (tag == DER_OCTETS) {
				*value = cur_rest(&tbs);
				return 0;
			}
	}
	return -1;
}
