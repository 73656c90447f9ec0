#ifndef RIG_FILL_H
#define RIG_FILL_H

#include "tests/rig/lib/rlog.h"

/*
 * Add ${n} filler entries whose names depend on ${seed} only.  The lock is
 * held; publishing is left to the caller (rlog_done).
 */
void fill_add(struct rlog *, uint64_t, uint64_t);

/* Make the issuers that filler certificates name; call once at the start. */
void fill_init(const char *);

#endif
