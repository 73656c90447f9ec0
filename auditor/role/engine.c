#include "auditor/role/engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/audit.h"
#include "auditor/role/back.h"
#include "auditor/role/engine_claim.h"
#include "auditor/role/engine_start.h"
#include "auditor/role/engine_wait.h"
#include "auditor/role/lists.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/space.h"
#include "auditor/role/tail.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

#define FILES		16384
/* Children and judges that are waited for at once. */
#define CHANNELS	1024
#define STATUS_EVERY	(10 * CLK_SEC)
/* That there is nothing to wait for is said so often. */
#define STATUS_REST	(3600 * CLK_SEC)
/* run --once waits so long for messages that are on their way. */
#define ONCE_DELIVER	(30 * CLK_SEC)

static volatile sig_atomic_t	child_ended;

void
engine_wake(struct engine *en, int64_t mono)
{
	if (mono < en->wake)
		en->wake = mono;
}

/* --- what is done now and then --- */

/* How far it is, while more is behind than is read until the next line. */
static void
status(struct engine *en, int64_t now)
{
	static int64_t	rest_at;
	static uint64_t	before;
	uint64_t	behind = 0;
	size_t		i, n = 0, logs = 0;
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

		logs += t->back == NULL;
		if (t->target > t->now.to && t->leased && t->back == NULL &&
		    t->state >= TAIL_READ) {
			n++;
			behind += t->target - t->now.to;
		}
	}
	if ((double)behind <= rate * STATUS_EVERY / CLK_SEC) {
		if (now < rest_at)
			return;
		rest_at = now + STATUS_REST;
	}
	if (behind == 0 && rate < 1)
		log_info(NULL, "%zu logs followed, nothing to read", logs);
	else if (behind == 0)
		log_info(NULL, "%zu logs followed, none behind its head at "
		    "hand, %.0f entries/s", logs, rate);
	else if (rate > 0)
		log_info(NULL, "%zu logs followed, %zu behind by %llu "
		    "entries of the heads at hand, %.0f entries/s, %.0f s "
		    "left for these", logs, n,
		    (unsigned long long)behind, rate, (double)behind / rate);
	else
		log_info(NULL, "%zu logs followed, %zu behind by %llu "
		    "entries of the heads at hand, none read in %d s",
		    logs, n, (unsigned long long)behind,
		    (int)(STATUS_EVERY / CLK_SEC));
}

