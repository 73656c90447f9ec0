#ifndef AUDITOR_DB_COVERAGE_STORE_H
#define AUDITOR_DB_COVERAGE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* How far each log was read: all SQL of `coverage`, `log` and `metrics`. */

/* Columns of coverage_store_now(). */
enum coverage_col {
	COV_LOG_ID, COV_DESCRIPTION, COV_OPERATOR, COV_PROTOCOL,
	COV_TREE_SIZE, COV_VERIFIED, COV_LAG_ENTRIES, COV_LAG, COV_HEAD_AGE,
	COV_SPEED, COV_GROWTH, COV_ETA, COV_ERROR,	/* contract.md */
	COV_ERROR_AT, COV_FAILING, COV_CAUGHT_UP, COV_STATE, COV_URL,
	COV_READ_URL, COV_MMD, COV_PAGE, COV_RATE, COV_THROTTLED,
	COV_LISTED, COV_ADDED, COV_LIST, COV_FROM, COV_HYBRID, COV_BEHIND,
	COV_KEY, COV_INTERVAL_FROM, COV_INTERVAL_TO, COV_WATCHED,
	COV_FRESH,	/* seconds since the newest proof or head that agrees */
	COV_STATE_AT,
	COV_BLIND,	/* COV_LAG, of what it showed since we know it, and
			   since all of it was read last; also of a log that
			   has ended (blind_lag) */
	COV_NEVER	/* it grows at least as fast as it is read */
};

/*
 * COV_LAG is how old the oldest entry is that was not seen, by the times of
 * the heads around it, 0 when there is none; COV_SPEED is 0 for a log that is
 * behind and was not read for a while; COV_ETA is null when it is not known,
 * or when COV_NEVER.
 *
 * A row a log that is read, by operator and description; with ${all} also
 * those that are read no longer.  COV_BEHIND: it fails now, or was not
 * verified for five times ${poll} (seconds); never a read-only log that was
 * read to its end.
 */
int coverage_store_now(struct db *, int64_t poll, int all, struct db_res **,
    struct err *);

/* Open log.misbehaved findings: how many. */
int coverage_store_misbehaved(struct db *, int64_t *n, struct err *);

/*
 * Rows a log and day, ${from} and ${to} (microseconds) included: log_id,
 * description, day (text), size_from, size_to, verified_at,
 * max_lag_seconds, gaps, log_list_sha256, watch_set_sha256.
 */
int coverage_store_days(struct db *, int64_t from, int64_t to,
    struct db_res **, struct err *);

/*
 * The logs that are followed and were not proven at the beginning or the end
 * of that time, today left out: description, from and until which day (text,
 * both included).  A log that appeared later than the first ones begins when
 * it did; with ${from} 0, all do.  It ends before the day on which it became
 * read-only or retired, or was last seen in a list.  Days between two rows are
 * their gaps.
 */
int coverage_store_holes(struct db *, int64_t from, int64_t to,
    struct db_res **, struct err *);

/* Counts for metrics: name, label, label, value; by name. */
int coverage_store_counts(struct db *, struct db_res **, struct err *);

#endif
