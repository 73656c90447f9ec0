#ifndef RIG_DER_H
#define RIG_DER_H

#include <time.h>

#include "base/buf.h"

/* Just enough DER: one-byte tags, definite lengths. */

enum {
	DER_BOOL = 0x01, DER_INT = 0x02, DER_BITS = 0x03, DER_OCTETS = 0x04,
	DER_NULL = 0x05, DER_OID = 0x06, DER_ENUM = 0x0a, DER_UTC = 0x17,
	DER_GTIME = 0x18, DER_SEQ = 0x30, DER_SET = 0x31, DER_EXTS = 0xa3
};

/*
 * Take the next element: its tag, its content, the whole of it.  Each output
 * may be NULL; the content may go to the cursor itself.
 */
int der_next(struct cur *, uint8_t *, struct cur *, struct span *);

/* Append an element with ${n} bytes of content; with a buf's content. */
void der_put(struct buf *, uint8_t, const void *, size_t);
void der_wrap(struct buf *, uint8_t, const struct buf *);

/* Append a non-negative INTEGER of big-endian bytes. */
void der_int(struct buf *, const void *, size_t);

/* Append a Time as RFC 5280 wants it: UTCTime up to 2049; GeneralizedTime. */
void der_time(struct buf *, time_t);
void der_gtime(struct buf *, time_t);

/* An OBJECT IDENTIFIER's content, of a string constant. */
#define DER_OID_OF(s) ((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })

/* Append an Extension: OID, critical, value. */
void der_ext(struct buf *, struct span, int, struct span);

/* Append ${n} SEQUENCEs, each in the one before it. */
void der_deep(struct buf *, size_t);

/* Put the header of an element around the bytes from ${at} on, in place. */
void der_around(struct buf *, size_t, uint8_t);

/*
 * The parts of a TBSCertificate that RFC 6962 3.2 lets differ between
 * precertificate and log entry.
 */
struct der_change {
	const uint8_t	*drop;		/* an OID's content: leave it out */
	size_t		 ndrop;
	struct span	 issuer;	/* a new issuer Name, or empty */
	struct span	 aki;		/* a new AKI value, or empty */
};

/* Append the TBSCertificate of a certificate with changes; -1: no DER. */
int der_tbs(struct span, const struct der_change *, struct buf *);

/* The contents of the poison's and of the SCT list's OID. */
extern const uint8_t der_poison[10], der_scts[10];

/* Find an extension's value (inside its OCTET STRING) in a certificate. */
int der_extension(struct span, const uint8_t *, size_t, struct span *);

#endif
