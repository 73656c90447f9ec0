#ifndef AUDITOR_LOG_FAULT_H
#define AUDITOR_LOG_FAULT_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What a log did wrong, as its finding log.misbehaved: one a log, which keeps
 * what shows it of each kind.  Inside the caller's transaction.
 */

struct log_fault {
	const uint8_t	*log_id;	/* 32 bytes */
	const char	*name;		/* of the log */
	const char	*reason;	/* one sentence */
	/*
	 * What shows it, borrowed: `what` (docs/operations.md), `head_id`, the
	 * head that is wrong; `other_id`, one of its size with another root;
	 * `inconsistent`, a path; `entry`, one by its `index`.  What, and by
	 * which of the last three it is shown, make its kind.
	 */
	const json_t	*detail;
};

/*
 * A critical fault: told when the log had no finding, or none of this kind
 * before the finding was acked, rejected or contained, or it was resolved and
 * this is not what was seen then.  While it is open it is not told again, but
 * for the first that anybody can check behind what only we say; what shows it
 * is kept: LIMIT_LOG_FAULTS of each kind, in `faults` of the
 * detail, whose other members are about what was told last.
 */
int log_fault_open(struct db *, const struct log_fault *, struct err *);

/*
 * Until the transaction ends nobody else changes what a finding log.misbehaved
 * says: for who reads it to write it anew.
 */
int log_fault_lock(struct db *, struct err *);

#endif
