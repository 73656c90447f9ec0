#include "auditor/role/acme_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/ari.h"
#include "acme/flow.h"
#include "auditor/db/expect.h"
#include "auditor/db/loop_store.h"
#include "auditor/deploy.h"
#include "auditor/role/acme_drive.h"
#include "auditor/role/acme_hold.h"
#include "auditor/role/acme_verify.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/owner.h"

/* How long a person waits for an order. */
#define DEADLINE	(600 * CLK_SEC)
/* A log's clock, and how long after finalize a CA may take to log it. */
#define EXPECT_BEFORE_MS	3600000
#define EXPECT_AFTER_MS		86400000

struct run {
	struct acme_order	*o;
	struct acme_drive	 d;
	struct order_row	 row;
	struct buf		 saved;
};

static void
tell(const struct acme_order *o, const char *text)
{
	if (o->tell != NULL)
		o->tell(o->arg, text);
}

/* --- before ---------------------------------------------------------------------- */

static void
new_id(char out[40])
{
	uint8_t	b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		abort();
	memcpy(out, "cert-", 5);
	(void)enc_hex_to(out + 5, b, sizeof(b));
}

/* A key and a row of its own, durable before the CA hears of it. */
static int
new_order(struct run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	char			 id[40] = "";

	if (o->csr == NULL)
		new_id(id);
	else
		memcpy(r->row.spki, o->csr->spki_sha256, 32);
	r->row.key_id = mem_str(id);
	acme_hold_me(r->row.holder);
	if (o->csr == NULL && sign_client_cert(acme_talk_sign(o->talk), id, o->want.key_kind,
	    r->row.spki, e) == -1)
		return -1;
	return order_add(o->db, o->managed, o->account->id, &r->row, e);
}

static int
start_flow(struct run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	struct flow_want	 w;

	memset(&w, 0, sizeof(w));
	w.names = o->want.names.v;
	w.nnames = o->want.names.n;
	w.prefer = o->type;
	w.nprefer = o->ntypes;
	w.profile = o->want.profile;
	w.replaces = o->replaces;
	w.alternates = o->want.chain != NULL;
	w.deadline = clk_wall() + DEADLINE;
	r->d.flow = flow_start(acme_talk_dir(o->talk), acme_talk_pin(o->talk),
	    &w, e);
	return r->d.flow != NULL ? 0 : -1;
}

/* Is it for a key of ours, or for that of the request, as is wanted now? */
static int
same_key(const struct run *r)
{
	const struct csr	*q = r->o->csr;

	return q == NULL ? r->row.key_id[0] != '\0' : r->row.key_id[0] == '\0'
	    && memcmp(q->spki_sha256, r->row.spki, 32) == 0;
}

/* Is it for the names that are wanted now? */
static int
same_names(const struct acme_order *o, const struct flow *f)
{
	struct order_ident		 one;
	const struct order_ident	*v;
	size_t				 n, i;

	v = flow_idents(f, &n);
	if (n != o->want.names.n)
		return 0;
	for (i = 0; i < n; i++)
		if (order_ident(o->want.names.v[i], &one, NULL) == -1 ||
		    order_find(v, n, &one) == -1)
			return 0;
	return 1;
}

/* Go on with the order that is under way, else begin one. */
static int
begin(struct run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	struct flow_resume	 again = { acme_talk_pin(o->talk), clk_wall(),
				    clk_wall() + DEADLINE };
	struct err		 why = ERR_INIT;
	int			 rc = acme_hold(o->db, o->managed, &r->row, e);

	if (rc == 1 && !same_key(r)) {
		if (order_end(o->db, r->row.id, "another key is wanted", e)
		    == -1)
			return -1;
		order_row_free(&r->row);
		rc = 0;
	}
	if (rc == 1 && r->row.flow.n != 0) {
		r->d.flow = flow_load(buf_bytes(&r->row.flow), &again, &why);
		if (r->d.flow != NULL && same_names(o, r->d.flow)) {
			(void)flow_reopen(r->d.flow, again.deadline, again.now);
			tell(o, "going on with the order that is under way");
			return 0;
		}
		if (r->d.flow != NULL)
			(void)err_set(&why, ERR_USAGE, "other names are "
			    "wanted");
		flow_free(r->d.flow);
		r->d.flow = NULL;
		/* another CA, or other rules: that one is over */
		if (order_end(o->db, r->row.id, why.msg, e) == -1)
			return -1;
		order_row_free(&r->row);
		rc = 0;
	}
	if (rc == 0 && acme_preflight_order(o, e) == -1)
		return -1;
	if (rc == 0)
		rc = new_order(r, e);
	return rc == -1 ? -1 : start_flow(r, e);
}

