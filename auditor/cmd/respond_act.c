#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/flow.h"
#include "acme/revoke.h"
#include "auditor/cmd/acme.h"
#include "auditor/db/expect.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* How long a person waits for the proofs. */
#define DEADLINE	(600 * CLK_SEC)
/* A CA has a day to publish it (Baseline Requirements, 4.9.7). */
#define BY_US		(86400 * CLK_SEC)
/* Requests of the flow that are under way. */
#define FLYING		32

struct act {
	struct cmd_ctx		*ctx;
	const struct respond	*c;
	struct acme_talk	*talk;
	struct acme_place	*place;
	struct flow		*flow;
	struct acme_account_row	 account;
	struct { uint64_t sent; uint32_t ask; } fly[FLYING];
	size_t			 nfly;
	int			 proven;
	int64_t			 expectation;
	int			 fresh;		/* it was added by us */
};

/* --- all its names, proven ----------------------------------------------- */

/* Taken away; what cannot be is said. */
static void
drop(struct act *a, const struct flow_place *p)
{
	struct err	e = ERR_INIT;

	if (acme_place_drop(a->place, p, a->account.thumbprint,
	    *flow_why(a->flow) != '\0', &e) == 0)
		return;
	(void)err_prefix(&e, "%s: what was placed for %s is still there",
	    p->ident.text, challenge_name(p->type));
	(void)cmd_fail(&e);
}

static void
place(struct act *a)
{
	struct flow_place	p;
	struct err		e = ERR_INIT;
	size_t			i;

	acme_place_as(a->place, a->account.url);
	for (i = 0; i < flow_places(a->flow); i++) {
		flow_place(a->flow, i, &p);
		if (p.state == FLOW_PLACE_REMOVE) {
			drop(a, &p);
			flow_removed(a->flow, i);
		}
		if (p.state != FLOW_PLACE_WANTED)
			continue;
		if (!a->ctx->quiet)
			fprintf(stderr, "certvigil: %s: %s\n", p.ident.text,
			    challenge_name(p.type));
		err_clear(&e);
		if (acme_place_put(a->place, &p, a->account.thumbprint, &e)
		    == 0)
			flow_placed(a->flow, i, clk_wall());
		else
			flow_not_placed(a->flow, i, e.msg, clk_wall());
	}
}

/* Whatever is placed still, because we stop in the middle. */
static void
unplace(struct act *a)
{
	struct flow_place	p;
	size_t			i;

	for (i = 0; i < flow_places(a->flow); i++) {
		flow_place(a->flow, i, &p);
		if (p.state == FLOW_PLACE_PLACED ||
		    p.state == FLOW_PLACE_REMOVE)
			drop(a, &p);
	}
}

static int
send_all(struct act *a, struct err *e)
{
	struct acme_ask		q;
	struct acme_reply	none;
	struct err		why = ERR_INIT;
	uint64_t		sent;
	uint32_t		id;

	while (a->nfly < FLYING && flow_ask(a->flow, clk_wall(), &id, &q)) {
		sent = acme_talk_send(a->talk, &q, "", &why);
		if (sent != 0) {
			a->fly[a->nfly].sent = sent;
			a->fly[a->nfly++].ask = id;
			continue;
		}
		if (why.code == ERR_VERIFY || why.code == ERR_PERM ||
		    why.code == ERR_NOENT)
			return err_set(e, why.code, "%s", why.msg);
		/* never sent: as if the CA were away */
		memset(&none, 0, sizeof(none));
		none.why = why.msg;
		flow_reply(a->flow, id, &none, clk_wall());
		err_clear(&why);
	}
	return 0;
}

