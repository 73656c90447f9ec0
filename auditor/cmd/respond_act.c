#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/flow.h"
#include "acme/revoke.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/revoke_expect.h"
#include "auditor/db/expect.h"
#include "auditor/role/acme_drive.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* How long a person waits for the proofs. */
#define DEADLINE	(600 * CLK_SEC)

struct act {
	struct cmd_ctx		*ctx;
	const struct respond	*c;
	struct acme_talk	*talk;
	struct acme_drive	 d;
	struct acme_account_row	 account;
	int			 proven;
	struct revoke_expect	 expect;
};

/* --- all its names, proven ----------------------------------------------- */

static void
progress(void *arg, const char *text)
{
	const struct act	*a = arg;
	char			*s;

	if (a->ctx->quiet)
		return;
	s = cmd_clean(text);
	fprintf(stderr, "certvigil: %s\n", s);
	free(s);
}

/*
 * Until the order could be finalized, which it never is: that all names are
 * authorized is all that is wanted of it.
 */
static int
drive(struct act *a, struct err *e)
{
	unsigned	ev;

	for (;;) {
		ev = flow_events(a->d.flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE)) != 0)
			acme_drive_place(&a->d);
		if ((ev & (FLOW_PICK | FLOW_DONE)) != 0)
			return err_set(e, ERR_VERIFY, "the CA says that it "
			    "has issued what nobody asked it to finalize");
		if ((ev & FLOW_FINALIZE) != 0) {
			a->proven = 1;
			flow_stop(a->d.flow, "all names are proven", clk_wall());
		}
		if (acme_drive_send(&a->d, e) == -1)
			return -1;
		ev = flow_events(a->d.flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE | FLOW_FINALIZE |
		    FLOW_PICK | FLOW_DONE)) != 0)
			continue;
		if ((ev & FLOW_FAILED) != 0 && a->d.nfly == 0)
			return a->proven ? 0 : err_set(e, ERR_HTTP, "%s",
			    flow_why(a->d.flow));
		if (acme_drive_hear(&a->d, e) == -1)
			return -1;
	}
}

static int
prove(struct act *a, struct err *e)
{
	struct flow_want	w;
	int			rc;

	memset(&w, 0, sizeof(w));
	w.names = (const char *const *)a->c->names.v;
	w.nnames = a->c->names.n;
	w.prefer = a->c->type;
	w.nprefer = a->c->ntypes;
	w.deadline = clk_wall() + DEADLINE;
	a->d.flow = flow_start(acme_talk_dir(a->talk), acme_talk_pin(a->talk),
	    &w, e);
	if (a->d.flow == NULL)
		return -1;
	a->d.thumbprint = a->account.thumbprint;
	rc = drive(a, e);
	acme_drive_unplace(&a->d);
	acme_drive_end(&a->d);
	return rc == 0 ? 0 : err_prefix(e, "nothing is revoked, its names "
	    "could not be proven");
}

/* --- the revocation ------------------------------------------------------ */

static json_t *
about(const struct act *a)
{
	char	hex[65];

	return json_pack("{sI ss ss sI sO sO}", "finding",
	    (json_int_t)a->c->id, "cert_sha256", enc_hex_to(hex,
	    a->c->sha256, 32), "serial", a->c->serial, "expectation",
	    (json_int_t)a->expect.id, "approved_by", a->c->approved,
	    "served", a->c->served);
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
	    e->code == ERR_NET;
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
	a.expect.issuer = c->issuer;
	a.expect.serial = c->serial;
	a.talk = t;
	a.d.talk = t;
	a.d.place = p;
	a.d.key = "";
	a.d.tell = progress;
	a.d.arg = &a;
	payload = revoke_new(buf_bytes(&c->der), REVOKE_CESSATION,
	    REVOKE_BY_OTHER, NULL, e);
	if (payload != NULL && acme_account(ctx, t, 1, &a.account, &made, e)
	    == 1 && prove(&a, e) == 0)
		rc = ask(&a, payload, e);
	if (rc != -1)
		say(&a, rc == 1);
	acme_account_free(&a.account);
	free(payload);
	cmd_hint(ctx);
	return rc == -1 ? -1 : 0;
}
