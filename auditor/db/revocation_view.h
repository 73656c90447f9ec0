#ifndef AUDITOR_DB_REVOCATION_VIEW_H
#define AUDITOR_DB_REVOCATION_VIEW_H

#include <jansson.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/* What is known about revocation: the sources, and the status of each
 * certificate by issuer key and serial. */

/*
 * The sources as an array, those that fail first: kind, url,
 * issuer_spki_sha256, issuer_owner, origin, state, fault, why, number,
 * this_update, next_update, age_seconds, watched (certificates that are
 * valid), failing_since, checked_at, ok_at, sha256, bytes, entries.  With
 * ${faulty} only those that are not good.  NULL on error.
 */
json_t *revocation_view_sources(struct db *, int faulty, struct err *);

/* Which certificates; one of these at most; none: all that are valid or have
 * a status. */
struct revocation_view_ask {
	const char	*name;		/* canonical, watch syntax */
	const char	*serial;	/* as stored */
	struct span	 tbs;		/* p NULL: not by hash */
};

/*
 * Call ${each} with the object of every one, revoked first: tbs_sha256 (of
 * an issuance), issuer_spki_sha256, serial, issuer_owner, names, not_after,
 * revocation (contract.md; null: not looked at yet), changes (everything
 * that a source ever said: at, kind, url, status, reason, stated_at,
 * refusal).  Runs in a transaction of its own.
 */
int revocation_view_status(struct db *, const struct revocation_view_ask *,
    void (*each)(void *, json_t *), void *, struct err *);

#endif
