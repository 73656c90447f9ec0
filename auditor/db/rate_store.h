#ifndef AUDITOR_DB_RATE_STORE_H
#define AUDITOR_DB_RATE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"

/*
 * How fast logs and operators are asked by all workers together (tables
 * ask_rate and ask_worker): what one learned is known to all, and is kept
 * over restarts.  Time is the database's now().
 */

/* One bucket: of a log or of an operator, from one source address. */
struct rate_row {
	int		 of_log;	/* else of an operator */
	const char	*subject;	/* log.id or operator.name */
	const char	*source;	/* "": the system's choice */
	double		 per_second;	/* in: when the row is new; out */
	double		 grown;		/* in: to be added */
	int64_t		 hold;		/* out: microseconds, 0 none */
	int64_t		 head_hold;
	unsigned	 parts;		/* out: workers that ask, 1 or more */
};

/* Buckets in one call. */
#define RATE_STORE_MAX	256

/*
 * ${holder} uses these ${n} (at most RATE_STORE_MAX) buckets: rows are made
 * where there are none, what successes added is added, and what holds is
 * filled in.
 */
int rate_store_sync(struct db *, const char *holder, struct rate_row *,
    size_t n, struct err *);

/* What is learned from a refusal. */
struct rate_cut {
	double	factor;		/* 0.5: half as fast */
	int64_t	window;		/* microseconds in which it is old news */
	int64_t	hold;		/* microseconds from now; 0: none */
	int64_t	head_hold;
};

/*
 * Cut one bucket (its per_second is what the row gets that does not exist).
 * Cuts by several workers within the window are one; a hold never shrinks.
 */
int rate_store_cut(struct db *, const struct rate_row *,
    const struct rate_cut *, struct err *);

/* What a turn cost that read something. */
struct rate_wire {
	uint64_t	bytes;		/* on the wire */
	uint64_t	entries;
	double		per_second;	/* requests, of all who ask */
};

/* The same in the health of a log; what is long ago counts less. */
int rate_store_wire(struct db *, int log_ref, const struct rate_wire *,
    struct err *);

/* ${holder} asks these no more: its part of them goes to the others. */
int rate_store_drop(struct db *, const char *holder, const struct rate_row *,
    size_t n, struct err *);

/* ${holder} ends: its part goes to the others.  Forgets who left long ago. */
int rate_store_leave(struct db *, const char *holder, struct err *);

#endif
