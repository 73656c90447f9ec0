#include "auditor/cmd/backfill.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/run.h"
#include "auditor/db/back_store.h"
#include "auditor/db/row.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

/* How far it is: on one line of a terminal, or a line now and then. */

#define LINE_EVERY	(10 * CLK_SEC)
/* Without progress for so long, nobody knows how long it will take. */
#define QUIET		(60 * CLK_SEC)
/* Faults are waited for so many leases: then somebody has tried again. */
#define PATIENCE	4

/* What is found on the way is delivered, when ours is read. */
#define GRACE		(5 * CLK_SEC)

struct follow {
	struct cmd_ctx			*ctx;
	const struct backfill_ids	*ids;
	int64_t		 began, first;	/* mono; entries read then */
	int64_t		 said;		/* mono of the last line */
	int64_t		 said_left;	/* in it: entries left, */
	size_t		 said_open;	/* and what is open */
	int		 shown;		/* a line of the terminal is begun */
	char		*faults;	/* that were said, or NULL */
	int64_t		 moved;		/* mono of the last progress */
	/* as of the last look */
	size_t		 open, searching, faulty, waiting;
	int64_t		 waits;		/* until when the first of those does */
	int64_t		 left, read;
	int		 cancelled;
};

static volatile sig_atomic_t	stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

json_t *
backfill_json(const struct db_res *r, size_t i)
{
	json_t	*o = json_object();

	json_object_set_new(o, "id", row_int(r, i, BACK_ID));
	json_object_set_new(o, "log_id", row_b64(r, i, BACK_LOG_ID));
	json_object_set_new(o, "description", row_str(r, i, BACK_LOG));
	json_object_set_new(o, "size_from", row_int(r, i, BACK_FROM));
	json_object_set_new(o, "size_to", row_int(r, i, BACK_TO));
	json_object_set_new(o, "since", row_time(r, i, BACK_SINCE));
	json_object_set_new(o, "again", row_bool(r, i, BACK_AGAIN));
	json_object_set_new(o, "state", row_str(r, i, BACK_STATE));
	json_object_set_new(o, "entries", row_int(r, i, BACK_ENTRIES));
	json_object_set_new(o, "entries_read", row_int(r, i, BACK_READ));
	json_object_set_new(o, "matches", row_int(r, i, BACK_MATCHES));
	json_object_set_new(o, "added_at", row_time(r, i, BACK_ADDED));
	json_object_set_new(o, "ended_at", row_time(r, i, BACK_ENDED));
	json_object_set_new(o, "last_error", row_str(r, i, BACK_ERROR));
	json_object_set_new(o, "waits_until", row_time(r, i, BACK_WAITS));
	json_object_set_new(o, "actor", row_str(r, i, BACK_ACTOR));
	return o;
}

static int
ours(const struct follow *f, int64_t id)
{
	size_t	i;

	for (i = 0; i < f->ids->open.n; i++)
		if (f->ids->open.v[i] == id)
			return 1;
	return 0;
}

/* Entries a second since the command began, and seconds left; -1: unknown. */
static void
speed(const struct follow *f, int64_t now, double *rate, int64_t *eta)
{
	double	secs = (double)(now - f->began) / CLK_SEC;

	*rate = secs > 0 ? (double)(f->read - f->first) / secs : 0;
	*eta = f->searching != 0 || f->waiting != 0 ||
	    now >= f->moved + QUIET ? -1 :
	    f->left == 0 ? 0 : *rate > 0 ?
	    (int64_t)((double)f->left / *rate) + 1 : -1;
}