/* --- what the flow wants --------------------------------------------------------- */

/* What must come of it, before the CA can have made it. */
static int
expectation(struct run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	const struct directory	*d = acme_talk_dir(o->talk);
	struct expect		 x;
	int64_t			 id;

	if (o->conf->acme_no_ct || r->row.expectation != 0)
		return 0;
	memset(&x, 0, sizeof(x));
	x.spki = (struct span){ r->row.spki, 32 };
	x.names = o->want.names;
	x.issuer_owner = d->ncaa != 0 && owner_known(d->caa[0]) ? d->caa[0] :
	    NULL;
	x.not_before_ms = clk_wall() / 1000 - EXPECT_BEFORE_MS;
	x.not_after_ms = clk_wall() / 1000 + EXPECT_AFTER_MS;
	x.origin = "acme";
	x.author = o->author;
	x.reason = flow_order(r->d.flow);
	if (db_begin(o->db, e) == -1)
		return -1;
	if (expect_add(o->db, &x, &id, e) == -1 ||
	    order_expect(o->db, r->row.id, id, e) == -1 ||
	    db_commit(o->db, e) == -1) {
		db_rollback(o->db);
		return -1;
	}
	r->row.expectation = id;
	return 0;
}

static int
finalize(struct run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	struct sign_names	 n = { o->want.names.v, o->want.names.n };
	struct buf		 der = BUF_INIT, text = BUF_INIT;
	int			 rc = -1;

	if (o->csr != NULL)
		buf_span(&der, buf_bytes(&o->csr->der));
	if (expectation(r, e) == 0 && (o->csr != NULL ||
	    sign_client_csr(acme_talk_sign(o->talk), r->row.key_id, n, &der,
	    e) == 0)) {
		enc_b64url(&text, der.p, der.n);
		tell(o, "asking for the certificate");
		rc = flow_finalize(r->d.flow, buf_text(&text), clk_wall(), e);
	}
	buf_free(&der);
	buf_free(&text);
	return rc;
}

/* The first chain that leads where it shall, else the CA's own choice. */
static void
pick(struct run *r)
{
	const char	*cn = r->o->want.chain;
	size_t		 n = cn != NULL ? flow_chains(r->d.flow) : 0, i;
	char		 text[400];

	for (i = 0; i < n; i++)
		if (got_leads_to(flow_chain(r->d.flow, i), cn)) {
			flow_pick(r->d.flow, i);
			return;
		}
	if (cn != NULL) {
		(void)snprintf(text, sizeof(text), "none of %zu chains leads "
		    "to %.200s: it is the CA's own choice", n, cn);
		tell(r->o, text);
	}
	flow_pick(r->d.flow, 0);
}

/* What is needed to go on is stored before each request. */
static int
save(void *arg, const struct flow *f, struct err *e)
{
	struct run	*r = arg;

	buf_reset(&r->saved);
	flow_save(f, &r->saved);
	return order_save(r->o->db, &r->row, &r->saved, flow_order(f), e);
}

static void
say(void *arg, const char *text)
{
	const struct run	*r = arg;

	tell(r->o, text);
}

