#include "auditor/rule.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"

static const char *const decision_names[] = {
	[RULE_DENY] = "deny",
	[RULE_MISUSED] = "misused",
	[RULE_SILENT] = "silent",
	[RULE_BASELINE] = "baseline",
	[RULE_HOLD] = "hold",
	[RULE_DIGEST] = "digest",
	[RULE_PAGE] = "page",
	[RULE_MALFORMED] = "malformed",
};
_Static_assert(sizeof(decision_names) / sizeof(decision_names[0]) ==
    RULE_DECISIONS, "a name for each decision");

static const char *const key_names[] = {
	[RULE_KEY_NEW] = "new",
	[RULE_KEY_KNOWN] = "known",
	[RULE_KEY_COMPROMISED] = "compromised",
	[RULE_KEY_OUTSIDE] = "out_of_bounds",
};

const char *
rule_decision_name(enum rule_decision d)
{
	return decision_names[d];
}

const char *
rule_key_name(enum rule_key k)
{
	return key_names[k];
}

/* Text or what stands for none. */
static const char *
text(const char *s, const char *none)
{
	return s != NULL && s[0] != '\0' ? s : none;
}

static const char *
issuer(const struct rule_facts *f)
{
	return text(f->issuer_owner, "an issuer that is not known");
}

static const char *
policy(const struct rule_facts *f)
{
	return text(f->policy, "(none)");
}

#define WHY(s, ...)	snprintf((s)->why, RULE_TEXT, __VA_ARGS__)
#define SILENT(s, ...)	snprintf((s)->silent, RULE_TEXT, __VA_ARGS__)

static void
say_denied(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = 1;
	if (f->key == RULE_KEY_COMPROMISED) {
		WHY(s, "the key is marked compromised");
		SILENT(s, "nothing, while the key is marked compromised "
		    "(known list, known remove)");
	} else if (f->key == RULE_KEY_OUTSIDE) {
		WHY(s, "a known key outside its bounds: %s",
		    text(f->key_why, "no bound allows it"));
		SILENT(s, "a wider bound: known import of the certificate, "
		    "or accept %s --scope key --reason TEXT", f->tbs);
	} else if (f->action == CONF_DENY) {
		WHY(s, "policy %s denies %s", policy(f), issuer(f));
		SILENT(s, "nothing, while policy %s denies %s", policy(f),
		    issuer(f));
	} else {
		s->fires = 0;
		WHY(s, "policy %s does not deny %s, and the key is %s",
		    policy(f), issuer(f), f->key == RULE_KEY_NEW ?
		    "new" : "within its bounds");
	}
}

static void
say_ordered(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = f->expect != 0;
	if (s->fires) {
		WHY(s, "it fulfils expectation %lld",
		    (long long)f->expect);
		return;
	}
	WHY(s, "no open expectation fits: %s",
	    text(f->expect_why, "none has this key"));
	SILENT(s, "before an order: expect issuance --csr FILE --issuer %s "
	    "--within 1h", text(f->issuer_owner, "OWNER"));
}

static void
say_known(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = f->known != 0;
	if (s->fires) {
		WHY(s, "it was declared: %s", text(f->known_place,
		    "imported or accepted"));
		return;
	}
	WHY(s, "this issuance was neither imported nor accepted");
	SILENT(s, "known import FILE, or accept %s --scope issuance "
	    "--reason TEXT", f->tbs);
}

static void
say_known_key(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = f->key == RULE_KEY_KNOWN && f->key_trusted;
	if (s->fires) {
		WHY(s, "renewal with the same key, which is known and "
		    "within its bounds");
		return;
	}
	if (f->key == RULE_KEY_KNOWN)
		WHY(s, "the key is only expected by an order, not imported "
		    "or accepted");
	else if (f->key == RULE_KEY_NEW)
		WHY(s, "the key is new: no import or acceptance has it");
	else
		WHY(s, "the key is %s", f->key == RULE_KEY_COMPROMISED ?
		    "marked compromised" : "outside its bounds");
	if (f->key != RULE_KEY_COMPROMISED)
		SILENT(s, "accept %s --scope key --reason TEXT (an "
		    "acknowledgement never trusts a key)", f->tbs);
}

static void
say_baseline(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = f->baseline;
	if (f->rejected && f->baseline)
		WHY(s, "it was there before its watch, and a person rejected "
		    "it");
	else if (f->rejected) {
		s->fires = 1;
		WHY(s, "a person rejected it");
	} else if (f->baseline)
		WHY(s, "its log index lies below the log's first head that "
		    "was verified after its watch was added");
	else
		WHY(s, "it was logged after the log's first head that was "
		    "verified after its watch was added");
	if (f->rejected)
		SILENT(s, "known remove %s takes the rejection back", f->tbs);
}

