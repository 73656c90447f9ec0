#ifndef AUDITOR_DB_CANARY_STORE_H
#define AUDITOR_DB_CANARY_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The canary: a watched name whose certificates are ordered to be found.  All
 * of these run in the caller's transaction.
 */

/* What there is of it; ${name} as certificates have it. */
struct canary {
	const char	*name;
	int64_t		 within, every;	/* seconds; every 0: nobody orders */
};

/*
 * The newest certificate for the name that we received, or that somebody
 * declared (expect issuance); or the newest that is late, when no later one
 * was seen.  One row, with CANARY_AT null where there is none.
 */
enum canary_col {
	CANARY_TBS,		/* null: only declared */
	CANARY_AT,		/* received or declared */
	CANARY_SEEN_AT,		/* in a log; null: not yet */
	CANARY_LATE,		/* not seen, and the time is over */
	CANARY_QUIET,		/* none was ordered for half as long again as
				   `every` says */
	CANARY_AGE,		/* seconds since CANARY_AT, or since the canary
				   is configured */
	CANARY_SECONDS		/* from CANARY_AT to CANARY_SEEN_AT */
};
int canary_load(struct db *, const struct canary *, struct db_res **,
    struct err *);

/* The managed certificate that has the name, first its own: one row, or none. */
int canary_managed(struct db *, const char *name, struct db_res **,
    struct err *);

/* Log ids that the SCTs of a certificate name. */
int canary_promises(struct db *, const struct span *tbs, struct db_res **,
    struct err *);

/*
 * Note since when that name is the canary (no other is), and have its managed
 * certificate renewed that is older than ${every}.
 */
int canary_due(struct db *, const struct canary *, struct err *);

/* Subjects of open canary.missed findings other than ${name} (NULL: all). */
int canary_others(struct db *, const char *name, struct db_res **,
    struct err *);

#endif
