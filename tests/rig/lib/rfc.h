#ifndef RIG_RFC_H
#define RIG_RFC_H

#include "tests/rig/lib/rlog.h"
#include "tests/rig/lib/web.h"

/*
 * The reading half of RFC 6962, 4: the answer to ct/v1/${kind}.  The log's
 * lock is held.
 */
void rfc_serve(struct rlog *, enum kind, const struct web_req *,
    struct web_res *);

/* A non-negative number of the query; -1 when there is none. */
int64_t rfc_number(const char *, const char *);

/* Read entry ${i} and flip the bit that a lie wants flipped. */
void rfc_entry(struct rlog *, uint64_t, enum kind, struct entry *);

#endif
