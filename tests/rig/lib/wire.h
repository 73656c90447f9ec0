#ifndef RIG_WIRE_H
#define RIG_WIRE_H

#include "tests/rig/lib/rlog.h"
#include "tests/rig/lib/web.h"

/*
 * Lies of the transport: status codes, pages that are none, slow bytes,
 * compression.  Changes an answer that is otherwise complete.  The log's
 * lock is held.  Returns 1 when the answer must stay as it is now.
 */
int wire_lies(struct rlog *, enum kind, struct web_res *);

#endif
