#include "auditor/cmd/acme.h"
#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/revoke.h"
#include "auditor/alert/message.h"
#include "auditor/cmd/opt.h"
#include "base/enc.h"
#include "base/mem.h"
#include "ocsp/rev.h"

extern const struct cmd cmd_respond;

/* What was said on the command line. */
struct request {
	const char	*what, *output, *reason;
	int		 dry, yes, approve, report, served, same_key;
	struct acme_place *place;	/* NULL: of a plan, because of: */
	struct err	 no_place;
};

/* --- the plan ------------------------------------------------------------ */

/* All that the network says, and could the CA be convinced? */
static int
look(struct cmd_ctx *ctx, const struct request *q, struct respond *c,
    const struct directory *d, struct err *e)
{
	if (respond_look(ctx, c, e) == -1)
		return -1;
	return d == NULL || q->place == NULL || c->revoked ? 0 :
	    respond_pre(ctx, c, d, q->place, e);
}

static int
show(struct cmd_ctx *ctx, const struct request *q, struct respond *c,
    struct err *e)
{
	struct err		 away = ERR_INIT;
	struct acme_talk	*t = acme_talk_new(ctx->conf, 0,
				    acme_progress, ctx, &away);
	const struct directory	*d = t != NULL ? acme_talk_dir(t) : NULL;
	int			 rc = 0;

	if (t != NULL)
		rc = respond_ca(ctx, c, d, e);
	if (rc == 0)
		rc = look(ctx, q, c, d, e);
	if (rc == 0 && q->no_place.code != ERR_NONE && c->ntypes != 0)
		json_array_append_new(c->checks, json_pack("{ss ss ss ss}",
		    "says", "cannot tell", "what", "reach", "name", "",
		    "sentence", q->no_place.msg));
	if (rc == 0)
		respond_say(ctx, c, respond_plan(ctx, c, d, away.msg));
	/* the plan stands, but for what only the CA can say */
	if (t == NULL && rc == 0) {
		*e = away;
		rc = -1;
	}
	acme_talk_free(t);
	return rc;
}

static int
report(struct cmd_ctx *ctx, struct respond *c, const char *path,
    struct err *e)
{
	struct err	why = ERR_INIT;

	/* a report without the newest look is better than none */
	if (respond_look(ctx, c, &why) == -1)
		(void)cmd_fail(&why);
	return respond_report(ctx, c, path, e);
}

/* --- the second person --------------------------------------------------- */

static int
store_approval(struct cmd_ctx *ctx, const struct respond *c, struct err *e)
{
	const struct span	tbs = { c->tbs, 32 };
	int64_t			login = respond_login();
	char			hex[65];

	return db_query(ctx->db, NULL, e, "insert into respond_approval "
	    "(finding_id, author, tbs_sha256, login_uid) values ($1, $2, $3, "
	    "nullif($4::bigint, -1)) on conflict (finding_id, author) do "
	    "update set added_at = now(), tbs_sha256 = excluded.tbs_sha256, "
	    "login_uid = excluded.login_uid", "isbi", c->id, cmd_actor(),
	    &tbs, login) == -1 ? -1 : cmd_audit(ctx,
	    "finding.respond.approve", json_pack("{sI ss ss so}", "finding",
	    (json_int_t)c->id, "serial", c->serial, "tbs_sha256",
	    enc_hex_to(hex, c->tbs, 32), "login_uid", login == -1 ?
	    json_null() : json_integer(login)), e);
}

