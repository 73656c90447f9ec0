#ifndef RIG_PUB_CRL_H
#define RIG_PUB_CRL_H

#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/web.h"

/*
 * Answer a request for the CRL of q->shard (0: the full one) at a listener
 * ("ADDRESS:PORT").  The lock is held.
 */
void pub_crl(struct pub *, const struct web_req *, const struct pask *,
    const char *, struct web_res *);

/* Make new CRLs when next asked, however young the old ones are. */
void pub_crl_publish(struct pub *);

#endif
