#include <string.h>

#include "tests/rig/lib/der.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/ocspmsg.h"

#define OID_BASIC DER_OID_OF("\x2b\6\1\5\5\7\x30\1\1")
#define OID_NONCE DER_OID_OF("\x2b\6\1\5\5\7\x30\1\2")
#define OID_SCTS DER_OID_OF("\x2b\6\1\4\1\xd6\x79\2\4\5")
#define OID_STRANGE DER_OID_OF("\x2b\6\1\4\1\x86\x8d\x1f\x63")

static int
expect(struct cur *c, uint8_t want, struct cur *content, struct span *whole)
{
	struct cur at = *c;
	uint8_t tag;

	if (der_next(&at, &tag, content, whole) == -1 || tag != want)
		return -1;
	*c = at;
	return 0;
}

static int
take(struct cur *c, uint8_t want, struct span *content)
{
	struct cur in;

	if (expect(c, want, &in, NULL) == -1)
		return -1;
	*content = cur_rest(&in);
	return 0;
}

static int
read_id(struct cur c, struct certid *id)
{
	struct cur alg;

	return expect(&c, DER_SEQ, &alg, &id->alg) == -1 ||
	    take(&alg, DER_OID, &id->oid) == -1 ||
	    take(&c, DER_OCTETS, &id->name) == -1 ||
	    take(&c, DER_OCTETS, &id->key) == -1 ||
	    take(&c, DER_INT, &id->serial) == -1 ||
	    cur_left(&c) > 0 ? -1 : 0;
}

/* Of the request's extensions, the nonce (RFC 9654). */
static int
read_extensions(struct cur c, struct ocsp_ask *a)
{
	struct cur list, ext;
	struct span oid, value;

	if (expect(&c, DER_SEQ, &list, NULL) == -1 || cur_left(&c) > 0)
		return -1;
	while (cur_left(&list) > 0) {
		if (expect(&list, DER_SEQ, &ext, NULL) == -1 ||
		    take(&ext, DER_OID, &oid) == -1)
			return -1;
		(void)expect(&ext, DER_BOOL, NULL, NULL);
		if (take(&ext, DER_OCTETS, &value) == -1)
			return -1;
		if (oid.n == OID_NONCE.n &&
		    memcmp(oid.p, OID_NONCE.p, oid.n) == 0)
			a->nonce = value;
	}
	return 0;
}

int
ocspmsg_read(struct span der, struct ocsp_ask *a)
{
	struct cur c = cur_span(der), all, tbs, list, one, id;

	memset(a, 0, sizeof(*a));
	if (expect(&c, DER_SEQ, &all, NULL) == -1 || cur_left(&c) > 0 ||
	    expect(&all, DER_SEQ, &tbs, NULL) == -1)
		return -1;
	(void)expect(&tbs, 0xa0, NULL, NULL);	/* version */
	(void)expect(&tbs, 0xa1, NULL, NULL);	/* requestorName */
	if (expect(&tbs, DER_SEQ, &list, NULL) == -1)
		return -1;
	while (cur_left(&list) > 0)
		if (a->n == OCSPMSG_IDS ||
		    expect(&list, DER_SEQ, &one, NULL) == -1 ||
		    expect(&one, DER_SEQ, &id, NULL) == -1 ||
		    read_id(id, &a->id[a->n++]) == -1)
			return -1;
	if (expect(&tbs, 0xa2, &c, NULL) == 0 && read_extensions(c, a) == -1)
		return -1;
	return cur_left(&tbs) > 0 || a->n == 0 ? -1 : 0;
}

static void
put_id(const struct certid *id, struct buf *b)
{
	size_t at = b->n;

	buf_span(b, id->alg);
	der_put(b, DER_OCTETS, id->name.p, id->name.n);
	der_put(b, DER_OCTETS, id->key.p, id->key.n);
	der_put(b, DER_INT, id->serial.p, id->serial.n);
	der_around(b, at, DER_SEQ);
}

static void
put_status(const struct ocsp_single *s, struct buf *b)
{
	size_t at = b->n, in;
	uint8_t reason = (uint8_t)s->reason;

	if (s->status != OCSP_SAY_REVOKED) {
		der_put(b, s->status == OCSP_SAY_GOOD ? 0x80 : 0x82, "", 0);
		return;
	}
	der_gtime(b, s->revoked_at);
	if (s->reason >= 0) {
		in = b->n;
		der_put(b, DER_ENUM, &reason, 1);
		der_around(b, in, 0xa0);
	}
	der_around(b, at, 0xa1);
}

/* singleExtensions with an SCT list. */
static void
put_scts(struct span scts, struct buf *b)
{
	struct buf v = BUF_INIT;
	size_t at = b->n;

	der_put(&v, DER_OCTETS, scts.p, scts.n);
	der_ext(b, OID_SCTS, 0, buf_bytes(&v));
	der_around(b, at, DER_SEQ);
	der_around(b, at, 0xa1);
	buf_free(&v);
}

void
ocspmsg_single(const struct ocsp_single *s, struct buf *b)
{
	size_t at = b->n, in;

	put_id(&s->id, b);
	put_status(s, b);
	der_gtime(b, s->this);
	if (s->next != 0) {
		in = b->n;
		der_gtime(b, s->next);
		der_around(b, in, 0xa0);
	}
	if (s->scts.n > 0)
		put_scts(s->scts, b);
	der_around(b, at, DER_SEQ);
}

/* ResponseData. */
static void
put_data(const struct ocsp_say *s, struct buf *b)
{
	size_t at = b->n, in;

	buf_span(b, s->responder);
	der_gtime(b, s->produced);
	der_put(b, DER_SEQ, s->singles.p, s->singles.n);
	in = b->n;
	if (s->nonce.n > 0)
		der_ext(b, OID_NONCE, 0, s->nonce);
	if (s->critical)
		der_ext(b, OID_STRANGE, 1, DER_OID_OF("\5"));
	if (b->n > in) {
		der_around(b, in, DER_SEQ);
		der_around(b, in, 0xa1);
	}
	der_around(b, at, DER_SEQ);
}

void
ocspmsg_say(const struct ocsp_say *s, struct buf *out)
{
	struct buf b = BUF_INIT;
	size_t at, in;

	put_data(s, &b);
	key_signed(s->key, &b, 0);
	if (s->bad)
		b.p[b.n - 1] ^= 1;
	if (s->certs.n > 0) {
		at = b.n;
		buf_span(&b, s->certs);
		der_around(&b, at, DER_SEQ);
		der_around(&b, at, 0xa0);
	}
	der_around(&b, 0, DER_SEQ);
	at = out->n;
	der_put(out, DER_ENUM, "\0", 1);
	in = out->n;
	der_put(out, DER_OID, OID_BASIC.p, OID_BASIC.n);
	der_wrap(out, DER_OCTETS, &b);
	der_around(out, in, DER_SEQ);
	der_around(out, in, 0xa0);
	der_around(out, at, DER_SEQ);
	buf_free(&b);
}

void
ocspmsg_outer(enum ocsp_outer status, struct buf *out)
{
	uint8_t v = (uint8_t)status;
	size_t at = out->n;

	der_put(out, DER_ENUM, &v, 1);
	der_around(out, at, DER_SEQ);
}
