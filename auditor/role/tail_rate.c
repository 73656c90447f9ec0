#include "auditor/role/tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

/*
 * How fast a log is asked: one bucket a log, and one an operator over all of
 * its logs.  Heads are few and have their own budget: they are not counted,
 * but an operator that says "too many" means it.
 */

/* Requests a second to begin with, at most, and how many may come at once. */
#define LOG_START	20.0
#define LOG_MAX		200.0
#define LOG_BURST	8.0
#define OPERATOR_START	40.0
#define OPERATOR_MAX	400.0
#define OPERATOR_BURST	16.0
/* A log on our own network (plain http is allowed to no other). */
#define PRIVATE		10000.0
/* A tail that waited asks again within this time, or wants no more. */
#define WANTED		(CLK_SEC / 10)

static void
init(struct rate *r, int private, int operator)
{
	int64_t	now = clk_mono();

	if (private)
		rate_init(r, PRIVATE, PRIVATE, PRIVATE, now);
	else if (operator)
		rate_init(r, OPERATOR_START, OPERATOR_BURST, OPERATOR_MAX, now);
	else
		rate_init(r, LOG_START, LOG_BURST, LOG_MAX, now);
}

/* The bucket of a log, or (${log_ref} 0) of an operator. */
static struct engine_rate *
find(struct engine *en, int log_ref, const char *operator, int private)
{
	struct engine_rate	*r;
	size_t			 i;

	for (i = 0; i < en->nrates; i++) {
		r = en->rates[i];
		if (r->log_ref == log_ref && r->private == private &&
		    strcmp(r->operator, operator) == 0)
			return r;
	}
	en->rates = mem_grow(en->rates, &en->caprates, en->nrates + 1,
	    sizeof(*en->rates));
	r = en->rates[en->nrates++] = mem_zero(sizeof(*r));
	r->log_ref = log_ref;
	r->operator = mem_str(operator);
	r->private = private;
	init(&r->rate, private, log_ref == 0);
	return r;
}

static int
is_private(const struct tail *t)
{
	return strncmp(t->log.read_url, "http:", 5) == 0;
}

void
tail_rate_init(struct tail *t)
{
	t->rate = find(t->en, t->log.id, "", is_private(t));
	t->operator = NULL;
}

void
tail_rate_operator(struct tail *t)
{
	t->rate = find(t->en, t->log.id, "", is_private(t));
	t->operator = find(t->en, 0, t->log.operator, is_private(t));
}

void
tail_rate_free(struct engine *en)
{
	size_t	i;

	for (i = 0; i < en->nrates; i++) {
		free(en->rates[i]->operator);
		free(en->rates[i]);
	}
	free(en->rates);
}

/* A tail waits for so long: history is to leave it what comes until then. */
static void
want(struct engine_rate *r, int64_t now, int64_t wait)
{
	if (now + wait + WANTED > r->wanted)
		r->wanted = now + wait + WANTED;
}

int64_t
tail_rate_wait(struct tail *t)
{
	int64_t	now = clk_mono(), a, b;

	a = rate_ready(&t->rate->rate, now);
	b = rate_ready(&t->operator->rate, now);
	if (b > a)
		a = b;
	if (a > 0) {
		want(t->rate, now, a);
		want(t->operator, now, a);
	}
	return a;
}

void
tail_rate_take(struct tail *t)
{
	rate_take(&t->rate->rate, clk_mono());
	rate_take(&t->operator->rate, clk_mono());
	/* who wants more says so again */
	t->rate->wanted = t->operator->wanted = 0;
}

/* When history may have a token of this bucket. */
static int64_t
behind(struct engine_rate *r, int64_t now)
{
	int64_t	wait = rate_ready_behind(&r->rate, r->rate.burst / 4, now);

	return r->wanted > now && r->wanted - now > wait ?
	    r->wanted - now : wait;
}

int64_t
tail_rate_wait_back(struct tail *t)
{
	int64_t	now = clk_mono(), a, b;

	a = behind(t->rate, now);
	b = behind(t->operator, now);
	return a > b ? a : b;
}

void
tail_rate_take_back(struct tail *t)
{
	rate_take(&t->rate->rate, clk_mono());
	rate_take(&t->operator->rate, clk_mono());
}

void
tail_rate_ok(struct tail *t)
{
	rate_ok(&t->rate->rate);
	rate_ok(&t->operator->rate);
}

void
tail_rate_429(struct tail *t, int64_t retry_after)
{
	rate_429(&t->rate->rate, retry_after, clk_mono());
	rate_429(&t->operator->rate, retry_after, clk_mono());
}

void
tail_rate_5xx(struct tail *t)
{
	/* one log that is ill says nothing about its operator's others */
	rate_5xx(&t->rate->rate, clk_mono());
}

int64_t
tail_rate_hold(const struct tail *t)
{
	int64_t	now = clk_mono(), until = t->rate->rate.hold_until;

	if (t->operator != NULL && t->operator->rate.hold_until > until)
		until = t->operator->rate.hold_until;
	return until > now ? until - now : 0;
}
