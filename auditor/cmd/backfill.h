#ifndef AUDITOR_CMD_BACKFILL_H
#define AUDITOR_CMD_BACKFILL_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/back_store.h"

/* Which history is to be read, for `backfill` and `watch add`. */
struct backfill_ask {
	const char	*log;		/* a name, an id, or "all" */
	int64_t		 since;		/* microseconds; INT64_MIN: all */
	int64_t		 not_after;	/* the same */
	int64_t		 from, to;	/* -1: not given */
	int		 again;		/* also what was verified before */
	int64_t		 step;		/* entries a range */
};

/* Back-fills that a command follows. */
struct backfill_ids {
	struct back_ids	 open;		/* free() open.v */
	size_t		 logs;		/* that they are of */
	int		 skipped;	/* logs that cannot be read */
};

/*
 * Enter what is asked for, in one transaction with the audit trail; what is
 * not read, and why, is said on stderr.  0 or -1.
 */
int backfill_enter(struct cmd_ctx *, const struct backfill_ask *,
    struct backfill_ids *, struct err *);

/*
 * Show how far these are until they are done; with no daemon the work is done
 * here.  The exit status.
 */
int backfill_follow(struct cmd_ctx *, const struct backfill_ids *);

/* Say only what was entered, with --json a row each.  The exit status. */
int backfill_entered(struct cmd_ctx *, const struct backfill_ids *);

/* One row of back_list() as JSON. */
json_t *backfill_json(const struct db_res *, size_t row);

#endif
