#include "auditor/role/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/db/lease.h"
#include "auditor/decide.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/audit.h"
#include "auditor/role/engine_start.h"
#include "auditor/role/lists.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/space.h"
#include "auditor/role/tail.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

#define LEASE_S		30
#define FILES		16384
#define BEAT_EVERY	(LEASE_S * CLK_SEC / 3)
#define CLAIM_EVERY	CLK_SEC
#define CLAIM_MAX	64
/* Logs read at once: each has an arena (LIMIT_ARENAS) and a judge. */
#define TAILS_MAX	200
#define STATUS_EVERY	(10 * CLK_SEC)
/* run --once waits so long for messages that are on their way. */
#define ONCE_DELIVER	(30 * CLK_SEC)

void
engine_wake(struct engine *en, int64_t mono)
{
	if (mono < en->wake)
		en->wake = mono;
}

/* --- work --- */

static struct tail *
tail_find(struct engine *en, int log_ref, struct err *e)
{
	struct tail	*t;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		if (en->tails[i]->log.id == log_ref)
			return en->tails[i];
	if ((t = tail_new(en, log_ref, e)) == NULL)
		return NULL;
	en->tails = mem_grow(en->tails, &en->captails, en->ntails + 1,
	    sizeof(*en->tails));
	en->tails[en->ntails++] = t;
	return t;
}

/* Give a claimed piece of work to who does it. */
static void
dispatch(struct engine *en, struct lease *l)
{
	struct err	 e = ERR_INIT;
	struct tail	*t;

	if (strcmp(l->kind, "loglist") == 0 && !lists_busy(en->lists)) {
		lists_begin(en->lists, l);
		return;
	}
	if (strcmp(l->kind, "tail") == 0 && (t = tail_find(en,
	    (int)strtol(l->subject, NULL, 10), &e)) != NULL && !t->leased) {
		tail_begin(t, l);
		return;
	}
	/* not now: somebody may have it in a second */
	(void)lease_done(en->db, l, 1, NULL);
	lease_free(l);
}

/* Claim at most ${max} pieces of work of one kind; how many were got. */
static size_t
claim_kind(struct engine *en, const char *kind, size_t max)
{
	struct lease_ask	ask = { .holder = en->holder,
	    .kinds = { &kind, 1 }, .max = max, .lease_s = LEASE_S };
	struct lease		got[CLAIM_MAX];
	struct err		e = ERR_INIT;
	size_t			n = 0, i;

	if (lease_claim(en->db, &ask, got, &n, &e) == -1) {
		log_error(NULL, "%s", e.msg);
		return 0;
	}
	for (i = 0; i < n; i++)
		dispatch(en, &got[i]);
	return n;
}

/* How many more logs may be read at once. */
static size_t
tails_free(const struct engine *en)
{
	size_t	i, n = 0;

	for (i = 0; i < en->ntails; i++)
		n += en->tails[i]->leased != 0;
	n = n < TAILS_MAX ? TAILS_MAX - n : 0;
	return n < CLAIM_MAX ? n : CLAIM_MAX;
}

static void
claim(struct engine *en, int64_t now)
{
	size_t	n = 0, max;

	if (now < en->claim_at) {
		engine_wake(en, en->claim_at);
		return;
	}
	en->claim_at = now + CLAIM_EVERY;
	engine_wake(en, en->claim_at);
	if (!lists_busy(en->lists))
		n = claim_kind(en, "loglist", 1);
	max = tails_free(en);
	/* --once reads the logs of the newest lists */
	if (max != 0 && !(en->once && lists_busy(en->lists)))
		n += claim_kind(en, "tail", max);
	/* what was claimed may have made more work (a list: its logs) */
	if (n != 0) {
		en->claim_at = now;
		engine_wake(en, now);
	}
}

static void
beat(struct engine *en, int64_t now)
{
	struct err	e = ERR_INIT;
	size_t		n = 0;

	if (now < en->beat_at) {
		engine_wake(en, en->beat_at);
		return;
	}
	en->beat_at = now + BEAT_EVERY;
	engine_wake(en, en->beat_at);
	if (lease_beat(en->db, en->holder, LEASE_S, &e) == -1 ||
	    engine_seen(en, &e) == -1 ||
	    decide_holds(en->db, en->conf, &n, &e) == -1 ||
	    engine_marked(en, &e) == -1) {
		log_error(NULL, "%s", e.msg);
		if (e.code == ERR_LEASE) {
			log_error(NULL, "another worker took this slot");
			en->fatal = 1;
		}
	}
}

