#include "auditor/role/tail.h"

#include <stdio.h>
#include <string.h>

#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"

/*
 * A turn may last long: a page that does not come, a log that is far behind.
 * Its heads are looked at meanwhile, as often as ever: fetched, judged (by a
 * judge of its own, as pages may be before the other one), stored, and held
 * against the clock and against heads of the same size.  What is read is
 * still proven by the head at hand; this one waits to be compared with it, as
 * heads of others do (tail_audit.c).
 */

/* A wrong signature is believed when it comes again. */
#define TRIES		2
/* The judge's word is waited for so long. */
#define PATIENCE	(60 * CLK_SEC)

/* Its body is not needed any more. */
static void
give(struct tail *t)
{
	fetch_client_give(t->en->logs, t->arena, t->aside.ext.off,
	    t->aside.ext_len);
	t->aside.ext_len = 0;
}

void
tail_aside_drop(struct tail *t)
{
	struct judge_link	*j = t->aside.judge;

	if (t->aside.fetch_id != 0 && t->en->logs != NULL)
		fetch_client_cancel(t->en->logs, t->aside.fetch_id);
	t->aside.fetch_id = t->aside.ask_id = 0;
	if (j != NULL)
		judge_free(j, j->waiting != 0 && !ipc_eof(j->ipc));
	t->aside.judge = NULL;
	if (t->aside.ext_len != 0 && t->en->logs != NULL)
		give(t);
	t->aside.at = clk_mono() + t->en->conf->poll * CLK_SEC;
}

static void
ask(struct tail *t)
{
	struct fetch_get	g = { 0 };
	struct http_req		req;
	struct err		e = ERR_INIT;

	if (tail_head_url(t, &req) == -1)
		return;
	if (tail_need_arena(t, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	g.arena = t->arena;
	g.cap = (uint32_t)req.cap;
	g.flags = FETCH_F_GZIP | FETCH_F_HTTP2;
	g.timeout_ms = 30000;
	g.method = "GET";
	g.url = req.url;
	tail_rate_take_head(t, &g);
	t->aside.fetch_id = fetch_client_get(t->en->logs, &g);
}

void
tail_aside_turn(struct tail *t)
{
	int64_t	now = clk_mono(), wait;

	/* --once is about the head seen at its start */
	if (t->back != NULL || t->en->once || t->state == TAIL_HEAD ||
	    t->aside.fetch_id != 0 || t->aside.judge != NULL)
		return;
	if (now >= t->aside.at) {
		wait = tail_rate_wait_head(t);
		t->aside.at = now + (wait > 0 ? wait :
		    t->en->conf->poll * CLK_SEC);
		if (wait <= 0) {
			ask(t);
			return;
		}
	}
	engine_wake(t->en, t->aside.at);
}

int
tail_aside_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	char			 why[400];

	if (t->aside.fetch_id == 0 || t->aside.fetch_id != d->id)
		return 0;
	t->aside.ext.off = d->offset;
	t->aside.ext.len = t->aside.ext_len = d->length;
	t->aside.ext.gzip = strcmp(d->encoding, "gzip") == 0;
	if (d->failure != FETCH_OK || d->status != 200) {
		/* the turn goes on; the next one begins with a head */
		tail_refused(t, d, why, sizeof(why));
		log_debug(t->log.description, "head: %s", why);
		give(t);
	} else if ((j = tail_crew_other(t)) == NULL) {
		give(t);
	} else {
		if (t->log.is_static)
			vantage_tell(t->en, j);
		t->aside.judge = j;
		t->aside.ask_id = ++t->en->next_ask;
		judge_ask_head(j, t->aside.ask_id, &t->aside.ext);
	}
	t->aside.fetch_id = 0;
	return 1;
}

static void
refused(struct tail *t, const struct judge_reply *r)
{
	char	why[400];

	(void)snprintf(why, sizeof(why), "%s", r->msg);
	log_debug(t->log.description, "head: %s", why);
	if (r->code != ERR_VERIFY)
		return;
	if (++t->aside.tries < TRIES) {
		t->aside.at = clk_mono();
		return;
	}
	t->aside.tries = 0;
	t->en->wrong = 1;
	tail_misbehaved(t, "signature", why);
}

void
tail_aside_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct judge_head	had = t->head, head;
	struct cur		raw;
	struct err		e = ERR_INIT;
	int64_t			had_id = t->head_id;

	if (!r->ok) {
		refused(t, r);
		return;
	}
	if (judge_head_read(c, &head) == -1 || cur_vec32(c, &raw) == -1 ||
	    (t->nsaid = judge_cosigned_read(c, t->said)) == -1) {
		log_warn(t->log.description, "judge: bad answer");
		return;
	}
	t->aside.tries = 0;
	buf_reset(&t->head_raw);
	buf_span(&t->head_raw, cur_rest(&raw));
	/* as if it were the one at hand, for as long as it is looked at */
	t->head = head;
	if (tail_head_keep(t, &e) == -1)
		tail_fault(t, &e);
	t->head = had;
	t->head_id = had_id;
}

void
tail_aside_judge(struct tail *t)
{
	struct judge_link	*j = t->aside.judge;
	struct judge_reply	 r;
	struct cur		 c;
	struct err		 e = ERR_INIT;
	int			 eof, rc;

	if (j == NULL)
		return;
	if (ipc_wants_write(j->ipc))
		(void)ipc_flush(j->ipc, NULL);
	eof = ipc_read(j->ipc, &e) == -1;
	rc = judge_next(j, &r, &c);
	if (rc == 0 && !eof && clk_mono() < j->asked_at + PATIENCE)
		return;
	/* what follows may end the turn */
	t->aside.judge = NULL;
	give(t);
	if (rc == 1 && r.id == t->aside.ask_id)
		tail_aside_judged(t, &r, &c);
	else
		log_warn(t->log.description, "judge %d of a head gave no "
		    "answer", (int)j->pid);
	judge_free(j, rc != 1 && !ipc_eof(j->ipc));
}
