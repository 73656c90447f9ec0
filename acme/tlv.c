#include "acme/tlv.h"

#include <openssl/evp.h>

#include <string.h>

#include "acme/pkey.h"
#include "pki/der.h"

void
tlv_add(struct buf *b, uint8_t tag, const void *p, size_t n)
{
	der_put(b, tag, n);
	if (n != 0)
		buf_add(b, p, n);
}

void
tlv_wrap(struct buf *b, uint8_t tag)
{
	struct buf	out = BUF_INIT;

	tlv_add(&out, tag, b->p, b->n);
	buf_free(b);
	*b = out;
}

void
tlv_ext(struct buf *b, struct span oid, int critical, struct span value)
{
	struct buf	x = BUF_INIT;

	tlv_add(&x, DER_OID, oid.p, oid.n);
	if (critical)
		tlv_add(&x, DER_BOOL, "\xff", 1);
	tlv_add(&x, DER_OCTETS, value.p, value.n);
	tlv_add(b, DER_SEQ, x.p, x.n);
	buf_free(&x);
}

int
tlv_alg(EVP_PKEY *key, struct buf *b, struct err *e)
{
	/* RFC 5758, 3.2, without parameters; RFC 4055, 5, with NULL */
	static const uint8_t	es256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a,
	    0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
	static const uint8_t	es384[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a,
	    0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 };
	static const uint8_t	rs256[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a,
	    0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00 };
	struct pkey_how		how;

	if (pkey_how(key, &how, e) == -1)
		return -1;
	if (how.width == 0)
		buf_add(b, rs256, sizeof(rs256));
	else if (how.width == 32)
		buf_add(b, es256, sizeof(es256));
	else
		buf_add(b, es384, sizeof(es384));
	return 0;
}

int
tlv_sign(EVP_PKEY *key, struct span tbs, struct buf *out, struct err *e)
{
	struct buf	b = BUF_INIT, sig = BUF_INIT;
	int		r = -1;

	buf_span(&b, tbs);
	buf_u8(&sig, 0);	/* unused bits */
	if (tlv_alg(key, &b, e) == -1 || pkey_sign(key, tbs, &sig, e) == -1)
		goto out;
	tlv_add(&b, DER_BITS, sig.p, sig.n);
	tlv_add(out, DER_SEQ, b.p, b.n);
	r = 0;
out:
	buf_free(&b);
	buf_free(&sig);
	return r;
}
