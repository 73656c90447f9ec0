#include "auditor/role/tail.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/plant.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha.h"

/*
 * A judge reads what strangers wrote, so it is not believed blindly: one page
 * in so many is judged again by another judge, and one in so many is made up
 * by us.  A wrong answer stops the worker.
 */
#define EVERY	64
/* The second judge's word is waited for so long. */
#define PATIENCE	(60 * CLK_SEC)

static void
liar(struct tail *t, pid_t pid, const char *how)
{
	log_error(t->log.description, "judge %d %s: the worker stops",
	    (int)pid, how);
	t->en->fatal = 1;
}

/* Have another judge look at the page. */
static void
second_begin(struct tail *t, const struct tail_page *p,
    const struct judge_page *q, struct span answer)
{
	if (t->second == NULL && (t->second = tail_crew_other(t)) == NULL)
		return;
	t->second_pid = p->judge->pid;
	t->second_page = p;
	t->second_id = ++t->en->next_ask;
	sha_256(t->second_want, answer.p, answer.n);
	judge_ask_page(t->second, t->second_id, 0, q);
}

/* Slip in a page of our own. */
static void
plant_begin(struct tail *t)
{
	struct buf	body = BUF_INIT;
	char		name[WATCH_NAME];

	if (plant_name(judge_pool_watches(t->en->pool), name) == -1)
		return;
	plant_page(name, t->log.is_static, &body, t->plant_leaf);
	free(t->plant_name);
	t->plant_name = mem_str(name);
	t->plant_fetch = fetch_client_inject(t->en->logs, t->arena,
	    buf_bytes(&body));
	buf_free(&body);
}

void
tail_check_page(struct tail *t, const struct tail_page *p,
    const struct judge_page *q, struct span answer)
{
	uint64_t	n = t->en->pages++;

	if (n % EVERY == 0 && t->plant_fetch == 0 && t->plant_ask == 0)
		plant_begin(t);
	if (n % EVERY == EVERY / 2 && t->second_page == NULL)
		second_begin(t, p, q, answer);
}

int
tail_check_busy(const struct tail *t, const struct tail_page *p)
{
	return t->second_page == p;
}

static void
second_end(struct tail *t)
{
	/* alive: it may think for ever */
	judge_free(t->second, !ipc_eof(t->second->ipc));
	t->second = NULL;
	t->second_page = NULL;
}

void
tail_check_forget(struct tail *t, const struct tail_page *p)
{
	if (tail_check_busy(t, p))
		second_end(t);
}

/* Is it there, but with nothing to look at? */
static int
idle(struct tail *t, int eof)
{
	if (t->second_page != NULL)
		return 0;
	if (eof)
		second_end(t);
	return 1;
}

void
tail_check_second(struct tail *t)
{
	struct judge_reply	r;
	struct cur		c;
	struct span		s;
	struct err		e = ERR_INIT;
	uint8_t			have[32];
	int			eof, rc;

	if (t->second == NULL)
		return;
	(void)ipc_flush(t->second->ipc, NULL);
	eof = ipc_read(t->second->ipc, &e) == -1;
	if (idle(t, eof))
		return;
	rc = judge_next(t->second, &r, &c);
	if (rc == 0 && !eof && clk_mono() < t->second->asked_at + PATIENCE)
		return;
	if (rc == 1) {
		s = cur_rest(&c);
		sha_256(have, s.p, s.n);
		if (!r.ok || r.id != t->second_id ||
		    memcmp(have, t->second_want, 32) != 0)
			liar(t, t->second_pid,
			    "and another judge do not agree");
	}
	/* one that answered stays for the next page */
	t->second_page = NULL;
	if (rc != 1 || eof)
		second_end(t);
	tail_turn(t);
}

int
tail_check_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	struct judge_page	 q;

	if (t->plant_fetch == 0 || d->id != t->plant_fetch)
		return 0;
	t->plant_fetch = 0;
	if (d->failure != FETCH_OK || (j = tail_crew_pick(t)) == NULL)
		return 1;
	memset(&q, 0, sizeof(q));
	q.ext.off = t->plant_ext.off = d->offset;
	q.ext.len = t->plant_len = d->length;
	q.tile = t->log.is_static;
	q.max = 1;
	q.first = t->now.to;
	q.to = UINT32_MAX;
	t->plant_ask = ++t->en->next_ask;
	t->plant_judge = j;
	judge_ask_page(j, t->plant_ask, 0, &q);
	return 1;
}

/* Does the answer say what it must? */
static int
right(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct watch_hit	 hit;
	struct judge_page_reply	 p;
	struct judge_match	 m;
	size_t			 i;
	int			 ok = 0;

	if (!r->ok || judge_page_reply_read(c, &p) == -1 || p.count != 1 ||
	    p.nmatch != 1 || p.range.n != 1 ||
	    memcmp(p.range.hash[0], t->plant_leaf, 32) != 0 ||
	    judge_match_read(c, &m) == -1)
		return 0;
	if (watch_name(judge_pool_watches(t->en->pool), t->plant_name, &hit,
	    1) > 0)
		for (i = 0; i < m.nhits; i++)
			ok |= m.hit_watch[i] == hit.watch &&
			    strcmp(m.hit_name[i], t->plant_name) == 0;
	judge_match_free(&m);
	return ok;
}

int
tail_check_judged(struct tail *t, const struct judge_link *j,
    const struct judge_reply *r, struct cur *c)
{
	if (t->plant_ask == 0 || r->id != t->plant_ask || t->plant_judge != j)
		return 0;
	t->plant_ask = 0;
	fetch_client_give(t->en->logs, t->arena, t->plant_ext.off,
	    t->plant_len);
	if (!right(t, r, c))
		liar(t, j->pid, "does not report what was planted");
	return 1;
}

/* Its judge is gone, so is the question. */
void
tail_check_died(struct tail *t, const struct judge_link *j)
{
	if (t->plant_ask == 0 || t->plant_judge != j)
		return;
	fetch_client_give(t->en->logs, t->arena, t->plant_ext.off,
	    t->plant_len);
	t->plant_ask = 0;
}

void
tail_check_oldest(const struct tail *t, const struct judge_link *j,
    uint64_t *id)
{
	if (t->plant_ask != 0 && t->plant_judge == j && (*id == 0 || t->plant_ask < *id))
		*id = t->plant_ask;
}

void
tail_check_drop(struct tail *t)
{
	if (t->second != NULL)
		second_end(t);
	tail_check_died(t, t->plant_judge);
	t->plant_fetch = 0;
	free(t->plant_name);
	t->plant_name = NULL;
}
