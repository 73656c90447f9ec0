#ifndef AUDITOR_CANARY_FIND_H
#define AUDITOR_CANARY_FIND_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What time brings for the canary of the configuration: its certificate is
 * renewed when canary.every says so; canary.missed (high) when the newest one
 * was not seen in a log within canary.within, or when none was ordered for
 * half as long again as canary.every.  It resolves when that one, or a newer
 * one, is seen, or the canary is gone.  In the caller's transaction, after
 * loop_seen().
 */
int canary_find_time(struct db *, const struct conf *, struct err *);

/* The name of the canary as certificates have it, freed by the caller. */
char *canary_name(const struct conf *);

#endif
