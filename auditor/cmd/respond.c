#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/opt.h"

extern const struct cmd cmd_respond;

/* What was said on the command line. */
struct request {
	const char	*what;
	int		 dry, yes, approve, report, served;
};

/* --- the plan ------------------------------------------------------------ */

static int
show(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	struct err		 away = ERR_INIT;
	struct acme_talk	*t = acme_talk_new(ctx->conf, 0, &away);
	int			 rc = 0;

	if (t != NULL)
		rc = respond_ca(ctx, c, acme_talk_dir(t), e);
	if (rc == 0)
		respond_plan(ctx, c, t != NULL ? acme_talk_dir(t) : NULL,
		    away.msg);
	/* the plan stands, but for what only the CA can say */
	if (t == NULL) {
		*e = away;
		rc = -1;
	}
	acme_talk_free(t);
	return rc;
}

/* --- the second person --------------------------------------------------- */

static int
approve(struct cmd_ctx *ctx, const struct respond *c, struct err *e)
{
	const char	*state = message_get(c->finding, "state");

	if (strcmp(state, "open") != 0 && strcmp(state, "acked") != 0 &&
	    strcmp(state, "rejected") != 0)
		return err_set(e, ERR_USAGE, "finding %lld is %.20s: there is "
		    "nothing to approve", (long long)c->id, state);
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (db_query(ctx->db, NULL, e, "insert into respond_approval "
	    "(finding_id, author) values ($1, $2) on conflict (finding_id, "
	    "author) do update set added_at = now()", "is", c->id,
	    cmd_actor()) == -1 || cmd_audit(ctx, "finding.respond.approve",
	    json_pack("{sI ss}", "finding", (json_int_t)c->id, "serial",
	    c->serial), e) == -1 || db_commit(ctx->db, e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	if (ctx->json)
		cmd_json(json_pack("{sI ss}", "finding", (json_int_t)c->id,
		    "approved_by", cmd_actor()));
	else
		printf("finding %lld: approved by %s for a day; somebody else "
		    "runs certvigil respond %lld --yes\n", (long long)c->id,
		    cmd_actor(), (long long)c->id);
	return 0;
}

/* --- the deed ------------------------------------------------------------ */

/* Is there anything that forbids it? */
static int
allowed(struct cmd_ctx *ctx, const struct request *q, const struct respond *c,
    const struct directory *d, struct err *e)
{
	json_t		*a = respond_missing(c, d, "");
	size_t		 n = json_array_size(a), served;
	int		 rc = 0;

	served = json_array_size(c->served);
	if (n != 0)
		rc = err_set(e, ERR_NOENT, "nothing is done: %.300s (%zu in "
		    "all; certvigil respond %lld shows the plan)",
		    json_string_value(json_array_get(a, 0)), n,
		    (long long)c->id);
	else if (served != 0 && !q->served)
		rc = err_set(e, ERR_PERM, "nothing is done: %.200s serves it "
		    "or its key now (%zu in all): a revocation takes that "
		    "down; --although-served if that is meant", message_get(
		    json_array_get(c->served, 0), "endpoint"), served);
	else if ((int)json_array_size(c->approved) <
	    ctx->conf->respond_approvals - 1)
		rc = err_set(e, ERR_PERM, "nothing is done: respond.approvals "
		    "is %d, so somebody other than %.100s has to run "
		    "certvigil respond %lld --approve first",
		    ctx->conf->respond_approvals, cmd_actor(),
		    (long long)c->id);
	json_decref(a);
	return rc;
}

static int
act(struct cmd_ctx *ctx, const struct request *q, struct respond *c,
    struct acme_place *p, struct err *e)
{
	struct acme_talk	*t = acme_talk_new(ctx->conf, 1, e);
	int			 rc = -1;

	if (t != NULL && respond_ca(ctx, c, acme_talk_dir(t), e) == 0 &&
	    allowed(ctx, q, c, acme_talk_dir(t), e) == 0)
		rc = respond_act(ctx, c, t, p, e);
	acme_talk_free(t);
	return rc;
}

/* As root: ports first, then another user. */
static int
go(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_place	*p = NULL;
	struct respond		 c;
	size_t			 n;
	int			 rc = -1;

	if (q->yes) {
		n = acme_place_types(ctx->conf, NULL, type, e);
		if (n == 0 || (p = acme_place_new(ctx->conf, type, n, e)) ==
		    NULL)
			return -1;
	}
	memset(&c, 0, sizeof(c));
	if (cmd_become(ctx, e) == 0 && cmd_db(ctx, e) == 0 &&
	    respond_load(ctx, q->what, &c, e) == 0) {
		rc = 0;
		if (q->report)
			respond_report(ctx, &c);
		else if (q->approve)
			rc = approve(ctx, &c, e);
		else
			rc = q->yes ? act(ctx, q, &c, p, e) :
			    show(ctx, &c, e);
	}
	respond_free(&c);
	acme_place_free(p);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct request	 q;
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	const struct opt opts[] = {
		{ "--dry-run", &q.dry, NULL, NULL },
		{ "--yes", &q.yes, NULL, NULL },
		{ "--approve", &q.approve, NULL, NULL },
		{ "--report", &q.report, NULL, NULL },
		{ "--although-served", &q.served, NULL, NULL },
	};
	int		 rc;

	memset(&q, 0, sizeof(q));
	rc = opt_parse(&cmd_respond, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && rest.n != 1)
		rc = cmd_usage(&cmd_respond, "one finding is needed");
	else if (rc == 0 && q.dry + q.yes + q.approve + q.report > 1)
		rc = cmd_usage(&cmd_respond, "--dry-run, --yes, --approve and "
		    "--report exclude each other");
	else if (rc == 0) {
		q.what = rest.v[0];
		rc = go(ctx, &q, &e) == 0 ? 0 : cmd_fail(&e);
	}
	free(rest.v);
	return rc;
}

const struct cmd cmd_respond = {
	.name = "respond",
	.args = "FINDING [--dry-run|--yes|--approve|--report]\n"
	    "           [--although-served]",
	.brief = "revoke a certificate that somebody else obtained for our "
	    "names",
	.help = "  certvigil respond 17              # the plan\n"
	    "  certvigil respond 17 --yes\n"
	    "  certvigil respond 17 --report | mail -s ... CA\n"
	    "\n"
	    "--yes proves all names of the certificate by our own account,\n"
	    "orders nothing, and has the CA revoke it (reason 5).  --approve\n"
	    "is for the second person where respond.approvals is 2.  --report\n"
	    "writes the problem report for what cannot be done so.\n",
	.run = run,
	.keep_user = 1
};
