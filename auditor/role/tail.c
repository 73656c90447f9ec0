#include "auditor/role/tail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/egress.h"
#include "auditor/role/back.h"
#include "auditor/role/engine_wait.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* A log that fails is asked at least so often, in seconds. */
#define RETRY_MAX	600
/* A read-only log that was read to its end is only looked at now and then. */
#define OVER_POLL	(6 * 3600)
/* A turn that took longer than a poll: the next one comes after so long. */
#define POLL_MIN	(CLK_SEC / 4)
/* A poll is looked for so much after it is due, in microseconds. */
#define DUE_SLACK	5000

struct tail *
tail_new(struct engine *en, int log_ref, struct err *e)
{
	struct tail	*t = mem_zero(sizeof(*t));

	t->en = en;
	t->last = &t->pages;
	if (log_load(en->db, log_ref, &t->log, e) == -1) {
		free(t);
		return NULL;
	}
	t->page_size = t->log.page_size;
	t->page_known = t->page_size > 0;
	t->stale = t->unreachable = -1;
	return t;
}

/* Let go of judge, arena and everything read but not proven. */
static void
release(struct tail *t)
{
	size_t	i;

	tail_read_drop(t);
	tail_match_drop(t, t->nmatches);
	tail_crew_drop(t);
	tail_aside_drop(t);
	tail_cache_release(t);
	if (t->arena != 0 && t->en->logs != NULL)
		fetch_client_drop(t->en->logs, t->arena);
	t->arena = 0;
	t->fetch_id = t->ask_id = t->hybrid_fetch = 0;
	memset(t->proof_fetch, 0, sizeof(t->proof_fetch));
	/* an issuer that was not had this time may be the next */
	for (i = 0; i < t->nissuers; i++) {
		t->issuers[i].failed = 0;
		t->issuers[i].tries = 0;
		t->issuers[i].fetch_id = t->issuers[i].ask_id = 0;
	}
	t->ext_len = 0;
	buf_free(&t->head_raw);
	buf_free(&t->consistency);
}

void
tail_free(struct tail *t)
{
	size_t	i;

	if (t == NULL)
		return;
	release(t);
	back_free(t->back);
	lease_free(&t->lease);
	log_row_free(&t->log);
	buf_free(&t->seen.raw);
	for (i = 0; i < t->nissuers; i++)
		buf_free(&t->issuers[i].der);
	free(t->issuers);
	free(t->matches);
	free(t->paths);
	free(t->kept);
	free(t);
}

/*
 * Let go of everything, and of the lease: due again in ${due} seconds; ${why}
 * not NULL: it failed, and backs off from there.
 */
static void
leave(struct tail *t, const char *why, int64_t due)
{
	struct err		 e = ERR_INIT;
	struct db		*db = t->en->db;
	struct lease_retry	 r = { due, RETRY_MAX, why };
	int64_t			 wait = due * CLK_SEC;
	int			 rc;

	/* from head to head, not from the end of one turn to the next */
	if (due == t->en->conf->poll)
		wait -= clk_mono() - t->turned;
	if (wait < POLL_MIN)
		wait = POLL_MIN;
	release(t);
	t->state = TAIL_IDLE;
	if (r.cap_s < r.base_s)
		r.cap_s = r.base_s;
	if (t->back != NULL)
		rc = back_leave(t, why, due, &e);
	else
		rc = why == NULL ? lease_done_us(db, &t->lease, wait, &e) :
		    lease_fail(db, &t->lease, &r, &e);
	if (rc == -1 && e.code != ERR_LEASE)
		engine_fault(t->en, t->log.description, e.msg);
	if (why != NULL && !tail_over(t))
		t->en->failed = 1;
	/* the database's clock counts: a little later than ours */
	if (why == NULL && t->back == NULL && !t->en->once)
		t->due_at = clk_mono() + wait + DUE_SLACK;
	lease_free(&t->lease);
	t->leased = 0;
	t->finished = 1;
}