static void
text(struct follow *f, int64_t now)
{
	char	eta[40] = "", wait[60] = "", line[300], at[CLK_TEXT];
	double	rate;
	int64_t	s;
	int	tty = log_terminal(STDERR_FILENO);

	speed(f, now, &rate, &s);
	if (s >= 0)
		(void)snprintf(eta, sizeof(eta), ", %" PRId64 ":%02" PRId64
		    ":%02" PRId64 " left", s / 3600, s / 60 % 60, s % 60);
	/* until then there is nothing to be seen */
	if (f->waiting != 0 && f->waiting == f->open)
		(void)snprintf(wait, sizeof(wait), ", waiting until %s",
		    clk_text(f->waits, at));
	(void)snprintf(line, sizeof(line), "%" PRId64 " of %" PRId64
	    " entries read (%.1f%%), %.0f/s%s%s, %zu of %zu %s%s",
	    f->read, f->read + f->left,
	    f->read + f->left > 0 ? 100.0 * (double)f->read /
	    (double)(f->read + f->left) : 0.0, rate, eta, wait,
	    f->ids->open.n - f->open, f->ids->open.n,
	    f->ids->open.n == f->ids->logs ? "logs" : "parts of logs",
	    f->searching != 0 ? ", dates are looked for" : "");
	/* what a terminal wraps, \r does not take back */
	if (tty)
		(void)fprintf(stderr, "\r%.*s\033[K",
		    log_columns(STDERR_FILENO) - 1, line);
	else
		(void)fprintf(stderr, "%s\n", line);
	(void)fflush(stderr);
	f->shown = tty;
}

static void
json_line(const struct follow *f, const struct db_res *r, size_t i,
    int64_t now)
{
	json_t	*o = backfill_json(r, i);
	double	 rate;
	int64_t	 s;

	speed(f, now, &rate, &s);
	json_object_set_new(o, "entries_per_second", json_real(rate));
	json_object_set_new(o, "eta_seconds", s >= 0 ? json_integer(s) :
	    json_null());
	cmd_json(o);
}

/*
 * What went wrong last, of those that are open: when it is another fault than
 * before, and at the end.  On a terminal it takes the place of the line of
 * progress, which is shown again below it.
 */
static void
errors(struct follow *f, const struct db_res *r, int last)
{
	struct buf	b = BUF_INIT;
	char		*name, *why;
	size_t		 i;

	for (i = 0; i < db_rows(r); i++) {
		if (!ours(f, db_int(r, i, BACK_ID)) ||
		    db_null(r, i, BACK_ERROR))
			continue;
		name = cmd_clean(db_text(r, i, BACK_LOG));
		why = cmd_clean(db_text(r, i, BACK_ERROR));
		buf_fmt(&b, "%s: %s\n", name, why);
		free(name);
		free(why);
	}
	if (b.n != 0 && (last || f->faults == NULL ||
	    strcmp(f->faults, buf_text(&b)) != 0)) {
		(void)fprintf(stderr, "%s%s", f->shown && !last ?
		    "\r\033[K" : "", buf_text(&b));
		free(f->faults);
		f->faults = mem_str(buf_text(&b));
	}
	buf_free(&b);
}

/* A log may want us to wait. */
static void
waits(struct follow *f, const struct db_res *r, size_t i)
{
	int64_t	at = db_time(r, i, BACK_WAITS);

	if (db_null(r, i, BACK_WAITS))
		return;
	if (f->waiting++ == 0 || at < f->waits)
		f->waits = at;
}