static int
hear(struct act *a, struct err *e)
{
	struct acme_reply	reply;
	int64_t			now = clk_wall(), when = flow_when(a->flow);
	uint64_t		id;
	uint32_t		ask;
	size_t			i;
	int			ms, rc;

	ms = when <= now ? 0 : when - now > CLK_SEC ? 1000 :
	    (int)((when - now) / 1000) + 1;
	rc = acme_talk_hear(a->talk, ms, &id, &reply, e);
	for (i = 0; rc == 1 && i < a->nfly; i++)
		if (a->fly[i].sent == id) {
			ask = a->fly[i].ask;
			a->fly[i] = a->fly[--a->nfly];
			flow_reply(a->flow, ask, &reply, clk_wall());
			break;
		}
	return rc == -1 ? -1 : 0;
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
		ev = flow_events(a->flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE)) != 0)
			place(a);
		if ((ev & (FLOW_PICK | FLOW_DONE)) != 0)
			return err_set(e, ERR_VERIFY, "the CA says that it "
			    "has issued what nobody asked it to finalize");
		if ((ev & FLOW_FINALIZE) != 0) {
			a->proven = 1;
			flow_stop(a->flow, "all names are proven", clk_wall());
		}
		if (send_all(a, e) == -1)
			return -1;
		ev = flow_events(a->flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE | FLOW_FINALIZE |
		    FLOW_PICK | FLOW_DONE)) != 0)
			continue;
		if ((ev & FLOW_FAILED) != 0 && a->nfly == 0)
			return a->proven ? 0 : err_set(e, ERR_HTTP, "%s",
			    flow_why(a->flow));
		if (hear(a, e) == -1)
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
	a->flow = flow_start(acme_talk_dir(a->talk), acme_talk_pin(a->talk),
	    &w, e);
	if (a->flow == NULL)
		return -1;
	rc = drive(a, e);
	unplace(a);
	flow_free(a->flow);
	return rc == 0 ? 0 : err_prefix(e, "nothing is revoked, its names "
	    "could not be proven");
}

/* --- the revocation ------------------------------------------------------ */

static int
find_expectation(struct act *a, struct err *e)
{
	const struct span	 key = { a->c->issuer, 32 };
	struct db_res		*r = NULL;

	if (db_query(a->ctx->db, &r, e, "select id from expectation where "
	    "kind = 'revocation' and state = 'open' and issuer_spki_sha256 "
	    "= $1 and serial = $2 limit 1", "bs", &key, a->c->serial) == -1)
		return -1;
	a->expectation = db_rows(r) != 0 ? db_int(r, 0, 0) : 0;
	db_free(r);
	return 0;
}

/* Expected with this reason (-1: any), in the caller's transaction. */
static int
expectation(struct act *a, int reason, struct err *e)
{
	char				 hex[65], *issuer = hex;
	char				*serial = a->c->serial;
	const struct serials		 s = { &serial, &issuer, 1, 1, 1 };
	struct expect_revocation	 x;
	size_t				 added, changed;

	(void)enc_hex_to(hex, a->c->issuer, 32);
	memset(&x, 0, sizeof(x));
	x.serials = &s;
	x.by_ms = (clk_wall() + BY_US) / 1000;
	x.reason_code = reason;
	x.author = cmd_actor();
	return expect_revocation_add(a->ctx->db, &x, &added, &changed, e);
}

static json_t *
about(const struct act *a)
{
	char	hex[65];

	return json_pack("{sI ss ss sI sO sO}", "finding",
	    (json_int_t)a->c->id, "cert_sha256", enc_hex_to(hex,
	    a->c->sha256, 32), "serial", a->c->serial, "expectation",
	    (json_int_t)a->expectation, "approved_by", a->c->approved,
	    "served", a->c->served);
}

/* Before the request goes out. */
static int
announce(struct act *a, struct err *e)
{
	int	reason = revoke_published(REVOKE_CESSATION, REVOKE_BY_OTHER);

	if (db_begin(a->ctx->db, e) == -1)
		return -1;
	if (find_expectation(a, e) == 0) {
		a->fresh = a->expectation == 0;
		if ((!a->fresh || (expectation(a, reason, e) == 0 &&
		    find_expectation(a, e) == 0)) && cmd_audit(a->ctx,
		    "finding.respond", about(a), e) == 0 &&
		    db_commit(a->ctx->db, e) == 0)
			return 0;
	}
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
	if (ok && rc == -1 && a->fresh)
		ok = expect_cancel(a->ctx->db, a->expectation, e) == 0;
	/* what was revoked before has the reason that was given then */
	if (ok && rc == 1 && a->fresh)
		ok = expectation(a, -1, e) == 0;
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
		    "expectation", (json_int_t)a->expectation));
		return;
	}
	printf("finding %lld: %s\n  serial     %s\n  expected   in its CRL "
	    "within a day (expectation %lld); the finding is contained then\n",
	    (long long)a->c->id, before ? "was revoked already" : "revoked",
	    a->c->serial, (long long)a->expectation);
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
	a.place = p;
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
