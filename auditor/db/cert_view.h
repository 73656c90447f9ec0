#ifndef AUDITOR_DB_CERT_VIEW_H
#define AUDITOR_DB_CERT_VIEW_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What is known about each certificate: issuances that matched, and
 * certificates that were served without being in any log.
 */

/*
 * The one that ${text} names: a tbs_sha256 or cert_sha256 in hex, or the
 * first 8 digits or more of one.  ERR_USAGE for what is no hash or for
 * several, ERR_NOENT.
 */
int cert_view_find(struct db *, const char *text, uint8_t tbs[32],
    struct err *);

/* Which of them; all must hold; zeroed: every one. */
struct cert_view_filter {
	const char	*name;		/* canonical, watch syntax */
	const char	*owner;		/* of the watch */
	const char	*issuer_owner;
	int64_t		 expiring;	/* seconds; 0: any */
	int		 valid;		/* not expired */
	int		 revoked;
	int64_t		 limit;
};

/*
 * Call ${each} with the object of every one, the soonest to expire first:
 * tbs_sha256, cert_sha256, names, issuer_owner, serial, key, dates, decision,
 * chain, scts, ct_policy, revocation (contract.md, "check"), served_at,
 * findings (id, kind, severity, state), entries.  Runs in a transaction of
 * its own.
 */
int cert_view_list(struct db *, const struct cert_view_filter *,
    void (*each)(void *, json_t *), void *, struct err *);

/* The object of one, or NULL. */
json_t *cert_view_one(struct db *, const uint8_t tbs[32], struct err *);

/*
 * Everything dated about it, in order: columns at, event (a word), text.
 * *res is freed by the caller.
 */
int cert_view_history(struct db *, const uint8_t tbs[32], struct db_res **res,
    struct err *);

#endif
