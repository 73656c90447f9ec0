#ifndef AUDITOR_DECIDE_FIND_H
#define AUDITOR_DECIDE_FIND_H

#include "auditor/decide_facts.h"
#include "auditor/rule.h"

/*
 * From a decision to findings, for one owner: opens or touches what the
 * result says, retracts what has no reason any more and nobody acknowledged.
 * A finding that a person resolved is not opened again by the same decision.
 */
int decide_find(struct decide_case *, struct db *, const char *owner,
    const struct rule_facts *, const struct rule_result *, struct err *);

#endif
