#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/opt.h"
#include "auditor/role/acme_order.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

extern const struct cmd cmd_issue;

/* What was said on the command line, and the names of it. */
struct request {
	const char	*challenge, *key, *profile;
	int		 dry;
	struct san	 names;
	const char	*first;		/* that names the certificate */
};

static void
progress(void *arg, const char *text)
{
	const struct cmd_ctx	*ctx = arg;
	char			*s;

	if (ctx->quiet)
		return;
	s = cmd_clean(text);
	fprintf(stderr, "certvigil: %s\n", s);
	free(s);
}

static void
say(struct cmd_ctx *ctx, const struct request *q,
    const struct acme_order_result *r)
{
	const struct cert	*c = &r->got.leaf;
	json_t			*names = json_array();
	char			 hex[2][65], t[CLK_TEXT];
	size_t			 i;

	for (i = 0; i < q->names.n; i++)
		json_array_append_new(names, json_string(q->names.v[i]));
	if (ctx->json) {
		cmd_json(json_pack("{so ss ss ss ss ss ss}", "names", names,
		    "cert_sha256", enc_hex_to(hex[0], c->cert_sha256, 32),
		    "tbs_sha256", enc_hex_to(hex[1], c->tbs_sha256, 32),
		    "serial", c->serial, "not_after", clk_text(c->not_after,
		    t), "directory", r->dir, "order", r->url));
		return;
	}
	json_decref(names);
	printf("%s: issued, until %s\n  serial     %s\n  deployed   %s\n",
	    q->first, clk_text(c->not_after, t), c->serial, r->dir);
}

/* Everything but the order itself. */
static int
rehearse(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	struct acme_talk	*t = acme_talk_new(ctx->conf, 1, e);
	struct acme_account_row	 a;
	int			 made, rc;

	if (t == NULL)
		return -1;
	memset(&a, 0, sizeof(a));
	rc = acme_account(ctx, t, 0, &a, &made, e);
	if (rc != -1 && !ctx->quiet)
		printf("%s: the CA answers, %s; nothing was ordered\n",
		    q->first, rc == 1 ? "and knows our account" :
		    "an account would be registered");
	acme_account_free(&a);
	acme_talk_free(t);
	return rc == -1 ? -1 : 0;
}

static int
order(struct cmd_ctx *ctx, const struct request *q, struct acme_order *o,
    struct err *e)
{
	struct acme_account_row		 a;
	struct acme_order_result	 r;
	int				 made, rc;

	memset(&a, 0, sizeof(a));
	o->db = ctx->db;
	o->conf = ctx->conf;
	o->account = &a;
	o->author = cmd_actor();
	o->tell = progress;
	o->arg = ctx;
	o->want = (struct managed_want){ q->first,
	    { (const char *const *)q->names.v, q->names.n }, "cli",
	    q->challenge, q->key, q->profile != NULL ? q->profile :
	    ctx->conf->acme_profile, acme_talk_directory(ctx->conf) };
	if ((o->talk = acme_talk_new(ctx->conf, 1, e)) == NULL)
		return -1;
	rc = acme_account(ctx, o->talk, 1, &a, &made, e) == 1 ? 0 : -1;
	if (rc == 0)
		rc = managed_lock(ctx->db, q->first, e);
	if (rc == 0)
		rc = managed_put(ctx->db, &o->want, &o->managed, e);
	if (rc == 0) {
		rc = acme_order_run(o, &r, e);
		if (rc == 0)
			say(ctx, q, &r);
		acme_order_result_free(&r);
	}
	if (rc == 0)
		rc = cmd_audit(ctx, "certificate.issue", json_pack("{ss}",
		    "name", q->first), e);
	acme_account_free(&a);
	acme_talk_free(o->talk);
	cmd_hint(ctx);
	return rc;
}

/* As root: ports first, then another user. */
static int
go(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_order	 o;
	int			 rc = -1;

	memset(&o, 0, sizeof(o));
	o.type = type;
	o.ntypes = acme_place_types(ctx->conf, q->challenge, type, e);
	if (o.ntypes == 0)
		return -1;
	o.place = acme_place_new(ctx->conf, type, o.ntypes, e);
	if (o.place != NULL && cmd_become(ctx, e) == 0 &&
	    cmd_db(ctx, e) == 0)
		rc = q->dry ? rehearse(ctx, q, e) : order(ctx, q, &o, e);
	acme_place_free(o.place);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct request	 q;
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	char		 first[NAME_TEXT];
	const struct opt opts[] = {
		{ "--challenge", NULL, &q.challenge, NULL },
		{ "--key", NULL, &q.key, NULL },
		{ "--profile", NULL, &q.profile, NULL },
		{ "--dry-run", &q.dry, NULL, NULL },
	};
	int		 rc;

	memset(&q, 0, sizeof(q));
	q.key = "p256";
	if ((rc = opt_parse(&cmd_issue, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest)) != 0)
		goto out;
	if (rest.n == 0) {
		rc = cmd_usage(&cmd_issue, "no name was given");
		goto out;
	}
	if (san_of(rest.v, rest.n, &q.names, &e) == -1 ||
	    san_canon(rest.v[0], first, &e) == -1) {
		e.code = ERR_USAGE;
		rc = cmd_fail(&e);
		goto out;
	}
	q.first = first;
	rc = go(ctx, &q, &e) == 0 ? 0 : cmd_fail(&e);
out:
	san_free(&q.names);
	free(rest.v);
	return rc;
}

const struct cmd cmd_issue = {
	.name = "issue",
	.args = "NAME... [--challenge http-01|tls-alpn-01] [--key KIND]\n"
	    "           [--profile NAME] [--dry-run]",
	.brief = "order a certificate from the CA of acme.directory",
	.help = "  certvigil issue example.com www.example.com\n"
	    "  certvigil issue --key rsa2048 legacy.example.com\n"
	    "\n"
	    "The names of one certificate, the first of which names it.  What\n"
	    "is ordered is expected: when it appears in a log, nobody is told.\n"
	    "Key kinds: p256 (default), p384, rsa2048, rsa3072, rsa4096.\n"
	    "An order that was cut off is gone on with by the same command.\n",
	.run = run,
	.keep_user = 1
};
