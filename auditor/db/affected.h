#ifndef AUDITOR_DB_AFFECTED_H
#define AUDITOR_DB_AFFECTED_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/serials.h"
#include "base/err.h"

/*
 * Which of our certificates a mass revocation takes, and how far their
 * replacement is.
 */
struct affected_ask {
	const struct serials *serials;	/* NULL: all of the issuer */
	struct span	 issuer;	/* SPKI SHA-256; p NULL: any */
	int64_t		 from, to;	/* of not_before, microseconds;
					   INT64_MIN: no bound */
};

/*
 * Call ${each} with the object of every one that is valid, what is left to
 * do first: tbs_sha256, issuer_spki_sha256, serial, issuer_owner, names,
 * not_before, not_after, owner (of the watch), source, place, served_at,
 * status, reason, deadline, successor (tbs_sha256), successor_not_before,
 * successor_declared, successor_served_at, replaced.
 *
 * deadline: that of an open expectation of its revocation, else 24 hours or
 * 5 days (Baseline Requirements 4.9.1.1, by the reason; the shorter where
 * both lists have it) from the moment that we saw it revoked, else null.
 * successor: a later certificate that has all its names, is not revoked and
 * not among the affected; one that nobody declared counts as a replacement
 * only where our endpoints serve it.  Runs in a transaction of its own.
 */
int affected_list(struct db *, const struct affected_ask *,
    void (*each)(void *, json_t *), void *, struct err *);

#endif
