#ifndef AUDITOR_CANARY_FIND_H
#define AUDITOR_CANARY_FIND_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What time brings for the canary of the configuration: its certificate is
 * renewed when canary.every says so; canary.missed (high) when one, and none
 * after it, was seen in a log within canary.within, or when none was ordered
 * for half as long again as canary.every.  It resolves when that one, or a
 * newer one, is seen, or none is waited for.  It opens only when a worker runs
 * for ${settle} seconds, 0 always: after a pause of all of them everything is
 * late for a moment.  In the caller's transaction, after loop_seen().
 */
int canary_find_time(struct db *, const struct conf *, int64_t settle,
    struct err *);

/* The name of the canary as certificates have it, freed by the caller. */
char *canary_name(const struct conf *);

#endif
