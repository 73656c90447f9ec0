#include "auditor/cmd/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/run_ports.h"
#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"
#include "auditor/db/move.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/acme_place.h"
#include "auditor/role/engine.h"
#include "auditor/role/engine_role.h"
#include "auditor/sdnotify.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * The supervisor: runs the embedded database and the workers, starts them
 * again with backoff, passes signals on.  It parses nothing but its own
 * configuration.
 */
#define DB_WAIT_S	30
#define STOP_MS		15000
#define SAY_EVERY	(60 * CLK_SEC)	/* that there is no database */

struct worker {
	struct proc	proc;
	int		slot;
	unsigned	deaths;		/* in a row */
	int64_t		started, again;	/* clk_mono; 0: it runs */
};

static volatile sig_atomic_t	sig_stop, sig_reload;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		sig_reload = 1;
	else
		sig_stop = 1;
}

static void
signals(void)
{
	struct sigaction	sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
}

struct super {
	struct cmd_ctx	*ctx;
	const struct supervise *o;
	struct worker	*w;
	size_t		 n;
	int		 once;
	const char	*conninfo;
	int64_t		 until;		/* clk_mono; 0: no end */
	int		 status;	/* of run --once */
	int		 done;
	struct worker	 acme;		/* the role; where it is configured */
	int		 no_acme;
	struct run_ports ports;		/* for it */
};

/* A process of this role, told what it is for. */
static int
child(struct super *s, const char *role, int slot, struct proc *out,
    struct err *e)
{
	struct engine_run	r;
	struct proc_fd		fds[FILE_KEPT_MAX + RUN_PORTS_MAX];
	struct buf		b = BUF_INIT;
	const char		*path;
	size_t			n = 0;

	memset(&r, 0, sizeof(r));
	while (r.nfiles < FILE_KEPT_MAX &&
	    (path = file_kept(r.nfiles, &fds[r.nfiles].fd)) != NULL) {
		fds[r.nfiles].number = ENGINE_FILE_FD + (int)r.nfiles;
		r.files[r.nfiles++] = path;
	}
	if (strcmp(role, "acme") == 0)
		n = run_ports_fds(&s->ports, ENGINE_LISTEN_FD, fds + r.nfiles,
		    r.nlisten);
	if (proc_spawn(role, fds, r.nfiles + n, out, e) == -1)
		return -1;
	r.config = s->ctx->conf->path != NULL ? s->ctx->conf->path : "";
	r.conninfo = s->conninfo;
	r.slot = slot;
	r.roles = s->o->roles;
	r.name = s->o->name != NULL ? s->o->name : "";
	r.sync = s->o->sync;
	r.once = s->once;
	r.progress = !s->ctx->quiet && s->once != ENGINE_HISTORY;
	r.quiet = s->ctx->quiet;
	engine_run_pack(&b, &r);
	ipc_send(out->ipc, ENGINE_RUN, &b, NULL, 0);
	(void)ipc_flush(out->ipc, NULL);
	buf_free(&b);
	return 0;
}

static int
worker_start(struct super *s, struct worker *w, struct err *e)
{
	if (child(s, "engine", w->slot, &w->proc, e) == -1)
		return -1;
	w->started = clk_mono();
	w->again = 0;
	return 0;
}

/* Where no challenge is configured nothing can be ordered. */
static int
has_acme(const struct conf *c)
{
	enum challenge_type	type[CHALLENGE_MAX];

	return acme_place_types(c, NULL, type, NULL) != 0;
}

/* Certificates of ours: the role renews them, and orders for commands. */
static void
acme(struct super *s)
{
	struct worker	*w = &s->acme;
	struct err	 e = ERR_INIT;
	char		 how[64];
	int64_t		 now = clk_mono();

	if (w->proc.pid != 0 && proc_reap(&w->proc, how, sizeof(how))) {
		proc_free(&w->proc);
		run_ports_rest(&s->ports);
		w->deaths = now - w->started > 60 * CLK_SEC ? 1 :
		    w->deaths + 1;
		w->again = now + clk_backoff(w->deaths, CLK_SEC,
		    60 * CLK_SEC);
		log_error("acme", "%s; started again in %lld s", how,
		    (long long)((w->again - now) / CLK_SEC));
	}
	if (s->once || s->no_acme || sig_stop || w->proc.pid != 0 ||
	    now < w->again)
		return;
	w->started = now;
	w->again = now + 10 * CLK_SEC;
	if (child(s, "acme", 0, &w->proc, &e) == -1)
		log_error("acme", "%s", e.msg);
}

