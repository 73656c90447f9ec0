#ifndef AUDITOR_DB_INCL_STORE_H
#define AUDITOR_DB_INCL_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* Whether the entries that SCTs promise are in their logs. */

/*
 * Of a log, those that our own reading has proven: entries that matched are
 * kept with their audit path.  *n: how many, may be NULL.
 */
int incl_store_own(struct db *, int log_ref, int64_t *n, struct err *);

/* A head of the log that all due SCTs can be judged against. */
struct incl_head {
	int64_t		id;		/* 0: there is none */
	uint64_t	size;
	uint8_t		root[32];
	int64_t		timestamp_ms;
};

int incl_store_head(struct db *, int log_ref, struct incl_head *,
    struct err *);

/* Which SCTs are due. */
struct incl_ask {
	int		log_ref;
	int64_t		timestamp_ms;	/* of the head */
	int64_t		every_s;	/* each is asked about so often */
	size_t		max;
};

/*
 * SCTs of the log that are due (timestamp and MMD have passed at the head's
 * timestamp) and of which nothing is known.  Columns: tbs_sha256,
 * timestamp_ms, leaf_hash, leaf_index, last_error.
 */
int incl_store_due(struct db *, const struct incl_ask *, struct db_res **,
    struct err *);

/*
 * Has the log shown a head since this SCT was looked at, and not failed?  A log
 * that is gone says of every leaf that it has none.
 */
int incl_store_alive(struct db *, int log_ref, struct span tbs,
    int64_t timestamp_ms, int *yes, struct err *);

/* What came of one. */
struct incl_said {
	struct span	 tbs;
	int		 log_ref;
	int64_t		 timestamp_ms;	/* of the SCT */
	const char	*state;		/* proved, violated, unchecked */
	int64_t		 index;
	struct span	 path;
	const struct incl_head *head;
	const char	*error;		/* "" */
};

int incl_store_said(struct db *, const struct incl_said *, struct err *);

#endif
