#include "ctlog/blind.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

#define DAY		(86400 * CLK_SEC)
/* The longest lifetime that browsers take (Chrome and Apple since 2020). */
#define LIFE_DAYS	398
/* Rules are looked for by lifetimes: a short one, and the longest. */
#define LIFETIMES	2

/* One question: a rule, and what may count under it. */
struct look {
	const struct blind_log		*log;
	size_t				 n;
	int64_t				 at;
	const struct policy_rule	*rule;
	int				 rfc6962;	/* one is needed */
	int64_t				 until;		/* notAfter, exclusive */
	int64_t				 least;		/* lag of all of the set */
	int				*op;		/* operators, numbered */
	uint8_t				*may;		/* can have SCTs that
							   count */
	uint8_t				*in;		/* the set at hand */
	int				*seen;		/* logs of an operator */
};

/* --- what counts --- */

static int
is_current(const struct blind_log *l)
{
	return l->state == LOGLIST_QUALIFIED || l->state == LOGLIST_USABLE ||
	    l->state == LOGLIST_READONLY;
}

/* Do SCTs of the log count under the rule at all? */
static int
counts(const struct look *k, const struct blind_log *l)
{
	/* those of a retired log do in a certificate, and only there */
	return is_current(l) || (l->state == LOGLIST_RETIRED &&
	    k->rule->kind == POLICY_EMBEDDED);
}

/* Did a lag of so many seconds begin before ${t}? */
static int
reaches(int64_t lag, int64_t t, int64_t at)
{
	return lag >= at / CLK_SEC || at - lag * CLK_SEC < t;
}

int64_t
blind_lag(const struct blind_log *l, int64_t at)
{
	if ((l->state == LOGLIST_READONLY || l->state == LOGLIST_RETIRED) &&
	    l->state_at != 0 && !reaches(l->lag, l->state_at, at))
		return 0;
	return l->lag;
}

static int64_t
lag_of(const struct look *k, const struct blind_log *l)
{
	return blind_lag(l, k->at);
}

/*
 * Chrome takes an SCT of a retired log when the oldest of the others is from
 * before: that of a log that did not show so old an entry.
 */
static int
too_late(const struct look *k, const struct blind_log *l, int64_t oldest)
{
	return l->state == LOGLIST_RETIRED && l->state_at != 0 &&
	    k->rule->program == POLICY_CHROME &&
	    !reaches(oldest, l->state_at, k->at);
}

/* Would SCTs of all logs of the set satisfy the rule?  More never hurt. */
static int
enough(const struct look *k)
{
	const struct policy_rule	*r = k->rule;
	int				 logs = 0, ops = 0, rfc = 0, now = 0;
	int64_t				 oldest = k->least;
	size_t				 i;

	for (i = 0; i < k->n; i++)
		if (k->in[i] && is_current(&k->log[i]) &&
		    lag_of(k, &k->log[i]) > oldest)
			oldest = lag_of(k, &k->log[i]);
	memset(k->seen, 0, k->n * sizeof(*k->seen));
	for (i = 0; i < k->n; i++) {
		if (!k->in[i] || too_late(k, &k->log[i], oldest))
			continue;
		now += is_current(&k->log[i]);
		rfc += k->log[i].protocol == LOGLIST_RFC6962;
		ops += k->seen[k->op[i]]++ == 0;
		logs += r->per_operator == 0 ||
		    k->seen[k->op[i]] <= r->per_operator;
	}
	return logs >= r->logs && ops >= r->operators && now > 0 &&
	    (rfc > 0 || !k->rfc6962);
}

static int
covers(const struct blind_log *l, int64_t t)
{
	return !l->has_interval || (l->start <= t && t < l->end);
}

/* The set of logs that lag so long and take certificates that end at ${t}. */
static int
enough_at(struct look *k, int64_t t, int64_t lag)
{
	size_t	i;

	k->least = lag;
	for (i = 0; i < k->n; i++)
		k->in[i] = k->may[i] && covers(&k->log[i], t) &&
		    lag_of(k, &k->log[i]) >= lag;
	return enough(k);
}

/*
 * The ends of certificates that have to be looked at: now, and wherever the
 * interval of a log begins.  Where one ends, fewer logs are left.
 */
static int64_t
end_at(const struct look *k, size_t i)
{
	if (i == k->n)
		return k->at;
	return k->may[i] && k->log[i].has_interval ? k->log[i].start : k->at;
}

/* An end within the rule's lifetimes at which the set is enough; or 0. */
static int64_t
find_end(struct look *k, int64_t lag)
{
	int64_t	t;
	size_t	i;

	for (i = 0; i <= k->n; i++) {
		t = end_at(k, i);
		if (t >= k->at && t < k->until && enough_at(k, t, lag))
			return t;
	}
	return 0;
}

/* --- the verdict --- */

/* Leave out of the set what can be spared, the freshest first. */
static void
shrink(const struct look *k)
{
	size_t	i, best;
	uint8_t	*tried = mem_zero(k->n + 1);

	for (;;) {
		for (best = k->n, i = 0; i < k->n; i++)
			if (k->in[i] && !tried[i] && (best == k->n ||
			    lag_of(k, &k->log[i]) < lag_of(k, &k->log[best])))
				best = i;
		if (best == k->n)
			break;
		tried[best] = 1;
		k->in[best] = 0;
		k->in[best] = !enough(k);
	}
	free(tried);
}

