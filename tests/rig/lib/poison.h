#ifndef RIG_POISON_H
#define RIG_POISON_H

#include "tests/rig/lib/rlog.h"

/*
 * Add one hostile entry, honestly hashed (README.md: poison): what, the name
 * that lies inside, a size (-1: default).  The lock is held.
 */
int poison_add(struct rlog *, const char *, const char *, int64_t,
    struct err *);

#endif
