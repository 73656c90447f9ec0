#ifndef AUDITOR_DB_LOOP_STORE_H
#define AUDITOR_DB_LOOP_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * What we ordered and received, and what the logs show of it.  All of these
 * run in the caller's transaction.
 */

/* A certificate that was received and deployed; strings and spans borrowed. */
struct loop_got {
	int64_t			 order;		/* acme_order.id */
	struct db_strs		 names;
	const char		*serial;
	int64_t			 not_after;	/* microseconds */
	struct span		 tbs;		/* tbs_sha256 */
	struct span		 der;
};

/*
 * Keep it, and which logs its embedded SCTs promise it to (RFC 6962, 3.3).
 * An SCT that cannot be read promises nothing; sct.invalid tells of it.
 */
int loop_received(struct db *, const struct loop_got *, struct err *);

/* Note which of those that were received a log has shown since. */
int loop_seen(struct db *, struct err *);

/*
 * Those that no log shows which promised it, by its SCT and its MMD, though
 * a head of that time was read: a row an owner of watches that would have
 * matched.  Only where reading began before the SCT.  *res: db_free().
 */
enum loop_col {
	LOOP_TBS, LOOP_OWNER, LOOP_WATCH, LOOP_NAME, LOOP_REASON, LOOP_DETAIL
};
int loop_not_logged(struct db *, struct db_res **res, struct err *);

/* Findings of not_logged that are over: subject, reason. */
int loop_logged(struct db *, struct db_res **res, struct err *);

/*
 * Certificates with the key of an order that failed, or that nobody went on
 * with for an hour: tbs_sha256, reason, detail, acme_order.id, and
 * managed_certificate.id.
 */
int loop_not_received(struct db *, struct db_res **res, struct err *);

/*
 * May the certificate of a lost order be had yet, so that it is to be asked
 * for again?  1, once for each order; 0; -1.
 */
int loop_late(struct db *, int64_t order, struct err *);

/*
 * Open the failed order of a managed certificate again, for ${holder}, when a
 * log shows what became of it and we have nothing newer: at most LIMIT_LATE
 * times.  1, 0 there is none, -1.  In a transaction of its own, too.
 */
int loop_reopen(struct db *, int64_t managed, const char *holder,
    struct err *);

/* Findings of not_received that are over: subject, reason. */
int loop_settled(struct db *, struct db_res **res, struct err *);

#endif
