#ifndef AUDITOR_DB_RETAIN_H
#define AUDITOR_DB_RETAIN_H

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Retention: partitions whose time is over are dropped as a whole (what
 * evidence needs moves to the default partition first), partitions ahead are
 * made, messages that ended long ago go.
 */

struct retain {
	int64_t	certificates;	/* seconds behind not_after, or retirement */
	int64_t	deliveries;	/* seconds behind their end */
	int	dry;		/* only say what is due */
};

/*
 * Partitions as rows of *res (db_free): name, parent, bytes, rows (estimate,
 * null: none yet), due_at (timestamptz or null), due (boolean); the next to be dropped first.
 */
int retain_list(struct db *, const struct retain *, struct db_res **,
    struct err *);

/*
 * Do what is due, each in a transaction of its own; a line about each thing
 * that was done goes to ${out}, nothing when there was nothing.  One partition,
 * or a batch of LIMIT_RETAIN_ROWS rows that go one by one, then *more is 1.
 * ERR_TEMP when somebody holds a table for long: again later.
 */
int retain_turn(struct db *, const struct retain *, struct buf *out,
    int *more, struct err *);

#endif
