#ifndef AUDITOR_DB_BACK_STORE_H
#define AUDITOR_DB_BACK_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/db/lease.h"
#include "auditor/db/log_store.h"
#include "base/err.h"
#include "ctlog/merkle.h"

/*
 * Back-fill: what of a log's history is wanted, the ranges that it is cut
 * into, and what is proven of them.  All SQL of tables backfill and
 * backfill_range.
 */

/*
 * Where a range may begin: at ${at} or a little below.  The frontier of a
 * tree whose size is a power of two is not in any consistency proof of it
 * (RFC 6962 2.1.2), and whole tiles are 256 entries.
 */
uint64_t back_round(uint64_t at);

/*
 * Where the range that ends at ${end} > 0 begins: about ${step} entries below
 * it or fewer, all ranges on one grid.
 */
uint64_t back_floor(uint64_t end, uint64_t step);

/* What somebody wants of a log. */
struct back_want {
	int		 log_ref;
	int64_t		 from;		/* -1: where ${since} begins */
	int64_t		 to;
	int64_t		 since;		/* microseconds; INT64_MIN: none */
	int		 again;		/* also what was verified before */
	int64_t		 step;		/* entries a range */
	const char	*actor;
};

/* Ids of back-fills; free() v. */
struct back_ids {
	int64_t	*v;
	size_t	 n, cap;
};

void back_ids_add(struct back_ids *, int64_t);

/*
 * Enter it, in the caller's transaction; open back-fills that hold all of it
 * are gone on with.  The ids of those that read it are added to ${ids}: none
 * when nothing of it is left to read.  *fresh: they were not there, or are
 * about other entries now.
 */
int back_enter(struct db *, const struct back_want *, struct back_ids *ids,
    int *fresh, struct err *);

/*
 * Cut more ranges of open back-fills into rows of work, as far as
 * LIMIT_BACK_WINDOW allows, and end those of which everything is read.  *n:
 * ranges that were cut.
 */
int back_plan(struct db *, size_t *n, struct err *);

/* A range that is to be read. */
struct back_range {
	int64_t			 id, backfill;
	int			 log_ref;
	int			 over;		/* cancelled or done */
	uint64_t		 from, to, done;
	uint8_t			 watch_set[32];	/* of [from, done) */
	/* what it is proven against: the head that the tail reached */
	int64_t			 head_id;	/* 0: the log was not read yet */
	uint64_t		 head_size, head_ms;
	uint8_t			 head_root[32];
	int			 behind;	/* the tail has something to read */
	int			 have_edge;	/* the frontier of [0, done) */
	struct merkle_range	 edge;
};

/* Load one; ERR_NOENT when it is not there. */
int back_load(struct db *, int64_t id, struct back_range *, struct err *);

/*
 * What was proven of it, up to in->frontier->to; in the caller's transaction,
 * with what was found.
 */
int back_store(struct db *, const struct back_range *,
    const struct range_in *in, struct err *);

/* A back-fill of which only the date is known. */
struct back_find {
	int64_t		 id;
	int		 log_ref;
	int		 over;		/* cancelled, or found */
	int64_t		 since;
	uint64_t	 to;
	uint64_t	 head_size;
};

/* Load one; ERR_NOENT when it is not there. */
int back_find_load(struct db *, int64_t id, struct back_find *, struct err *);

/* Its first entry was found. */
int back_found(struct db *, int64_t id, uint64_t from, struct err *);

/*
 * --once: is a range left that nobody has tried?  1, 0 or -1.  Those that
 * failed are for another time.
 */
int back_left(struct db *, struct err *);

/*
 * Is ${why} why work on the history of this log failed when it was last tried:
 * this row of work, or another one?  Numbers in it do not count (entries,
 * seconds).  *told 1 or 0.
 */
int back_told(struct db *, int64_t work, int log_ref, const char *why,
    int *told, struct err *);

/*
 * The log wants nothing to be asked for ${due_in_s}: the row of work waits
 * for that long, with ${why}, and has not failed.  ERR_LEASE as lease_done().
 */
int back_held(struct db *, const struct lease *, const char *why,
    int64_t due_in_s, struct err *);

/*
 * ${l} failed (lease_fail()) and nothing of its log's history was proven within
 * the last minute: what else there is to read of that log, and nobody has,
 * waits about as long, as tried, and is before ${l} then.  So a log that is away
 * costs one try, not one of each of its ranges, which others would wait for, and
 * a range that cannot be had is in nobody's way.
 */
int back_defer(struct db *, const struct lease *l, int log_ref, struct err *);

/* It was taken for nothing: due again in so many seconds, as before. */
int back_put_off(struct db *, const struct lease *, int64_t due_in_s,
    struct err *);

/* Workers that read logs and were seen lately: host, pid. */
int back_workers(struct db *, struct db_res **, struct err *);

/* Columns of back_logs(). */
enum back_log_col {
	BACK_L_REF, BACK_L_ID, BACK_L_NAME, BACK_L_URL, BACK_L_READ_URL,
	BACK_L_STATE, BACK_L_READ, BACK_L_INTERVAL_TO,
	BACK_L_FROM, BACK_L_TO,		/* what the tail has proven; null */
	BACK_L_SIZE, BACK_L_FAILING, BACK_L_ERROR,
	BACK_L_AGAIN	/* up to here the newest watch may not be matched */
};

/* A row a log, whether it is read or not, by description. */
int back_logs(struct db *, struct db_res **, struct err *);

/*
 * From which moment on is what the logs hold matched against a watch that was
 * added at ${added_at}?  *from INT64_MIN: from their beginning.  *logs: how
 * many logs hold entries from before.
 */
int back_covered(struct db *, int64_t added_at, int64_t *from, int64_t *logs,
    struct err *);

/*
 * Columns of back_list().  A log that makes us wait (back_held()) is no fault:
 * BACK_WAITS is until when, null where it does not.
 */
enum back_col {
	BACK_ID, BACK_LOG_REF, BACK_LOG_ID, BACK_LOG, BACK_FROM, BACK_TO,
	BACK_SINCE, BACK_AGAIN, BACK_STATE, BACK_ENTRIES, BACK_READ,
	BACK_ADDED, BACK_ENDED, BACK_ERROR, BACK_ACTOR,
	BACK_MATCHES,	/* found in what it covers, by whomever */
	BACK_WAITS
};

/* What back_list() lists beside those that are open, and takes time for. */
#define BACK_LIST_OVER		1	/* those that are done or cancelled */
#define BACK_LIST_MATCHES	2	/* BACK_MATCHES of those; else null */

/*
 * Rows, oldest first.  BACK_READ of BACK_ENTRIES: what was not proven of it
 * when it was entered, and is by now, by whomever: where two of them overlap,
 * each entry is read once and counts for both.  What is read again counts for
 * the one that reads it.
 */
int back_list(struct db *, int what, struct db_res **, struct err *);

/*
 * End it before its time, in the caller's transaction; what was read stays.
 * ERR_NOENT when there is none, ERR_USAGE when it is over.
 */
int back_cancel(struct db *, int64_t id, struct err *);

#endif
