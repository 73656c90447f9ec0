#include "auditor/cmd/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/revoke.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/revoke_expect.h"
#include "auditor/cmd/revoke_same.h"
#include "auditor/db/expect.h"
#include "auditor/loop_replace.h"
#include "base/clk.h"
#include "base/enc.h"
#include "ocsp/rev.h"

extern const struct cmd cmd_revoke;

/* What was said on the command line, and what came of it. */
struct request {
	const char		*what;
	struct material_set	 file;
	struct err		 unread;	/* why it is not the file */
	const char		*reason_text, *with;
	int			 dry, yes;
	int			 reason;
	enum revoke_by		 by;
	struct revoke_target	 t;
	char			*payload;
	struct revoke_expect	 expect;
	int			 before;	/* was revoked already */
};

/* --- the expectation ----------------------------------------------------- */

/* Before the request goes out. */
static int
announce(struct cmd_ctx *ctx, struct request *q, struct err *e)
{
	char	hex[65];

	(void)enc_hex_to(hex, q->t.cert.cert_sha256, 32);
	q->expect.issuer = q->t.issuer;
	q->expect.serial = q->t.cert.serial;
	/* no CRL will ever have it: what is waited for is its end */
	q->expect.until = q->t.no_crl ? q->t.cert.not_after : 0;
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (revoke_expect_open(ctx->db, &q->expect, revoke_published(
	    q->reason, q->by), e) == 0 &&
	    cmd_audit(ctx, "certificate.revoke", json_pack("{ss ss ss ss sI}",
	    "cert_sha256", hex, "serial", q->t.cert.serial, "reason",
	    revoke_name(q->reason), "with", q->with, "expectation",
	    (json_int_t)q->expect.id), e) == 0 &&
	    db_commit(ctx->db, e) == 0)
		return 0;
	db_rollback(ctx->db);
	return -1;
}

/* The CA has refused: nothing is to be expected. */
static void
take_back(struct cmd_ctx *ctx, struct request *q, const char *why)
{
	struct err	e = ERR_INIT;

	if (!q->expect.fresh)
		return;
	if (db_begin(ctx->db, &e) == -1 ||
	    expect_cancel(ctx->db, q->expect.id, &e) == -1 ||
	    cmd_audit(ctx, "expect.cancel", json_pack("{sI ss}",
	    "expectation", (json_int_t)q->expect.id, "reason", why), &e) ==
	    -1 || db_commit(ctx->db, &e) == -1) {
		db_rollback(ctx->db);
		fprintf(stderr, "certvigil: expectation %lld stays (%s): "
		    "certvigil expect cancel %lld\n",
		    (long long)q->expect.id, e.msg,
		    (long long)q->expect.id);
	}
}

/* --- a key that is compromised ------------------------------------------- */

/* Does it stand for a compromised key, by what is asked or by who asks? */
static int
is_compromise(const struct request *q)
{
	return q->reason == REVOKE_KEY_COMPROMISE ||
	    revoke_published(q->reason, q->by) == REVOKE_KEY_COMPROMISE;
}

/* In the caller's transaction. */
static int
mark_key(struct cmd_ctx *ctx, const struct request *q, struct err *e)
{
	const struct span	key = { q->t.cert.spki_sha256, 32 };
	char			hex[65];

	if (loop_replace_mark(ctx->db, ctx->conf, &key, "revoked for "
	    "keyCompromise", cmd_actor(), e) == -1)
		return -1;
	return cmd_audit(ctx, "known.compromised", json_pack("{ss}",
	    "spki_sha256", enc_hex_to(hex, key.p, 32)), e);
}

/* --- the request --------------------------------------------------------- */

/* Revoked, now or before: what follows. */
static int
done(struct cmd_ctx *ctx, struct request *q, struct err *e)
{
	int	published = revoke_published(q->reason, q->by);

	if (db_begin(ctx->db, e) == -1)
		return -1;
	/* what was revoked before has the reason that was given then */
	if (((!q->before || q->expect.fresh) && revoke_expect_set(ctx->db,
	    &q->expect, q->before ? -1 : published, e) == -1) ||
	    (is_compromise(q) && mark_key(ctx, q, e) == -1) ||
	    db_commit(ctx->db, e) == -1) {
		db_rollback(ctx->db);
		return err_prefix(e, "it is revoked, but");
	}
	return 0;
}