/* One line now and then about how far it is. */
static void
status(struct engine *en, int64_t now)
{
	static uint64_t	before;
	uint64_t	behind = 0;
	size_t		i, n = 0;
	double		rate;

	if (!en->progress || now < en->status_at)
		return;
	if (en->status_at == 0) {
		/* nothing is known yet that would be true */
		en->status_at = now + STATUS_EVERY;
		engine_wake(en, en->status_at);
		return;
	}
	rate = (double)(en->entries - before) /
	    ((double)STATUS_EVERY / CLK_SEC);
	before = en->entries;
	en->status_at = now + STATUS_EVERY;
	engine_wake(en, en->status_at);
	for (i = 0; i < en->ntails; i++) {
		const struct tail	*t = en->tails[i];

		if (t->head.tree_size > t->now.to && t->leased &&
		    t->state >= TAIL_READ) {
			n++;
			behind += t->head.tree_size - t->now.to;
		}
	}
	if (behind == 0 && rate < 1)
		log_info(NULL, "%zu logs followed, nothing to read",
		    en->ntails);
	else
		log_info(NULL, "%zu logs followed, %zu behind by %llu "
		    "entries, %.0f entries/s, %.0f s left", en->ntails, n,
		    (unsigned long long)behind, rate,
		    rate > 0 ? (double)behind / rate : 0);
}

/* Is coverage good enough for the heartbeat?  Every log read lately. */
static int
coverage_good(struct engine *en)
{
	struct db_res	*r = NULL;
	int		 good;

	if (db_query(en->db, &r, NULL, "select not exists (select from log l "
	    "left join log_health h on h.log_ref = l.id where l.watched and "
	    "l.listed and l.state <> 'retired' and (h.caught_up_at is null or "
	    "h.caught_up_at < now() - interval '1 hour')) and "
	    "exists (select from log)", "") == -1)
		return 0;
	good = db_bool(r, 0, 0);
	db_free(r);
	return good;
}

/* --- the children --- */

static int
read_fetch(struct engine *en, struct fetch_client *f, int deliver)
{
	struct fetch_done	d;
	struct err		e = ERR_INIT;
	size_t			i;
	int			rc;

	if (fetch_client_turn(f, &e) == -1) {
		log_error("fetch", "%s", e.msg);
		return -1;
	}
	while ((rc = fetch_client_next(f, &d, &e)) == 1) {
		if (deliver) {
			notify_done(en->notify, &d);
			continue;
		}
		if (lists_fetched(en->lists, &d) ||
		    audit_fetched(en->audit, &d))
			continue;
		for (i = 0; i < en->ntails; i++)
			if (tail_fetched(en->tails[i], &d))
				break;
		/* nobody waits for it any more */
		if (i == en->ntails)
			fetch_client_give(f, d.arena, d.offset, d.length);
	}
	if (rc == -1)
		log_error("fetch", "%s", e.msg);
	return rc;
}

/* Programs of exec channels that ended. */
static void
reap(struct engine *en)
{
	siginfo_t	si;
	int		status;

	for (;;) {
		memset(&si, 0, sizeof(si));
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1 ||
		    si.si_pid == 0)
			return;
		if (engine_is_child(en, si.si_pid)) {
			log_error(NULL, "child %d ended", (int)si.si_pid);
			en->fatal = 1;
			return;
		}
		if (waitpid(si.si_pid, &status, 0) == si.si_pid)
			(void)notify_child(en->notify, si.si_pid, status);
	}
}

/* The descriptors of this turn. */
static size_t
gather(struct engine *en, struct ipc *boss, struct pollfd *p, size_t max)
{
	struct ipc	*v[5];
	size_t		 n = 0, i;

	v[n++] = boss;
	v[n++] = fetch_client_ipc(en->logs);
	v[n++] = fetch_client_ipc(en->deliver);
	if (lists_ipc(en->lists) != NULL)
		v[n++] = lists_ipc(en->lists);
	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ ipc_fd(v[i]), (short)(POLLIN |
		    (ipc_wants_write(v[i]) ? POLLOUT : 0)), 0 };
	if (db_alive(en->db))
		p[n++] = (struct pollfd){ db_fd(en->db), POLLIN, 0 };
	for (i = 0; i < en->ntails && n + 2 <= max; i++) {
		struct judge_link	*j = en->tails[i]->judge;

		if (j != NULL)
			p[n++] = (struct pollfd){ ipc_fd(j->ipc),
			    (short)(POLLIN | (ipc_wants_write(j->ipc) ?
			    POLLOUT : 0)), 0 };
		if ((j = en->tails[i]->second) != NULL)
			p[n++] = (struct pollfd){ ipc_fd(j->ipc), POLLIN, 0 };
	}
	n += audit_poll(en->audit, p + n, max - n);
	return n;
}

/* What the supervisor says; -1: it is gone. */
static int
read_boss(struct engine *en, struct ipc *boss)
{
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	int		eof = ipc_read(boss, &e) == -1;

	while (ipc_next(boss, &m) == 1) {
		if (m.type == ENGINE_STOP)
			en->stop = 1;
		else if (m.type == ENGINE_RELOAD)
			engine_reload(en);
	}
	return eof ? -1 : 0;
}

