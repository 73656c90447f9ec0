#ifndef RIG_PUB_OCSP_H
#define RIG_PUB_OCSP_H

#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/web.h"

/*
 * Answer an OCSP request: that of a POST, or of a GET whose path below the
 * responder is the argument (RFC 6960, A.1).  The serial goes into 44 bytes
 * ("" when there is none), and the question points to it.  The lock is held.
 */
void pub_ocsp(struct pub *, const struct web_req *, const char *,
    struct pask *, char *, struct web_res *);

/* The answer about a serial as it would be given now, for a TLS server. */
void pub_staple(struct pub *, const char *, struct buf *);

#endif
