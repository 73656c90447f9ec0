#include "auditor/decide_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/decide_bound.h"
#include "auditor/decide_facts.h"
#include "base/clk.h"
#include "base/mem.h"

/* From the facts about an issuance to those that the rules ask for. */

#define text	decide_facts_text
#define number	decide_facts_number
#define strings	decide_facts_strings

static struct decide_subject
subject(const struct decide_case *c)
{
	struct decide_subject s;

	s.names = (const char *const *)c->names;
	s.nnames = c->nnames;
	s.issuer_owner = text(c->in, "issuer_owner");
	s.at = c->at;
	return s;
}

/* One bound of an object with names, issuer_owner and an end. */
static struct decide_bound
bound(const json_t *o, int64_t until)
{
	struct decide_bound b;

	b.names = strings(o, "names", &b.nnames);
	b.issuer_owner = text(o, "issuer_owner");
	b.until = until;
	return b;
}

static void
free_bounds(struct decide_bound *b, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		free((void *)(uintptr_t)b[i].names);
	free(b);
}

/*
 * Its key: bounds are those of imports and acceptances, and of orders that
 * are open or that this issuance fulfilled.  Rule 4 trusts the first kind
 * alone: an order is good for one certificate.
 */
static void
key_facts(struct decide_case *c, struct rule_facts *f)
{
	const json_t		*known = json_object_get(c->in, "known");
	const json_t		*expect = json_object_get(c->in, "expect");
	const json_t		*k;
	struct decide_bound	*b;
	struct decide_subject	 s = subject(c);
	size_t			 i, n = 0, trusted;
	char			 why[RULE_TEXT];

	b = mem_array(json_array_size(known) + json_array_size(expect) + 1,
	    sizeof(*b));
	for (i = 0; i < json_array_size(known); i++) {
		k = json_array_get(known, i);
		if (!json_is_true(json_object_get(k, "key")))
			continue;
		if (strcmp(text(k, "trust"), "compromised") == 0)
			f->key = RULE_KEY_COMPROMISED;
		else if (strcmp(text(k, "trust"), "key") == 0)
			b[n++] = bound(k, number(k, "until", INT64_MIN));
	}
	trusted = n;
	for (i = 0; i < json_array_size(expect); i++) {
		k = json_array_get(expect, i);
		/* One that ended before counts no more: it expires silently. */
		if (c->at <= number(k, "to", 0) * 1000)
			b[n++] = bound(k, number(k, "to", 0) * 1000);
	}
	if (f->key == RULE_KEY_COMPROMISED || n == 0) {
		free_bounds(b, n);
		return;
	}
	f->key = decide_bound_union(b, n, &s, c->key_why, sizeof(c->key_why)) ?
	    RULE_KEY_KNOWN : RULE_KEY_OUTSIDE;
	f->key_trusted = trusted > 0 &&
	    decide_bound_union(b, trusted, &s, why, sizeof(why));
	free_bounds(b, n);
}

/* Does it fulfil this expectation?  Else why not. */
static int
fits(struct decide_case *c, const json_t *x)
{
	const char	**names, *by = text(x, "issuer_owner");
	const char	 *issuer = text(c->in, "issuer_owner");
	int64_t		  id = number(x, "id", 0);
	size_t		  n;
	int		  same;

	names = strings(x, "names", &n);
	same = decide_bound_same(names, n, (const char *const *)c->names,
	    c->nnames);
	free(names);
	if (!same)
		snprintf(c->expect_why, RULE_TEXT, "expectation %lld has the "
		    "key but other names", (long long)id);
	else if (by != NULL && (issuer == NULL || strcmp(by, issuer) != 0))
		snprintf(c->expect_why, RULE_TEXT, "expectation %lld is for "
		    "issuer %s", (long long)id, by);
	else if (c->at < number(x, "from", 0) * 1000 ||
	    c->at > number(x, "to", 0) * 1000)
		snprintf(c->expect_why, RULE_TEXT, "expectation %lld does not "
		    "cover the time of its log entry", (long long)id);
	else
		return 1;
	return 0;
}

static void
expect_facts(struct decide_case *c, struct rule_facts *f)
{
	const json_t	*a = json_object_get(c->in, "expect"), *x;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		x = json_array_get(a, i);
		if (strcmp(text(x, "state"), "fulfilled") == 0) {
			c->expect_open = 0;
			f->expect = number(x, "id", 0);
			return;
		}
		if (f->expect == 0 && !c->expect_gone && fits(c, x)) {
			c->expect_open = 1;
			f->expect = number(x, "id", 0);
		}
	}
	if (c->expect_gone)
		snprintf(c->expect_why, RULE_TEXT,
		    "the one that fits was used up by another certificate");
}

/*
 * A key of an order of ours is good for the one certificate that was ordered,
 * and for what a person trusts it with.
 */
static void
ours_facts(struct decide_case *c, struct rule_facts *f)
{
	const json_t	*a = json_object_get(c->in, "ours"), *x;
	const char	*used;
	size_t		 i;

	if (f->expect != 0 || f->key_trusted ||
	    f->key == RULE_KEY_COMPROMISED)
		return;
	for (i = 0; i < json_array_size(a); i++) {
		x = json_array_get(a, i);
		used = text(x, "used");
		/* nobody used it: the ordered one, seen late, is no thief's */
		if (used == NULL && !(c->expect_gone &&
		    strcmp(text(x, "state"), "open") == 0) &&
		    (json_is_true(json_object_get(x, "received")) ||
		    fits(c, x)))
			continue;
		f->key = RULE_KEY_OUTSIDE;
		snprintf(c->key_why, RULE_TEXT, "it is the key of our order "
		    "for %.200s, which is for one certificate%s%s",
		    text(x, "order"), used != NULL ? ": " : "",
		    used != NULL ? used : "");
		return;
	}
}