static void
say_source(const struct rule_facts *f, struct rule_say *s)
{
	char end[CLK_TEXT];

	s->fires = 0;
	if (f->source == NULL) {
		WHY(s, "it lies within no source: %s",
		    text(f->source_why, "no source has these names"));
		return;
	}
	SILENT(s, "a declaration by source %s: known import FILE --source %s",
	    f->source, f->source);
	if (f->action != CONF_HOLD) {
		WHY(s, "it lies within source %s, but policy %s does not say "
		    "hold for %s", f->source, policy(f), issuer(f));
		return;
	}
	clk_text(f->hold_end, end);
	s->fires = f->now < f->hold_end;
	if (s->fires)
		WHY(s, "it lies within source %s: held until %s for its "
		    "declaration", f->source, end);
	else
		WHY(s, "it lies within source %s, but the hold ended %s "
		    "without a declaration", f->source, end);
}

static void
say_allowed(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = 0;
	if (f->action != CONF_DIGEST) {
		WHY(s, "policy %s does not say digest for %s", policy(f),
		    issuer(f));
		return;
	}
	if (!f->key_type_ok) {
		WHY(s, "policy %s says digest for %s, but key type %s is not "
		    "one of its key_types", policy(f), issuer(f),
		    text(f->key_type, "unknown"));
		return;
	}
	s->fires = 1;
	WHY(s, "nobody declared it; policy %s puts %s into the digest",
	    policy(f), issuer(f));
	SILENT(s, "an allowed issuer only lowers the severity; only a "
	    "declaration makes it silent");
}

static void
say_unexpected(const struct rule_facts *f, struct rule_say *s)
{
	s->fires = 1;
	if (!f->key_type_ok)
		WHY(s, "nobody declared it: by %s (%s for %s), key %s, and key "
		    "type %s is not one of those of policy %s", issuer(f),
		    f->issuer_usual ? "usual" : "first time",
		    text(f->name, "this name"),
		    f->key == RULE_KEY_NEW ? "new" : "known",
		    text(f->key_type, "unknown"), policy(f));
	else
		WHY(s, "nobody declared it: by %s (%s for %s), key %s",
		    issuer(f), f->issuer_usual ? "usual" : "first time",
		    text(f->name, "this name"),
		    f->key == RULE_KEY_NEW ? "new" : "known");
	SILENT(s, "a declaration: rules 2, 3, 4 or 6");
}

/* One row a rule, in the order of contract.md. */
static const struct {
	void			(*say)(const struct rule_facts *,
				    struct rule_say *);
	enum rule_decision	decision;
} rules[RULE_COUNT] = {
	{ say_denied, RULE_DENY },
	{ say_ordered, RULE_SILENT },
	{ say_known, RULE_SILENT },
	{ say_known_key, RULE_SILENT },
	{ say_baseline, RULE_BASELINE },
	{ say_source, RULE_HOLD },
	{ say_allowed, RULE_DIGEST },
	{ say_unexpected, RULE_PAGE },
};

/* What is said of a decision: the kind of finding and its severity. */
static void
loudness(const struct rule_facts *f, struct rule_result *r)
{
	switch (r->decision) {
	case RULE_MISUSED:
		r->kind = "key.misused";
		r->severity = "critical";
		break;
	case RULE_DENY:
		r->kind = "certificate.unexpected";
		r->severity = "critical";
		break;
	case RULE_DIGEST:
		r->kind = "certificate.unexpected";
		r->severity = "low";
		r->digest_only = 1;
		break;
	case RULE_PAGE:
		r->kind = "certificate.unexpected";
		r->severity = f->issuer_usual && !f->rejected ? "high" :
		    "critical";
		break;
	case RULE_MALFORMED:
		r->kind = "certificate.malformed";
		r->severity = "high";
		break;
	default:
		break;
	}
}

void
rule_apply(const struct rule_facts *f, struct rule_result *r)
{
	int	i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < RULE_COUNT; i++)
		rules[i].say(f, &r->say[i]);
	if (f->issued == RULE_ISSUED_INVALID) {
		/* the past is listed, not told: rule 5 for this, too */
		if (r->say[4].fires && !f->rejected) {
			r->rule = 5;
			r->decision = RULE_BASELINE;
			snprintf(r->reason, sizeof(r->reason),
			    "baseline; issuer_signature");
			return;
		}
		r->decision = RULE_MALFORMED;
		snprintf(r->reason, sizeof(r->reason), "issuer_signature");
		loudness(f, r);
		return;
	}
	for (i = 0; !r->say[i].fires; i++)
		continue;	/* the last one always fires */
	r->rule = i + 1;
	r->decision = rules[i].decision;
	if (r->rule == 1 && f->key != RULE_KEY_NEW &&
	    f->key != RULE_KEY_KNOWN)
		r->decision = RULE_MISUSED;
	if (r->rule == 5 && f->rejected)
		r->decision = RULE_PAGE;
	memcpy(r->reason, r->say[i].why, sizeof(r->reason));
	loudness(f, r);
}

enum rule_decision
rule_louder(enum rule_decision a, enum rule_decision b)
{
	static const int loud[] = {
		[RULE_SILENT] = 0, [RULE_BASELINE] = 1, [RULE_DIGEST] = 2,
		[RULE_HOLD] = 3, [RULE_MALFORMED] = 4, [RULE_PAGE] = 5,
		[RULE_DENY] = 6, [RULE_MISUSED] = 7,
	};

	return loud[a] >= loud[b] ? a : b;
}