/* The CA's word: 0 revoked, -1.  Not to know it is no refusal. */
static int
ask(struct cmd_ctx *ctx, struct acme_talk *t, struct request *q,
    struct err *e)
{
	struct acme_ask		 a = { q->by == REVOKE_BY_KEY ?
				    ACME_REVOKE_KEY : ACME_REVOKE,
				    acme_talk_dir(t)->revoke_cert,
				    q->payload, 0 };
	struct acme_reply	 r;
	struct problem		 p;
	int			 rc, sent;

	if (announce(ctx, q, e) == -1)
		return -1;
	rc = acme_talk_call(t, &a, q->by == REVOKE_BY_KEY ? q->t.key_id : "",
	    &r, e);
	sent = rc == 0 || e->code == ERR_HTTP ||
	    e->code == ERR_NET || e->code == ERR_SILENT || e->code == ERR_SYS;
	memset(&p, 0, sizeof(p));
	if (rc == 0)
		rc = revoke_read(&r, clk_wall(), &p, e);
	if (rc != -1) {
		q->before = rc == 1;
		rc = done(ctx, q, e);
	} else if (!sent || (r.status >= 400 && r.status < 500))
		take_back(ctx, q, e->msg);
	else
		(void)err_prefix(e, "it is not known whether the CA did it, "
		    "so it stays expected (run this again)");
	problem_free(&p);
	return rc;
}

/* By whom, and is that possible? */
static int
who(struct cmd_ctx *ctx, struct acme_talk *t, struct request *q,
    struct acme_account_row *a, struct err *e)
{
	const char	*dir = acme_talk_directory(ctx->conf);
	int		 made, rc;

	if (acme_talk_dir(t)->revoke_cert == NULL)
		return err_set(e, ERR_HTTP, "%.200s: this CA revokes nothing "
		    "(revokeCert, RFC 8555 7.6)", dir);
	if (q->t.directory != NULL && strcmp(q->t.directory, dir) != 0)
		return err_set(e, ERR_CONF, "it was ordered at %.150s, and "
		    "acme.directory is %.150s", q->t.directory, dir);
	if (q->by == REVOKE_BY_KEY)
		return q->t.key_id != NULL ? 0 : err_set(e, ERR_NOENT, "its "
		    "key is not here: we did not order it");
	rc = acme_account(ctx, t, 0, a, &made, e);
	if (rc == 0)
		return err_set(e, ERR_NOENT, "there is no account at %.200s; "
		    "certvigil account register makes one", dir);
	if (rc == 1 && (q->t.directory == NULL || q->t.account != a->id))
		q->by = REVOKE_BY_OTHER;
	return rc == 1 ? 0 : -1;
}

/* Seconds from our order to its publication, when that is known; else -1. */
static int64_t
took(struct cmd_ctx *ctx, const struct request *q)
{
	const struct span	 key = { q->t.issuer, 32 };
	struct db_res		*r = NULL;
	int64_t			 s = -1;

	if (db_query(ctx->db, &r, NULL, "select published_s from revocation "
	    "where issuer_spki_sha256 = $1 and serial = $2 and published_s is "
	    "not null", "bs", &key, q->t.cert.serial) == 0 && db_rows(r) != 0)
		s = db_int(r, 0, 0);
	db_free(r);
	return s;
}

