#include "auditor/role/back.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/engine_start.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* A range whose log is being read at its head is looked at again then. */
#define BEHIND_S	5
/* A log that has no proven head yet. */
#define NO_HEAD_S	30
/* One that failed is tried again, in seconds. */
#define RETRY		30
#define RETRY_MAX	3600
/* How often one that waits for the tail of its log looks. */
#define LOOK		(CLK_SEC / 10)

void
back_free(struct back *b)
{
	free(b);
}

int
back_hold(struct tail *t)
{
	char	why[100];

	if (!tail_rate_long(t, why))
		return 0;
	t->back->held = 1;
	tail_end(t, why);
	return 1;
}

/* --- one range --- */

/* The range is read from where it is proven, which needs a frontier. */
static void
read_begin(struct tail *t)
{
	t->target = t->back->range.to;
	t->have_range = 1;
	t->range_from = (int64_t)t->done.to;
	t->wire_from = t->back->start = t->done.to;
	(void)merkle_root(&t->done, t->done_root, NULL, 0);
	tail_read_begin(t);
}

/* Load the range, and see that all is there to prove it. */
static void
begin(struct tail *t)
{
	struct back_range	*b = &t->back->range;
	struct err		 e = ERR_INIT;
	uint64_t		 at;

	if (back_load(t->en->db, b->id, b, &e) == -1) {
		if (e.code != ERR_NOENT) {
			tail_fault(t, &e);
			return;
		}
		b->over = 1;
	}
	if (b->over) {
		back_end(t);
		return;
	}
	/* heads before history; --once does nothing else */
	if (b->head_id == 0 || b->head_size < b->to ||
	    (b->behind && !t->en->once)) {
		t->back->later = b->behind ? BEHIND_S : NO_HEAD_S;
		tail_end(t, NULL);
		return;
	}
	if (back_hold(t))
		return;
	if (tail_need_arena(t, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	/* what was read for other watches is read again for these */
	if (b->done > b->from &&
	    memcmp(b->watch_set, t->en->watch_set, 32) != 0) {
		b->done = b->from;
		b->have_edge = b->from == 0;
		merkle_start(&b->edge, 0);
	}
	t->head.tree_size = b->head_size;
	t->head.timestamp_ms = b->head_ms;
	memcpy(t->head.root, b->head_root, 32);
	t->head_id = b->head_id;
	/* a few entries more, where no proof has the frontier */
	at = t->log.is_static || b->have_edge ? b->done :
	    back_round(b->done);
	merkle_start(&t->done, at);
	if (b->have_edge || at == 0) {
		if (at != 0)
			t->done = b->edge;
		read_begin(t);
		return;
	}
	t->state = TAIL_EDGE;
	tail_prove_edge(t, at);
}

void
back_restart(struct tail *t)
{
	if (t->back->find.id != 0)
		back_find_begin(t);
	else
		begin(t);
}

void
back_edge_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	uint64_t	at = t->proof.size1;
	char		why[400];

	if (!r->ok) {
		(void)snprintf(why, sizeof(why), "%s", r->msg);
		if (r->code == ERR_VERIFY)
			tail_mismatch(t, why);
		else
			tail_end(t, why);
		return;
	}
	if (merkle_get(c, &t->done) == -1 || t->done.from != 0 ||
	    t->done.to != at) {
		tail_end(t, "judge: bad answer");
		return;
	}
	read_begin(t);
}

int
back_commit(struct tail *t, const struct range_in *in, struct err *e)
{
	return back_store(t->en->db, &t->back->range, in, e);
}

void
back_committed(struct tail *t)
{
	t->back->range.done = t->done.to;
	memcpy(t->back->range.watch_set, t->en->watch_set, 32);
	if (t->done.to >= t->target) {
		back_end(t);
		return;
	}
	t->range_from = (int64_t)t->done.to;
	t->state = TAIL_READ;
	tail_read_turn(t);
}

void
back_where(const struct tail *t, char *why, size_t n)
{
	char	was[300];

	(void)snprintf(was, sizeof(was), "%.299s", why);
	(void)snprintf(why, n, "proof at entry %" PRIu64 ": %s",
	    t->proof.size1, was);
}

void
back_wrong(const struct tail *t, char *why, size_t n)
{
	char	was[300];

	(void)snprintf(was, sizeof(was), "%.299s", why);
	(void)snprintf(why, n, "history, entries %" PRIu64 " to %" PRIu64
	    ": %s", t->back->range.done, t->back->range.to, was);
}

int
back_news(const struct tail *t, const char *why)
{
	struct err	e = ERR_INIT;
	int		told = 0;

	return back_told(t->en->db, t->lease.id, t->log.id, why, &told, &e) ==
	    -1 || !told;
}

void
back_end(struct tail *t)
{
	t->back->over = 1;
	tail_end(t, NULL);
}

int
back_leave(struct tail *t, const char *why, int64_t due, struct err *e)
{
	struct lease_retry	r = { RETRY, RETRY_MAX, why };
	int64_t			hold = tail_rate_hold(t) / CLK_SEC;
	int			rc;

	if (hold > r.base_s)
		r.base_s = hold + hold / 3 + 1;
	if (due < hold)
		due = hold;
	if (t->back->later != 0)
		due = t->back->later;
	/* no fault: it is tried as soon as it may be */
	if (t->back->held && why != NULL)
		rc = back_held(t->en->db, &t->lease, why, hold + 1, e);
	else
		rc = why != NULL ? lease_fail(t->en->db, &t->lease, &r, e) :
		    lease_done(t->en->db, &t->lease, t->back->over ? -1 :
		    due, e);
	if (rc == 0 && why != NULL && !t->back->held && !t->back->wrong)
		rc = back_defer(t->en->db, &t->lease, t->log.id, e);
	/* there is room for the next */
	t->en->claim_at = 0;
	engine_wake(t->en, clk_mono());
	return rc;
}

int64_t
back_wait(struct tail *t)
{
	const struct tail	*o;
	size_t			 i;

	if (t->back == NULL)
		return tail_rate_wait(t);
	for (i = 0; i < t->en->ntails; i++) {
		o = t->en->tails[i];
		if (o->back == NULL && o->log.id == t->log.id && o->leased &&
		    o->state == TAIL_READ && o->now.to < o->target)
			return LOOK;
	}
	return tail_rate_wait_back(t);
}

void
back_take(struct tail *t, struct fetch_get *g)
{
	if (t->back == NULL)
		tail_rate_take(t, g);
	else
		tail_rate_take_back(t, g);
}

/* --- which ranges --- */

/* One of this log that rests; what it learned of the log is of use. */
static struct tail *
find(struct engine *en, int log_ref, struct err *e)
{
	struct tail	*t;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		if (en->tails[i]->back != NULL && !en->tails[i]->leased &&
		    en->tails[i]->log.id == log_ref)
			return en->tails[i];
	if ((t = tail_new(en, log_ref, e)) == NULL)
		return NULL;
	t->back = mem_zero(sizeof(*t->back));
	en->tails = mem_grow(en->tails, &en->captails, en->ntails + 1,
	    sizeof(*en->tails));
	en->tails[en->ntails++] = t;
	return t;
}

/* Those that rest, when there are many. */
static void
trim(struct engine *en)
{
	size_t	i, n = 0;

	for (i = en->ntails; i-- > 0;) {
		if (en->tails[i]->back == NULL ||
		    ++n <= LIMIT_BACK_FLIGHT || en->tails[i]->leased)
			continue;
		tail_free(en->tails[i]);
		memmove(&en->tails[i], &en->tails[i + 1],
		    (--en->ntails - i) * sizeof(struct tail *));
	}
}

/*
 * Do we try one of this log that failed before, and nothing has come of it so
 * far?  Then another one of these can wait, and leaves its place to a log that
 * answers.
 */
static int
tries(const struct engine *en, int log_ref)
{
	const struct tail	*o;
	size_t			 i;

	for (i = 0; i < en->ntails; i++) {
		o = en->tails[i];
		if (o->back != NULL && o->leased && o->log.id == log_ref &&
		    o->lease.attempts > 1 && (o->back->start == UINT64_MAX ||
		    o->now.to <= o->back->start))
			return 1;
	}
	return 0;
}

/* Begin a piece of work; 0, or -1: it is not for us. */
static int
take(struct engine *en, struct lease *l, struct err *e)
{
	struct back_range	 b;
	struct back_find	 f = { .id = 0 };
	struct tail		*t;
	int			 search;
	int64_t			 id;

	search = strncmp(l->subject, "find:", 5) == 0;
	id = strtoll(l->subject + (search ? 5 : 0), NULL, 10);
	if ((search ? back_find_load(en->db, id, &f, e) :
	    back_load(en->db, id, &b, e)) == -1)
		return -1;
	if (l->attempts > 1 && tries(en, search ? f.log_ref : b.log_ref))
		return back_put_off(en->db, l, BEHIND_S, e);
	if ((t = find(en, search ? f.log_ref : b.log_ref, e)) == NULL)
		return -1;
	t->mismatch = 0;
	t->back->over = t->back->later = t->back->held = t->back->wrong = 0;
	t->back->start = UINT64_MAX;
	t->back->find = f;
	t->back->range.id = search ? 0 : id;
	tail_take(t, l);
	if (!t->leased)
		return 0;
	tail_rate_begin(t);
	back_restart(t);
	return 0;
}

int
back_begin(struct engine *en, struct lease *l)
{
	struct err	e = ERR_INIT;

	/* a watch that is older than the back-fill is matched, always */
	if (engine_marked(en, &e) == 0 && take(en, l, &e) == 0)
		return 0;
	if (e.code != ERR_NOENT) {
		log_error("backfill", "%s", e.msg);
		return -1;
	}
	/* what is gone needs nobody */
	(void)lease_done(en->db, l, -1, NULL);
	return 0;
}

size_t
back_room(struct engine *en)
{
	struct err	e = ERR_INIT;
	size_t		i, n = 0, cut;

	if (en->once == ENGINE_ONCE)
		return 0;
	for (i = 0; i < en->ntails; i++)
		n += en->tails[i]->back != NULL && en->tails[i]->leased;
	if (n >= LIMIT_BACK_FLIGHT)
		return 0;
	trim(en);
	if (back_plan(en->db, &cut, &e) == -1)
		log_error("backfill", "%s", e.msg);
	return LIMIT_BACK_FLIGHT - n;
}

int
back_idle(struct engine *en)
{
	struct err	e = ERR_INIT;
	size_t		i, cut = 0;

	for (i = 0; i < en->ntails; i++)
		if (en->tails[i]->back != NULL && en->tails[i]->leased)
			return 0;
	return back_plan(en->db, &cut, &e) == 0 && cut == 0 &&
	    back_left(en->db, &e) == 0;
}
