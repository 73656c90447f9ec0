#ifndef AUDITOR_ROLE_AUDIT_MEMO_H
#define AUDITOR_ROLE_AUDIT_MEMO_H

#include <stdint.h>

#include "auditor/role/probe.h"
#include "base/limit.h"

/*
 * What the DNS said a moment ago.  Names that are looked at together have
 * their parents in common, and each climbs to them: one question does, as a
 * resolver would answer the same for as long.  Bounded; the oldest go.
 */

struct audit_memo_one {
	char		*name;		/* owned; NULL: none */
	uint16_t	 type;
	int64_t		 until;		/* monotonic */
	struct buf	 said;		/* packed */
};

/* All zero: nothing is known. */
struct audit_memo {
	struct audit_memo_one	v[LIMIT_AUDIT_MEMO];
	size_t			next;	/* is replaced next */
};

/*
 * Remember an answer about ${name} until its TTL is over, for five seconds at
 * least and a minute at most, and never for longer than ${most} microseconds.
 * One that is large, or none, is not remembered.
 */
void audit_memo_add(struct audit_memo *, const char *name, uint16_t type,
    const struct probe_said *, int64_t now, int64_t most);

/* The answer, for probe_said_read(); borrowed until the next add.  Or NULL. */
const struct buf *audit_memo_find(const struct audit_memo *, const char *name,
    uint16_t type, int64_t now);

void audit_memo_free(struct audit_memo *);

#endif
