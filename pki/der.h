#ifndef PKI_DER_H
#define PKI_DER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * A bounds-checked walk over DER (X.690) and certificates (RFC 5280, 4.1)
 * without any OpenSSL object and without memory.  All spans point into the
 * caller's bytes.
 */

enum der_tag {
	DER_BOOL = 0x01, DER_INT = 0x02, DER_BITS = 0x03, DER_OCTETS = 0x04,
	DER_NULL = 0x05, DER_OID = 0x06, DER_UTF8 = 0x0c, DER_PRINTABLE = 0x13,
	DER_TELETEX = 0x14, DER_IA5 = 0x16, DER_UTC = 0x17, DER_GENTIME = 0x18,
	DER_UNIVERSAL = 0x1c, DER_BMP = 0x1e, DER_SEQ = 0x30, DER_SET = 0x31
};

/* One element: its tag byte, all of it, and what it contains. */
struct der {
	uint8_t		tag;
	struct span	whole;
	struct span	body;
};

/*
 * In place, not called: each entry of a log is some forty elements, and a
 * processor foresees the length of each where it is read, not where all are.
 */
#define DER_INLINE	static inline __attribute__((always_inline))

/* ${strict}: as der_next_strict(), else as der_next(). */
DER_INLINE int
der_read(struct cur *c, struct der *d, int strict)
{
	const uint8_t	*p = c->p;
	size_t		 left = (size_t)(c->end - p), n, k, i;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return -1;
	n = p[1];
	k = 2;
	if (n & 0x80) {
		k = n & 0x7f;
		if (k == 0 || k > 4 || left < 2 + k)
			return -1;
		for (n = 0, i = 0; i < k; i++)
			n = n << 8 | p[2 + i];
		if (strict && (n < 0x80 || n >> (8 * (k - 1)) == 0))
			return -1;
		k += 2;
	}
	if (left - k < n)
		return -1;
	d->tag = p[0];
	d->whole.p = p;
	d->whole.n = k + n;
	d->body.p = p + k;
	d->body.n = n;
	c->p = p + k + n;
	return 0;
}

/*
 * The next element; 0, or -1 and nothing moved.  Lengths must be definite
 * and at most four bytes long, and tags of one byte; a length that is not
 * the shortest form passes here, and is refused by der_next_strict().
 */
DER_INLINE int
der_next(struct cur *c, struct der *d)
{
	return der_read(c, d, 0);
}

int der_next_strict(struct cur *, struct der *);

/* The next element, which must have this tag: 0 or -1. */
DER_INLINE int
der_want(struct cur *c, uint8_t tag, struct der *d)
{
	if (c->p == c->end || *c->p != tag)
		return -1;
	return der_read(c, d, 0);
}

/* ${whole} is exactly one element with this tag; its body: 0 or -1. */
int der_only(struct span whole, uint8_t tag, struct span *body);

/*
 * A TBSCertificate taken apart.  Spans are whole elements (tag and length
 * included) unless said otherwise; p is NULL where the part is absent.
 */
struct der_tbs {
	struct span	whole;
	struct span	serial;		/* body of the INTEGER */
	struct span	sigalg;
	struct span	issuer;
	struct span	not_before;
	struct span	not_after;
	struct span	subject;
	struct span	spki;
	struct span	exts;		/* body of the SEQUENCE OF Extension */
	struct span	san;		/* body of the GeneralNames */
	int		version;	/* 1, 2, 3, or what it says */
};

/*
 * Walk a TBSCertificate, which must be all of the span.  Refuses what a
 * careful reader cannot take apart in one way: two subjectAltNames, bytes
 * that are left over.  It does not look inside extensions other than the
 * subjectAltName; der_ext() does.
 */
int der_tbs(struct span, struct der_tbs *, struct err *);

/*
 * Split a Certificate: the TBSCertificate and the AlgorithmIdentifier as
 * whole elements, the signature without the count of unused bits (which
 * must be 0).  Outputs may be NULL.
 */
int der_cert(struct span, struct span *tbs, struct span *sigalg,
    struct span *sig, struct err *);

/*
 * Find an extension by the body of its OID.  1: *value is the body of the
 * OCTET STRING and *critical 0 or 1 (either may be NULL); 0: there is none;
 * -1: malformed, or there are two of them.
 */
int der_ext(const struct der_tbs *, const uint8_t *oid, size_t n,
    struct span *value, int *critical);

/*
 * Does the value of an extended key usage (RFC 5280, 4.2.1.12) name this OID,
 * by its body?  1; 0: it does not, or cannot be read so far.
 */
int der_eku(struct span value, const uint8_t *oid, size_t n);

/* One Extension, walked: its OID's body, critical, the OCTET STRING's body. */
struct der_extn {
	struct span	whole;
	struct span	oid;
	struct span	value;
	int		critical;
};

/* The next one of the cursor over der_tbs.exts: 0 or -1. */
int der_extn_next(struct cur *, struct der_extn *);

/*
 * Append to ${out} a TBSCertificate without the extension of that OID: byte
 * surgery as RFC 6962, 3.2 needs it.  Every other byte is kept, only the
 * lengths of TBS, [3] and the SEQUENCE are written anew, and [3] goes when
 * nothing is left in it.  1: removed, 0: was not there (copied as it is),
 * -1: malformed or there twice.
 */
int der_tbs_without(struct span tbs, const uint8_t *oid, size_t n,
    struct buf *out, struct err *);

/* Append a tag and a definite length in the shortest form. */
void der_put(struct buf *, uint8_t tag, size_t len);

/*
 * UTCTime or GeneralizedTime (whole element) in microseconds since 1970:
 * 0 or -1.  RFC 5280, 4.1.2.5: seconds and Z; seconds may be missing, and a
 * fraction (dropped) or an offset be there, as old certificates have it.
 */
int der_time(struct span, int64_t *);

/* OID bodies that more than one module needs. */
#define DER_OID_SCTS	"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"
#define DER_OID_POISON	"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"
#define DER_OID_PRESIGN	"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x04"
#define DER_OID_SAN	"\x55\x1d\x11"
#define DER_OID_AKI	"\x55\x1d\x23"
#define DER_OID_BASIC	"\x55\x1d\x13"
#define DER_OID_EKU	"\x55\x1d\x25"
#define DER_OID_CN	"\x55\x04\x03"
/* An OID body constant as two arguments: bytes and length. */
#define DER_OID_ARG(s)	(const uint8_t *)(s), sizeof(s) - 1

#endif