/* Until it is done (0) or has failed (-1, with why). */
static int
drive(struct run *r, struct err *e)
{
	unsigned	ev;

	for (;;) {
		ev = flow_events(r->d.flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE)) != 0)
			acme_drive_place(&r->d);
		if ((ev & FLOW_FINALIZE) != 0 && finalize(r, e) == -1)
			return -1;
		if ((ev & FLOW_PICK) != 0)
			pick(r);
		ev = flow_events(r->d.flow);
		if ((ev & FLOW_DONE) != 0)
			return 0;
		if (acme_drive_send(&r->d, e) == -1)
			return -1;
		ev = flow_events(r->d.flow);
		if ((ev & FLOW_FAILED) != 0 && r->d.nfly == 0)
			return err_set(e, ERR_HTTP, "%s", flow_why(r->d.flow));
		if ((ev & (FLOW_DONE | FLOW_FINALIZE | FLOW_PICK | FLOW_PLACE
		    | FLOW_REMOVE)) == 0 &&
		    acme_drive_hear(&r->d, e) == -1)
			return -1;
	}
}

/* --- after ------------------------------------------------------------------------- */

static int
look_at(struct run *r, struct got *g, struct err *e)
{
	struct got_want	 w;
	struct san	 names = SAN_INIT;
	int		 rc = -1;

	memset(&w, 0, sizeof(w));
	memcpy(w.spki_sha256, r->row.spki, 32);
	w.names = &names;
	w.now = clk_wall();
	if (san_of(r->o->want.names.v, r->o->want.names.n, &names, e) == 0)
		rc = acme_verify(r->o, flow_chain(r->d.flow,
		    flow_picked(r->d.flow)), &w, g, e);
	san_free(&names);
	if (rc == -1)
		return err_prefix(e, "what the CA sent is not deployed");
	if (r->o->conf->acme_no_ct)
		return 0;
	if (g->n < 2)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: no issuer came with it, and browsers need its "
		    "certificate");
	if (!g->has_scts)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: it has no SCTs, and browsers refuse it; write "
		    "acme: {ct: false} for a CA that does not log");
	if (!g->has_crldp && !g->short_lived)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: it says no CRL that would tell of its "
		    "revocation");
	return 0;
}

static int
put_files(struct run *r, const struct got *g, struct deploy *d,
    struct err *e)
{
	const struct sign_deploy	key = { 0600, UINT32_MAX, UINT32_MAX };
	struct buf			full = BUF_INIT, chain = BUF_INIT;
	struct span			leaf;
	int				rc = -1;

	got_pem(g, 0, &full);
	got_pem(g, 1, &chain);
	leaf = (struct span){ full.p, full.n - chain.n };
	if ((r->o->csr != NULL || sign_client_deploy(acme_talk_sign(
	    r->o->talk), r->row.key_id, d->version, &key, e) == 0) &&
	    deploy_file(d, "cert.pem", leaf, 0, e) == 0 &&
	    deploy_file(d, "chain.pem", buf_bytes(&chain), 0, e) == 0 &&
	    deploy_file(d, "fullchain.pem", buf_bytes(&full), 0, e) == 0)
		rc = 0;
	buf_free(&full);
	buf_free(&chain);
	return rc;
}

/* From now on the logs must show it. */
static int
received(struct run *r, const struct got *g, struct err *e)
{
	struct loop_got	l;

	memset(&l, 0, sizeof(l));
	l.order = r->row.id;
	l.names = r->o->want.names;
	l.serial = g->leaf.serial;
	l.not_after = g->leaf.not_after;
	l.tbs = (struct span){ g->leaf.tbs_sha256, 32 };
	l.der = buf_bytes(&g->der[0]);
	return loop_received(r->o->db, &l, e);
}

/* The hash of the key that signed it; none when only the leaf came. */
static struct span
issuer_of(const struct got *g, struct cert *c)
{
	if (g->n < 2 || cert_read(buf_bytes(&g->der[1]), c, NULL) == -1)
		return (struct span){ NULL, 0 };
	return (struct span){ c->spki_sha256, 32 };
}

