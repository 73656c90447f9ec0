#ifndef AUDITOR_LOG_FIND_H
#define AUDITOR_LOG_FIND_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/db/log_store.h"
#include "base/err.h"

/*
 * What entries of a log say against it, as findings log.misbehaved.  Inside
 * the caller's transaction.
 */

/*
 * Entries that cannot be right (not parsable, or not signed by their issuer)
 * and are, but for one bit, what the log signed an SCT for at their time:
 * critical.  One finding of a log names LIMIT_LOG_FLIPS of them; who acked or
 * resolved it is told when there is another.  *yes 1 when one is new.
 */
int log_find_flips(struct db *, const struct log_row *, int *yes,
    struct err *);

/* An entry that should not be there. */
struct log_entry {
	const char	*what;		/* interval, entry_timestamp */
	const char	*reason;	/* one sentence */
	uint64_t	 index;
	int64_t		 head_id;	/* that proves it */
};

/*
 * The log took what it says it does not take: medium, as nothing is hidden
 * by it.  A worse finding about the log keeps its severity and evidence.
 */
int log_find_entry(struct db *, const struct log_row *,
    const struct log_entry *, struct err *);

#endif
