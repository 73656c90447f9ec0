#include "auditor/role/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/rate_store.h"
#include "auditor/net/egress.h"
#include "auditor/net/netaddr.h"
#include "auditor/role/back.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * How fast a log is asked: one bucket a log, and one an operator over all of
 * its logs, from each source address.  Heads are few and have their own
 * budget: they are not counted, but a log that refuses them means it.
 */

/* Requests a second to begin with, at most, and how many may come at once. */
#define LOG_START	20.0
#define LOG_MAX		200.0
#define LOG_BURST	8.0
#define OPERATOR_START	40.0
#define OPERATOR_MAX	400.0
#define OPERATOR_BURST	16.0
/* A log on our own network. */
#define PRIVATE		10000.0
/* A tail that waited asks again within this time, or wants no more. */
#define WANTED		(CLK_SEC / 10)
/* What is allowed within this time is asked for together. */
#define TOGETHER	(30 * 1000)
/* How often the database is told, and asked, what all workers learned. */
#define SHARE_EVERY	(10 * CLK_SEC)
/* Who has no log in hand for so long leaves its part to the others. */
#define SHARE_IDLE	(10 * CLK_SEC)
/* A hold that grows by less is not worth telling. */
#define HOLD_NEWS	CLK_SEC

/* --- buckets --- */

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
find(struct engine *en, int log_ref, const char *subject, const char *source,
    int private)
{
	struct engine_rate	*r;
	size_t			 i;

	for (i = 0; i < en->nrates; i++) {
		r = en->rates[i];
		if ((r->log_ref == 0) == (log_ref == 0) &&
		    r->private == private &&
		    strcmp(r->subject, subject) == 0 &&
		    strcmp(r->source, source) == 0)
			return r;
	}
	en->rates = mem_grow(en->rates, &en->caprates, en->nrates + 1,
	    sizeof(*en->rates));
	r = en->rates[en->nrates++] = mem_zero(sizeof(*r));
	r->log_ref = log_ref;
	r->subject = mem_str(subject);
	r->source = mem_str(source);
	r->private = private;
	init(&r->rate, private, log_ref == 0);
	return r;
}

void
tail_rate_free(struct engine *en)
{
	size_t	i;

	for (i = 0; i < en->nrates; i++) {
		free(en->rates[i]->subject);
		free(en->rates[i]->source);
		free(en->rates[i]);
	}
	free(en->rates);
	en->rates = NULL;
	en->nrates = en->caprates = 0;
	if (en->db != NULL && db_alive(en->db))
		(void)rate_store_leave(en->db, en->holder, NULL);
}

/* --- what all workers know --- */

static void
describe(const struct engine_rate *r, struct rate_row *row)
{
	memset(row, 0, sizeof(*row));
	row->of_log = r->log_ref != 0;
	row->subject = r->subject;
	row->source = r->source;
	row->per_second = r->rate.per_sec * r->rate.parts;
	row->grown = r->rate.grown;
}

static void
learn(struct engine_rate *r, const struct rate_row *row, int64_t now)
{
	if (row->parts == 0)
		return;
	rate_share(&r->rate, row->per_second, row->parts, now);
	rate_hold(&r->rate, row->hold, now);
	if (now + row->head_hold > r->head_until)
		r->head_until = now + row->head_hold;
	r->told = r->rate.hold_until;
	r->known = 1;
}

/* Tell and ask about these. */
static void
share(struct engine *en, struct engine_rate **v, size_t n)
{
	struct rate_row	row[RATE_STORE_MAX];
	struct err	e = ERR_INIT;
	int64_t		now;
	size_t		i;

	for (i = 0; i < n; i++)
		describe(v[i], &row[i]);
	if (rate_store_sync(en->db, en->holder, row, n, &e) == -1) {
		log_error(NULL, "rates: %s", e.msg);
		return;
	}
	now = clk_mono();
	for (i = 0; i < n; i++)
		learn(v[i], &row[i], now);
}

/* Logs in hand are asked, although it may be a while since the last time. */
static void
mark(struct engine *en, int64_t now)
{
	struct tail	*t;
	size_t		 i, k;

	for (i = 0; i < en->ntails; i++) {
		t = en->tails[i];
		for (k = 0; k < t->nsources && t->leased; k++)
			t->rate[k]->used = t->operator[k]->used = now;
	}
}

