#ifndef AUDITOR_DB_ISSUANCE_H
#define AUDITOR_DB_ISSUANCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* What the database knows for a decision, and where the decision goes. */

/*
 * All facts about the issuances ${tbs} in one answer, a row each, in order;
 * their rows are locked until the transaction ends.  ${names} are the folded
 * names that matched, ${refs} the logs, for each as the text of an array;
 * those of the facts that are stored with it are added.
 */
int issuance_facts(struct db *, const struct db_spans *tbs,
    const struct db_strs *names, const struct db_strs *refs,
    struct db_res **, struct err *);

/*
 * Row ${i} of them, a new object:
 *
 *	now, first_seen, not_before, not_after (microseconds), proven,
 *	spki_sha256, issuer_spki_sha256 (hex), serial, key_type, names,
 *	issuer_owner, issued, decision, facts (of the decision before);
 *	usual: names for which the issuer owner is usual;
 *	issuer_first_seen (microseconds or null), before these names;
 *	known: [{id, tbs, names, issuer_owner, until, trust, place}];
 *	expect: [{id, state, names, issuer_owner, from, to}] (ms);
 *	ours: the same of our own orders with this key, in any state, with
 *	order (name), used (tbs or null), received (this one was);
 *	source: [{name, names, issuers, until}];
 *	logs: {"log_ref": description}; twins: [tbs];
 *	findings: [{id, kind, owner, state}]; policies: {"watch id": policy}
 *
 * NULL with ERR_NOENT when there is no such issuance.
 */
json_t *issuance_fact(const struct db_res *, size_t i, struct err *);

/* What was decided; strings borrowed. */
struct issuance_decision {
	struct span		 tbs;
	const char		*decision;
	int			 rule;
	const char		*reason;
	const char		*facts;		/* JSON object */
	int64_t			 hold_until;	/* microseconds; INT64_MIN */
	int			 proven;	/* sets logged_at */
	const char		*names;		/* folded, for certificate_name:
						   text of an array */
};

/* Store them (pushed: db_sync() or the commit tells of an error). */
int issuance_decided(struct db *, const struct issuance_decision *, size_t,
    struct err *);

/*
 * Take up to ${max} issuances whose hold has ended: they are locked, and their
 * hold_until is gone.  Column 0 is the tbs.
 */
int issuance_due(struct db *, size_t max, struct db_res **, struct err *);

/*
 * Issuances that were decided about and have one of these tbs_sha256 or
 * spki_sha256; ${all} 0: those that are not silent.  Column 0 is the tbs.
 */
int issuance_affected(struct db *, const struct db_spans *, int all,
    struct db_res **, struct err *);

/* The tbs_sha256 that a finding or 64 hex digits name: 0 or ERR_NOENT. */
int issuance_find(struct db *, const char *what, uint8_t tbs[32],
    int64_t *finding, struct err *);

#endif