static void
say(struct cmd_ctx *ctx, const struct request *q)
{
	int	 published = revoke_published(q->reason, q->by);
	char	 hex[65], by[CLK_TEXT], *what = cmd_clean(q->what);
	int64_t	 s = took(ctx, q);
	json_t	*o;

	(void)enc_hex_to(hex, q->t.cert.cert_sha256, 32);
	(void)clk_text(q->expect.until, by);
	if (ctx->json) {
		o = json_pack("{ss ss ss ss sb sb so so}", "cert_sha256", hex,
		    "serial", q->t.cert.serial, "reason",
		    revoke_name(q->reason), "reason_published",
		    revoke_name(published), "already", q->before, "dry_run",
		    q->dry, "expectation", q->expect.id == 0 ? json_null() :
		    json_integer(q->expect.id), "by", q->expect.id == 0 ?
		    json_null() : json_string(by));
		json_object_set_new(o, "published_seconds", s != -1 ?
		    json_integer(s) : json_null());
		cmd_json(o);
	} else if (q->dry)
		printf("%s: serial %s would be revoked, published as %s; the "
		    "CA answers, nothing was asked for\n", what,
		    q->t.cert.serial, revoke_name(published));
	else if (q->before) {
		printf("%s: was revoked already\n  serial     %s\n", what,
		    q->t.cert.serial);
		if (s != -1)
			printf("  published  %lld s after it was ordered\n",
			    (long long)s);
	}
	else
		printf("%s: revoked\n  serial     %s\n  published  as %s, by "
		    "%s (expectation %lld)\n", what, q->t.cert.serial,
		    revoke_name(published), by, (long long)q->expect.id);
	if (!q->dry && q->t.deployed != NULL && !ctx->quiet)
		fprintf(stderr, "certvigil: it is still in %s; certvigil "
		    "issue orders another one\n", q->t.deployed);
	free(what);
}

/* One certificate that was found. */
static int
one(struct cmd_ctx *ctx, struct acme_talk *t, struct request *q,
    struct err *e)
{
	struct acme_account_row	 a;
	int			 rc;

	q->payload = revoke_new(buf_bytes(&q->t.der), q->reason, q->by, NULL,
	    e);
	if (q->payload == NULL)
		return -1;
	memset(&a, 0, sizeof(a));
	rc = who(ctx, t, q, &a, e);
	if (rc == 0 && !q->dry) {
		rc = ask(ctx, t, q, e);
		cmd_hint(ctx);
	}
	if (rc == 0)
		say(ctx, q);
	acme_account_free(&a);
	return rc;
}

/*
 * Those with the same key, each with that key, or by the account where it lies
 * elsewhere: how many could not be.
 */
static size_t
others(struct cmd_ctx *ctx, struct acme_talk *t, const struct request *q,
    const struct db_res *r)
{
	const struct material_set	none = { NULL, 0, 0, 0, 0 };
	struct request			x;
	struct err			e = ERR_INIT;
	size_t				i, bad = 0;
	int				key;

	for (i = 0; i < db_rows(r); i++) {
		key = db_bool(r, i, REVOKE_SAME_KEY);
		if (!key && !db_bool(r, i, REVOKE_SAME_OURS)) {
			bad++;
			continue;
		}
		memset(&x, 0, sizeof(x));
		x.what = db_text(r, i, REVOKE_SAME_TBS);
		x.reason = REVOKE_KEY_COMPROMISE;
		x.by = key ? REVOKE_BY_KEY : REVOKE_BY_ISSUING;
		x.with = key ? "certificate-key" : "account";
		x.dry = q->dry;
		err_clear(&e);
		if (revoke_find(ctx->db, x.what, &none, &x.t, &e) == -1 ||
		    one(ctx, t, &x, &e) == -1) {
			(void)err_prefix(&e, "%s", x.what);
			(void)cmd_fail(&e);
			bad++;
		}
		revoke_target_free(&x.t);
		free(x.payload);
	}
	return bad;
}

/* All of it: the one that was named, and what goes with it. */
static int
all(struct cmd_ctx *ctx, struct request *q, const struct db_res *same,
    struct err *e)
{
	struct acme_talk	*t;
	size_t			 n = same != NULL ? db_rows(same) : 0, bad;
	int			 rc;