/* Those are asked no more: who comes back asks what it is by then. */
static void
drop(struct engine *en, struct engine_rate **v, size_t n)
{
	struct rate_row	row[RATE_STORE_MAX];
	struct err	e = ERR_INIT;
	size_t		i;

	for (i = 0; i < n; i++) {
		describe(v[i], &row[i]);
		v[i]->known = 0;
	}
	if (rate_store_drop(en->db, en->holder, row, n, &e) == -1)
		log_error(NULL, "rates: %s", e.msg);
}

void
tail_rate_turn(struct engine *en, int64_t now)
{
	struct engine_rate	*v[RATE_STORE_MAX], *idle[RATE_STORE_MAX], *r;
	size_t			 i, n = 0, k = 0;

	if (now < en->rates_at) {
		engine_wake(en, en->rates_at);
		return;
	}
	en->rates_at = now + SHARE_EVERY;
	engine_wake(en, en->rates_at);
	mark(en, now);
	for (i = 0; i < en->nrates; i++) {
		r = en->rates[i];
		if (now - r->used > SHARE_IDLE) {
			if (r->known && k < RATE_STORE_MAX)
				idle[k++] = r;
			continue;
		}
		if (n == RATE_STORE_MAX) {
			share(en, v, n);
			n = 0;
		}
		v[n++] = r;
	}
	share(en, v, n);
	drop(en, idle, k);
}

/* A refusal is told at once, unless it says nothing new. */
static void
tell(struct tail *t, struct engine_rate *r, double factor, int news, int head)
{
	struct rate_cut	 c = { .factor = factor };
	struct rate_row	 row;
	struct err	 e = ERR_INIT;
	int64_t		 now = clk_mono();

	if (!news && r->rate.hold_until < r->told + HOLD_NEWS)
		return;
	describe(r, &row);
	c.window = (int64_t)(2 * CLK_SEC / r->rate.per_sec);
	if (c.window < CLK_SEC)
		c.window = CLK_SEC;
	if (r->rate.hold_until > now)
		c.hold = r->rate.hold_until - now;
	if (head)
		c.head_hold = c.hold;
	/* before the cut: what the row is made of if there is none */
	row.per_second /= factor;
	if (rate_store_cut(t->en->db, &row, &c, &e) == -1)
		log_error(t->log.description, "rates: %s", e.msg);
	r->told = r->rate.hold_until;
}

/* --- the buckets of a tail --- */

/*
 * Where this machine can ask from now: places in the configured list, their
 * number; 0: wherever the system chooses.
 */
static size_t
present(struct engine *en, size_t at[LIMIT_SOURCE_ADDRESSES])
{
	const struct conf_strs	*s = &en->conf->source_addresses;
	struct netaddr		 a;
	size_t			 i, n = 0;
	uint32_t		 bit;

	for (i = 0; i < s->n && i < LIMIT_SOURCE_ADDRESSES; i++) {
		bit = UINT32_C(1) << i;
		if (netaddr_parse(&a, s->v[i]) == 0 && netaddr_here(&a) == 0) {
			en->absent &= ~bit;
			at[n++] = i;
		} else if ((en->absent & bit) == 0) {
			en->absent |= bit;
			log_warn("fetch.source_addresses", "this machine has "
			    "no address %s; logs are asked without it",
			    s->v[i]);
		}
	}
	return n;
}

/* Is it a log on our own network? */
static int
is_own(const struct tail *t)
{
	const struct conf_strs	*s = &t->en->conf->egress_allow_private;
	struct egress		 g = EGRESS_INIT;
	size_t			 i;
	int			 own;

	for (i = 0; i < s->n; i++)
		(void)egress_parse_allow(&g, s->v[i], NULL);
	own = egress_url_own(&g, t->log.read_url);
	egress_free(&g);
	return own;
}

