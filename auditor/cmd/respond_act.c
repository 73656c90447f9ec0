#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/revoke.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/revoke_expect.h"
#include "auditor/db/expect.h"
#include "base/clk.h"
#include "base/enc.h"

struct act {
	struct cmd_ctx		*ctx;
	const struct respond	*c;
	struct acme_talk	*talk;
	struct acme_account_row	 account;
	json_t			*orders;	/* URLs, that proved its
						   names */
	struct revoke_expect	 expect;
};

/* --- the revocation ------------------------------------------------------ */

static json_t *
about(const struct act *a)
{
	char	hex[65];

	return json_pack("{sI ss ss sI sO sO sO}", "finding",
	    (json_int_t)a->c->id, "cert_sha256", enc_hex_to(hex,
	    a->c->sha256, 32), "serial", a->c->serial, "expectation",
	    (json_int_t)a->expect.id, "approved_by", a->c->approved,
	    "served", a->c->served, "orders", a->orders);
}

/* Its names could not be proven: that is on record, too. */
static void
note_unproven(struct act *a, const struct err *why)
{
	struct err	e = ERR_INIT;
	json_t		*o = about(a);

	json_object_del(o, "expectation");
	json_object_set_new(o, "result", json_string(why->msg));
	if (cmd_audit(a->ctx, "finding.respond.unproven", o, &e) == -1)
		(void)cmd_fail(&e);
}

/* Before the request goes out. */
static int
announce(struct act *a, struct err *e)
{
	int	reason = revoke_published(REVOKE_CESSATION, REVOKE_BY_OTHER);

	if (db_begin(a->ctx->db, e) == -1)
		return -1;
	if (revoke_expect_open(a->ctx->db, &a->expect, reason, e) == 0 &&
	    cmd_audit(a->ctx, "finding.respond", about(a), e) == 0 &&
	    db_commit(a->ctx->db, e) == 0)
		return 0;
	db_rollback(a->ctx->db);
	return -1;
}

/* What the CA said: refused, revoked now, or revoked before. */
static int
note(struct act *a, int rc, const char *why, struct err *e)
{
	json_t	*o = about(a);
	int	 ok = db_begin(a->ctx->db, e) == 0;

	json_object_set_new(o, "result", json_string(rc == 0 ? "revoked" :
	    rc == 1 ? "was revoked before" : why));
	if (ok && rc == -1 && a->expect.fresh)
		ok = expect_cancel(a->ctx->db, a->expect.id, e) == 0;
	/* what was revoked before has the reason that was given then */
	if (ok && rc == 1 && a->expect.fresh)
		ok = revoke_expect_set(a->ctx->db, &a->expect, -1, e) == 0;
	if (!ok)
		json_decref(o);
	else
		ok = cmd_audit(a->ctx, "finding.respond.result", o, e) == 0 &&
		    db_commit(a->ctx->db, e) == 0;
	if (ok)
		return 0;
	db_rollback(a->ctx->db);
	return err_prefix(e, rc == -1 ? "the CA refused, and" :
	    "it is revoked, but");
}

static int
ask(struct act *a, const char *payload, struct err *e)
{
	struct acme_ask		q = { ACME_REVOKE,
				    acme_talk_dir(a->talk)->revoke_cert,
				    payload, 0 };
	struct acme_reply	r;
	struct problem		p;
	struct err		why = ERR_INIT;
	int			rc, sent;

	if (announce(a, e) == -1)
		return -1;
	memset(&p, 0, sizeof(p));
	rc = acme_talk_call(a->talk, &q, "", &r, e);
	sent = rc == 0 || e->code == ERR_HTTP || e->code == ERR_SYS ||
	    e->code == ERR_NET || e->code == ERR_SILENT;
	if (rc == 0)
		rc = revoke_read(&r, clk_wall(), &p, e);
	if (rc != -1)
		rc = note(a, rc, "", e) == 0 ? rc : -1;
	else if (!sent || (r.status >= 400 && r.status < 500)) {
		if (note(a, -1, e->msg, &why) == -1)
			(void)err_prefix(e, "%.200s", why.msg);
	} else
		(void)err_prefix(e, "it is not known whether the CA did it, "
		    "so it stays expected (run this again)");
	problem_free(&p);
	return rc;
}

static void
say(struct act *a, int before)
{
	char	hex[65];

	if (a->ctx->json) {
		cmd_json(json_pack("{sI ss ss ss sb sI}", "finding",
		    (json_int_t)a->c->id, "cert_sha256", enc_hex_to(hex,
		    a->c->sha256, 32), "serial", a->c->serial, "reason",
		    revoke_name(REVOKE_CESSATION), "already", before,
		    "expectation", (json_int_t)a->expect.id));
		return;
	}
	printf("finding %lld: %s\n  serial     %s\n  expected   in its CRL "
	    "within a day (expectation %lld); the finding is contained then\n",
	    (long long)a->c->id, before ? "was revoked already" : "revoked",
	    a->c->serial, (long long)a->expect.id);
}

int
respond_act(struct cmd_ctx *ctx, const struct respond *c,
    struct acme_talk *t, struct acme_place *p, struct err *e)
{
	struct act	 a;
	char		*payload;
	int		 made, rc = -1;

	memset(&a, 0, sizeof(a));
	a.ctx = ctx;
	a.c = c;
	a.talk = t;
	a.expect.issuer = c->issuer;
	a.expect.serial = c->serial;
	a.orders = json_array();
	payload = revoke_new(buf_bytes(&c->der), REVOKE_CESSATION,
	    REVOKE_BY_OTHER, NULL, e);
	if (payload != NULL && acme_account(ctx, t, 1, &a.account, &made, e)
	    == 1) {
		if (respond_prove(ctx, c, &a.account, t, p, a.orders, e) ==
		    -1)
			note_unproven(&a, e);
		else
			rc = ask(&a, payload, e);
	}
	if (rc != -1)
		say(&a, rc == 1);
	acme_account_free(&a.account);
	json_decref(a.orders);
	free(payload);
	cmd_hint(ctx);
	return rc == -1 ? -1 : 0;
}
