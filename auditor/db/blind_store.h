#ifndef AUDITOR_DB_BLIND_STORE_H
#define AUDITOR_DB_BLIND_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Of the issuances of watched names that were seen in the last ${days} days
 * and before ${lag} seconds ago, when those logs were still read: in how many
 * were all logs that we know of (where it was seen, and those that its SCTs
 * name) among ${logs} (log ids)?  The newest LIMIT_BLIND_ISSUANCES of them.
 * Rows: issuer_owner (null: not known), how many issuances, how many of them
 * only there, 1 when it is the sum of all (the first row).
 */
int blind_store_estimate(struct db *, const struct db_spans *logs,
    int64_t days, int64_t lag, struct db_res **, struct err *);

/*
 * Is some worker running for so many seconds?  After a pause of all of them
 * everything is behind for a moment.
 */
int blind_store_settled(struct db *, int64_t seconds, int *settled,
    struct err *);

#endif
