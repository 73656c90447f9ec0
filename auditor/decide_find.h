#ifndef AUDITOR_DECIDE_FIND_H
#define AUDITOR_DECIDE_FIND_H

#include "auditor/db/finding.h"
#include "auditor/decide_facts.h"
#include "auditor/rule.h"

/* Findings that are to be opened together; free with decide_news_free(). */
struct decide_news {
	struct finding	 *v;
	void		**own;		/* what their strings lie in */
	size_t		  n, nown, cap, ocap;
};
void decide_news_free(struct decide_news *);

/*
 * From a decision to findings, for one owner: what the result says goes to
 * ${news}, what has no reason any more and nobody acknowledged is retracted.
 * A finding that a person resolved is not opened again by the same decision.
 */
int decide_find(struct decide_case *, struct db *, const char *owner,
    const struct rule_facts *, const struct rule_result *,
    struct decide_news *, struct err *);

#endif
