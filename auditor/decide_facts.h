#ifndef AUDITOR_DECIDE_FACTS_H
#define AUDITOR_DECIDE_FACTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/decide.h"
#include "auditor/rule.h"
#include "base/cur.h"
#include "base/err.h"

struct conf;

/*
 * The facts about one issuance while it is decided about: what the database
 * says (auditor/db/issuance.h), joined with the matches that are new.
 */
struct decide_case {
	const struct conf	*conf;		/* borrowed */
	const struct span	*tbs;		/* borrowed */
	int			 named;		/* see decide.h */
	char			 hex[65];	/* of tbs */
	json_t			*in;		/* of issuance_row(), and what
						   issuance_look() knows */
	int			 ahead;		/* it is not stored yet */
	json_t			*watches;	/* all that match, by now */
	json_t			*entries;	/* where it was logged */
	char			**names;	/* folded; each owned */
	size_t			 nnames;
	char			**owners;	/* distinct; strings borrowed */
	size_t			 nowners;
	int			 unwatched;	/* no watch is live any more */
	int			 proven;
	int64_t			 at;		/* earliest log timestamp, us */
	const char		*source;	/* within it: borrowed */
	char			 source_why[RULE_TEXT];
	char			 key_why[RULE_TEXT];
	char			 expect_why[RULE_TEXT];
	int			 expect_open;	/* the one that fits is open */
	int			 expect_gone;	/* was used up by another */
};

/*
 * Load those of ${n} issuances, whose rows are locked; ${v} is as long, and is
 * freed with decide_facts_free() each, in any case.  0 or -1.
 */
int decide_facts_load(struct decide_case *v, struct db *,
    const struct decide_one *, size_t n, struct err *);

/*
 * The same of some that are not stored; v[i].ahead tells which they are, and
 * decide_facts_join() makes one of them complete.
 */
int decide_facts_ahead(struct decide_case *v, struct db *,
    const struct decide_new *, size_t n, struct err *);
void decide_facts_join(struct decide_case *, const struct decide_one *);
void decide_facts_free(struct decide_case *);

/* The first watch of an owner that matched: its object; borrowed. */
const json_t *decide_facts_watch(const struct decide_case *,
    const char *owner);

/* What was decided for an owner before: its object, or NULL; borrowed. */
const json_t *decide_facts_before(const struct decide_case *,
    const char *owner);

/* Descriptions of the logs that have it; a new array of strings. */
json_t *decide_facts_logs(const struct decide_case *);

/* A string, or NULL, and a number, or ${none}, of an object. */
const char *decide_facts_text(const json_t *, const char *key);
int64_t decide_facts_number(const json_t *, const char *key, int64_t none);

/* The canonical form of a name, or the name when it has none; free() it. */
char *decide_facts_fold(const char *);

/* The strings of an array of an object, borrowed; free() the list. */
const char **decide_facts_strings(const json_t *, const char *key, size_t *);

/* RFC 3339 of microseconds as a JSON string; null for INT64_MIN. */
json_t *decide_facts_time(int64_t);

#endif
