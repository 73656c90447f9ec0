#ifndef TESTS_UNIT_PKI_FORGE_H
#define TESTS_UNIT_PKI_FORGE_H

#include <string.h>

#include "base/buf.h"
#include "pki/der.h"

/* Small hand-made TBSCertificates for the tests of this layer. */

struct forge {
	struct buf	san;		/* GeneralNames, without the SEQUENCE */
	struct buf	subject;	/* RDNs, without the SEQUENCE */
	struct buf	exts;		/* more Extensions */
};

#define FORGE_INIT { BUF_INIT, BUF_INIT, BUF_INIT }

static inline void
forge_tlv(struct buf *b, uint8_t tag, const void *p, size_t n)
{
	der_put(b, tag, n);
	if (n != 0)
		buf_add(b, p, n);
}

static inline void
forge_san(struct forge *f, uint8_t tag, const void *p, size_t n)
{
	forge_tlv(&f->san, tag, p, n);
}

static inline void
forge_dns(struct forge *f, const char *name)
{
	forge_san(f, 0x82, name, strlen(name));
}

/* An attribute 2.5.4.${type} of the subject. */
static inline void
forge_rdn(struct forge *f, uint8_t type, uint8_t tag, const void *p, size_t n)
{
	struct buf	av = BUF_INIT, seq = BUF_INIT;
	uint8_t		oid[3] = { 0x55, 0x04, type };

	forge_tlv(&av, DER_OID, oid, 3);
	forge_tlv(&av, tag, p, n);
	forge_tlv(&seq, DER_SEQ, av.p, av.n);
	forge_tlv(&f->subject, DER_SET, seq.p, seq.n);
	buf_free(&av);
	buf_free(&seq);
}

static inline void
forge_cn(struct forge *f, uint8_t tag, const char *s)
{
	forge_rdn(f, 3, tag, s, strlen(s));
}

static inline void
forge_ext(struct buf *exts, const void *oid, size_t noid, int critical,
    const void *p, size_t n)
{
	struct buf	b = BUF_INIT;

	forge_tlv(&b, DER_OID, oid, noid);
	if (critical)
		forge_tlv(&b, DER_BOOL, "\xff", 1);
	forge_tlv(&b, DER_OCTETS, p, n);
	forge_tlv(exts, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

/* Append the TBSCertificate to ${out} and free the parts. */
static inline void
forge_done(struct forge *f, struct buf *out)
{
	static const char	time[] = "\x17\x0d" "260101000000Z"
				    "\x17\x0d" "270101000000Z";
	struct buf		b = BUF_INIT, x = BUF_INIT, y = BUF_INIT;

	buf_add(&b, "\xa0\x03\x02\x01\x02\x02\x01\x05", 8);
	buf_add(&b, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	buf_add(&b, "\x30\x00", 2);
	forge_tlv(&b, DER_SEQ, time, sizeof(time) - 1);
	forge_tlv(&b, DER_SEQ, f->subject.p, f->subject.n);
	buf_add(&b, "\x30\x03\x02\x01\x01", 5);
	if (f->san.n != 0) {
		forge_tlv(&x, DER_SEQ, f->san.p, f->san.n);
		forge_ext(&f->exts, DER_OID_SAN, 3, 0, x.p, x.n);
		buf_reset(&x);
	}
	if (f->exts.n != 0) {
		forge_tlv(&x, DER_SEQ, f->exts.p, f->exts.n);
		forge_tlv(&y, 0xa3, x.p, x.n);
		buf_add(&b, y.p, y.n);
	}
	forge_tlv(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
	buf_free(&x);
	buf_free(&y);
	buf_free(&f->san);
	buf_free(&f->subject);
	buf_free(&f->exts);
}

#endif