static int
approve(struct cmd_ctx *ctx, const struct respond *c, struct err *e)
{
	const char	*state = message_get(c->finding, "state");
	char		 hex[65];

	if (strcmp(state, "open") != 0 && strcmp(state, "acked") != 0 &&
	    strcmp(state, "rejected") != 0)
		return err_set(e, ERR_USAGE, "finding %lld is %.20s: there is "
		    "nothing to approve", (long long)c->id, state);
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (store_approval(ctx, c, e) == -1 || db_commit(ctx->db, e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	(void)enc_hex_to(hex, c->tbs, 32);
	if (ctx->json)
		cmd_json(json_pack("{sI ss ss ss}", "finding",
		    (json_int_t)c->id, "approved_by", cmd_actor(),
		    "tbs_sha256", hex, "serial", c->serial));
	else
		printf("finding %lld: the revocation of serial %s (%s) is "
		    "approved by %s for a day; somebody else runs certvigil "
		    "respond %lld --yes%s\n", (long long)c->id, c->serial,
		    c->names.n != 0 ? c->names.v[0] : hex, cmd_actor(),
		    (long long)c->id, json_array_size(c->served) == 0 ? "" :
		    " (--although-served, as something serves it)");
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

/* What was to be done is done: whoever did it. */
static int
say_revoked(struct cmd_ctx *ctx, const struct respond *c)
{
	if (ctx->json)
		cmd_json(json_pack("{sI ss sb}", "finding",
		    (json_int_t)c->id, "serial", c->serial, "already", 1));
	else
		printf("finding %lld: was revoked already, as its CA says; "
		    "it is %s\n", (long long)c->id, message_get(c->finding,
		    "state"));
	return 0;
}

static int
act(struct cmd_ctx *ctx, const struct request *q, struct respond *c,
    struct err *e)
{
	struct acme_talk	*t;
	int			 rc = -1;

	if (c->revoked)
		return say_revoked(ctx, c);
	t = acme_talk_new(ctx->conf, 1, acme_progress, ctx, e);
	if (t != NULL && respond_ca(ctx, c, acme_talk_dir(t), e) == 0 &&
	    look(ctx, q, c, acme_talk_dir(t), e) == 0 &&
	    allowed(ctx, q, c, acme_talk_dir(t), e) == 0)
		rc = respond_act(ctx, c, t, q->place, e);
	acme_talk_free(t);
	return rc;
}

/* --- one finding, or those of all that have its key ---------------------- */

/* The findings of the others go to ${more}, unless NULL. */
static int
one(struct cmd_ctx *ctx, const struct request *q, const char *what,
    json_t *more, struct err *e)
{
	struct respond	 c;
	const json_t	*k, *f;
	size_t		 i;
	int		 rc;

	memset(&c, 0, sizeof(c));
	rc = respond_load(ctx, what, &c, e);
	if (rc == 0 && more != NULL)
		json_array_foreach(c.same_key, i, k) {
			f = json_object_get(k, "finding");
			if (json_is_integer(f) && !json_is_true(
			    json_object_get(k, "revoked")))
				json_array_append(more, json_object_get(k,
				    "finding"));
		}
	if (rc == 0)
		rc = q->report ? report(ctx, &c, q->output, e) :
		    q->approve ? approve(ctx, &c, e) :
		    q->yes ? act(ctx, q, &c, e) : show(ctx, q, &c, e);
	respond_free(&c);
	return rc;
}

static int
all(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	json_t	*more = json_array();
	char	*what;
	size_t	 i;
	int	 rc;

	rc = one(ctx, q, q->what, q->same_key ? more : NULL, e);
	for (i = 0; rc == 0 && i < json_array_size(more); i++) {
		what = mem_printf("%lld", (long long)json_integer_value(
		    json_array_get(more, i)));
		rc = one(ctx, q, what, NULL, e);
		if (rc == -1)
			(void)err_prefix(e, "finding %s", what);
		free(what);
	}
	json_decref(more);
	return rc;
}

/* As root: ports first, then another user. */
static int
go(struct cmd_ctx *ctx, struct request *q, struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	size_t			 n;
	int			 rc = -1;

	if (!q->report && !q->approve) {
		n = acme_place_types(ctx->conf, NULL, type, &q->no_place);
		if (n != 0)
			q->place = acme_place_new(ctx->conf, type, n,
			    &q->no_place);
		/* a plan can be made without */
		if (q->place == NULL && q->yes) {
			*e = q->no_place;
			return -1;
		}
	}
	if (cmd_become(ctx, e) == 0 && cmd_db(ctx, e) == 0)
		rc = all(ctx, q, e);
	acme_place_free(q->place);
	return rc;
}

/* The CA publishes 5 for another account, whatever that asks for. */
static int
reason(const struct request *q, struct err *e)
{
	int	r = q->reason == NULL ? REVOKE_CESSATION :
		    rev_reason_parse(q->reason);

	if (r == REVOKE_CESSATION)
		return 0;
	if (r == REVOKE_KEY_COMPROMISE)
		return err_set(e, ERR_USAGE, "--reason: only who has its key "
		    "can have it revoked for keyCompromise (certvigil revoke "
		    "--with certificate-key); --report asks the CA for it");
	return err_set(e, ERR_USAGE, "--reason: `%.40s` is not possible: who "
	    "has the names, and not the order, revokes for "
	    "cessationOfOperation (5)", q->reason);
}

static int
understand(const struct request *q, size_t nargs, struct err *e)
{
	if (nargs != 1)
		return cmd_usage(&cmd_respond, "one finding is needed");
	if (q->dry + q->yes + q->approve + q->report > 1)
		return cmd_usage(&cmd_respond, "--dry-run, --yes, --approve "
		    "and --report exclude each other");
	if (q->output != NULL && !q->report)
		return cmd_usage(&cmd_respond, "--output is for --report");
	if (q->same_key && !q->yes && !q->approve)
		return cmd_usage(&cmd_respond, "--same-key is for --yes and "
		    "--approve");
	return reason(q, e) == 0 ? 0 : cmd_fail(e);
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
		{ "--same-key", &q.same_key, NULL, NULL },
		{ "--output", NULL, &q.output, NULL },
		{ "--reason", NULL, &q.reason, NULL },
	};
	int		 rc;

	memset(&q, 0, sizeof(q));
	rc = opt_parse(&cmd_respond, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && (rc = understand(&q, rest.n, &e)) == 0) {
		q.what = rest.v[0];
		rc = go(ctx, &q, &e) == 0 ? 0 : cmd_fail(&e);
	}
	free(rest.v);
	return rc;
}

const struct cmd cmd_respond = {
	.name = "respond",
	.args = "FINDING [--dry-run|--yes|--approve|--report [--output FILE]]\n"
	    "           [--same-key] [--although-served] [--reason R]",
	.brief = "revoke a certificate that somebody else obtained for our "
	    "names",
	.help = "  certvigil respond 17              # the plan\n"
	    "  certvigil respond 17 --yes\n"
	    "  certvigil respond 17 --report --output report.txt\n"
	    "\n"
	    "The plan has who serves it, which of its names we can prove,\n"
	    "how long the other account may order again, and the CAA records\n"
	    "that end that; they name our account and those of other clients\n"
	    "that were imported, so that these can renew.  --yes proves all\n"
	    "names by our own account, orders nothing, and has the CA revoke\n"
	    "it (reason 5); --same-key: and what else has its key.  --approve\n"
	    "is for the second person where respond.approvals is 2.  --report\n"
	    "writes the problem report, with the evidence, for what cannot be\n"
	    "done so.  What is served now wants --although-served.\n",
	.run = run,
	.keep_user = 1
};