/* It is there when, and as long as, the configuration wants it. */
static void
acme_reload(struct super *s)
{
	struct conf	*c = conf_load(s->ctx->conf->path, NULL);

	if (c == NULL)
		return;		/* all or nothing: the workers say why */
	s->no_acme = !has_acme(c) || (s->o->roles & ROLE_SIGN) == 0;
	conf_free(c);
	if (s->no_acme)
		proc_free(&s->acme.proc);
	s->acme.again = 0;
}

/* A worker ended: with --once that is the end, else it is started again. */
static void
worker_ended(struct super *s, struct worker *w, const char *how)
{
	int64_t	ran = clk_mono() - w->started;

	proc_free(&w->proc);
	if (s->once) {
		s->done = 1;
		if (strncmp(how, "exit ", 5) == 0)
			s->status = (int)strtol(how + 5, NULL, 10);
		else
			s->status = 1;
		return;
	}
	if (sig_stop)
		return;
	w->deaths = ran > 60 * CLK_SEC ? 1 : w->deaths + 1;
	w->again = clk_mono() + clk_backoff(w->deaths, CLK_SEC,
	    60 * CLK_SEC);
	log_error(NULL, "worker %d: %s; started again in %lld s", w->slot,
	    how, (long long)((w->again - clk_mono()) / CLK_SEC));
}

static void
turn(struct super *s)
{
	struct err	e = ERR_INIT;
	char		how[64];
	size_t		i;

	for (i = 0; i < s->n; i++) {
		struct worker	*w = &s->w[i];

		if (w->proc.pid != 0 && proc_reap(&w->proc, how, sizeof(how)))
			worker_ended(s, w, how);
		if (w->proc.pid == 0 && w->again != 0 &&
		    clk_mono() >= w->again && !sig_stop &&
		    worker_start(s, w, &e) == -1) {
			log_error(NULL, "%s", e.msg);
			err_clear(&e);
			w->again = clk_mono() + 10 * CLK_SEC;
		}
	}
	acme(s);
	if (s->ctx->embed != NULL && embed_poll(s->ctx->embed, &e) == -1)
		log_error("database", "%s", e.msg);
}

static void
tell(struct super *s, uint16_t type)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->w[i].proc.ipc != NULL) {
			ipc_send(s->w[i].proc.ipc, type, NULL, NULL, 0);
			(void)ipc_flush(s->w[i].proc.ipc, NULL);
		}
	if (s->acme.proc.ipc != NULL) {
		ipc_send(s->acme.proc.ipc, type, NULL, NULL, 0);
		(void)ipc_flush(s->acme.proc.ipc, NULL);
	}
}

/* Ask the workers to end, and see that they do. */
static void
stop(struct super *s)
{
	size_t	i;

	tell(s, ENGINE_STOP);
	/* an order that is cut off is gone on with */
	proc_free(&s->acme.proc);
	for (i = 0; i < s->n; i++) {
		int64_t	until = clk_mono() + STOP_MS * 1000LL;

		while (s->w[i].proc.pid != 0 && clk_mono() < until &&
		    !proc_reap(&s->w[i].proc, NULL, 0))
			(void)usleep(2000);
		if (s->w[i].proc.pid != 0)
			proc_kill(&s->w[i].proc, NULL, 0);
		proc_free(&s->w[i].proc);
	}
}

/* Sleep until a worker ends (its socket closes) or a signal comes. */
static void
nap(struct super *s)
{
	struct pollfd	p[SUPERVISE_MAX + 1];
	size_t		i, n = 0;

	for (i = 0; i < s->n; i++)
		if (s->w[i].proc.ipc != NULL)
			p[n++] = (struct pollfd){ ipc_fd(s->w[i].proc.ipc),
			    POLLIN, 0 };
	if (s->acme.proc.ipc != NULL)
		p[n++] = (struct pollfd){ ipc_fd(s->acme.proc.ipc), POLLIN,
		    0 };
	if (poll(p, n, 1000) > 0)
		(void)usleep(1000);	/* the process follows its socket */
}

static int
watch(struct super *s)
{
	struct err	e = ERR_INIT;
	size_t		i;
	int		enough = 0;

	signals();
	for (i = 0; i < s->n; i++)
		if (worker_start(s, &s->w[i], &e) == -1)
			return cmd_fail(&e);
	s->no_acme = !has_acme(s->ctx->conf) ||
	    (s->o->roles & ROLE_SIGN) == 0;
	sdnotify("READY=1");
	while (!sig_stop && !s->done && !enough &&
	    (s->until == 0 || clk_mono() < s->until)) {
		nap(s);
		turn(s);
		if (s->o->tick != NULL)
			enough = s->o->tick(s->o->tick_arg);
		if (sig_reload) {
			sig_reload = 0;
			sdnotify("RELOADING=1");
			log_info(NULL, "reading the configuration again");
			acme_reload(s);
			tell(s, ENGINE_RELOAD);
			sdnotify("READY=1");
		}
		sdnotify("WATCHDOG=1");
	}
	sdnotify("STOPPING=1");
	stop(s);
	/* told to stop before everything was read */
	if (s->once && !s->done && !enough && s->status == 0)
		return 1;
	return s->status;
}

