#include <string.h>

#include "tests/rig/lib/crlmsg.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/key.h"

#define OID_REASON DER_OID_OF("\x55\x1d\x15")
#define OID_NUMBER DER_OID_OF("\x55\x1d\x14")
#define OID_DELTA DER_OID_OF("\x55\x1d\x1b")
#define OID_IDP DER_OID_OF("\x55\x1d\x1c")
#define OID_AKI DER_OID_OF("\x55\x1d\x23")
#define OID_STRANGE DER_OID_OF("\x2b\6\1\4\1\x86\x8d\x1f\x63")

void
crlmsg_entry(struct buf *b, struct span serial, time_t at, int reason)
{
	size_t from = b->n, in;
	uint8_t v[3] = { DER_ENUM, 1, (uint8_t)reason };

	der_put(b, DER_INT, serial.p, serial.n);
	der_time(b, at);
	if (reason >= 0) {
		in = b->n;
		der_ext(b, OID_REASON, 0, (struct span){ v, 3 });
		der_around(b, in, DER_SEQ);
	}
	der_around(b, from, DER_SEQ);
}

void
crlmsg_filler(struct buf *b, uint64_t n, uint64_t seed, time_t at)
{
	struct buf one = BUF_INIT;
	uint8_t serial[16] = { 0 };
	uint64_t x = seed * 2 + 1, i;
	int k;

	crlmsg_entry(&one, (struct span){ serial, 16 }, at, -1);
	for (i = 0; i < n; i++) {
		/* the serial stands behind the headers of entry and INTEGER */
		for (k = 0; k < 16; k++) {
			if (k % 8 == 0) {	/* xorshift64 */
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
			}
			one.p[4 + k] = (uint8_t)(x >> k % 8 * 8);
		}
		one.p[4] = (one.p[4] & 0x3f) | 0x40;
		buf_add(b, one.p, one.n);
	}
	buf_free(&one);
}

void
crlmsg_aki(struct buf *b, struct span id)
{
	struct buf v = BUF_INIT;

	der_put(&v, 0x80, id.p, id.n);
	der_around(&v, 0, DER_SEQ);
	der_ext(b, OID_AKI, 0, buf_bytes(&v));
	buf_free(&v);
}

/* A number as a DER INTEGER. */
static void
put_number(struct buf *b, uint64_t n)
{
	struct buf v = BUF_INIT;

	buf_u64(&v, n);
	der_int(b, v.p, v.n);
	buf_free(&v);
}

void
crlmsg_number(struct buf *b, uint64_t n)
{
	struct buf v = BUF_INIT;

	put_number(&v, n);
	der_ext(b, OID_NUMBER, 0, buf_bytes(&v));
	buf_free(&v);
}

void
crlmsg_delta(struct buf *b, uint64_t n)
{
	struct buf v = BUF_INIT;

	put_number(&v, n);
	der_ext(b, OID_DELTA, 1, buf_bytes(&v));
	buf_free(&v);
}

void
crlmsg_idp(struct buf *b, const struct crl_idp *d)
{
	struct buf v = BUF_INIT;

	if (d->uri != NULL) {
		der_put(&v, 0x86, d->uri, strlen(d->uri));
		der_around(&v, 0, 0xa0);	/* fullName */
		der_around(&v, 0, 0xa0);	/* distributionPoint */
	}
	if (d->users)
		der_put(&v, 0x81, "\xff", 1);
	if (d->cas)
		der_put(&v, 0x82, "\xff", 1);
	if (d->reasons)
		der_put(&v, 0x83, "\6\x40", 2);
	if (d->indirect)
		der_put(&v, 0x84, "\xff", 1);
	der_around(&v, 0, DER_SEQ);
	der_ext(b, OID_IDP, 1, buf_bytes(&v));
	buf_free(&v);
}

void
crlmsg_strange(struct buf *b)
{
	der_ext(b, OID_STRANGE, 1, DER_OID_OF("\5"));
}

void
crlmsg_make(const struct crl_say *s, struct buf *out)
{
	size_t at = out->n, in;

	der_put(out, DER_INT, "\1", 1);		/* v2 */
	key_alg(s->key, out);
	buf_span(out, s->issuer);
	der_time(out, s->this);
	if (s->next != 0)
		der_time(out, s->next);
	if (s->entries.n > 0)
		der_put(out, DER_SEQ, s->entries.p, s->entries.n);
	if (s->exts.n > 0) {
		in = out->n;
		buf_span(out, s->exts);
		der_around(out, in, DER_SEQ);
		der_around(out, in, 0xa0);
	}
	der_around(out, at, DER_SEQ);
	key_signed(s->key, out, at);
	if (s->bad)
		out->p[out->n - 1] ^= 1;
	der_around(out, at, DER_SEQ);
}