	if (n != 0)
		revoke_same_say(same);
	if (n != 0 && !q->yes && !q->dry)
		return err_set(e, ERR_USAGE, "%zu more certificate%s this "
		    "key, and %s to go with it: --yes revokes all", n,
		    n == 1 ? " has" : "s have", n == 1 ? "has" : "have");
	if ((t = acme_talk_new(ctx->conf, 1, acme_progress, ctx,
	    e)) == NULL)
		return -1;
	rc = one(ctx, t, q, e);
	bad = rc == 0 && n != 0 ? others(ctx, t, q, same) : 0;
	acme_talk_free(t);
	if (bad != 0)
		return err_set(e, ERR_HTTP, "%zu of %zu others with its key "
		    "could not be revoked", bad, n);
	return rc;
}

static int
go(struct cmd_ctx *ctx, struct request *q, struct err *e)
{
	struct db_res	*same = NULL;
	int		 rc;

	if (revoke_find(ctx->db, q->what, &q->file, &q->t, e) == -1) {
		if (e->code == ERR_NOENT && q->unread.code != ERR_NONE)
			*e = q->unread;
		return -1;
	}
	if (is_compromise(q) && revoke_same(ctx->db, &q->t, &same, e) == -1)
		return -1;
	rc = all(ctx, q, same, e);
	db_free(same);
	return rc;
}

/* What was said, before anything is done. */
static int
understand(struct request *q, struct err *e)
{
	if (strcmp(q->with, "account") == 0)
		q->by = REVOKE_BY_ISSUING;
	else if (strcmp(q->with, "certificate-key") == 0)
		q->by = REVOKE_BY_KEY;
	else
		return err_set(e, ERR_USAGE, "--with: `%.40s` is neither "
		    "account nor certificate-key", q->with);
	q->reason = q->by == REVOKE_BY_KEY ? REVOKE_KEY_COMPROMISE :
	    REVOKE_UNSPECIFIED;
	if (q->reason_text != NULL &&
	    (q->reason = rev_reason_parse(q->reason_text)) == -1)
		return err_set(e, ERR_USAGE, "--reason: `%.40s` is none of "
		    "RFC 5280, 5.3.1, such as keyCompromise or superseded",
		    q->reason_text);
	/* a file of that name is no matter when a certificate has it, too */
	(void)revoke_file(q->what, &q->file, &q->unread);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct request	 q;
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	const struct opt opts[] = {
		{ "--reason", NULL, &q.reason_text, NULL },
		{ "--with", NULL, &q.with, NULL },
		{ "--dry-run", &q.dry, NULL, NULL },
		{ "--yes", &q.yes, NULL, NULL },
	};
	int		 rc;

	memset(&q, 0, sizeof(q));
	q.with = "account";
	if ((rc = opt_parse(&cmd_revoke, opts, 4, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 1) {
		rc = cmd_usage(&cmd_revoke, "one certificate is revoked at a "
		    "time: its name, file or SHA-256");
		goto out;
	}
	q.what = rest.v[0];
	/* The file is read as whoever called, then the user changes. */
	if (understand(&q, &e) == -1 || cmd_become(ctx, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 || go(ctx, &q, &e) == -1)
		rc = cmd_fail(&e);
out:
	revoke_target_free(&q.t);
	material_free(&q.file);
	free(q.payload);
	free(rest.v);
	return rc;
}

const struct cmd cmd_revoke = {
	.name = "revoke",
	.args = "NAME|FILE|SHA256 [--reason R] "
	    "[--with account|certificate-key] [--yes] [--dry-run]",
	.brief = "have a certificate revoked by the CA of acme.directory",
	.help = "  certvigil revoke example.com --reason superseded\n"
	    "  certvigil revoke old.pem --reason keyCompromise\n"
	    "  certvigil revoke example.com --with certificate-key\n"
	    "\n"
	    "Reasons: unspecified (0), keyCompromise (1), superseded (4),\n"
	    "cessationOfOperation (5).  The revocation is expected: what no\n"
	    "CRL shows within a day is a finding.  keyCompromise, which is\n"
	    "what the certificate's own key stands for, marks the key, and\n"
	    "with --yes goes for all known certificates that have it.\n",
	.run = run,
	.keep_user = 1
};