/* Look, and say how far it is when it is time.  0 or -1. */
static int
look(struct follow *f, int last, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 now = clk_mono();
	size_t		 i;
	int		 line, json = f->ctx->json, quiet = f->ctx->quiet;
	int64_t		 read = f->read;
	size_t		 open = f->open;

	if (back_list(f->ctx->db, BACK_LIST_OVER | (last && json ?
	    BACK_LIST_MATCHES : 0), &r, e) == -1)
		return -1;
	f->open = f->searching = f->faulty = f->waiting = 0;
	f->left = f->read = f->cancelled = 0;
	for (i = 0; i < db_rows(r); i++) {
		if (!ours(f, db_int(r, i, BACK_ID)))
			continue;
		f->read += db_int(r, i, BACK_READ);
		f->cancelled |= strcmp(db_text(r, i, BACK_STATE),
		    "cancelled") == 0;
		if (strcmp(db_text(r, i, BACK_STATE), "open") != 0)
			continue;
		f->open++;
		f->searching += db_null(r, i, BACK_FROM) != 0;
		f->faulty += !db_null(r, i, BACK_ERROR);
		waits(f, r, i);
		f->left += db_int(r, i, BACK_ENTRIES) -
		    db_int(r, i, BACK_READ);
	}
	if (f->began == 0) {
		f->began = now;
		f->first = f->read;
	}
	/* a log that makes us wait is no reason to give up */
	if (f->moved == 0 || f->read != read || f->open != open ||
	    f->waiting != 0)
		f->moved = now;
	/* the last one is not said twice */
	line = now >= f->said + LINE_EVERY || (last && (json ||
	    f->left != f->said_left || f->open != f->said_open));
	if (line) {
		f->said = now;
		f->said_left = f->left;
		f->said_open = f->open;
	}
	if (json && line) {
		for (i = 0; i < db_rows(r); i++)
			if (ours(f, db_int(r, i, BACK_ID)))
				json_line(f, r, i, now);
	} else if (!json && !quiet && (line || log_terminal(STDERR_FILENO)))
		text(f, now);
	if (last && f->shown)
		(void)fputc('\n', stderr);
	/* the first at once, then no more of them than lines */
	if ((line || last || f->faults == NULL) && !quiet && f->open != 0)
		errors(f, r, last);
	db_free(r);
	return 0;
}

/*
 * Does somebody else read logs?  1, 0 or -1.  One of this host that was
 * killed is not waited for.
 */
static int
daemon_alive(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	char		 host[64] = "";
	size_t		 i;
	int		 alive = 0;

	if (back_workers(db, &r, e) == -1)
		return -1;
	(void)gethostname(host, sizeof(host) - 1);
	for (i = 0; i < db_rows(r); i++)
		alive |= strcmp(db_text(r, i, 0), host) != 0 ||
		    kill((pid_t)db_int(r, i, 1), 0) == 0 || errno != ESRCH;
	db_free(r);
	return alive;
}

/* Nothing but faults is left, which others have tried again in vain. */
static int
stuck(const struct follow *f)
{
	return f->open != 0 && f->faulty == f->open && clk_mono() >= f->moved +
	    PATIENCE * f->ctx->conf->worker_lease * CLK_SEC;
}

/*
 * Others' back-fills are read, too, by whoever works; with ours read, or stuck,
 * they are not waited for.
 */
static int
tick(void *arg)
{
	struct follow	*f = arg;
	struct err	 e = ERR_INIT;

	return look(f, 0, &e) == 0 && (stuck(f) || (f->open == 0 &&
	    clk_mono() >= f->moved + GRACE));
}

/* Does a log of these misbehave?  The exit status for that, or for a fault. */
static int
fault_status(struct follow *f, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 status = 1;

	for (i = 0; i < f->ids->open.n; i++) {
		if (db_query(f->ctx->db, &r, e, "select exists (select from "
		    "backfill b join log l on l.id = b.log_ref join finding f "
		    "on f.kind = 'log.misbehaved' and f.state in ('open', "
		    "'acked') and f.subject = encode(l.log_id, 'base64') "
		    "where b.id = $1 and b.state = 'open')", "i",
		    f->ids->open.v[i]) == -1)
			return -1;
		if (db_bool(r, 0, 0))
			status = 2;
		db_free(r);
	}
	return status;
}

/* A daemon reads: wait for it.  0, or -1. */
static int
wait_for(struct follow *f, struct err *e)
{
	struct sigaction	sa, old[2];
	int			rc = 0, alive = 1;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	(void)sigaction(SIGINT, &sa, &old[0]);
	(void)sigaction(SIGTERM, &sa, &old[1]);
	while (!stopped && rc == 0 && alive && f->open != 0 && !stuck(f)) {
		(void)usleep(500000);
		if (look(f, 0, e) == -1 ||
		    (alive = daemon_alive(f->ctx->db, e)) == -1)
			rc = -1;
	}
	(void)sigaction(SIGINT, &old[0], NULL);
	(void)sigaction(SIGTERM, &old[1], NULL);
	return rc;
}

