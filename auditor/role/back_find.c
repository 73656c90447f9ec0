#include "auditor/role/back.h"

#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/rfc6962.h"
#include "ctlog/tile.h"

/*
 * Where a date begins in a log, by bisection over single entries.  A log
 * merges an entry within its MMD, so timestamps do not only grow; but below
 * an entry issued at ${t} none is of later than t + MMD: the search is for
 * one from before the date less the MMD.
 */

/* The last entry that is asked for lies in a whole tile. */
static uint64_t
last(const struct tail *t)
{
	uint64_t	to = t->back->find.to;

	return t->log.is_static ? to - to % TILE_WIDTH : to;
}

/* It is found: everything below ${lo} is older. */
static void
found(struct tail *t)
{
	struct err	e = ERR_INIT;
	uint64_t	from = back_round(t->back->lo);

	if (db_begin(t->en->db, &e) == -1 ||
	    lease_check(t->en->db, &t->lease, &e) == -1 ||
	    back_found(t->en->db, t->back->find.id, from, &e) == -1 ||
	    db_commit(t->en->db, &e) == -1) {
		db_rollback(t->en->db);
		tail_fault(t, &e);
		return;
	}
	back_end(t);
}

/* Ask for the entry in the middle. */
static void
ask(struct tail *t)
{
	struct back	*b = t->back;
	struct http_req	 req;
	struct tile	 tile = { TILE_DATA, 0, TILE_WIDTH };
	int		 rc;

	if (b->hi == b->lo) {
		found(t);
		return;
	}
	b->mid = b->lo + (b->hi - b->lo) / 2;
	tile.index = b->mid / TILE_WIDTH;
	rc = t->log.is_static ? tile_request(t->log.read_url, &tile, &req) :
	    rfc6962_entries(t->log.read_url, b->mid, b->mid, &req);
	if (rc == -1) {
		tail_end(t, "URL of the log is too long");
		return;
	}
	req.cap = LIMIT_BODY_ENTRIES;
	tail_get(t, &req);
}

void
back_find_begin(struct tail *t)
{
	struct back	*b = t->back;

	if (b->find.over) {
		back_end(t);
		return;
	}
	if (back_hold(t))
		return;
	t->state = TAIL_FIND;
	b->lo = 0;
	b->hi = last(t);
	b->before_ms = b->find.since / 1000 - t->log.mmd * 1000;
	ask(t);
}

void
back_find_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	struct judge_page	 p;
	char			 why[400];

	if (d->failure != FETCH_OK || d->status != 200) {
		tail_refused(t, d, why, sizeof(why));
		tail_give(t);
		if (!back_hold(t))
			tail_end(t, why);
		return;
	}
	if ((j = tail_need_judge(t)) == NULL)
		return;
	memset(&p, 0, sizeof(p));
	p.ext = t->ext;
	p.tile = t->log.is_static;
	p.max = p.tile ? TILE_WIDTH : 1;
	p.from = p.to = p.tile ? (uint32_t)(t->back->mid % TILE_WIDTH) : 0;
	p.first = t->back->mid - p.from;
	t->ask_id = ++t->en->next_ask;
	/* only when it was issued: nothing is taken apart */
	judge_ask_page(j, t->ask_id, 1, &p);
}

void
back_find_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct back		*b = t->back;
	struct judge_page_reply	 p;
	struct judge_match	 m;

	tail_give(t);
	if (!r->ok) {
		tail_end(t, r->msg);
		return;
	}
	if (judge_page_reply_read(c, &p) == -1 || p.nmatch != 1 ||
	    judge_match_read(c, &m) == -1) {
		tail_end(t, "judge: bad answer");
		return;
	}
	if (m.index == b->mid && (int64_t)m.timestamp_ms < b->before_ms)
		b->lo = b->mid + 1;
	else
		b->hi = b->mid;
	judge_match_free(&m);
	ask(t);
}
