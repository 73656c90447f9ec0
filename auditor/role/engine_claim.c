#include "auditor/role/engine_claim.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/back.h"
#include "auditor/role/engine_role.h"
#include "auditor/role/engine_wait.h"
#include "auditor/role/heads.h"
#include "auditor/role/lists.h"
#include "auditor/role/tail.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

#define CLAIM_EVERY	CLK_SEC
#define CLAIM_MAX	64
/* Until all have looked: who came back with us, and what was left to them. */
#define ALL_LOOKED	(3 * CLAIM_EVERY)
/* What waits for room gets that of one that has been read for so long. */
#define TURN_MIN	(60 * CLK_SEC)
/* That rests for so long (seconds), or it would want the place of the next. */
#define TURN_REST	10
#define SAY_EVERY	(3600 * CLK_SEC)

/* --- the kinds --- */

static size_t
list_room(struct engine *en)
{
	return en->once != ENGINE_HISTORY && !lists_busy(en->lists);
}

static int
list_begin(struct engine *en, struct lease *l)
{
	if (lists_busy(en->lists))
		return -1;
	lists_begin(en->lists, l);
	return 0;
}

/* How many more logs may be read at once. */
static size_t
tail_room(struct engine *en)
{
	size_t	i, n = 0;

	/* --once reads the logs of the newest lists */
	if (en->once == ENGINE_HISTORY ||
	    (en->once && lists_busy(en->lists)))
		return 0;
	for (i = 0; i < en->ntails; i++)
		n += en->tails[i]->leased != 0;
	return n < LIMIT_TAILS ? LIMIT_TAILS - n : 0;
}

static struct tail *
tail_find(struct engine *en, int log_ref)
{
	struct err	 e = ERR_INIT;
	struct tail	*t;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		if (en->tails[i]->log.id == log_ref &&
		    en->tails[i]->back == NULL)
			return en->tails[i];
	if ((t = tail_new(en, log_ref, &e)) == NULL)
		return NULL;
	en->tails = mem_grow(en->tails, &en->captails, en->ntails + 1,
	    sizeof(*en->tails));
	en->tails[en->ntails++] = t;
	return t;
}

static int
log_begin(struct engine *en, struct lease *l)
{
	struct tail	*t = tail_find(en, (int)strtol(l->subject, NULL, 10));

	if (t == NULL || t->leased)
		return -1;
	tail_begin(t, l);
	return 0;
}

/* Is it one that can be left to others, as it is read since then? */
static int
can_yield(const struct tail *t, int64_t since)
{
	return t->leased && t->back == NULL && t->state == TAIL_READ &&
	    t->turned <= since;
}

/*
 * The log of which least is read and not committed goes to another worker.  One
 * that has nothing to do but a few pages is done before that one has it.
 */
static int
tail_give_back(struct engine *en)
{
	int64_t		 since = clk_mono() - ALL_LOOKED;
	struct tail	*t = NULL;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		if (can_yield(en->tails[i], since) &&
		    (t == NULL || en->tails[i]->fresh < t->fresh))
			t = en->tails[i];
	if (t == NULL)
		return 0;
	tail_yield(t, 0);
	return 1;
}

/* The log that is read for longest goes to the end of the queue, which is by time. */
static int
tail_next(struct engine *en)
{
	int64_t		 since = clk_mono() - TURN_MIN;
	struct tail	*t = NULL;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		if (can_yield(en->tails[i], since) &&
		    (t == NULL || en->tails[i]->turned < t->turned))
			t = en->tails[i];
	if (t == NULL)
		return 0;
	tail_yield(t, TURN_REST);
	return 1;
}

static size_t
heads_room(struct engine *en)
{
	return en->once != ENGINE_HISTORY;
}

static int
heads_begin(struct engine *en, struct lease *l)
{
	heads_sweep(en, l);
	return 0;
}

static size_t
vantage_room(struct engine *en)
{
	return en->once != ENGINE_HISTORY && en->conf->nvantage != 0 && !vantage_busy(en->vantage) &&
	    !lists_busy(en->lists);
}

/* One that only another host has is left to that: it is no fault of its. */
static int
vantage_take(struct engine *en, struct lease *l)
{
	const struct conf	*c = en->conf;
	size_t			 i;

	if (vantage_busy(en->vantage))
		return -1;
	for (i = 0; i < c->nvantage; i++)
		if (strcmp(c->vantage[i].name, l->subject) == 0) {
			vantage_begin(en->vantage, l);
			return 0;
		}
	return -1;
}

