#include "ctlog/policy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"

#define DAY (86400 * CLK_SEC)

/*
 * ct_policy.md is in the repository GoogleChrome/CertificateTransparency; its
 * state of 2026-07-22 was read, and its history for the dates.  Rules that no
 * valid certificate can fall under any more are left out.
 */
#define CHROME "Chrome CT policy (ct_policy.md)"
#define APPLE "Apple CT policy (support.apple.com/103214, source read, undated)"

static const struct policy_rule rules[] = {
	/* "For certificates issued on-or-after 15 April 2022". */
	{ .program = POLICY_CHROME, .kind = POLICY_EMBEDDED,
	  .from = "2022-04-15", .by_issuance = 1, .days = 180, .logs = 2,
	  .operators = 2, .source = CHROME },
	{ .program = POLICY_CHROME, .kind = POLICY_EMBEDDED,
	  .from = "2022-04-15", .by_issuance = 1, .logs = 3, .operators = 2,
	  .source = CHROME },
	{ .program = POLICY_CHROME, .kind = POLICY_TLS,
	  .from = "2022-04-15", .by_issuance = 1, .logs = 2, .operators = 2,
	  .source = CHROME },
	/*
	 * "In versions prior to version 148": the day is that of its stable
	 * release by the four-week schedule that ends with 153 on 2026-09-08.
	 */
	{ .program = POLICY_CHROME, .kind = POLICY_OCSP,
	  .until = "2026-05-05", .source = CHROME },
	{ .program = POLICY_CHROME, .kind = POLICY_RFC6962,
	  .from = "2025-02-28", .until = "2026-04-15", .source = CHROME },
	{ .program = POLICY_CHROME, .kind = POLICY_TIMELY, .days = 70,
	  .source = CHROME },
	/* An earlier copy of the page has the day of the numbers. */
	{ .program = POLICY_APPLE, .kind = POLICY_EMBEDDED,
	  .from = "2021-04-21", .by_issuance = 1, .days = 180,
	  .inclusive = 1, .logs = 2, .per_operator = 1, .source = APPLE },
	{ .program = POLICY_APPLE, .kind = POLICY_EMBEDDED,
	  .from = "2021-04-21", .by_issuance = 1, .days = 398,
	  .inclusive = 1, .logs = 3, .per_operator = 2, .source = APPLE },
	{ .program = POLICY_APPLE, .kind = POLICY_TLS, .logs = 2,
	  .with_embedded = 1, .source = APPLE },
	{ .program = POLICY_APPLE, .kind = POLICY_OCSP, .source = APPLE },
	{ .program = POLICY_APPLE, .kind = POLICY_RFC6962, .source = APPLE },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

/* One certificate before one program. */
struct look {
	enum policy_program	 program;
	const struct scts	*scts;
	int64_t			 not_before, not_after, at;
	int64_t			 earliest;	/* ms, of logs not retired */
	int			 ocsp;		/* counts as TLS does */
};

/* What counts under one rule. */
struct tally {
	int		 logs;		/* after the cap of an operator */
	int		 operators;
	int		 current;	/* logs that count at the check */
	int		 rfc6962;
	int		 live;		/* delivered by TLS or OCSP */
};

const char *
policy_name(enum policy_program p)
{
	return p == POLICY_CHROME ? "chrome" : p == POLICY_APPLE ? "apple" :
	    "unknown";
}

const struct policy_rule *
policy_rules(size_t *n)
{
	*n = NRULES;
	return rules;
}

int64_t
policy_days(int64_t not_before, int64_t not_after, int inclusive)
{
	int64_t	t = not_after - not_before + (inclusive ? CLK_SEC : 0);

	return t <= 0 ? 0 : (t + DAY - 1) / DAY;
}

/* --- rules --- */

static int
in_force(const struct policy_rule *r, const struct look *k)
{
	int64_t	t = r->by_issuance ? k->not_before : k->at, d;

	if (r->from != NULL && clk_parse(r->from, &d) == 0 && t < d)
		return 0;
	return r->until == NULL || clk_parse(r->until, &d) == -1 || t < d;
}

/* The rule of that kind for this certificate; NULL: none. */
static const struct policy_rule *
rule_for(const struct look *k, enum policy_kind kind)
{
	const struct policy_rule	*r;

	for (r = rules; r < rules + NRULES; r++)
		if (r->program == k->program && r->kind == kind &&
		    in_force(r, k) && (kind == POLICY_TIMELY ||
		    r->days == 0 || policy_days(k->not_before, k->not_after,
		    r->inclusive) <= r->days))
			return r;
	return NULL;
}

const struct policy_rule *
policy_rule_for(enum policy_program program, enum policy_kind kind,
    int64_t not_before, int64_t not_after, int64_t at)
{
	const struct look	k = { .program = program, .at = at,
				    .not_before = not_before,
				    .not_after = not_after };

	return rule_for(&k, kind);
}

/* --- what counts --- */

/* Who ran the log when the SCT was made. */
static const char *
operator_then(const struct scts_one *o)
{
	const struct loglist_log	*l = o->log;
	int64_t				 best = INT64_MAX;
	const char			*name = l->operator;
	size_t				 i;

	/* The first end after the SCT, in whatever order they are listed. */
	for (i = 0; i < l->nformer; i++)
		if ((int64_t)o->timestamp < l->former[i].until / 1000 &&
		    l->former[i].until < best) {
			best = l->former[i].until;
			name = l->former[i].name;
		}
	return name;
}

static int
is_current(const struct loglist_log *l)
{
	return l->state == LOGLIST_QUALIFIED || l->state == LOGLIST_USABLE ||
	    l->state == LOGLIST_READONLY;
}

/* The earliest SCT of a log that is not retired, of whatever delivery. */
static int64_t
earliest(const struct scts *s)
{
	int64_t	t = INT64_MAX;
	size_t	i, n = 0;

	for (i = 0; i < s->n; i++)
		if (s->v[i].status == SCTS_VALID && is_current(s->v[i].log)) {
			n++;
			if ((int64_t)s->v[i].timestamp < t)
				t = (int64_t)s->v[i].timestamp;
		}
	/* All retired: that is what is wrong, not their times. */
	return n > 0 ? t : INT64_MIN;
}

/* Does the SCT count under a rule of that kind? */
static int
counts(const struct look *k, const struct policy_rule *r,
    const struct scts_one *o)
{
	if (o->status != SCTS_VALID || o->log->is_test)
		return 0;
	if (r->kind == POLICY_EMBEDDED) {
		if (o->source != SCTS_CERT)
			return 0;
		if (is_current(o->log))
			return 1;
		/* Valid and retired: the SCT itself is the older one. */
		return o->log->state == LOGLIST_RETIRED &&
		    (k->program != POLICY_CHROME ||
		    k->earliest < o->log->state_at / 1000);
	}
	if (!is_current(o->log) || (o->source == SCTS_OCSP && !k->ocsp))
		return 0;
	return o->source != SCTS_CERT || r->with_embedded;
}

/* An SCT that counts: does an earlier one take its place? */
static int
seen_before(const struct look *k, const struct policy_rule *r, size_t i)
{
	const struct scts_one	*v = k->scts->v;
	size_t			 j;

	for (j = 0; j < i; j++)
		if (v[j].log == v[i].log && counts(k, r, &v[j]))
			return 1;
	return 0;
}

static void
tally(const struct look *k, const struct policy_rule *r, struct tally *t)
{
	struct {
		const char	*name;
		int		 n;
	} op[LIMIT_SCTS];
	const struct scts_one	*o;
	size_t			 i, j, nop = 0;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < k->scts->n && i < LIMIT_SCTS; i++) {
		o = &k->scts->v[i];
		if (!counts(k, r, o))
			continue;
		/* Two SCTs of a log are one, but one of them may be by TLS. */
		t->live += o->source != SCTS_CERT;
		if (seen_before(k, r, i))
			continue;
		t->current += is_current(o->log);
		t->rfc6962 += o->log->protocol == LOGLIST_RFC6962;
		for (j = 0; j < nop; j++)
			if (strcmp(op[j].name, operator_then(o)) == 0)
				break;
		if (j == nop) {
			op[nop].name = operator_then(o);
			op[nop++].n = 0;
		}
		if (r->per_operator == 0 || op[j].n < r->per_operator)
			t->logs++;
		op[j].n++;
	}
	t->operators = (int)nop;
}

