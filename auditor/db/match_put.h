#ifndef AUDITOR_DB_MATCH_PUT_H
#define AUDITOR_DB_MATCH_PUT_H

#include <stddef.h>

#include "auditor/db/match_store.h"
#include "base/err.h"

struct decide_match;

/* What matched, as rows: a statement a table for many matches. */

struct match_row {
	const struct judge_match *m;
	struct decide_match	 *d;	/* the watches that it hits */
	size_t			  nd;
	int			  fresh;	/* its issuance was not there */
	int			  decided;	/* about its issuance */
};

/*
 * Put the rows of ${n} matches, which are in the order of their tbs_sha256:
 * issuers, issuances (they are locked, in that order), certificates, names;
 * with a proof also entries and which watches they matched.  Those whose
 * issuance is new and nobody needs to hear of are decided about, and marked.
 * Pushed.
 */
int match_put(const struct match_in *, struct match_row *, size_t n,
    struct err *);

#endif