/* In this order: a list makes logs known, heads are before history. */
static const struct engine_kind kinds[] = {
	{ "loglist", ROLE_INGEST, NULL, list_room, list_begin, NULL,
	    NULL },
	{ "tail", ROLE_INGEST, "ingest", tail_room, log_begin,
	    tail_give_back, tail_next },
	{ "backfill", ROLE_INGEST, NULL, back_room, back_begin, NULL,
	    NULL },
	{ "heads", ROLE_INGEST, NULL, heads_room, heads_begin, NULL,
	    NULL },
	{ "vantage", ROLE_INGEST, NULL, vantage_room, vantage_take, NULL,
	    NULL },
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(KINDS <= ENGINE_KINDS_MAX, "engine.h has room");

/* --- claiming --- */

/* Claim at most ${max} pieces of work of one kind; how many were got. */
static size_t
claim(struct engine *en, const struct engine_kind *k, size_t max)
{
	struct lease_ask	ask = { .holder = en->holder,
	    .instance = en->instance, .kinds = { &k->name, 1 }, .max = max, .share = en->once ? NULL :
	    k->share, .lease_s = (int)en->conf->worker_lease,
	    .away_s = clk_mono() < en->back_at + ALL_LOOKED ? en->away_s : 0 };
	struct lease		got[CLAIM_MAX];
	struct err		e = ERR_INIT;
	size_t			n = 0, i;

	if (ask.max > CLAIM_MAX)
		ask.max = CLAIM_MAX;
	/* stopped in the middle of a turn */
	if (engine_late(en))
		return 0;
	if (lease_claim(en->db, &ask, got, &n, &e) == -1) {
		log_error(NULL, "%s", e.msg);
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (k->begin(en, &got[i]) == -1)
			/* somebody may have it in a second */
			(void)lease_done(en->db, &got[i], 1, NULL);
		lease_free(&got[i]);
	}
	return n;
}

/*
 * Workers that came later, or have little to do, are left what we have above
 * our part; when they have taken it, or it can be left, there may be more.
 */
static void
share(struct engine *en, int64_t now)
{
	struct err	e = ERR_INIT;
	size_t		i;
	int		n;

	if (now < en->share_at || en->once)
		return;
	en->share_at = now + engine_beat_every(en);
	for (i = 0; i < KINDS; i++) {
		if ((en->roles & kinds[i].role) == 0 ||
		    kinds[i].yield == NULL)
			continue;
		if (lease_excess(en->db, en->holder, kinds[i].name,
		    kinds[i].share, &n, &e) == -1)
			log_error(NULL, "%s", e.msg);
		if (n > 0)
			en->share_at = now + ALL_LOOKED;
		for (; n > 0 && kinds[i].yield(en); n--)
			en->rest[i] = now + ALL_LOOKED;
	}
}

void
engine_claim_back(struct engine *en, int64_t away_us)
{
	en->back_at = clk_mono();
	en->away_s = away_us / CLK_SEC + 1;
	en->share_at = en->back_at + ALL_LOOKED;
}

/*
 * A log that was ours is looked at when its poll is due, not up to a second
 * later; whoever has it by then has it.
 */
static void
punctual(struct engine *en, int64_t now)
{
	size_t	i;

	for (i = 0; i < en->ntails; i++) {
		struct tail	*t = en->tails[i];

		if (t->due_at == 0)
			continue;
		if (t->due_at > now)
			engine_wake(en, t->due_at);
		else {
			t->due_at = 0;
			en->claim_at = now;
		}
	}
}

/* Can room be made?  --once: each has one turn, up to its head. */
static int
can_turn(const struct engine *en, const struct engine_kind *k)
{
	return k->next != NULL && !en->once;
}

/* How many of a kind of which something is due may begin, now or soon. */
static size_t
room(struct engine *en, const struct engine_kind *k)
{
	static int64_t	say_at;
	size_t		n = k->room(en);

	if (n != 0 || !can_turn(en, k) || !k->next(en))
		return n;
	if (clk_mono() >= say_at) {
		say_at = clk_mono() + SAY_EVERY;
		log_warn(NULL, "more logs are behind than one worker reads at "
		    "once: they take turns; another worker would help");
	}
	return k->room(en);
}

/* One question instead of a claim a kind: mostly there is nothing. */
static size_t
claim_due(struct engine *en, int64_t now)
{
	const char	*name[KINDS];
	struct db_strs	 names = { name, 0 }, none = { NULL, 0 };
	struct err	 e = ERR_INIT;
	size_t		 kind[KINDS], n = 0, i, max;
	int		 due[KINDS] = { 0 };

	for (i = 0; i < KINDS; i++)
		if ((en->roles & kinds[i].role) != 0 && now >= en->rest[i] &&
		    (kinds[i].room(en) != 0 || can_turn(en, &kinds[i]))) {
			kind[names.n] = i;
			name[names.n++] = kinds[i].name;
		}
	if (names.n != 0 && lease_due(en->db, &names, &none, NULL, due, &e)
	    == -1)
		log_error(NULL, "%s", e.msg);
	for (i = 0; i < names.n; i++)
		/* what began may have taken the room of others */
		if (due[i] && (max = room(en, &kinds[kind[i]])) != 0)
			n += claim(en, &kinds[kind[i]], max);
	return n;
}

void
engine_claim(struct engine *en, int64_t now)
{
	punctual(en, now);
	if (now < en->claim_at) {
		engine_wake(en, en->claim_at);
		return;
	}
	en->claim_at = now + CLAIM_EVERY;
	engine_wake(en, en->claim_at);
	share(en, now);
	/* what was claimed may have made more work (a list: its logs) */
	if (claim_due(en, now) != 0) {
		en->claim_at = now;
		engine_wake(en, now);
	}
}
