#ifndef AUDITOR_RULE_H
#define AUDITOR_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"

/*
 * The eight rules that decide about an issuance (contract.md), in their
 * order, as a pure function of facts.  One call for each owner of watches
 * that matched.
 */

#define RULE_COUNT	8
#define RULE_TEXT	400

enum rule_issued { RULE_ISSUED_UNCHECKED, RULE_ISSUED_VALID,
	RULE_ISSUED_INVALID };

enum rule_key {
	RULE_KEY_NEW,		/* nobody declared it */
	RULE_KEY_KNOWN,		/* declared, and within its bounds */
	RULE_KEY_COMPROMISED,
	RULE_KEY_OUTSIDE	/* declared, but outside its bounds */
};

/* Facts; strings borrowed, NULL where there is nothing to say. */
struct rule_facts {
	enum rule_issued issued;	/* signature of the issuer */
	int		 proven;	/* inclusion proven */
	const char	*tbs;		/* hex, for the commands in sentences */
	const char	*name;		/* the name that matched */
	const char	*policy;	/* name of the policy; "" none */
	enum conf_action action;	/* what it says about this issuer */
	const char	*issuer_owner;	/* NULL: not known */
	int		 issuer_usual;	/* for the names that matched */
	const char	*key_type;
	int		 key_type_ok;	/* the policy allows it */
	enum rule_key	 key;
	const char	*key_why;	/* which bound is broken */
	int		 key_trusted;	/* rule 4: imported or accepted */
	int64_t		 expect;	/* fits and is open or used by it; 0 */
	const char	*expect_why;	/* why the nearest one does not fit */
	int64_t		 known;		/* declares this issuance; 0 */
	const char	*known_place;	/* who or what declared it */
	int		 baseline;
	int		 rejected;	/* a person called it rogue */
	const char	*source;	/* that it lies within */
	const char	*source_why;	/* why it lies within none */
	int64_t		 hold_end;	/* microseconds */
	int64_t		 now;
};

enum rule_decision {
	RULE_DENY, RULE_MISUSED, RULE_SILENT, RULE_BASELINE, RULE_HOLD,
	RULE_DIGEST, RULE_PAGE, RULE_MALFORMED, RULE_DECISIONS
};

/* What one rule says. */
struct rule_say {
	int	fires;			/* would decide, were it asked first */
	char	why[RULE_TEXT];		/* why it fires, or why not */
	char	silent[RULE_TEXT];	/* what would make it silent; "" */
};

struct rule_result {
	int			 rule;	/* that decided; 0: none asked */
	enum rule_decision	 decision;
	const char		*kind;	/* of the finding; NULL: none */
	const char		*severity;
	int			 digest_only;
	char			 reason[RULE_TEXT];
	struct rule_say		 say[RULE_COUNT];
};

/* Apply them. */
void rule_apply(const struct rule_facts *, struct rule_result *);

/* The name that the database has for a decision, and for a key status. */
const char *rule_decision_name(enum rule_decision);
const char *rule_key_name(enum rule_key);

/*
 * The louder of two decisions: what an issuance counts as when owners of
 * watches come to different ones.
 */
enum rule_decision rule_louder(enum rule_decision, enum rule_decision);

#endif