/*
 * The database, migrated; the daemon waits for one that is away.  Who only
 * works leaves all of that to the engines.
 */
static int
database(struct super *s, struct err *e)
{
	struct cmd_ctx	*ctx = s->ctx;
	struct db	*db;
	int64_t		 say_at = 0;
	int		 rc;

	if (ctx->db != NULL) {
		/* open and migrated: another command's */
		s->conninfo = cmd_conninfo(ctx);
		return 0;
	}
	if (strcmp(ctx->conf->database, "embedded") == 0) {
		ctx->embed = embed_own(ctx->conf->state_dir, DB_WAIT_S, e);
		if (ctx->embed == NULL)
			return -1;
	}
	s->conninfo = cmd_conninfo(ctx);
	if (!s->o->sync)
		return 0;
	while ((db = db_open(s->conninfo, e)) == NULL) {
		if (s->once || sig_stop)
			return -1;
		sdnotify("EXTEND_TIMEOUT_USEC=30000000");
		if (clk_mono() >= say_at) {
			say_at = clk_mono() + SAY_EVERY;
			log_warn("database", "%s; tried again each second",
			    e->msg);
		}
		err_clear(e);
		(void)sleep(1);
	}
	rc = migrate_up(db, 0, NULL, e);
	if (rc == 0)
		rc = move_check(db, e);
	db_close(db);
	return rc;
}

int
supervise_workers(const struct cmd *cmd, const struct cmd_ctx *ctx,
    const char *given, size_t *out)
{
	char	*end;
	long	 n = ctx->conf->workers;

	if (given != NULL) {
		n = strtol(given, &end, 10);
		if (*end != '\0' || n < 1 || n > SUPERVISE_MAX)
			return cmd_usage(cmd, "--workers takes 1 to %d",
			    SUPERVISE_MAX);
	}
	/* one worker keeps up with every public log; more are for history */
	*out = n < 1 ? 1 : n > SUPERVISE_MAX ? SUPERVISE_MAX : (size_t)n;
	return 0;
}

static int
supervise_all(struct super *s)
{
	size_t	i;
	int	rc;

	s->w = mem_array(s->n, sizeof(*s->w));
	for (i = 0; i < s->n; i++)
		s->w[i].slot = (int)i;
	rc = watch(s);
	free(s->w);
	return rc;
}

int
supervise_inside(struct cmd_ctx *ctx, const struct supervise *o,
    int64_t deadline_s)
{
	static const int	 sigs[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction	 old[sizeof(sigs) / sizeof(sigs[0])];
	struct super		 s;
	struct err		 e = ERR_INIT;
	size_t			 i;
	int			 rc;

	memset(&s, 0, sizeof(s));
	s.ctx = ctx;
	s.o = o;
	s.once = o->once;
	s.n = o->workers;
	if (deadline_s > 0)
		s.until = clk_mono() + deadline_s * CLK_SEC;
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		(void)sigaction(sigs[i], NULL, &old[i]);
	signals();
	if (database(&s, &e) == -1)
		rc = cmd_fail(&e);
	else
		rc = supervise_all(&s);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		(void)sigaction(sigs[i], &old[i], NULL);
	return sig_stop ? err_exit(ERR_TEMP) : rc;
}

int
supervise(struct cmd_ctx *ctx, const struct supervise *o)
{
	struct super	 s;
	struct err	 e = ERR_INIT;
	int		 ports = !o->once && (o->roles & ROLE_SIGN) != 0, rc;

	memset(&s, 0, sizeof(s));
	s.ctx = ctx;
	s.o = o;
	s.once = o->once;
	s.n = o->workers;
	signals();
	/* as root: ports first, then another user */
	if ((ports && run_ports_open(&s.ports, ctx->conf, &e) == -1) ||
	    cmd_become(ctx, &e) == -1 || database(&s, &e) == -1)
		rc = sig_stop ? 0 : cmd_fail(&e);
	else
		rc = sig_stop ? 0 : supervise_all(&s);
	run_ports_close(&s.ports);
	return rc;
}
