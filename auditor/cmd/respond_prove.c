#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/flow.h"
#include "auditor/cmd/acme.h"
#include "auditor/role/acme_drive.h"
#include "base/clk.h"
#include "base/limit.h"

/* Authorizations for all its names, and no certificate. */

/* How long a person waits for the proofs of one order. */
#define DEADLINE	(600 * CLK_SEC)

struct prove {
	struct cmd_ctx			*ctx;
	const struct respond		*c;
	const struct acme_account_row	*account;
	struct acme_talk		*talk;
	struct acme_drive		 d;
	const char *const		*names;		/* of this order */
	size_t				 n;
	int				 proven;
};

static void
progress(void *arg, const char *text)
{
	const struct prove	*p = arg;

	acme_progress(p->ctx, text);
}

/* --- what is needed to go on --------------------------------------------- */

static int
save(void *arg, const struct flow *f, const struct acme_ask *a,
    struct err *e)
{
	struct prove	*p = arg;
	struct buf	 b = BUF_INIT;
	struct span	 state;
	int		 rc;

	(void)a;
	flow_save(f, &b);
	state = buf_bytes(&b);
	rc = db_query(p->ctx->db, NULL, e, "insert into respond_flow "
	    "(finding_id, first_name, account_id, state) values ($1, $2, $3, "
	    "$4) on conflict (finding_id, first_name) do update set "
	    "account_id = excluded.account_id, state = excluded.state, "
	    "saved_at = now()", "isib", p->c->id, p->names[0],
	    p->account->id, &state);
	buf_free(&b);
	return rc;
}

static int
forget(struct prove *p, struct err *e)
{
	return db_query(p->ctx->db, NULL, e, "delete from respond_flow where "
	    "finding_id = $1 and first_name = $2", "is", p->c->id,
	    p->names[0]);
}

/* The one that a run before has left: 1, 0 there is none, -1. */
static int
resume(struct prove *p, struct err *e)
{
	struct flow_resume	 w;
	struct db_res		*r = NULL;

	if (db_query(p->ctx->db, &r, e, "select state from respond_flow where "
	    "finding_id = $1 and first_name = $2 and account_id = $3", "isi",
	    p->c->id, p->names[0], p->account->id) == -1)
		return -1;
	memset(&w, 0, sizeof(w));
	w.pin = acme_talk_pin(p->talk);
	w.now = clk_wall();
	w.deadline = w.now + DEADLINE;
	/* one that cannot be read any more is as if it had never been */
	if (db_rows(r) != 0)
		p->d.flow = flow_load(db_bytes(r, 0, 0), &w, NULL);
	db_free(r);
	return p->d.flow != NULL;
}

/* --- one order ----------------------------------------------------------- */

/*
 * Until the order could be finalized, which it never is: that all names are
 * authorized is all that is wanted of it.
 */
static int
drive(struct prove *p, struct err *e)
{
	struct acme_drive	*d = &p->d;
	unsigned		 ev;

	for (;;) {
		ev = flow_events(d->flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE)) != 0)
			acme_drive_place(d);
		if ((ev & (FLOW_PICK | FLOW_DONE)) != 0)
			return err_set(e, ERR_VERIFY, "the CA says that it "
			    "has issued what nobody asked it to finalize");
		if ((ev & FLOW_FINALIZE) != 0) {
			p->proven = 1;
			flow_stop(d->flow, "all names are proven",
			    clk_wall());
		}
		if (acme_drive_send(d, e) == -1)
			return -1;
		ev = flow_events(d->flow);
		if ((ev & (FLOW_PLACE | FLOW_REMOVE | FLOW_FINALIZE |
		    FLOW_PICK | FLOW_DONE)) != 0)
			continue;
		if ((ev & FLOW_FAILED) != 0 && d->nfly == 0)
			return p->proven ? 0 : err_set(e, d->left != ERR_NONE ?
			    d->left : ERR_HTTP, "%s", flow_why(d->flow));
		if (acme_drive_hear(d, e) == -1)
			return -1;
	}
}

/* The flow that is there, to its end; its order goes to ${orders}. */
static int
follow(struct prove *p, json_t *orders, struct err *e)
{
	int	rc;

	p->proven = 0;
	rc = drive(p, e);
	acme_drive_unplace(&p->d);
	if (flow_order(p->d.flow) != NULL)
		json_array_append_new(orders, json_string(flow_order(
		    p->d.flow)));
	acme_drive_end(&p->d);
	return forget(p, rc == 0 ? e : NULL) == -1 ? -1 : rc;
}

static int
order(struct prove *p, json_t *orders, struct err *e)
{
	struct flow_want	w;
	struct err		why = ERR_INIT;
	int			rc = resume(p, e);

	if (rc == -1)
		return -1;
	/* an old order may be over: what it left is taken away then */
	if (rc == 1 && follow(p, orders, &why) == 0)
		return 0;
	memset(&w, 0, sizeof(w));
	w.names = p->names;
	w.nnames = p->n;
	w.prefer = p->c->type;
	w.nprefer = p->c->ntypes;
	w.deadline = clk_wall() + DEADLINE;
	p->d.flow = flow_start(acme_talk_dir(p->talk),
	    acme_talk_pin(p->talk), &w, e);
	return p->d.flow != NULL ? follow(p, orders, e) : -1;
}

int
respond_prove(struct cmd_ctx *ctx, const struct respond *c,
    const struct acme_account_row *a, struct acme_talk *t,
    struct acme_place *place, json_t *orders, struct err *e)
{
	struct prove	p;
	size_t		i;

	memset(&p, 0, sizeof(p));
	p.ctx = ctx;
	p.c = c;
	p.account = a;
	p.talk = t;
	p.d.talk = t;
	p.d.place = place;
	p.d.thumbprint = a->thumbprint;
	p.d.key = "";
	p.d.save = save;
	p.d.tell = progress;
	p.d.arg = &p;
	acme_place_as(place, a->url);
	for (i = 0; i < c->names.n; i += p.n) {
		p.names = (const char *const *)c->names.v + i;
		p.n = c->names.n - i < LIMIT_RESPOND_BATCH ?
		    c->names.n - i : LIMIT_RESPOND_BATCH;
		if (order(&p, orders, e) == -1)
			return err_prefix(e, "nothing is revoked, its names "
			    "could not be proven");
	}
	return 0;
}