void
tail_rate_begin(struct tail *t)
{
	const struct conf_strs	*a = &t->en->conf->source_addresses;
	struct engine_rate	*fresh[2 * LIMIT_SOURCE_ADDRESSES];
	const char		*source;
	char			 id[16], all[300];
	size_t			 at[LIMIT_SOURCE_ADDRESSES], i, n = 0, some;
	int64_t			 now = clk_mono();

	t->own = is_own(t);
	(void)snprintf(id, sizeof(id), "%d", t->log.id);
	(void)snprintf(all, sizeof(all), "%.280s%s", t->log.operator,
	    t->own ? " (private)" : "");
	some = present(t->en, at);
	t->nsources = some == 0 ? 1 : some;
	for (i = 0; i < t->nsources; i++) {
		source = some == 0 ? "" : a->v[at[i]];
		t->rate[i] = find(t->en, t->log.id, id, source, t->own);
		t->operator[i] = find(t->en, 0, all, source, t->own);
		t->rate[i]->used = t->operator[i]->used = now;
		if (!t->rate[i]->known)
			fresh[n++] = t->rate[i];
		if (!t->operator[i]->known)
			fresh[n++] = t->operator[i];
	}
	if (t->source >= t->nsources)
		t->source = 0;
	t->wire = 0;
	if (n != 0)
		share(t->en, fresh, n);
}

/*
 * When the first source may ask, and *${at} which it is; those after the last
 * one first, so that all take turns.
 */
static int64_t
soonest(const struct tail *t, size_t *at, int64_t (*when)(const struct tail *,
    size_t, int64_t))
{
	int64_t	now = clk_mono(), wait, best = INT64_MAX;
	size_t	i, k;

	for (i = 1; i <= t->nsources; i++) {
		k = (t->source + i) % t->nsources;
		wait = when(t, k, now);
		if (wait < best) {
			best = wait;
			*at = k;
		}
	}
	return best;
}

static int64_t
page_when(const struct tail *t, size_t k, int64_t now)
{
	int64_t	a = rate_ready(&t->rate[k]->rate, now);
	int64_t	b = rate_ready(&t->operator[k]->rate, now);

	return a > b ? a : b;
}

/* When history may have a token of this bucket. */
static int64_t
behind(struct engine_rate *r, int64_t now)
{
	int64_t	wait = rate_ready_behind(&r->rate, r->rate.burst / 4, now);

	return r->wanted > now && r->wanted - now > wait ?
	    r->wanted - now : wait;
}

static int64_t
back_when(const struct tail *t, size_t k, int64_t now)
{
	int64_t	a = behind(t->rate[k], now), b = behind(t->operator[k], now);

	return a > b ? a : b;
}

static int64_t
head_when(const struct tail *t, size_t k, int64_t now)
{
	return t->rate[k]->head_until > now ? t->rate[k]->head_until - now : 0;
}

/* A tail waits for so long: history is to leave it what comes until then. */
static void
want(struct engine_rate *r, int64_t until)
{
	if (until > r->wanted)
		r->wanted = until;
}

int64_t
tail_rate_wait(struct tail *t)
{
	size_t	k = 0, i;
	int64_t	wait = soonest(t, &k, page_when), until;

	until = clk_mono() + wait + WANTED;
	for (i = 0; i < t->nsources && wait > 0; i++) {
		want(t->rate[i], until);
		want(t->operator[i], until);
	}
	return wait;
}

int64_t
tail_rate_wait_back(struct tail *t)
{
	size_t	k;

	return soonest(t, &k, back_when);
}

int64_t
tail_rate_wait_page(struct tail *t, int64_t now)
{
	int64_t	wait;

	if (now < t->ask_at)
		return t->ask_at - now;
	wait = back_wait(t);
	if (wait > 0 && wait < TOGETHER) {
		wait = TOGETHER;
		t->ask_at = now + wait;
	}
	return wait;
}

int64_t
tail_rate_wait_head(struct tail *t)
{
	size_t	k;

	return soonest(t, &k, head_when);
}

/* The request goes out from this source. */
static void
from(struct tail *t, size_t k, struct fetch_get *g)
{
	int64_t	now = clk_mono();

	t->source = k;
	t->rate[k]->used = t->operator[k]->used = now;
	g->source = t->rate[k]->source;
	g->tag = (uint32_t)k;
}

/*
 * It counts, and has its part of the host's connections: what a log has from
 * now on, and its history, are a party each.
 */
static void
count(struct tail *t, struct fetch_get *g)
{
	rate_take(&t->rate[t->source]->rate, clk_mono());
	rate_take(&t->operator[t->source]->rate, clk_mono());
	g->party = 2 * (uint32_t)t->log.id + (t->back != NULL);
}

