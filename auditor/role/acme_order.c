#include "auditor/role/acme_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/flow.h"
#include "auditor/db/expect.h"
#include "auditor/role/acme_drive.h"
#include "auditor/role/acme_hold.h"
#include "auditor/role/acme_receive.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/owner.h"

/* How long a person waits for an order. */
#define DEADLINE	(600 * CLK_SEC)
/* A log's clock, and how long after finalize a CA may take to log it. */
#define EXPECT_BEFORE_MS	3600000
#define EXPECT_AFTER_MS		86400000
/*
 * The first look whether the CA has done something: after as long as it takes
 * to answer anyway; then twice as long each time.
 */
#define POLL_MIN	(CLK_SEC / 1000)
#define POLL_MAX	(CLK_SEC / 10)
/* It is held for a minute: that is stored again in time. */
#define SAVE_US		(15 * CLK_SEC)

struct acme_run {
	struct acme_order	*o;		/* borrowed */
	struct acme_drive	 d;
	struct order_row	 row;
	struct buf		 saved;
	int64_t			 saved_at;	/* clk_mono, also that of the row */
	int			 has_url;	/* it is stored */
	int			 over;		/* 1 done, -1 failed */
	struct err		 why;
	struct acme_order_result out;
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
new_order(struct acme_run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	char			 id[40] = "";
	int			 rc = 0;

	if (o->csr == NULL && o->want.reuse)
		rc = order_reuse(o->db, o->managed, o->want.key_kind, &r->row,
		    e);
	if (rc == -1)
		return -1;
	if (rc == 0 && o->csr == NULL)
		new_id(id);
	else if (rc == 0)
		memcpy(r->row.spki, o->csr->spki_sha256, 32);
	if (rc == 0)
		r->row.key_id = mem_str(id);
	acme_hold_me(r->row.holder);
	if (rc == 0 && o->csr == NULL &&
	    sign_client_cert(acme_talk_sign(o->talk), id, o->want.key_kind,
	    r->row.spki, e) == -1)
		return -1;
	return order_add(o->db, o->managed, o->account->id, &r->row, e);
}

static int
start_flow(struct acme_run *r, struct err *e)
{
	struct acme_order	*o = r->o;
	struct flow_want	 w;
	int64_t			 takes;

	memset(&w, 0, sizeof(w));
	w.names = o->want.names.v;
	w.nnames = o->want.names.n;
	w.prefer = o->type;
	w.nprefer = o->ntypes;
	w.profile = o->want.profile;
	w.profile_required = o->want.require;
	w.replaces = o->replaces;
	w.alternates = o->want.chain != NULL;
	w.deadline = clk_wall() + DEADLINE;
	takes = acme_talk_takes(o->talk);
	w.poll_us = takes < POLL_MIN ? POLL_MIN : takes > POLL_MAX ?
	    POLL_MAX : takes;
	r->d.flow = flow_start(acme_talk_dir(o->talk), acme_talk_pin(o->talk),
	    &w, e);
	return r->d.flow != NULL ? 0 : -1;
}

/* Is it for a key of ours, or for that of the request, as is wanted now? */
static int
same_key(const struct acme_run *r)
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
begin(struct acme_run *r, struct err *e)
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
expectation(struct acme_run *r, struct err *e)
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
finalize(struct acme_run *r, struct err *e)
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
pick(struct acme_run *r)
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

/* Does the CA only show something for it? */
static int
is_read(enum acme_purpose p)
{
	return p == ACME_AUTHZ_GET || p == ACME_ORDER_GET ||
	    p == ACME_CERTIFICATE;
}

/* Is something placed that is there still when we are not? */
static int
outlives(const struct acme_run *r)
{
	struct flow_place	p;
	size_t			i;

	for (i = 0; i < flow_places(r->d.flow); i++) {
		flow_place(r->d.flow, i, &p);
		if (p.state != FLOW_PLACE_NONE &&
		    acme_place_outlives(r->o->place, p.type))
			return 1;
	}
	return 0;
}

/*
 * Would whoever goes on do the same without this having been stored?  Before
 * there is an order, its row says enough: it is begun anew with its key.
 * Then the order is read first, so that what only reads needs no more than
 * the order's URL; and telling the CA to look at what is placed again anyway.
 */
static int
is_known(const struct acme_run *r, enum acme_purpose p)
{
	return p == ACME_ORDER_NEW ? r->row.flow.n == 0 : r->has_url &&
	    (is_read(p) || (p == ACME_CHALLENGE && !outlives(r)));
}

/* What is needed to go on is stored before the request. */
static int
save(void *arg, const struct flow *f, const struct acme_ask *a,
    struct err *e)
{
	struct acme_run	*r = arg;