/* What is there at the end, a line a log. */
static int
result(struct follow *f, struct err *e)
{
	struct db_res	*r = NULL;
	char		*name;
	size_t		 i;

	if (f->ctx->json || back_list(f->ctx->db, BACK_LIST_OVER |
	    BACK_LIST_MATCHES, &r, e) == -1)
		return r == NULL && !f->ctx->json ? -1 : 0;
	for (i = 0; i < db_rows(r); i++) {
		if (!ours(f, db_int(r, i, BACK_ID)) ||
		    strcmp(db_text(r, i, BACK_STATE), "done") != 0)
			continue;
		name = cmd_clean(db_text(r, i, BACK_LOG));
		printf("%s: entries %" PRId64 " to %" PRId64 " are read and "
		    "proven, %" PRId64 " matches in them\n", name,
		    db_int(r, i, BACK_FROM), db_int(r, i, BACK_TO),
		    db_int(r, i, BACK_MATCHES));
		free(name);
	}
	db_free(r);
	return 0;
}

/* To the end of it, or of our patience: an exit status. */
static int
follow(struct follow *f)
{
	struct cmd_ctx	*ctx = f->ctx;
	struct err	 e = ERR_INIT;
	int		 rc = 0, alive = 0, gave_up;

	if (look(f, 0, &e) == -1)
		return cmd_fail(&e);
	while (f->open != 0 && !stopped && rc == 0 && !stuck(f)) {
		if ((alive = daemon_alive(ctx->db, &e)) == -1)
			return cmd_fail(&e);
		if (!alive)
			rc = run_history(ctx, tick, f);
		else if (wait_for(f, &e) == -1)
			return cmd_fail(&e);
		if (look(f, 0, &e) == -1)
			return cmd_fail(&e);
		/* what failed is for another time; what waited was read */
		if (f->open == 0)
			rc = 0;
		else if (!alive && rc == 0 && !stuck(f))
			rc = 1;
	}
	gave_up = !stopped && rc == 0 && stuck(f);
	if (gave_up && (rc = fault_status(f, &e)) == -1)
		return cmd_fail(&e);
	if (look(f, 1, &e) == -1 || result(f, &e) == -1)
		return cmd_fail(&e);
	if (f->open != 0 && !ctx->quiet)
		(void)fprintf(stderr, alive && (stopped || gave_up) ? "The daemon "
		    "goes on with it; certvigil backfill list shows how far, "
		    "backfill cancel ID ends it.\n" : "What was read stays: "
		    "the same command goes on, and so does certvigil run.\n");
	return rc != 0 ? rc : stopped ? err_exit(ERR_TEMP) :
	    f->cancelled || f->ids->skipped != 0;
}

int
backfill_follow(struct cmd_ctx *ctx, const struct backfill_ids *ids)
{
	struct follow	f = { .ctx = ctx, .ids = ids };
	int		rc;

	if (ids->open.n == 0)
		return ids->skipped != 0;
	rc = follow(&f);
	free(f.faults);
	return rc;
}

int
backfill_entered(struct cmd_ctx *ctx, const struct backfill_ids *ids)
{
	const struct follow	 f = { .ctx = ctx, .ids = ids };
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	size_t			 i;

	if (ctx->json && back_list(ctx->db, BACK_LIST_OVER, &r, &e) == -1)
		return cmd_fail(&e);
	for (i = 0; r != NULL && i < db_rows(r); i++)
		if (ours(&f, db_int(r, i, BACK_ID)))
			cmd_json(backfill_json(r, i));
	db_free(r);
	if (ids->open.n != 0 && !ctx->json && !ctx->quiet)
		(void)fprintf(stderr, "%zu log%s will be read, by the daemon "
		    "or by the same command without --no-wait; certvigil "
		    "backfill list shows how far.\n", ids->logs,
		    ids->logs == 1 ? "" : "s");
	return ids->skipped != 0;
}