/* Is coverage good enough for the heartbeat?  Every log read lately. */
static int
coverage_good(struct engine *en)
{
	struct db_res	*r = NULL;
	int		 good;

	if (db_query(en->db, &r, NULL, "select not exists (select from log l "
	    "left join log_health h on h.log_ref = l.id where l.watched and "
	    "l.listed and l.state <> 'retired' and not (l.state = 'readonly' "
	    "and exists (select from log_range g where g.log_ref = l.id and "
	    "g.size_to >= l.final_size)) and (h.caught_up_at is null or "
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
		    vantage_fetched(en->vantage, &d) || (en->audit != NULL &&
		    audit_fetched(en->audit, &d)))
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

static void
on_child(int sig)
{
	(void)sig;
	child_ended = 1;
}

/*
 * Programs of exec channels, or children, that ended.  The signal ends poll();
 * one that comes just before it is noticed within the second that it lasts.
 */
static void
reap(struct engine *en)
{
	siginfo_t	si;
	int		status;

	child_ended = 0;
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
		if (waitpid(si.si_pid, &status, 0) == si.si_pid &&
		    en->notify != NULL)
			(void)notify_child(en->notify, si.si_pid, status);
	}
}

/* All channels of this turn. */
static size_t
channels(struct engine *en, struct ipc *boss, struct ipc **v, size_t max)
{
	size_t	n = 0, i;

	v[n++] = boss;
	v[n++] = fetch_client_ipc(en->logs);
	if (en->deliver != NULL)
		v[n++] = fetch_client_ipc(en->deliver);
	if (lists_ipc(en->lists) != NULL)
		v[n++] = lists_ipc(en->lists);
	if (vantage_ipc(en->vantage) != NULL)
		v[n++] = vantage_ipc(en->vantage);
	for (i = 0; i < en->ntails; i++)
		n += tail_crew_ipcs(en->tails[i], v + n, max - n);
	if (en->audit != NULL)
		n += audit_ipcs(en->audit, v + n, max - n);
	return n;
}

/*
 * Send what waits, and sleep until something comes or it is ${wake}.  -1 on
 * errors.
 */
static int
nap(struct engine *en, struct ipc *boss)
{
	static struct pollfd	 p[CHANNELS + 1];
	static struct ipc	*v[CHANNELS];
	size_t			 n, i;
	int64_t			 now;
	int			 ms;

	n = channels(en, boss, v, CHANNELS);
	for (i = 0; i < n; i++) {
		/* who is gone is found when its channel is read */
		if (ipc_wants_write(v[i]))
			(void)ipc_flush(v[i], NULL);
		p[i] = ipc_poll(v[i]);
	}
	/* poll() passes over a negative one */
	p[n] = (struct pollfd){ db_alive(en->db) ? db_fd(en->db) : -1,
	    POLLIN, 0 };
	now = clk_mono();
	ms = en->wake <= now ? 0 : (int)((en->wake - now) / 1000 + 1);
	if (poll(p, n + 1, ms) == -1 && errno != EINTR)
		return -1;
	for (i = 0; i < n; i++)
		ipc_polled(v[i], p[i].revents);
	en->db_spoke = p[n].revents != 0;
	return 0;
}

/* --once: everything had its turn, and messages were tried. */
static int
once_done(struct engine *en, int64_t now)
{
	static int64_t	until;
	size_t		i;

	if (en->once == ENGINE_HISTORY)
		return back_idle(en) && notify_idle(en->notify);
	if (lists_busy(en->lists) || !engine_planned(en))
		return 0;
	for (i = 0; i < en->ntails; i++)
		if (!en->tails[i]->finished)
			return 0;
	/* first who need not ask the database: it lasts until names are asked */
	if (en->logs_done && en->audit != NULL && !audit_idle(en->audit))
		return 0;
	if (engine_unread(en) != 0)
		return 0;
	/* what is audited is what was found */
	if (!en->logs_done) {
		en->logs_done = 1;
		engine_wake(en, now);
		return 0;
	}
	if (en->notify == NULL)
		return 1;
	if (until == 0)
		until = now + ONCE_DELIVER;
	return notify_idle(en->notify) || now > until;
}

static void
turn(struct engine *en, struct ipc *boss, int64_t now)
{
	size_t	i;
	int	heard;

	if (!db_alive(en->db)) {
		engine_away(en, boss);
		return;
	}
	heard = db_notified(en->db, en->db_spoke);
	if (heard & 1 << en->hint_change)
		en->beat_at = en->beat_at < now ? en->beat_at : now;
	engine_beat(en, boss, now);
	if (!db_alive(en->db) || en->stop || en->fatal)
		return;
	if (en->reload)
		engine_reload(en);
	en->reload = 0;
	if (heard & 1 << en->hint_change) {
		engine_changed(en);
		en->claim_at = now;
	}
	if (heard & 1 << en->hint_outbox && en->notify != NULL)
		notify_hint(en->notify);
	engine_claim(en, now);
	tail_rate_turn(en, now);
	space_turn(en, now);
	for (i = 0; i < en->ntails; i++)
		tail_turn(en->tails[i]);
	if (en->audit != NULL)
		audit_turn(en->audit, now);
	if (en->notify != NULL) {
		notify_tick(en->notify, now, &en->wake);
		if (!en->once && notify_beats(en->notify))
			notify_heartbeat(en->notify, coverage_good(en));
		if (notify_wants(en->notify))
			engine_deliver(en);
	}
	status(en, now);
	if (en->once && once_done(en, now))
		en->stop = 1;
}

static void
loop(struct engine *en, struct ipc *boss)
{
	size_t	i;

	while (!en->stop && !en->fatal) {
		en->wake = clk_mono() + CLK_SEC;
		turn(en, boss, clk_mono());
		if (en->stop || en->fatal || nap(en, boss) == -1)
			break;
		/* what came while we slept is answers to another's work */
		if (engine_slept(en, clk_mono()))
			continue;
		if (engine_boss(en, boss) == -1 ||
		    read_fetch(en, en->logs, 0) == -1 ||
		    (en->deliver != NULL &&
		    read_fetch(en, en->deliver, 1) == -1)) {
			en->fatal = !en->stop;
			break;
		}
		if (en->audit != NULL && audit_read(en->audit) == -1) {
			en->fatal = !en->stop;
			break;
		}
		lists_judge(en->lists);
		vantage_judge(en->vantage);
		for (i = 0; i < en->ntails; i++) {
			tail_judge(en->tails[i]);
			tail_check_second(en->tails[i]);
		}
		if (child_ended)
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
	struct sigaction sa;
	int		 rc;

	proc_enter("engine", 0);
	proc_batch();
	many_files();
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_child;
	sa.sa_flags = SA_NOCLDSTOP | SA_RESTART;
	(void)sigaction(SIGCHLD, &sa, NULL);
	log_open("certvigil", LOG_INFO);
	boss = ipc_new(PROC_CHANNEL);
	if (engine_start(en, boss, &e) == -1) {
		if (e.code != ERR_NONE)
			log_error(NULL, "%s", e.msg);
		rc = e.code != ERR_NONE ? err_exit(e.code) : en->once;
	} else {
		loop(en, boss);
		rc = en->fatal ? 1 : !en->once ? 0 : en->wrong ? 2 :
		    en->failed ? 1 : 0;
	}
	engine_end(en);
	ipc_free(boss);
	return rc;
}
