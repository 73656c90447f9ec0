#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "acme/san.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/acme_hand.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/rehearse.h"
#include "auditor/role/acme_order.h"
#include "auditor/role/deploy_hook.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"

extern const struct cmd cmd_issue;

/* What was said on the command line, and the names of it. */
struct request {
	const char	*challenge, *key, *profile, *chain, *file;
	int		 dry, reuse, require;
	struct san	 names;
	struct csr	 csr;		/* of ${file} */
	char		 first[NAME_TEXT];	/* names the certificate */
};

static void
say(struct cmd_ctx *ctx, const struct request *q,
    const struct acme_msg_issued *r)
{
	json_t	*names = json_array();
	char	 hex[2][65], t[CLK_TEXT];
	size_t	 i;

	for (i = 0; i < q->names.n; i++)
		json_array_append_new(names, json_string(q->names.v[i]));
	if (ctx->json) {
		cmd_json(json_pack("{so ss ss ss ss ss ss}", "names", names,
		    "cert_sha256", enc_hex_to(hex[0], r->cert, 32),
		    "tbs_sha256", enc_hex_to(hex[1], r->tbs, 32),
		    "serial", r->serial, "not_after", clk_text(r->not_after,
		    t), "directory", r->dir, "order", r->order));
		return;
	}
	json_decref(names);
	printf("%s: issued, until %s\n  serial     %s\n  deployed   %s\n",
	    q->first, clk_text(r->not_after, t), r->serial, r->dir);
}

static void
say_own(struct cmd_ctx *ctx, const struct request *q,
    const struct acme_order_result *r)
{
	const struct cert	*c = &r->got.leaf;
	struct acme_msg_issued	 m;

	memset(&m, 0, sizeof(m));
	memcpy(m.cert, c->cert_sha256, 32);
	memcpy(m.tbs, c->tbs_sha256, 32);
	m.serial = c->serial;
	m.not_after = c->not_after;
	m.dir = r->dir;
	m.order = r->url;
	say(ctx, q, &m);
}

/* 0; 1: it failed, which is said, but the certificate is there; -1. */
static int
hook(struct cmd_ctx *ctx, int64_t id, struct err *e)
{
	if (ctx->conf->deploy_hook != NULL)
		acme_progress(ctx, "running the deploy hook");
	if (deploy_hook_run(ctx->db, ctx->conf, id, e) != -1)
		return 0;
	if (e->code == ERR_DB)
		return -1;
	(void)cmd_fail(e);
	return 1;
}

/* 0; 1: all but the deploy hook went well; -1. */
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
	o->tell = acme_progress;
	o->arg = ctx;
	o->csr = q->file != NULL ? &q->csr : NULL;
	o->want = (struct managed_want){ q->first,
	    { (const char *const *)q->names.v, q->names.n }, "cli",
	    q->challenge, q->key, q->profile != NULL ? q->profile :
	    ctx->conf->acme_profile, acme_talk_directory(ctx->conf),
	    q->chain, q->reuse, q->require };
	if ((o->talk = acme_talk_new(ctx->conf, 1, acme_progress, ctx,
	    e)) == NULL)
		return -1;
	rc = acme_account(ctx, o->talk, 1, &a, &made, e) == 1 ? 0 : -1;
	if (rc == 0)
		rc = managed_put(ctx->db, &o->want, &o->managed, e);
	if (rc == 0) {
		rc = acme_order_run(o, &r, e);
		if (rc == 0)
			say_own(ctx, q, &r);
		acme_order_result_free(&r);
	}
	if (rc == 0)
		rc = cmd_audit(ctx, "certificate.issue", json_pack("{ss}",
		    "name", q->first), e);
	if (rc == 0)
		rc = hook(ctx, o->managed, e);
	acme_account_free(&a);
	acme_talk_free(o->talk);
	o->account = NULL;
	o->talk = NULL;
	cmd_hint(ctx);
	return rc;
}

/* --- by the daemon -------------------------------------------------------- */

struct handed {
	struct cmd_ctx		*ctx;
	const struct request	*q;
	int64_t			 managed;
};

