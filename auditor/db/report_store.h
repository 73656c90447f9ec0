#ifndef AUDITOR_DB_REPORT_STORE_H
#define AUDITOR_DB_REPORT_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What an audit report is made of: all of its SQL.  The sections are read in
 * one snapshot, between report_store_begin() and report_store_end().  A
 * section is an object {"count", "list"}: at most LIMIT_REPORT_ROWS objects,
 * all are counted.  auditor/report.h has their fields.
 */

/* The period of a report, and what it depends on. */
struct report_frame {
	int64_t	since, until;		/* microseconds; until is not in it */
	int64_t	unreachable_after;	/* seconds */
	int	first;			/* there was no audit before */
};

/*
 * Begin a snapshot.  frame->since INT64_MIN becomes the end of the last
 * audit's period, or the beginning of this instance; until is set so that
 * what is being written now falls into the next period.
 */
int report_store_begin(struct db *, struct report_frame *, struct err *);

/* End it; never fails. */
void report_store_end(struct db *);

/* New objects, or NULL. */
json_t *report_store_new(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_changed(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_open(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_silenced(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_baseline(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_unchecked(struct db *, const struct report_frame *,
    struct err *);
json_t *report_store_coverage(struct db *, const struct report_frame *,
    struct err *);

/* The id of this instance, a new string; NULL on error. */
char *report_store_instance(struct db *, struct err *);

/* Which row a report becomes; strings are borrowed. */
struct report_row {
	int64_t		 started;	/* microseconds */
	int64_t		 since, until;
	const char	*first_line;
	int		 verdict;
	const char	*body;		/* JSON text */
};

/*
 * Keep it, in the caller's transaction: the next audit begins at its end.
 * *id may be NULL.
 */
int report_store_save(struct db *, const struct report_row *, int64_t *id,
    struct err *);

/*
 * Put ${body} (JSON text of an object) into the outbox for a channel, in the
 * caller's transaction.  1: done, 0: the channel is disabled, -1: ERR_NOENT
 * (nothing was changed) or ERR_DB.
 */
int report_store_send(struct db *, const char *channel, const char *body,
    struct err *);

/* The database's clock, microseconds. */
int report_store_now(struct db *, int64_t *, struct err *);

/* --- the work that an audit waits for ---------------------------------------- */

/*
 * Work of the audit that was due at ${started}, or was made since and is due,
 * and has not been tried since: how many pieces.  *sample (freed by the
 * caller, may be NULL) counts them by kind: "12 cert, 1 crl".
 */
int report_store_due(struct db *, int64_t started, int64_t *n, char **sample,
    struct err *);

#endif
