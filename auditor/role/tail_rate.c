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

void
tail_rate_init(struct tail *t)
{
	init(&t->rate, strncmp(t->log.read_url, "http:", 5) == 0, 0);
	t->operator = NULL;
}

void
tail_rate_operator(struct tail *t)
{
	struct engine		*en = t->en;
	struct engine_rate	*r;
	size_t			 i;
	int			 private = strncmp(t->log.read_url, "http:",
	    5) == 0;

	t->operator = NULL;
	for (i = 0; i < en->nrates; i++)
		if (en->rates[i]->private == private &&
		    strcmp(en->rates[i]->operator, t->log.operator) == 0) {
			t->operator = &en->rates[i]->rate;
			return;
		}
	en->rates = mem_grow(en->rates, &en->caprates, en->nrates + 1,
	    sizeof(*en->rates));
	r = en->rates[en->nrates++] = mem_zero(sizeof(*r));
	r->operator = mem_str(t->log.operator);
	r->private = private;
	init(&r->rate, private, 1);
	t->operator = &r->rate;
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

int64_t
tail_rate_wait(struct tail *t)
{
	int64_t	now = clk_mono(), a, b;

	a = rate_ready(&t->rate, now);
	b = rate_ready(t->operator, now);
	return a > b ? a : b;
}

void
tail_rate_take(struct tail *t)
{
	rate_take(&t->rate, clk_mono());
	rate_take(t->operator, clk_mono());
}

void
tail_rate_ok(struct tail *t)
{
	rate_ok(&t->rate);
	rate_ok(t->operator);
}

void
tail_rate_429(struct tail *t, int64_t retry_after)
{
	rate_429(&t->rate, retry_after, clk_mono());
	rate_429(t->operator, retry_after, clk_mono());
}

void
tail_rate_5xx(struct tail *t)
{
	/* one log that is ill says nothing about its operator's others */
	rate_5xx(&t->rate, clk_mono());
}

int64_t
tail_rate_hold(const struct tail *t)
{
	int64_t	now = clk_mono(), until = t->rate.hold_until;

	if (t->operator != NULL && t->operator->hold_until > until)
		until = t->operator->hold_until;
	return until > now ? until - now : 0;
}
