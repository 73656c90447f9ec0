#ifndef AUDITOR_DB_HEAD_STORE_H
#define AUDITOR_DB_HEAD_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* Signed heads as they stand beside each other: all SQL about that. */

struct head_ref {
	int64_t		id;		/* of tree_head; 0: none */
	uint64_t	size;
	uint8_t		root[32];
};

/*
 * The signed head that the proven range of a log ends in (its size is that
 * of the range, or more); id 0: nothing is proven yet.
 */
int head_of_range(struct db *, int log_ref, struct head_ref *, struct err *);

/*
 * A head of this log and size with another root, signed as well, that is not
 * marked as a lie already; id 0: none.
 */
int head_twin(struct db *, int log_ref, uint64_t size, const uint8_t root[32],
    struct head_ref *, struct err *);

/*
 * The largest head, proven to be of the log's tree, that has not got entry
 * ${index}, if it is dated ${ms} or later; id 0: none.
 */
int head_without(struct db *, int log_ref, uint64_t index, int64_t ms,
    struct head_ref *, struct err *);

/*
 * The next head, by id behind ${after}, that waits to be compared and is not
 * larger than ${size}; id 0: none.
 */
int head_pending(struct db *, int log_ref, uint64_t size, int64_t after,
    struct head_ref *, struct err *);

/*
 * Heads that nothing needs are removed: of each log the first of a day, and
 * what is anomalous or bounds something, stay.  One call looks at some days of
 * some logs (LIMIT_HEAD_SWEEP) and goes on where the last one ended, whoever
 * made it.  *removed: how many; *more: 1 when it has not seen all of them.
 */
int head_sweep(struct db *, int64_t *removed, int *more, struct err *);

#endif
