#ifndef RIG_SUBMIT_H
#define RIG_SUBMIT_H

#include "tests/rig/lib/rlog.h"
#include "tests/rig/lib/web.h"

/* add-chain and add-pre-chain (RFC 6962, 4.1 and 4.2). */

/* Answer a request.  The log's lock is held. */
void submit_serve(struct rlog *, enum kind, const struct web_req *,
    struct web_res *);

/* Log a chain of DER certificates; appends the SCT as JSON. */
int submit_chain(struct rlog *, const struct buf *, size_t, enum kind,
    struct buf *, struct err *);

/* Read a JSON array of base64 into buffers (at most ${max}); their number. */
struct json_t;
long submit_read(const struct json_t *, struct buf *, size_t, struct err *);

/* get-roots (4.7): every self-issued certificate seen so far. */
void submit_roots(struct web_res *);

#endif