static void
said(void *arg, const struct acme_msg *m)
{
	struct handed	*h = arg;

	if (m->type != ACME_MSG_ISSUED)
		return;
	h->managed = m->u.issued.managed;
	say(h->ctx, h->q, &m->u.issued);
}

/*
 * Let the daemon order it: 1 it did; 0 it must be done here; -1; 2: all but
 * the deploy hook, which is run here, went well.
 */
static int
hand(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	struct handed		 h = { ctx, q, 0 };
	struct acme_msg_issue	 m;
	struct buf		 b = BUF_INIT;
	int			 rc;

	memset(&m, 0, sizeof(m));
	/* a key that is not ours needs this command's own authority */
	if (q->dry || q->file != NULL || q->names.n > LIMIT_ACME_NAMES ||
	    acme_hand_conf(ctx, m.conf) == -1)
		return 0;
	m.author = cmd_actor();
	m.name = q->first;
	m.challenge = q->challenge;
	m.key = q->key;
	m.profile = q->profile != NULL ? q->profile : ctx->conf->acme_profile;
	m.chain = q->chain;
	m.reuse = q->reuse != 0;
	m.require = q->require != 0;
	for (m.n = 0; m.n < q->names.n; m.n++)
		m.names[m.n] = q->names.v[m.n];
	acme_msg_issue(&b, &m);
	rc = acme_hand(ctx, &b, said, &h, e);
	buf_free(&b);
	if (rc != 1 || ctx->conf->deploy_hook == NULL)
		return rc;
	if (cmd_become(ctx, e) == -1 || cmd_db(ctx, e) == -1)
		return -1;
	rc = hook(ctx, h.managed, e);
	return rc == 1 ? 2 : rc == 0 ? 1 : -1;
}

/* --- by ourselves --------------------------------------------------------- */

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
	o.want.name = q->first;
	o.want.names = (struct db_strs){ (const char *const *)q->names.v,
	    q->names.n };
	o.place = acme_place_new(ctx->conf, type, o.ntypes, e);
	o.pre = acme_preflight_new(ctx->conf, e);
	if (o.place != NULL && o.pre != NULL && cmd_become(ctx, e) == 0 &&
	    cmd_db(ctx, e) == 0) {
		acme_place_start(o.place);
		acme_preflight_early(o.pre, o.want.names, type, o.ntypes);
		rc = q->dry ? rehearse(ctx, &o, e) : order(ctx, q, &o, e);
	}
	acme_preflight_free(o.pre);
	acme_place_free(o.place);
	return rc;
}

/* What is on the command line, with a new key. */
static int
of_names(struct request *q, const struct opt_list *rest, struct err *e)
{
	if (q->key == NULL)
		q->key = "p256";
	return san_of(rest->v, rest->n, &q->names, e) == -1 ? -1 :
	    san_canon(rest->v[0], q->first, e);
}

