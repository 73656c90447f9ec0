#ifndef AUDITOR_DECIDE_SAY_H
#define AUDITOR_DECIDE_SAY_H

#include <stddef.h>

#include "auditor/decide.h"
#include "auditor/decide_facts.h"
#include "auditor/rule.h"

/* What the rules say for each owner of a case, in the order of its owners. */
struct decide_answers {
	struct rule_facts	*facts;
	struct rule_result	*result;
	size_t			 n;
};

/*
 * Add what is stored of it to ${done}: the loudest answer is the issuance's;
 * all of them are in its facts, and what each rule said beside them.
 */
void decide_say(const struct decide_case *, const struct decide_answers *,
    struct decide_done *);

/*
 * What the rules said is a text that many issuances share: a JSON array with an
 * array of what each rule said for each owner in facts, in which the tbs in hex
 * and the first owner's name are left out (a byte 1, a byte 2: JSON has neither).
 * This is the text of one, to be freed; ${name} may be NULL.
 */
char *decide_said(const char *body, const char *hex, const char *name);

#endif
