#ifndef AUDITOR_DECIDE_LOOK_H
#define AUDITOR_DECIDE_LOOK_H

#include <stddef.h>

#include "auditor/db/db.h"
#include "auditor/decide_facts.h"
#include "base/err.h"

/*
 * What the database knows beside the rows themselves, added to the facts (in)
 * of ${n} cases, which have those of their row:
 *
 *	now; source: array; logs: {"log_ref": description};
 *	policies: {"watch id": policy}; usual: names; issuer_first_seen
 *	(microseconds); known, expect, ours, findings: arrays of objects;
 *	twins: tbs (auditor/db/issuance.h)
 *
 * An array of which there is nothing is missing, but for usual and twins.
 */
int decide_look(struct decide_case *, struct db *, const struct decide_one *,
    size_t n, struct err *);

/* The same of those that are not stored, whose ahead is set. */
int decide_look_ahead(struct decide_case *, struct db *,
    const struct decide_new *, size_t n, struct err *);

#endif
