#ifndef AUDITOR_LOG_FIND_H
#define AUDITOR_LOG_FIND_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/db/log_store.h"
#include "base/err.h"
#include "base/limit.h"

/*
 * What entries of a log say against it, as findings log.misbehaved.  Inside
 * the caller's transaction.
 */

/*
 * How far the entries of a log were looked at, and what in vain: of who asks
 * again and again, zeros at first.
 */
struct log_look {
	int64_t	from;		/* index of the next one */
	size_t	next;
	struct {
		int64_t	index;
		uint8_t	hash[32];	/* that was promised */
	}	seen[LIMIT_LOG_PAGE];
};

/*
 * Entries that cannot be right (not parsable, or not signed by their issuer)
 * and are, but for one bit, what the log signed an SCT for at their time:
 * critical.  One finding of a log names LIMIT_LOG_FLIPS of them; who acked or
 * resolved it is told when there is another.  *yes 1 when one is new.  One call
 * looks at LIMIT_LOG_SEARCH promises, the next one goes on from there.
 */
int log_find_flips(struct db *, const struct log_row *, struct log_look *,
    int *yes, struct err *);

/*
 * The same of the promises for issuance ${tbs} that name the index of an entry
 * that we have (static-ct-api, leaf_index), whatever else is right about it.
 */
int log_find_promised(struct db *, const struct log_row *, struct span tbs,
    int *yes, struct err *);

/* An entry that should not be there. */
struct log_entry {
	const char	*what;		/* interval, entry_timestamp, leaf_index */
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

/*
 * An entry that was not there when its time and the MMD were over, as a head
 * shows that the log signed: critical.  *yes 1 when there is one, of a log whose
 * entries come in time 0.
 */
int log_find_late(struct db *, const struct log_row *, uint64_t index,
    uint64_t timestamp_ms, int *yes, struct err *);

/*
 * The log does not prove a head that it signed and that we have for a day:
 * medium in the same way, and resolved when it has proven that head.
 */
int log_find_unproven(struct db *, const struct log_row *, int64_t head_id,
    const char *reason, struct err *);
int log_find_proven(struct db *, const struct log_row *, int64_t head_id,
    struct err *);

#endif