/* The folder, then the database: a death between is made good by the next. */
static int
deploy(struct run *r, const struct got *g, char **where, struct err *e)
{
	struct acme_order	*o = r->o;
	struct deploy		 d;
	struct managed_got	 m;
	struct cert		 issuer;
	struct buf		 dir = BUF_INIT, id = BUF_INIT;
	char			 name[272];
	uint8_t			 sha[32];
	int			 rc = -1;

	if (deploy_name(o->want.name, name, sizeof(name), e) == -1)
		return -1;
	if (o->conf->deploy_dir != NULL)
		buf_str(&dir, o->conf->deploy_dir);
	else
		buf_fmt(&dir, "%s/live", o->conf->state_dir);
	if (deploy_begin(&d, buf_text(&dir), name, clk_wall(), e) == 0 &&
	    put_files(r, g, &d, e) == 0 && deploy_commit(&d, e) == 0)
		rc = 0;
	deploy_end(&d);
	buf_fmt(&dir, "/%s", name);
	if (rc == 0) {
		sha_256(sha, g->der[0].p, g->der[0].n);
		memset(&m, 0, sizeof(m));
		memset(&issuer, 0, sizeof(issuer));
		m.key_id = o->csr == NULL ? r->row.key_id : NULL;
		m.cert = (struct span){ sha, 32 };
		m.tbs = (struct span){ g->leaf.tbs_sha256, 32 };
		m.issuer_spki = issuer_of(g, &issuer);
		m.serial = g->leaf.serial;
		m.not_before = g->leaf.not_before;
		m.not_after = g->leaf.not_after;
		m.deployed_to = buf_text(&dir);
		m.hook = o->conf->deploy_hook != NULL;
		m.ari_id = ari_id(buf_bytes(&g->der[0]), &id, NULL) == 0 ?
		    buf_text(&id) : NULL;
		rc = db_begin(o->db, e);
		if (rc == 0 && (managed_issued(o->db, o->managed, &m, e) == -1
		    || received(r, g, e) == -1 ||
		    order_end(o->db, r->row.id, "", e) == -1 ||
		    acme_order_mended(o, e) == -1 || db_commit(o->db, e) == -1)) {
			db_rollback(o->db);
			rc = -1;
		}
		cert_free(&issuer);
	}
	*where = mem_str(buf_text(&dir));
	buf_free(&dir);
	buf_free(&id);
	return rc;
}

/* It is over, and why: the next one begins anew, not at once. */
static void
note_failure(struct run *r, const char *why)
{
	int64_t	next = 0;

	if (r->d.flow != NULL)
		(void)flow_again(r->d.flow, &next);
	acme_order_failed(r->o, r->row.id, why, next);
}

int
acme_order_run(struct acme_order *o, struct acme_order_result *out,
    struct err *e)
{
	struct run	r;
	int		rc = -1;

	memset(out, 0, sizeof(*out));
	memset(&r, 0, sizeof(r));
	r.o = o;
	r.d.talk = o->talk;
	r.d.place = o->place;
	r.d.thumbprint = o->account->thumbprint;
	r.d.save = save;
	r.d.tell = say;
	r.d.arg = &r;
	if (begin(&r, e) == 0) {
		r.d.key = r.row.key_id;
		rc = drive(&r, e);
	}
	if (rc == 0) {
		out->url = mem_str(flow_order(r.d.flow) != NULL ?
		    flow_order(r.d.flow) : "");
		rc = look_at(&r, &out->got, e);
		if (rc == 0)
			rc = deploy(&r, &out->got, &out->dir, e);
	}
	/* our own fault (the database, a port) leaves the order to be resumed */
	if (rc == -1 && (e->code == ERR_DB || e->code == ERR_SYS) &&
	    r.row.id != 0)
		(void)order_leave(o->db, &r.row, NULL);
	else if (rc == -1 && e->code != ERR_DB && e->code != ERR_SYS &&
	    e->code != ERR_TEMP && e->code != ERR_LEASE)
		note_failure(&r, e->msg);
	acme_drive_end(&r.d);
	order_row_free(&r.row);
	buf_free(&r.saved);
	return rc;
}

void
acme_order_result_free(struct acme_order_result *r)
{
	got_free(&r->got);
	free(r->url);
	free(r->dir);
	memset(r, 0, sizeof(*r));
}
