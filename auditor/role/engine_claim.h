#ifndef AUDITOR_ROLE_ENGINE_CLAIM_H
#define AUDITOR_ROLE_ENGINE_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/lease.h"
#include "auditor/role/engine.h"

/*
 * Whose turn it is among the work that an engine does itself; the kinds of
 * the audit have a table of their own (audit_claim.c).
 */

/* A kind of work.  A new one is a row in engine_claim.c. */
struct engine_kind {
	const char	*name;		/* work.kind */
	unsigned	 role;		/* who does it */
	const char	*share;		/* its name where turns can be long: no
					   worker has more than its part of
					   them; NULL: first come */
	/* How many more of it may begin now. */
	size_t	(*room)(struct engine *);
	/* Take the lease (it is zeroed) and begin; -1: not now. */
	int	(*begin)(struct engine *, struct lease *);
	/* Give one back at once, with the least loss: 1, or 0 when there is
	   none that can be; NULL: cannot. */
	int	(*yield)(struct engine *);
	/* There is no room, and something is due: end a turn that lasts long
	   enough, the same; NULL: what is due waits. */
	int	(*next)(struct engine *);
};

/* Claim what is due, once a second, and begin it. */
void engine_claim(struct engine *, int64_t now);

/*
 * We are back after so long, perhaps together with others: for a moment who
 * lived then counts, and what we got above our part is left to them soon.
 */
void engine_claim_back(struct engine *, int64_t away_us);

#endif
