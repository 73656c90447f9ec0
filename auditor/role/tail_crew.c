#include "auditor/role/tail.h"

#include <sched.h>

#include "auditor/role/back.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/note.h"

/*
 * The judges of one log.  The first answers everything.  When it has more
 * pages before it than it can look at, and the machine has processors for
 * more, others are forked for the turn: they look at pages and nothing else.
 */

/* A judge that thinks longer than this about one thing is killed. */
#define PATIENCE	(60 * CLK_SEC)
/* Questions before each judge, when one more is forked. */
#define BUSY		2

static struct judge_link *
judge_make(struct tail *t, struct err *e)
{
	struct judge_log	l;
	char			origin[NOTE_ORIGIN_MAX] = "";

	if (note_origin(t->log.url, origin) == -1)
		origin[0] = '\0';
	l.protocol = t->log.is_static ? LOGLIST_STATIC : LOGLIST_RFC6962;
	l.key = buf_bytes(&t->log.key);
	l.origin = origin;
	return judge_fork(t->en->pool, t->arena_fd, t->arena_size, &l, e);
}

struct judge_link *
tail_need_judge(struct tail *t)
{
	struct err	e = ERR_INIT;

	if (t->judge != NULL)
		return t->judge;
	if ((t->judge = judge_make(t, &e)) == NULL) {
		log_error(t->log.description, "%s", e.msg);
		t->en->fatal = 1;
	} else if (t->log.is_static)
		vantage_tell(t->en, t->judge);
	return t->judge;
}

struct judge_link *
tail_crew_other(struct tail *t)
{
	return judge_make(t, NULL);
}

/* The processors that we may use. */
static size_t
cores(void)
{
	cpu_set_t	s;

	return sched_getaffinity(0, sizeof(s), &s) == 0 ?
	    (size_t)CPU_COUNT(&s) : 1;
}

struct judge_link *
tail_crew_pick(struct tail *t)
{
	struct judge_link	*best = tail_need_judge(t);
	size_t			 i;

	if (best == NULL)
		return NULL;
	for (i = 0; i < t->ncrew; i++)
		if (t->crew[i]->waiting < best->waiting)
			best = t->crew[i];
	if (best->waiting < BUSY || t->ncrew == LIMIT_CREW ||
	    t->en->ncrew + 1 >= cores() ||
	    (t->crew[t->ncrew] = judge_make(t, NULL)) == NULL)
		return best;
	t->en->ncrew++;
	return t->crew[t->ncrew++];
}

/* One that is busy would keep its template waiting. */
static void
let_go(struct judge_link *j)
{
	judge_free(j, j->waiting != 0 && !ipc_eof(j->ipc));
}

void
tail_crew_drop(struct tail *t)
{
	if (t->judge != NULL)
		let_go(t->judge);
	t->judge = NULL;
	while (t->ncrew != 0) {
		let_go(t->crew[--t->ncrew]);
		t->en->ncrew--;
	}
}

size_t
tail_crew_ipcs(const struct tail *t, struct ipc **v, size_t max)
{
	size_t	n = 0, i;

	if (t->judge != NULL && n < max)
		v[n++] = t->judge->ipc;
	for (i = 0; i < t->ncrew && n < max; i++)
		v[n++] = t->crew[i]->ipc;
	if (t->second != NULL && n < max)
		v[n++] = t->second->ipc;
	if (t->aside.judge != NULL && n < max)
		v[n++] = t->aside.judge->ipc;
	return n;
}

/* Hand an answer of the first judge to the state that asked. */
static void
judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	if (r->id == t->ask_id && t->ask_id != 0) {
		t->ask_id = 0;
		switch (t->state) {
		case TAIL_HEAD:
			tail_head_judged(t, r, c);
			return;
		case TAIL_START:
			tail_start_judged(t, r, c);
			return;
		case TAIL_FIND:
			back_find_judged(t, r, c);
			return;
		case TAIL_OLDER:
		case TAIL_PROVE:
		case TAIL_AUDIT:
		case TAIL_ACCUSE:
		case TAIL_EDGE:
			tail_prove_judged(t, r, c);
			return;
		default:
			return;
		}
	}
	if (!tail_check_judged(t, t->judge, r, c) &&
	    !tail_match_judged(t, r, c))
		tail_read_judged(t, t->judge, r, c);
}

/*
 * It died or lies.  Judges answer in order, so the oldest question is what it
 * died of: that one is counted, or ends the turn; the others are asked again.
 */
static void
first_lost(struct tail *t)
{
	struct judge_link	*j = t->judge;
	uint64_t		 oldest = t->ask_id;

	t->judge = NULL;
	tail_read_oldest(t, j, &oldest);
	tail_match_oldest(t, &oldest);
	tail_check_oldest(t, j, &oldest);
	if (t->ask_id != 0 && t->ask_id == oldest) {
		t->ask_id = 0;
		tail_end(t, "the process that judged the answer died");
		return;
	}
	t->ask_id = 0;
	tail_check_died(t, j);
	tail_match_died(t, oldest);
	tail_read_died(t, j, oldest);
	/* a proof is asked about again */
	if (t->leased)
		tail_prove_turn(t);
}

static void
other_lost(struct tail *t, struct judge_link *j)
{
	uint64_t	oldest = 0;
	size_t		i;

	for (i = 0; t->crew[i] != j; i++)
		;
	t->crew[i] = t->crew[--t->ncrew];
	t->en->ncrew--;
	tail_read_oldest(t, j, &oldest);
	tail_check_oldest(t, j, &oldest);
	tail_check_died(t, j);
	tail_read_died(t, j, oldest);
}

static void
lost(struct tail *t, struct judge_link *j, const char *how)
{
	log_warn(t->log.description, "judge %d %s", (int)j->pid, how);
	if (j == t->judge)
		first_lost(t);
	else
		other_lost(t, j);
	/* last: its address is not given to another until here */
	judge_free(j, !ipc_eof(j->ipc));
}

/* Does the judge still serve this log? */
static int
serves(const struct tail *t, const struct judge_link *j)
{
	size_t	i;

	if (t->judge == j)
		return 1;
	for (i = 0; i < t->ncrew; i++)
		if (t->crew[i] == j)
			return 1;
	return 0;
}

/* Read what one judge said; 0: judges came or went. */
static int
hear(struct tail *t, struct judge_link *j)
{
	struct judge_reply	r;
	struct cur		c;
	struct err		e = ERR_INIT;
	int			rc, eof;

	if (ipc_wants_write(j->ipc))
		(void)ipc_flush(j->ipc, NULL);
	eof = ipc_read(j->ipc, &e) == -1;
	while ((rc = judge_next(j, &r, &c)) != 0) {
		if (rc == -1) {
			lost(t, j, "talks nonsense and is killed");
			return 0;
		}
		if (j == t->judge)
			judged(t, &r, &c);
		else if (!tail_check_judged(t, j, &r, &c))
			tail_read_judged(t, j, &r, &c);
		if (!serves(t, j))
			return 0;
	}
	if (eof)
		lost(t, j, "died");
	else if (j->waiting != 0 && clk_mono() > j->asked_at + PATIENCE)
		lost(t, j, "thinks for too long and is killed");
	else
		return 1;
	return 0;
}

void
tail_judge(struct tail *t)
{
	size_t	i;

	tail_aside_judge(t);
	if (t->judge != NULL && !hear(t, t->judge))
		return;
	for (i = 0; i < t->ncrew; i++)
		if (!hear(t, t->crew[i]))
			return;
}
