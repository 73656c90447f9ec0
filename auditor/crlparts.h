#ifndef AUDITOR_CRLPARTS_H
#define AUDITOR_CRLPARTS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ocsp/crlscan.h"

/*
 * What is kept of a CRL that is too large to be kept whole (LIMIT_CRL_KEEP),
 * as evidence of what it says of one certificate: revocation_status.raw of
 * form 'crl_parts'.  Integers are big-endian, a vecN has its length in N bits
 * in front:
 *
 *	u8	version, 1
 *	u64	bytes of the CRL
 *	u64	entries of it
 *	[32]	SHA-256 of its tbsCertList
 *	vec8	digest of the same, by the hash of its algorithm
 *	vec32	header: tbsCertList up to the entries
 *	vec32	entry of the certificate; empty: it is not listed
 *	vec32	tail: crlExtensions, algorithm, signature
 */
struct crlparts {
	uint64_t	 bytes;
	uint64_t	 count;
	const uint8_t	*sha256;	/* 32 bytes; all is borrowed */
	struct span	 digest;
	struct span	 header;
	struct span	 entry;
	struct span	 tail;
};

/* Of a scan whose result is authentic; ${hit} of its hits, or NULL. */
void crlparts_of(const struct crlscan_out *, const struct crlscan_hit *hit,
    struct crlparts *);

void crlparts_pack(struct buf *, const struct crlparts *);

/* Borrows from the span, which must be all of it: 0 or -1 ERR_FORMAT. */
int crlparts_unpack(struct span, struct crlparts *, struct err *);

#endif