/* The set at hand is one of ${lag} seconds: write it down. */
static void
example(const struct look *k, int64_t lag, struct blind_verdict *v)
{
	const struct blind_log	*l;
	size_t			 i;

	shrink(k);
	v->seconds = lag;
	v->from = k->at;
	v->to = k->until;
	for (v->n = i = 0; i < k->n; i++) {
		if (!k->in[i])
			continue;
		l = &k->log[i];
		if (v->n < BLIND_SET)
			v->set[v->n++] = i;
		if (l->has_interval && l->start > v->from)
			v->from = l->start;
		if (l->has_interval && l->end < v->to)
			v->to = l->end;
	}
}

/* The longest lag at which the rule is satisfied, if longer than before. */
static void
longest(struct look *k, struct blind_verdict *v)
{
	int64_t	lag;
	size_t	i;

	for (i = 0; i < k->n; i++) {
		lag = k->may[i] ? lag_of(k, &k->log[i]) : 0;
		if (lag > v->seconds && find_end(k, lag) != 0)
			example(k, lag, v);
	}
}

/* A log that takes no more, and showed all that it took, cannot fall behind. */
static int
may_fall(const struct look *k, size_t i, int64_t t)
{
	const struct blind_log	*l = &k->log[i];

	return k->may[i] && !k->in[i] && covers(l, t) &&
	    (l->state == LOGLIST_USABLE || l->state == LOGLIST_QUALIFIED ||
	    lag_of(k, l) > 0);
}

/* Is log ${i} as good as one before it that was tried in its place? */
static int
same_as_before(const struct look *k, size_t i, int64_t t)
{
	size_t	j;

	for (j = 0; j < i; j++)
		if (may_fall(k, j, t) && k->op[j] == k->op[i] &&
		    k->log[j].protocol == k->log[i].protocol &&
		    is_current(&k->log[j]) && is_current(&k->log[i]))
			return 1;
	return 0;
}

/* Do ${more} logs from number ${i} on complete the set? */
static int
completes(const struct look *k, size_t i, int64_t t, int more)
{
	int	r;

	if (more == 0)
		return enough(k);
	for (; i < k->n; i++) {
		if (!may_fall(k, i, t) || same_as_before(k, i, t))
			continue;
		k->in[i] = 1;
		r = completes(k, i + 1, t, more - 1);
		k->in[i] = 0;
		if (r)
			return 1;
	}
	return 0;
}

/* How many more logs would have to lag; at most ${most}, or one more. */
static int
margin(struct look *k, int64_t threshold, int most)
{
	int64_t	t;
	size_t	i;
	int	m;

	for (i = 0; i <= k->n; i++) {
		t = end_at(k, i);
		if (t < k->at || t >= k->until)
			continue;
		if (enough_at(k, t, threshold))
			return 0;
		for (m = 1; m <= most; m++)
			if (completes(k, 0, t, m)) {
				most = m - 1;
				break;
			}
	}
	return most + 1;
}

static void
look(struct look *k, enum policy_program program, enum policy_kind kind,
    int64_t days, int64_t threshold, struct blind_verdict *v)
{
	const struct policy_rule	*r;
	size_t				 i;
	int				 m, most;

	/* the last second is left out: some count it as a day more */
	r = policy_rule_for(program, kind, k->at, k->at + days * DAY -
	    CLK_SEC, k->at);
	if (r == NULL)
		return;
	k->rule = r;
	k->until = k->at + (r->days != 0 && r->days < LIFE_DAYS ? r->days :
	    LIFE_DAYS) * DAY;
	k->rfc6962 = policy_rule_for(program, POLICY_RFC6962, k->at, k->at +
	    days * DAY - CLK_SEC, k->at) != NULL;
	for (i = 0; i < k->n; i++)
		k->may[i] = (uint8_t)counts(k, &k->log[i]);
	longest(k, v);
	most = v->margin == -1 ? BLIND_MARGIN : v->margin - 1;
	if (most >= 0 && (m = margin(k, threshold, most)) <= most)
		v->margin = m;
}

void
blind_judge(enum policy_program program, enum policy_kind kind,
    const struct blind_log *log, size_t n, int64_t at, int64_t threshold,
    struct blind_verdict *v)
{
	static const int64_t	days[LIFETIMES] = { 1, LIFE_DAYS };
	struct look		k = { .log = log, .n = n, .at = at };
	size_t			i, j;

	memset(v, 0, sizeof(*v));
	v->program = program;
	v->kind = kind;
	v->margin = -1;
	k.op = mem_array(n + 1, sizeof(*k.op));
	k.seen = mem_array(n + 1, sizeof(*k.seen));
	k.may = mem_zero(n + 1);
	k.in = mem_zero(n + 1);
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(log[j].operator, log[i].operator) == 0)
				break;
		k.op[i] = (int)j;
	}
	for (i = 0; i < LIFETIMES; i++)
		look(&k, program, kind, days[i], threshold, v);
	free(k.op);
	free(k.seen);
	free(k.may);
	free(k.in);
}
