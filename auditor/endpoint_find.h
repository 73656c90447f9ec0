#ifndef AUDITOR_ENDPOINT_FIND_H
#define AUDITOR_ENDPOINT_FIND_H

#include "auditor/db/db.h"
#include "auditor/db/endpoint_store.h"
#include "auditor/role/judge_audit.h"
#include "base/err.h"

/*
 * From what an endpoint served to findings: one of each kind an endpoint,
 * with the gravest reason of its addresses; what is not so any more resolves.
 * In the caller's transaction, after all was stored.
 */
enum endpoint_fault { ENDPOINT_UNLOGGED, ENDPOINT_EXPIRING, ENDPOINT_MISMATCH,
	ENDPOINT_INCOMPLETE, ENDPOINT_OLD, ENDPOINT_STAPLE, ENDPOINT_FAULTS };

struct endpoint_find {
	const struct endpoint_row *row;		/* borrowed */
	struct {
		const char	*severity;	/* NULL: not so */
		char		 why[400];
		int		 wait;		/* not decided: leave it */
	} v[ENDPOINT_FAULTS];
	int		stapled;	/* there is a staple, readable or not */
	char		detail[1024];
};

void endpoint_find_begin(struct endpoint_find *, const struct endpoint_row *);

/*
 * An address and its certificate; ${staple} NULL: none, or it could not be
 * judged (then ->stapled was set).
 */
int endpoint_find_add(struct endpoint_find *, struct db *, const char *addr,
    const struct judge_cert *, const struct ocsp_said *staple, struct err *);

/* Open and resolve. */
int endpoint_find_end(struct endpoint_find *, struct db *, struct err *);

#endif