/* The database is away: everything under way is dropped, and read again. */
static void
database_away(struct engine *en)
{
	static int64_t	 next;
	struct err	 e = ERR_INIT;
	size_t		 i;

	for (i = 0; i < en->ntails; i++)
		tail_free(en->tails[i]);
	en->ntails = 0;
	audit_reset(en->audit);
	lists_free(en->lists);
	en->lists = lists_new(en);
	if (clk_mono() < next) {
		engine_wake(en, next);
		return;
	}
	next = clk_mono() + CLK_SEC;
	engine_wake(en, next);
	if (db_reset(en->db, &e) == -1) {
		log_warn("database", "%s; tried again each second", e.msg);
		return;
	}
	if (engine_enter(en, &e) == -1)
		log_warn("database", "%s", e.msg);
	else
		log_info("database", "back");
	/* --once: what was under way is claimed before it counts as done */
	en->claim_at = 0;
}

/* --once: everything had its turn, and messages were tried. */
static int
once_done(struct engine *en, int64_t now)
{
	static int64_t	until;
	size_t		i;

	if (lists_busy(en->lists) || !engine_planned(en))
		return 0;
	for (i = 0; i < en->ntails; i++)
		if (!en->tails[i]->finished)
			return 0;
	if (engine_unread(en) != 0)
		return 0;
	/* what is audited is what was found */
	if (!en->logs_done) {
		en->logs_done = 1;
		engine_wake(en, now);
		return 0;
	}
	if (!audit_idle(en->audit))
		return 0;
	if (until == 0)
		until = now + ONCE_DELIVER;
	return notify_idle(en->notify) || now > until;
}

static void
turn(struct engine *en, int64_t now)
{
	size_t	i;
	int	heard;

	if (!db_alive(en->db)) {
		database_away(en);
		return;
	}
	heard = db_notified(en->db);
	if (heard & 1 << en->hint_change) {
		engine_watches(en);
		en->claim_at = now;
	}
	if (heard & 1 << en->hint_outbox)
		notify_hint(en->notify);
	beat(en, now);
	claim(en, now);
	tail_rate_turn(en, now);
	space_turn(en, now);
	for (i = 0; i < en->ntails; i++)
		tail_turn(en->tails[i]);
	audit_turn(en->audit, now);
	notify_tick(en->notify, now, &en->wake);
	if (!en->once)
		notify_heartbeat(en->notify, coverage_good(en));
	status(en, now);
	if (en->once && once_done(en, now))
		en->stop = 1;
}

static void
loop(struct engine *en, struct ipc *boss)
{
	struct pollfd	p[1024];
	int64_t		now;
	size_t		n, i;
	int		ms;

	while (!en->stop && !en->fatal) {
		en->wake = clk_mono() + CLK_SEC;
		turn(en, clk_mono());
		if (en->stop || en->fatal)
			break;
		n = gather(en, boss, p, sizeof(p) / sizeof(p[0]));
		now = clk_mono();
		ms = en->wake <= now ? 0 : (int)((en->wake - now) / 1000 + 1);
		if (poll(p, n, ms) == -1 && errno != EINTR)
			break;
		if (read_boss(en, boss) == -1 ||
		    read_fetch(en, en->logs, 0) == -1 ||
		    read_fetch(en, en->deliver, 1) == -1) {
			en->fatal = !en->stop;
			break;
		}
		if (audit_read(en->audit) == -1) {
			en->fatal = !en->stop;
			break;
		}
		lists_judge(en->lists);
		for (i = 0; i < en->ntails; i++) {
			tail_judge(en->tails[i]);
			tail_check_second(en->tails[i]);
		}
		reap(en);
	}
}

/*
 * A socket for each judge: more than the soft limit, which is 1,024 where
 * nobody says otherwise.  Children that read hostile bytes lower it again.
 */
static void
many_files(void)
{
	struct rlimit	r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < FILES) {
		r.rlim_cur = r.rlim_max < FILES ? r.rlim_max : FILES;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

int
engine_main(void)
{
	struct engine	*en = mem_zero(sizeof(*en));
	struct ipc	*boss;
	struct err	 e = ERR_INIT;
	int		 rc;

	proc_enter("engine", 0);
	many_files();
	log_open("certvigil", LOG_INFO);
	boss = ipc_new(PROC_CHANNEL);
	if (engine_start(en, boss, &e) == -1) {
		log_error(NULL, "%s", e.msg);
		rc = err_exit(e.code);
	} else {
		loop(en, boss);
		rc = en->fatal ? 1 : !en->once ? 0 : en->wrong ? 2 :
		    en->failed ? 1 : 0;
	}
	engine_end(en);
	ipc_free(boss);
	return rc;
}
