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

/* Columns of blind_store_lists(). */
enum blind_list_col {
	BLIND_L_SOURCE, BLIND_L_LOG_ID, BLIND_L_OPERATOR, BLIND_L_STATE,
	BLIND_L_SINCE
};

/*
 * What the newest lists of the browsers say, a row a log of each: source
 * (chrome, apple; file alone, where it stands for both), log id (base64),
 * operator, state (null: none stated, or a test log) and since when (text or
 * null).  No rows of a browser whose list was not looked at for a week.
 */
int blind_store_lists(struct db *, struct db_res **, struct err *);

/* What time it is to the database: lags and states are by its clock. */
int blind_store_clock(struct db *, int64_t *at, struct err *);

/*
 * Does some worker work for so many seconds?  After a pause of all of them
 * everything is behind for a moment.
 */
int blind_store_settled(struct db *, int64_t seconds, int *settled,
    struct err *);

#endif
