#ifndef AUDITOR_DECIDE_ASK_H
#define AUDITOR_DECIDE_ASK_H

#include "auditor/decide_facts.h"
#include "auditor/rule.h"

/*
 * The facts for the rules as one owner of watches has them.  Where several of
 * the owner's watches match, the strictest policy counts (deny, page, hold,
 * digest), baseline only when it is so for each of them, and an issuer is
 * usual only when it is so for each name that matched.  Strings are borrowed
 * from the case.
 */
void decide_ask(struct decide_case *, const char *owner, struct rule_facts *);

#endif
