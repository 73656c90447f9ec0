#ifndef AUDITOR_BLIND_FIND_H
#define AUDITOR_BLIND_FIND_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * coverage.blind: a certificate that a program accepts could be in none of the
 * logs that were read, for BLIND_AFTER seconds or longer.  One finding for the
 * instance; high after BLIND_LONG seconds, or when the estimate says that more
 * than a tenth of issuance was only there.  It resolves when the worst case is
 * below half of BLIND_AFTER.  Not before some worker has run for
 * ${settle} seconds: after a pause of all of them everything is behind.  In
 * the caller's transaction.
 */
int blind_find_time(struct db *, int64_t poll, int64_t settle, struct err *);

#endif