/* What a request has; without a word it is named after its first host. */
static int
of_request(struct request *q, const struct opt_list *rest, struct err *e)
{
	struct buf	text = BUF_INIT;
	size_t		i = 0;
	int		rc = opt_file(q->file, LIMIT_CSR, &text, e);

	if (rc == 0)
		rc = csr_read(buf_bytes(&text), &q->csr, e);
	buf_free(&text);
	if (rc == 0)
		rc = san_of((const char *const *)q->csr.names.v,
		    q->csr.names.n, &q->names, e);
	if (rc == -1)
		return err_prefix(e, "%.200s", q->file);
	q->key = ACME_ORDER_CSR;
	if (rest->n == 1)
		return san_canon(rest->v[0], q->first, e) == -1 ? -1 :
		    san_has(&q->names, q->first) ? 0 : err_set(e, ERR_USAGE,
		    "%.200s is not for %s", q->file, q->first);
	while (i + 1 < q->names.n && san_wild(q->names.v[i]))
		i++;
	(void)snprintf(q->first, sizeof(q->first), "%s", q->names.v[i]);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct request	 q;
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	const struct opt opts[] = {
		{ "--challenge", NULL, &q.challenge, NULL },
		{ "--key", NULL, &q.key, NULL },
		{ "--profile", NULL, &q.profile, NULL },
		{ "--preferred-chain", NULL, &q.chain, NULL },
		{ "--csr", NULL, &q.file, NULL },
		{ "--reuse-key", &q.reuse, NULL, NULL },
		{ "--require-profile", &q.require, NULL, NULL },
		{ "--dry-run", &q.dry, NULL, NULL },
	};
	int		 rc;

	memset(&q, 0, sizeof(q));
	if ((rc = opt_parse(&cmd_issue, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest)) != 0)
		goto out;
	if (q.file == NULL ? rest.n == 0 : rest.n > 1 || q.key != NULL ||
	    q.reuse) {
		rc = cmd_usage(&cmd_issue, q.file == NULL ? "no name was given"
		    : "the names and the key are those of the request; one of "
		    "the names may be given, to name the certificate");
		goto out;
	}
	if (q.require && q.profile == NULL && ctx->conf->acme_profile == NULL) {
		rc = cmd_usage(&cmd_issue, "--require-profile needs --profile");
		goto out;
	}
	if ((q.file != NULL ? of_request(&q, &rest, &e) :
	    of_names(&q, &rest, &e)) == -1) {
		if (q.file == NULL)
			e.code = ERR_USAGE;
		rc = cmd_fail(&e);
		goto out;
	}
	rc = hand(ctx, &q, &e);
	rc = rc > 0 ? rc - 1 : rc == 0 ? go(ctx, &q, &e) : -1;
	if (rc == -1)
		rc = cmd_fail(&e);
out:
	san_free(&q.names);
	csr_free(&q.csr);
	free(rest.v);
	return rc;
}

const struct cmd cmd_issue = {
	.name = "issue",
	.args = "NAME...|--csr FILE [NAME] [--key KIND] [--dry-run]\n"
	    "           [--challenge http-01|tls-alpn-01|dns-01|dns-account-01|\n"
	    "           dns-persist-01] [--profile NAME] [--require-profile]\n"
	    "           [--reuse-key] [--preferred-chain ISSUER]",
	.brief = "order a certificate from the CA of acme.directory",
	.help = "  certvigil issue example.com www.example.com\n"
	    "  certvigil issue --key rsa2048 legacy.example.com\n"
	    "  certvigil issue example.com '*.example.com' --challenge dns-01\n"
	    "\n"
	    "The names of one certificate, the first of which names it.  What\n"
	    "is ordered is expected: when it appears in a log, nobody is told.\n"
	    "A wildcard can be proved by a challenge in the DNS only.\n"
	    "Key kinds: p256 (default), p384, rsa2048, rsa3072, rsa4096.\n"
	    "--reuse-key: the key of what there is now, also when it is renewed,\n"
	    "unless that is compromised or of another kind.\n"
	    "--require-profile: nothing is ordered where the CA has no profile\n"
	    "of that name; else it is ordered without the profile then.\n"
	    "Of several chains, --preferred-chain takes the one whose topmost\n"
	    "certificate is by (or is) ISSUER, a common name, also when it is\n"
	    "renewed; without such a chain it is the CA's choice.\n"
	    "--csr: a request (PKCS #10) that was made elsewhere, whose names\n"
	    "and key the certificate gets.  No key is deployed, and neither\n"
	    "renew nor run can renew it: issue it again.\n"
	    "An order that was cut off is gone on with by the same command.\n"
	    "Before it is ordered, CAA records, where the names lead, the\n"
	    "rights at the DNS server and the CA's rate limits are looked at;\n"
	    "what is wrong stops the order, what cannot be told is said.\n"
	    "--dry-run looks at all of that, and orders nothing.\n"
	    "Where the daemon runs, it is the one that orders.\n"
	    "When acme.deploy.hook fails, the certificate is deployed all the\n"
	    "same, the exit status is 1, and renew and run try it again.\n",
	.run = run,
	.keep_user = 1
};