/* Declared by hash, or rejected by a person: the newer one counts. */
static void
known_facts(const struct decide_case *c, struct rule_facts *f)
{
	const json_t	*a = json_object_get(c->in, "known"), *k;
	const char	*tbs, *trust;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		k = json_array_get(a, i);
		tbs = text(k, "tbs");
		trust = text(k, "trust");
		if (tbs == NULL || strcmp(tbs, c->hex) != 0)
			continue;
		if (strcmp(trust, "issuance") == 0 ||
		    strcmp(trust, "key") == 0) {
			f->known = number(k, "id", 0);
			f->known_place = text(k, "place");
			f->rejected = 0;
		} else if (strcmp(trust, "rejected") == 0) {
			f->known = 0;
			f->rejected = 1;
		}
	}
}

static void
source_facts(struct decide_case *c, struct rule_facts *f)
{
	const json_t		*a = json_object_get(c->in, "source"), *x;
	struct decide_subject	 s = subject(c);
	struct decide_bound	 b;
	const char		**issuers;
	size_t			 i, k, n;
	char			 why[RULE_TEXT / 2];

	for (i = 0; i < json_array_size(a) && c->source == NULL; i++) {
		x = json_array_get(a, i);
		b = bound(x, number(x, "until", INT64_MIN));
		issuers = strings(x, "issuers", &n);
		snprintf(why, sizeof(why), "%s is not one of its issuers",
		    s.issuer_owner != NULL ? s.issuer_owner :
		    "an issuer that is not known");
		for (k = 0; k < n && c->source == NULL; k++) {
			if (s.issuer_owner == NULL ||
			    strcmp(issuers[k], s.issuer_owner) != 0)
				continue;
			if (decide_bound_union(&b, 1, &s, why, sizeof(why)))
				c->source = text(x, "name");
		}
		snprintf(c->source_why, RULE_TEXT, "source %.100s: %s",
		    text(x, "name"), why);
		free((void *)(uintptr_t)b.names);
		free(issuers);
	}
	f->source = c->source;
	f->source_why = c->source_why[0] != '\0' ? c->source_why :
	    "there is no source";
}

/* How strict an action is: the strictest of an owner's watches counts. */
static int
strict(enum conf_action a)
{
	switch (a) {
	case CONF_DENY:
		return 3;
	case CONF_PAGE:
		return 2;
	case CONF_HOLD:
		return 1;
	default:
		return 0;
	}
}

static int
is_usual(const struct decide_case *c, const char *name)
{
	const json_t	*a = json_object_get(c->in, "usual");
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		if (strcmp(json_string_value(json_array_get(a, i)),
		    name) == 0)
			return 1;
	return 0;
}

/* What this owner's watches and their policies say. */
static void
watch_facts(const struct decide_case *c, const char *owner,
    struct rule_facts *f)
{
	const struct conf_policy *p;
	const json_t		 *w;
	enum conf_action	  act;
	int64_t			  hold = 0;
	size_t			  i;
	int			  first = 1;

	f->baseline = f->issuer_usual = f->key_type_ok = 1;
	for (i = 0; i < json_array_size(c->watches); i++) {
		w = json_array_get(c->watches, i);
		if (strcmp(text(w, "owner"), owner) != 0)
			continue;
		p = conf_policy(c->conf, text(w, "policy"));
		act = decide_bound_action(p, f->issuer_owner);
		if (first || strict(act) > strict(f->action)) {
			f->action = act;
			f->policy = text(w, "policy");
			hold = p != NULL ? p->hold : 0;
		}
		if (first)
			f->name = text(w, "name");
		first = 0;
		f->baseline &= json_is_true(json_object_get(w, "baseline"));
		f->issuer_usual &= is_usual(c, text(w, "fold"));
		f->key_type_ok &= decide_bound_key_type(p, f->key_type);
	}
	f->hold_end = number(c->in, "first_seen", 0) + hold * CLK_SEC;
}

void
decide_ask(struct decide_case *c, const char *owner,
    struct rule_facts *f)
{
	const char *issued = text(c->in, "issued");

	memset(f, 0, sizeof(*f));
	c->source = NULL;
	f->issued = strcmp(issued, "valid") == 0 ? RULE_ISSUED_VALID :
	    strcmp(issued, "invalid") == 0 ? RULE_ISSUED_INVALID :
	    RULE_ISSUED_UNCHECKED;
	f->proven = c->proven;
	f->tbs = c->hex;
	f->issuer_owner = text(c->in, "issuer_owner");
	f->key_type = text(c->in, "key_type");
	f->now = number(c->in, "now", 0);
	key_facts(c, f);
	expect_facts(c, f);
	ours_facts(c, f);
	known_facts(c, f);
	source_facts(c, f);
	watch_facts(c, owner, f);
	f->key_why = c->key_why[0] != '\0' ? c->key_why : NULL;
	f->expect_why = c->expect_why[0] != '\0' ? c->expect_why : NULL;
}
