#ifndef OCSP_CRLSCAN_PARTS_H
#define OCSP_CRLSCAN_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "ocsp/crlscan.h"

/*
 * A CRL of which only parts are at hand, as a scan leaves them: what the CA
 * signed is a digest.  That the parts are of the list with this digest cannot
 * be seen from them: who kept them says it.
 */
struct crlscan_parts {
	struct span	issuer;		/* certificate of the CA, DER */
	struct span	header;		/* crlscan_out.header */
	struct span	tail;		/* crlscan_out.tail */
	struct span	digest;		/* crlscan_out.tbs_digest */
};

/*
 * Read them.  ${out}: number, times, sigalg, idp, partitioned, fault and why
 * as of a scan; authentic when the issuer's key signed the digest by the
 * algorithm that the parts name.  Lengths that do not fit each other are
 * CRL_MALFORMED.  crlscan_out_free() it.
 */
void crlscan_parts(const struct crlscan_parts *, struct crlscan_out *out);

/*
 * Read an entry that was kept, all of the span, of a serial in the set: 0
 * and number, at, reason, invalid_at and raw (borrowed); -1: it is none.
 */
int crlscan_parts_entry(struct span raw, const struct crlset *,
    struct crlscan_hit *);

#endif