	if (is_known(r, a->purpose) && clk_mono() - r->saved_at < SAVE_US)
		return 0;
	buf_reset(&r->saved);
	flow_save(f, &r->saved);
	if (order_save(r->o->db, &r->row, &r->saved, flow_order(f),
	    a->purpose == ACME_FINALIZE, e) == -1)
		return -1;
	r->saved_at = clk_mono();
	r->has_url = flow_order(f) != NULL;
	return 0;
}

static void
say(void *arg, const char *text)
{
	const struct acme_run	*r = arg;

	tell(r->o, text);
}

/* --- the machine ------------------------------------------------------------------ */

/* One step: 1 there is a certificate, 0 it goes on, -1 it has failed. */
static int
step(struct acme_run *r, struct err *e)
{
	unsigned	ev = flow_events(r->d.flow);

	if ((ev & (FLOW_PLACE | FLOW_REMOVE)) != 0 ||
	    acme_drive_busy(&r->d))
		acme_drive_place(&r->d);
	ev = flow_events(r->d.flow);
	if ((ev & FLOW_FINALIZE) != 0 && finalize(r, e) == -1)
		return -1;
	if ((ev & FLOW_PICK) != 0)
		pick(r);
	if ((flow_events(r->d.flow) & FLOW_DONE) != 0)
		return 1;
	if (acme_drive_send(&r->d, e) == -1)
		return -1;
	ev = flow_events(r->d.flow);
	if ((ev & FLOW_FAILED) != 0 && r->d.nfly == 0 &&
	    (ev & FLOW_REMOVE) == 0)
		return err_set(e, r->d.left != ERR_NONE ? r->d.left :
		    ERR_HTTP, "%s", flow_why(r->d.flow));
	return 0;
}

/* Failed now (a last removal of challenges) or later: what is to be done? */
static int
at_once(const struct acme_run *r)
{
	unsigned	ev = flow_events(r->d.flow);

	return (ev & (FLOW_DONE | FLOW_FINALIZE | FLOW_PICK | FLOW_REMOVE))
	    != 0;
}

/* It is over, and why: the next one begins anew, not at once. */
static void
note_failure(struct acme_run *r, const struct err *e)
{
	int64_t	next = 0;
	int	open = r->d.flow != NULL && flow_unfinished(r->d.flow);

	if (e->code == ERR_LEASE)
		return;
	if (e->code == ERR_DB || e->code == ERR_SYS || e->code == ERR_TEMP) {
		/* our own fault (the database, a process): to be resumed */
		if (r->row.id != 0)
			(void)order_leave(r->o->db, &r->row, NULL);
		return;
	}
	if (r->d.flow != NULL)
		(void)flow_again(r->d.flow, &next);
	/* open: the CA was away, the order is gone on with */
	acme_order_failed(r->o, r->row.id != 0 ? &r->row : NULL, !open,
	    e->msg, next);
}

static int
receive(struct acme_run *r, struct err *e)
{
	struct acme_got	g = { r->o, &r->row, flow_chain(r->d.flow,
			    flow_picked(r->d.flow)) };

	r->out.url = mem_str(flow_order(r->d.flow) != NULL ?
	    flow_order(r->d.flow) : "");
	return acme_receive(&g, &r->out, e);
}

static void
run_free(struct acme_run *r)
{
	acme_drive_end(&r->d);
	order_row_free(&r->row);
	buf_free(&r->saved);
	acme_order_result_free(&r->out);
	free(r);
}

struct acme_run *
acme_order_start(struct acme_order *o, struct err *e)
{
	struct acme_run	*r = mem_zero(sizeof(*r));

	r->o = o;
	r->d.talk = o->talk;
	r->d.place = o->place;
	r->d.thumbprint = o->account->thumbprint;
	r->d.save = save;
	r->d.tell = say;
	r->d.arg = r;
	acme_place_as(o->place, o->account->url);
	if (begin(r, e) == -1) {
		note_failure(r, e);
		run_free(r);
		return NULL;
	}
	r->d.key = r->row.key_id;
	r->saved_at = clk_mono();
	return r;
}

int
acme_order_turn(struct acme_run *r, struct err *e)
{
	int	rc = 0;

	if (r->over == 0) {
		do
			rc = step(r, &r->why);
		while (rc == 0 && at_once(r));
		if (rc == 1)
			rc = receive(r, &r->why) == 0 ? 1 : -1;
		if (rc == -1)
			note_failure(r, &r->why);
		r->over = rc;
		if (rc != 0)
			acme_drive_over(&r->d, rc == 1);
	}
	/* what was placed is being taken away */
	if (r->over != 0 && acme_drive_busy(&r->d))
		acme_drive_place(&r->d);
	if (r->over == 0 || acme_drive_busy(&r->d))
		return 0;
	if (r->over == -1)
		(void)err_set(e, r->why.code, "%s", r->why.msg);
	return r->over;
}

struct acme_drive *
acme_order_drive(struct acme_run *r)
{
	return &r->d;
}

void
acme_order_end(struct acme_run *r, struct acme_order_result *out)
{
	if (r == NULL)
		return;
	if (out != NULL) {
		*out = r->out;
		memset(&r->out, 0, sizeof(r->out));
	}
	run_free(r);
}

int
acme_order_run(struct acme_order *o, struct acme_order_result *out,
    struct err *e)
{
	struct acme_run	*r = acme_order_start(o, e);
	int		 rc = r != NULL ? 0 : -1;

	memset(out, 0, sizeof(*out));
	while (rc == 0 && (rc = acme_order_turn(r, e)) == 0)
		rc = acme_drive_hear(&r->d, e);
	acme_order_end(r, out);
	return rc == 1 ? 0 : -1;
}

void
acme_order_result_free(struct acme_order_result *r)
{
	got_free(&r->got);
	free(r->url);
	free(r->dir);
	memset(r, 0, sizeof(*r));
}