void
tail_rate_take(struct tail *t, struct fetch_get *g)
{
	size_t	k = 0, i;

	(void)soonest(t, &k, page_when);
	from(t, k, g);
	count(t, g);
	/* who wants more says so again */
	for (i = 0; i < t->nsources; i++)
		t->rate[i]->wanted = t->operator[i]->wanted = 0;
}

void
tail_rate_take_back(struct tail *t, struct fetch_get *g)
{
	size_t	k = 0;

	(void)soonest(t, &k, back_when);
	from(t, k, g);
	count(t, g);
}

void
tail_rate_take_head(struct tail *t, struct fetch_get *g)
{
	size_t	k = 0;

	(void)soonest(t, &k, head_when);
	from(t, k, g);
}

/* --- what became of it --- */

/* The source that was asked from; the configuration may have changed. */
static size_t
source_of(const struct tail *t, const struct fetch_done *d)
{
	return d->tag < t->nsources ? d->tag : 0;
}

void
tail_rate_ok(struct tail *t, const struct fetch_done *d)
{
	size_t	k = source_of(t, d);

	if (t->wire == 0)
		t->wire_from = t->done.to;
	t->wire += d->wire;
	rate_ok(&t->rate[k]->rate);
	rate_ok(&t->operator[k]->rate);
}

void
tail_rate_429(struct tail *t, const struct fetch_done *d, int64_t retry_after,
    int head)
{
	size_t			 k = source_of(t, d);
	struct engine_rate	*r = t->rate[k], *o = t->operator[k];
	int64_t			 now = clk_mono();
	/* of one that names no time the backoff of polls takes care */
	int			 until = head && retry_after > 0;

	tell(t, r, 0.5, rate_429(&r->rate, retry_after, now), until);
	if (until)
		r->head_until = r->rate.hold_until;
	/*
	 * Heads do not count: a log that refuses them says nothing about how
	 * fast the pages of its operator's others may be asked for.
	 */
	if (!head)
		tell(t, o, 0.5, rate_429(&o->rate, retry_after, now), 0);
}

void
tail_rate_5xx(struct tail *t, const struct fetch_done *d)
{
	struct engine_rate	*r = t->rate[source_of(t, d)];

	/* one log that is ill says nothing about its operator's others */
	tell(t, r, 0.75, rate_5xx(&r->rate, clk_mono()), 0);
}

int64_t
tail_rate_hold(const struct tail *t)
{
	int64_t	now = clk_mono(), until, least = INT64_MAX;
	size_t	i;

	for (i = 0; i < t->nsources; i++) {
		until = t->rate[i]->rate.hold_until;
		if (t->operator[i]->rate.hold_until > until)
			until = t->operator[i]->rate.hold_until;
		if (until < least)
			least = until;
	}
	return t->nsources != 0 && least > now ? least - now : 0;
}

int
tail_rate_long(const struct tail *t, char why[100])
{
	int64_t	hold = tail_rate_hold(t);
	char	at[CLK_TEXT];

	(void)snprintf(why, 100, "the log asked us to wait until %s "
	    "(Retry-After)", clk_text(clk_wall() + hold, at));
	return hold > t->en->conf->poll * CLK_SEC;
}

int
tail_rate_leave(struct tail *t)
{
	const struct tail_page	*p;
	char			 why[100];

	if (t->now.to != t->done.to || !tail_rate_long(t, why))
		return 0;
	for (p = t->pages; p != NULL; p = p->next)
		if (p->state != PAGE_WAIT)
			return 0;
	if (t->back != NULL)
		return back_hold(t);
	tail_held(t, why);
	return 1;
}

void
tail_rate_wire(struct tail *t)
{
	struct rate_wire	w = { t->wire, t->done.to - t->wire_from,
	    tail_rate_all(t) };

	if (t->wire != 0 && t->done.to > t->wire_from)
		(void)rate_store_wire(t->en->db, t->log.id, &w, NULL);
	t->wire = 0;
}

double
tail_rate_all(const struct tail *t)
{
	double	all = 0;
	size_t	i;

	for (i = 0; i < t->nsources; i++)
		all += t->rate[i]->rate.per_sec * t->rate[i]->rate.parts;
	return all;
}