/* --- the verdict --- */

static void __attribute__((format(printf, 2, 3)))
add(struct policy_verdict *v, const char *fmt, ...)
{
	size_t	n = strlen(v->reason);
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->reason + n, sizeof(v->reason) - n, fmt, ap);
	va_end(ap);
}

/* Are the SCTs enough for the rule?  The verdict says what is missing. */
static void
apply(const struct look *k, const struct policy_rule *r,
    struct policy_verdict *v)
{
	const struct policy_rule	*old;
	const char			*by = r->kind == POLICY_TLS ? "by TLS" :
					    "embedded";
	struct tally			 t;

	tally(k, r, &t);
	old = rule_for(k, POLICY_RFC6962);
	v->compliant = 0;
	v->reason[0] = '\0';
	if (t.logs < r->logs)
		add(v, "%d SCTs of distinct logs are needed %s", r->logs, by);
	else if (t.operators < r->operators)
		add(v, "SCTs of %d operators are needed %s", r->operators,
		    by);
	else if (t.current == 0)
		add(v, "no SCT %s is of a log that counts now", by);
	else if (r->kind == POLICY_TLS && t.live == 0)
		add(v, "no SCT is delivered by TLS");
	else if (old != NULL && t.rfc6962 == 0)
		add(v, "an SCT of an RFC 6962 log is needed%s%s",
		    old->until != NULL ? " until " : "",
		    old->until != NULL ? old->until : "");
	else {
		v->compliant = 1;
		add(v, "SCTs %s", by);
	}
	if (r->kind == POLICY_EMBEDDED)
		add(v, " for %" PRId64 " days", policy_days(k->not_before,
		    k->not_after, r->inclusive));
	add(v, "%s %d of %d operators", v->compliant ? ":" : ", there are",
	    t.logs, t.operators);
	if (r->per_operator != 0)
		add(v, ", at most %d of one counted", r->per_operator);
	add(v, " (%s%s%s)", r->source, r->from != NULL ? ", from " : "",
	    r->from != NULL ? r->from : "");
}