void
tail_take(struct tail *t, struct lease *lease)
{
	struct err	 e = ERR_INIT;
	struct log_row	 fresh;

	t->lease = *lease;
	memset(lease, 0, sizeof(*lease));
	t->leased = 1;
	t->turned = clk_mono();
	t->head_tries = t->shown = t->aside.tries = 0;
	/* the list may have changed what we know of it */
	if (log_load(t->en->db, t->log.id, &fresh, &e) == -1) {
		log_row_free(&fresh);
		tail_fault(t, &e);
		return;
	}
	log_row_free(&t->log);
	t->log = fresh;
}

void
tail_begin(struct tail *t, struct lease *lease)
{
	struct err	 e = ERR_INIT;
	int64_t		 wait;

	tail_take(t, lease);
	if (!t->leased)
		return;
	if (range_load(t->en->db, t->log.id, &t->done, t->done_root,
	    &t->range_from, &t->have_range, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	tail_rate_begin(t);
	if ((wait = tail_rate_wait_head(t)) > 0) {
		/* another worker was told so */
		leave(t, NULL, wait / CLK_SEC + 1);
		return;
	}
	tail_head_begin(t);
}

int
tail_over(const struct tail *t)
{
	return t->log.readonly && t->log.has_final && t->have_range &&
	    (int64_t)t->done.to >= t->log.final_size;
}

/*
 * Heads have a budget of their own: only what was said of heads, or a head
 * that could not be had, keeps the next one waiting.  What was said of pages,
 * or went wrong with them, keeps pages waiting.
 */
static void
leave_refused(struct tail *t, const char *why)
{
	int64_t	poll = tail_over(t) ? OVER_POLL : t->en->conf->poll, wait;

	if (t->back != NULL) {
		leave(t, why, poll);
		return;
	}
	wait = (tail_rate_wait_head(t) + CLK_SEC - 1) / CLK_SEC;
	if (why != NULL && t->shown)
		t->ill_until = clk_mono() + clk_backoff(++t->ill,
		    poll * CLK_SEC, (poll > RETRY_MAX ? poll : RETRY_MAX) *
		    CLK_SEC);
	if (why != NULL && wait == 0 && (t->shown || tail_rate_hold(t) > 0)) {
		t->en->failed |= !tail_over(t);
		leave(t, NULL, poll);
		return;
	}
	/* backoff takes up to a quarter off */
	if (why != NULL && wait > poll)
		poll = wait + wait / 3 + 1;
	leave(t, why, poll);
}

void
tail_end(struct tail *t, const char *why)
{
	/* many ranges, tried again and again, say it once */
	if (why != NULL)
		log_line(t->back == NULL || back_news(t, why) ? LOG_WARN :
		    LOG_DEBUG, t->log.description, "%s", why);
	tail_end_said(t, why);
}

void
tail_end_said(struct tail *t, const char *given)
{
	char	text[500], *why = given != NULL ? text : NULL;

	/* it may be a judge's, whose bytes go with it */
	if (given != NULL)
		(void)snprintf(text, sizeof(text), "%s", given);
	if (t->back == NULL)
		tail_health(t, why);
	if (why == NULL) {
		t->ill = 0;
		t->ill_until = 0;
	}
	tail_rate_wire(t);
	if (t->page_size != t->log.page_size)
		(void)health_rate(t->en->db, t->log.id, t->page_size,
		    tail_rate_all(t), 0, NULL);
	leave_refused(t, why);
}

void
tail_held(struct tail *t, const char *why)
{
	log_debug(t->log.description, "%s", why);
	t->en->failed = 1;
	leave(t, NULL, t->en->conf->poll);
}

void
tail_fault(struct tail *t, const struct err *e)
{
	int	lost = e->code == ERR_LEASE && t->back == NULL && !t->en->once;

	engine_fault(t->en, t->log.description, e->msg);
	/* one that ran out, and that nobody has, is anybody's at once */
	leave(t, lost ? NULL : e->msg, lost ? 0 : t->en->conf->poll);
}

void
tail_refused(struct tail *t, const struct fetch_done *d, char *why, size_t n)
{
	int64_t	wait = -1;

	if (d->failure != FETCH_OK) {
		tail_rate_5xx(t, d);
		(void)snprintf(why, n, "%s: %s",
		    fetch_failure_name(d->failure), d->message);
		return;
	}
	if (d->retry_after[0] != '\0')
		wait = clk_retry_after(d->retry_after, clk_wall());
	if (d->status == 429 || (d->status == 503 && wait >= 0)) {
		tail_rate_429(t, d, wait, t->state == TAIL_HEAD ||
		    d->id == t->aside.fetch_id);
		(void)health_rate(t->en->db, t->log.id, t->page_size,
		    tail_rate_all(t), 1, NULL);
	} else if (d->status >= 500)
		tail_rate_5xx(t, d);
	(void)snprintf(why, n, "HTTP status %u", d->status);
}

int
tail_need_arena(struct tail *t, struct err *e)
{
	if (t->arena != 0)
		return 0;
	t->arena_size = LIMIT_ARENA_LOG;
	t->arena_fd = fetch_client_arena(t->en->logs, t->arena_size,
	    &t->arena, e);
	return t->arena_fd == -1 ? -1 : 0;
}

void
tail_get(struct tail *t, const struct http_req *req)
{
	struct fetch_get	g;
	struct err		e = ERR_INIT;

	if (tail_need_arena(t, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	memset(&g, 0, sizeof(g));
	g.arena = t->arena;
	g.cap = (uint32_t)req->cap;
	g.flags = FETCH_F_GZIP | FETCH_F_HTTP2;
	g.timeout_ms = 30000;
	g.method = "GET";
	g.url = req->url;
	if (t->state == TAIL_HEAD) {
		tail_rate_take_head(t, &g);
		tail_seen_ask(t, &g);
	} else
		back_take(t, &g);
	t->fetch_id = fetch_client_get(t->en->logs, &g);
}

void
tail_give(struct tail *t)
{
	fetch_client_give(t->en->logs, t->arena, t->ext.off, t->ext_len);
	t->ext_len = 0;
}

int
tail_fetched(struct tail *t, const struct fetch_done *d)
{
	if (d->id == t->fetch_id && t->fetch_id != 0) {
		t->fetch_id = 0;
		t->ext.off = d->offset;
		t->ext.len = t->ext_len = d->length;
		t->ext.gzip = strcmp(d->encoding, "gzip") == 0;
		switch (t->state) {
		case TAIL_HEAD:
			tail_head_fetched(t, d);
			break;
		case TAIL_START:
			tail_start_fetched(t, d);
			break;
		case TAIL_FIND:
			back_find_fetched(t, d);
			break;
		default:
			tail_give(t);
			break;
		}
		return 1;
	}
	return tail_read_fetched(t, d) || tail_prove_fetched(t, d) ||
	    tail_match_fetched(t, d) || tail_check_fetched(t, d) ||
	    tail_hybrid_fetched(t, d) || tail_aside_fetched(t, d);
}

void
tail_yield(struct tail *t, int rest_s)
{
	struct err	e = ERR_INIT;

	release(t);
	t->state = TAIL_IDLE;
	if (lease_done(t->en->db, &t->lease, rest_s, &e) == -1 &&
	    e.code != ERR_LEASE)
		engine_fault(t->en, t->log.description, e.msg);
	else if (rest_s > 0)
		log_debug(t->log.description, "others have their turn");
	else
		log_info(t->log.description, "left to another worker");
	lease_free(&t->lease);
	t->leased = 0;
}

void
tail_restart(struct tail *t)
{
	if (!t->leased)
		return;
	release(t);
	t->mismatch = t->head_tries = 0;
	if (t->back != NULL)
		back_restart(t);
	else
		tail_head_begin(t);
}

void
tail_turn(struct tail *t)
{
	if (!t->leased)
		return;
	tail_aside_turn(t);
	switch (t->state) {
	case TAIL_READ:
	case TAIL_ISSUERS:
		tail_read_turn(t);
		break;
	case TAIL_OLDER:
	case TAIL_PROVE:
	case TAIL_AUDIT:
	case TAIL_ACCUSE:
	case TAIL_EDGE:
		tail_prove_turn(t);
		break;
	default:
		break;
	}
}
