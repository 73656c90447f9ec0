#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/alert/message.h"
#include "auditor/alert/route.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/run.h"
#include "auditor/cmd/signer.h"
#include "auditor/db/lease.h"
#include "auditor/db/report_store.h"
#include "auditor/report.h"
#include "auditor/report_csv.h"
#include "auditor/report_html.h"
#include "auditor/report_junit.h"
#include "auditor/report_sarif.h"
#include "auditor/report_text.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

extern const struct cmd cmd_audit_command;

#define SAY_EVERY	(10 * CLK_SEC)
#define MESSAGE_ROWS	20	/* rows of a section in a message */

/* --- the forms -------------------------------------------------------------------- */

static void
text(const json_t *r, struct buf *out)
{
	report_text(r, SIZE_MAX, SIZE_MAX, out);
}

static void
json(const json_t *r, struct buf *out)
{
	char	*s = json_dumps(r, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (s == NULL)
		abort();
	buf_fmt(out, "%s\n", s);
	free(s);
}

static const struct form {
	const char	*name;
	void		(*render)(const json_t *, struct buf *);
} forms[] = {
	{ "text", text },
	{ "json", json },
	{ "csv", report_csv },
	{ "html", report_html },
	{ "junit", report_junit },
	{ "sarif", report_sarif },
};

static const struct form *
form_find(const char *name)
{
	size_t	i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

/* --- until everything had its turn -------------------------------------------------- */

struct audit {
	struct cmd_ctx		*ctx;
	const struct form	*form;
	const char		*fail_on, *output;
	struct report_frame	 frame;
	int64_t			 deadline_s;
	int64_t			 until;		/* clk_mono */
	int64_t			 started;	/* the database's clock */
	int64_t			 left;		/* work that was not done */
};

/* One line now and then about what is still to come. */
static void
say(const struct audit *a, const char *sample, int64_t now)
{
	static int64_t	next;
	int64_t		left = (a->until - now) / CLK_SEC;

	if (a->ctx->quiet || now < next)
		return;
	next = now + SAY_EVERY;
	fprintf(stderr, "certvigil: waiting for the daemon: %s, at most %lld "
	    "min\n", sample, (long long)(left / 60 + 1));
}

/*
 * The daemon does the work: wait for what was due.  0: done, or the deadline
 * is over; 1: there is no daemon (any more); -1.
 */
static int
wait_daemon(struct audit *a, struct err *e)
{
	char	*sample;
	int64_t	 alive, now;

	for (;;) {
		if (report_store_due(a->ctx->db, a->started, &a->left,
		    &sample, e) == -1 ||
		    lease_alive(a->ctx->db, &alive, e) == -1)
			return -1;
		now = clk_mono();
		if (a->left > 0 && alive > 0 && now < a->until)
			say(a, sample, now);
		free(sample);
		if (alive == 0)
			return 1;
		if (a->left == 0 || now >= a->until)
			return 0;
		(void)usleep(1000000);
	}
}

/* Bring everything up to date: 0, or an exit status from 64 on. */
static int
catch_up(struct audit *a, struct err *e)
{
	struct db	*db = a->ctx->db;
	int64_t		 s;
	int		 rc;

	rc = wait_daemon(a, e);
	if (rc == 1) {
		s = (a->until - clk_mono()) / CLK_SEC;
		/* what it could not do, or found wrong, is in the report */
		rc = run_once(a->ctx, s > 0 ? s : 1);
		if (rc >= err_exit(ERR_USAGE))
			return rc;
		if (!db_alive(db) && db_reset(db, e) == -1)
			return cmd_fail(e);
		rc = report_store_due(db, a->started, &a->left, NULL, e);
	}
	if (rc == -1)
		return cmd_fail(e);
	if (a->left > 0 && !a->ctx->quiet)
		fprintf(stderr, "certvigil: %s%lld pieces of work were not "
		    "done\n", clk_mono() < a->until ? "tried, and due again: " :
		    "the deadline is over, and ", (long long)a->left);
	return 0;
}

/* --- the report ----------------------------------------------------------------------- */

static json_t *
build(struct audit *a, struct err *e)
{
	char	 host[256], at[CLK_TEXT];
	json_t	*r;

	if ((r = report_build(a->ctx->db, &a->frame, e)) == NULL)
		return NULL;
	report_judge(r, a->fail_on);
	if (gethostname(host, sizeof(host)) == -1)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	json_object_set_new(r, "host", json_string(host));
	json_object_set_new(r, "started_at",
	    json_string(clk_text(a->started, at)));
	json_object_set_new(r, "work_left", json_integer(a->left));
	return r;
}

/* The message that goes to audit.send. */
static char *
message(const json_t *r)
{
	struct buf	b = BUF_INIT;
	json_t		*o;
	char		*s;

	report_text(r, MESSAGE_ROWS, LIMIT_REPORT_TEXT, &b);
	o = json_pack("{ss sO sO sO sO sO ss}", "type", "audit",
	    "summary", json_object_get(r, "first_line"),
	    "verdict", json_object_get(r, "verdict"),
	    "since", json_object_get(r, "since"),
	    "until", json_object_get(r, "until"),
	    "counts", json_object_get(r, "counts"),
	    "text", buf_text(&b));
	if (o == NULL || (s = json_dumps(o, JSON_COMPACT)) == NULL)
		abort();
	json_decref(o);
	buf_free(&b);
	return s;
}

/* To every channel that there is; one that is gone stops no other. */
static int
send_all(struct audit *a, const json_t *r, struct err *e)
{
	const struct conf_strs	*to = &a->ctx->conf->audit_send;
	struct err		 sub = ERR_INIT;
	char			*body = message(r);
	size_t			 i;
	int			 rc = 0;

	for (i = 0; i < to->n && rc == 0; i++) {
		err_clear(&sub);
		switch (report_store_send(a->ctx->db, to->v[i], body, &sub)) {
		case 0:
			fprintf(stderr, "certvigil: audit.send: channel %s is "
			    "disabled\n", to->v[i]);
			break;
		case -1:
			if (sub.code == ERR_NOENT)
				fprintf(stderr, "certvigil: audit.send: %s\n",
				    sub.msg);
			else
				rc = err_set(e, sub.code, "%s", sub.msg);
			break;
		default:
			break;
		}
	}
	free(body);
	return rc;
}

/* Keep it and send it, together. */
static int
store(struct audit *a, const json_t *r, struct err *e)
{
	struct report_row	 row;
	struct db		*db = a->ctx->db;
	int64_t			 id = 0;
	char			*body = json_dumps(r, JSON_COMPACT);

	if (body == NULL)
		abort();
	row.started = a->started;
	row.since = a->frame.since;
	row.until = a->frame.until;
	row.first_line = message_get(r, "first_line");
	row.verdict = (int)json_integer_value(json_object_get(r, "verdict"));
	row.body = body;
	if (db_begin(db, e) == -1)
		goto err;
	if (report_store_save(db, &row, &id, e) == -1 ||
	    send_all(a, r, e) == -1 ||
	    cmd_audit(a->ctx, "audit", json_pack("{sI si ss}", "report",
	    (json_int_t)id, "verdict", row.verdict, "line", row.first_line),
	    e) == -1) {
		db_rollback(db);
		goto err;
	}
	free(body);
	return db_commit(db, e);
err:
	free(body);
	return -1;
}

static int
audit(struct audit *a)
{
	struct err	 e = ERR_INIT;
	struct buf	 out = BUF_INIT;
	json_t		*r = NULL;
	int		 rc;

	a->until = clk_mono() + a->deadline_s * CLK_SEC;
	if (cmd_db(a->ctx, &e) == -1 ||
	    report_store_now(a->ctx->db, &a->started, &e) == -1)
		return cmd_fail(&e);
	if ((rc = catch_up(a, &e)) != 0)
		return rc;
	if ((r = build(a, &e)) == NULL) {
		rc = cmd_fail(&e);
		goto out;
	}
	a->form->render(r, &out);
	/* the next one begins at the end of one that was told */
	if (signer_write(a->output, &out, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	rc = (int)json_integer_value(json_object_get(r, "verdict"));
	if (fflush(stdout) == EOF && errno != EPIPE) {
		fputs("certvigil: this report did not arrive; the next one "
		    "begins where it did\n", stderr);
		goto out;
	}
	if (store(a, r, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(a->ctx);
	if (a->output != NULL && !a->ctx->quiet)
		fprintf(stderr, "%s\n", message_get(r, "first_line"));
out:
	buf_free(&out);
	json_decref(r);
	return rc;
}

/* --- the command line ------------------------------------------------------------------ */

struct words {
	const char	*since, *deadline, *format;
};

/* Before two hours of work: can this user (root has become another) write? */
static int
check_output(const char *path, struct err *e)
{
	char	*dir, *slash;
	int	 rc = 0;

	if (path == NULL || strcmp(path, "-") == 0)
		return 0;
	dir = mem_str(path);
	if ((slash = strrchr(dir, '/')) != NULL)
		*(slash == dir ? slash + 1 : slash) = '\0';
	if (access(slash != NULL ? dir : ".", W_OK | X_OK) == -1)
		rc = err_set(e, errno == ENOENT ? ERR_NOENT : ERR_PERM,
		    "--output: user %u may not write to %s; without --output "
		    "the report goes to the standard output",
		    (unsigned)geteuid(), slash != NULL ? dir :
		    "this folder");
	free(dir);
	return rc;
}

static int
fill(struct audit *a, const struct words *w, struct err *e)
{
	if ((a->form = form_find(w->format)) == NULL)
		return err_set(e, ERR_USAGE, "there is no format `%.40s`: "
		    "text, json, csv, html, junit or sarif", w->format);
	if (route_severity(a->fail_on) == -1)
		return err_set(e, ERR_USAGE, "there is no severity "
		    "\"%.40s\"; there are critical, high, medium, low and "
		    "info", a->fail_on);
	if (opt_duration("--deadline", w->deadline, &a->deadline_s, e) == -1)
		return -1;
	a->frame.since = INT64_MIN;
	if (strcmp(w->since, "last-audit") != 0 &&
	    opt_moment("--since", w->since, 0, &a->frame.since, e) == -1)
		return -1;
	if (a->frame.since > clk_wall())
		return err_set(e, ERR_USAGE, "--since %.40s is still to come",
		    w->since);
	a->frame.unreachable_after = a->ctx->conf->audit_unreachable;
	return check_output(a->output, e);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct audit		a;
	struct words		w = { "last-audit", "2h", "text" };
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--since", NULL, &w.since, NULL },
		{ "--fail-on", NULL, &a.fail_on, NULL },
		{ "--deadline", NULL, &w.deadline, NULL },
		{ "--format", NULL, &w.format, NULL },
		{ "--output", NULL, &a.output, NULL },
	};
	int			rc;

	memset(&a, 0, sizeof(a));
	a.ctx = ctx;
	a.fail_on = "high";
	if (ctx->json)
		w.format = "json";
	rc = opt_parse(&cmd_audit_command, opts,
	    sizeof(opts) / sizeof(opts[0]), argc, argv, &rest);
	if (rc == 0 && rest.n != 0)
		rc = cmd_usage(&cmd_audit_command, "unexpected argument `%s`",
		    rest.v[0]);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (fill(&a, &w, &e) == -1)
		return cmd_fail(&e);
	return audit(&a);
}

const struct cmd cmd_audit_command = {
	.name = "audit",
	.args = "[--since last-audit|TIME] [--fail-on SEVERITY] "
	    "[--deadline 2h] [--format text|json|csv|html|junit|sarif] "
	    "[--output FILE]",
	.brief = "the nightly report: what is new, open, silenced, unchecked",
	.help = "  certvigil audit\n"
	    "  certvigil audit --fail-on critical --format html "
	    "--output audit.html\n"
	    "  certvigil audit --since 2026-11-01 --format csv\n\n"
	    "What the running daemon has done is not done twice: what is due "
	    "is waited for, at\nmost until the deadline; without a daemon it "
	    "is done here.  Exit 0: nothing is wrong;\n1: something was not "
	    "checked for audit.unreachable_after; 2: findings of severity\n"
	    "--fail-on (high) or worse are open.  Accepted and acknowledged "
	    "ones do not count.\n",
	.run = run,
};