/* How many SCTs there are that do not count, and why. */
static void
add_others(const struct scts *s, struct policy_verdict *v)
{
	static const enum scts_status	others[] = { SCTS_BAD_SIGNATURE,
	    SCTS_UNKNOWN_LOG, SCTS_NOT_COUNTED, SCTS_MALFORMED };
	size_t				i, j, n;

	for (j = n = 0; j < s->n; j++)
		n += s->v[j].status == SCTS_VALID && s->v[j].log->is_test;
	if (n > 0)
		add(v, "; %zu of test logs", n);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		for (j = n = 0; j < s->n; j++)
			n += s->v[j].status == others[i];
		if (n > 0)
			add(v, "; %zu %s", n, scts_status_name(others[i]));
	}
}

/* The SCTs do not suffice: is it us who cannot see that they do? */
static void
doubt(const struct look *k, struct policy_verdict *v)
{
	const struct policy_rule	*r = rule_for(k, POLICY_TIMELY);
	const struct scts		*s = k->scts;
	int64_t				 age;
	size_t				 i, embedded = 0, unstated = 0;

	for (i = 0; i < s->n; i++) {
		embedded += s->v[i].source == SCTS_CERT;
		unstated += s->v[i].status == SCTS_VALID &&
		    s->v[i].log->state == LOGLIST_UNSTATED;
	}
	if (v->compliant == 0 && embedded > 0 && s->issuer == -1) {
		v->compliant = -1;
		add(v, "; the issuer is not at hand");
	} else if (v->compliant == 0 && unstated > 0) {
		v->compliant = -1;
		add(v, "; the list does not say the state of %zu logs",
		    unstated);
	}
	age = (k->at - s->logs->timestamp) / DAY;
	if (r == NULL || s->logs->timestamp == 0 || age < r->days)
		return;
	if (v->compliant == 0 && s->n > 0)
		v->compliant = -1;
	add(v, "; the log list is %" PRId64 " days old: with one of %d "
	    "nothing is enforced", age, r->days);
}

void
policy_judge(enum policy_program program, const struct scts *s,
    int64_t not_before, int64_t not_after, int64_t at,
    struct policy_verdict *v)
{
	const struct policy_rule	*r, *tls;
	struct policy_verdict		 other;
	struct look			 k = { program, s, not_before,
					    not_after, at, 0, 0 };
	size_t				 i, live = 0;

	memset(v, 0, sizeof(*v));
	v->compliant = -1;
	if (s->logs == NULL) {
		add(v, "there is no log list to judge by");
		return;
	}
	k.earliest = earliest(s);
	k.ocsp = rule_for(&k, POLICY_OCSP) != NULL;
	r = rule_for(&k, POLICY_EMBEDDED);
	tls = rule_for(&k, POLICY_TLS);
	for (i = 0; i < s->n; i++)
		live += s->v[i].source != SCTS_CERT;
	if (r != NULL)
		apply(&k, r, v);
	if (tls != NULL && v->compliant != 1 && live > 0) {
		apply(&k, tls, &other);
		if (other.compliant == 1 || (r != NULL && live == s->n))
			*v = other;
	}
	if (v->reason[0] == '\0') {
		add(v, "no rule for a certificate of this age and %" PRId64
		    " days", policy_days(not_before, not_after, 1));
		return;
	}
	if (v->compliant != 1) {
		add_others(s, v);
		if (s->reason[0] != '\0')
			add(v, "; %.60s", s->reason);
	}
	doubt(&k, v);
}
