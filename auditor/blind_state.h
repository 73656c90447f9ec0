#ifndef AUDITOR_BLIND_STATE_H
#define AUDITOR_BLIND_STATE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"
#include "ctlog/blind.h"

/*
 * What is not seen now: the worst case (ctlog/blind.h) from the states and
 * lags of the logs in the database, and an estimate from what was seen.  The
 * two are kept apart: the first is true whatever CAs do, the second says what
 * they did lately.
 */

/* A log that lags by so many seconds is blind, and for so many it is grave. */
#define BLIND_AFTER	3600
#define BLIND_LONG	86400
/* An estimate is of so many days, and of at least so many issuances. */
#define BLIND_DAYS	30
#define BLIND_BASIS	20
/* Ways that are judged: each program, embedded and by TLS. */
#define BLIND_WAYS	4

struct blind_state {
	struct db_res		*rows;	/* coverage_store_now(), all logs */
	struct blind_log	*log;	/* those that are listed */
	/* As each program has them, which may not know some of them. */
	struct blind_log	*view[POLICY_PROGRAMS];
	struct db_res		*lists;	/* blind_store_lists() */
	size_t			*row;	/* of each in ${rows} */
	size_t			 n;
	int64_t			 at;	/* as of when */
	struct blind_verdict	 way[BLIND_WAYS];
	int64_t			 seconds;	/* the longest of the embedded
						   ones */
	size_t			 nblind;	/* logs behind for BLIND_AFTER */
	struct db_res		*seen;	/* of the estimate; NULL: none */
	int64_t			 basis, only;	/* its sums */
};

/* Load it as of now, by the database's clock; ${poll} in seconds. */
int blind_state_load(struct blind_state *, struct db *, int64_t poll,
    struct err *);
void blind_state_free(struct blind_state *);

/*
 * Load the estimate, too, if some log is blind: what of the issuance that was
 * seen was only there.  It takes a second where much was seen.
 */
int blind_state_seen(struct blind_state *, struct db *, struct err *);

/* Does log ${i} lag by BLIND_AFTER, and would its SCTs count somewhere? */
int blind_state_is(const struct blind_state *, size_t i);

/* The share that was only in the logs that are blind; -1: no estimate. */
double blind_state_share(const struct blind_state *);

/* All of it (docs/operations.md), a new object. */
json_t *blind_state_json(const struct blind_state *);

/* "2 h", and the names of the logs that are blind: "A (3 h), B (2 h)". */
void blind_state_span(int64_t seconds, struct buf *);
void blind_state_logs(const struct blind_state *, struct buf *);
/* A sentence about the estimate. */
void blind_state_estimate(const struct blind_state *, struct buf *);

#endif
