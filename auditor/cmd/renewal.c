#include "auditor/cmd/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/role/acme_advice.h"
#include "base/clk.h"
#include "base/mem.h"

#define FOREIGN	"its key is not kept here: order it again with certvigil " \
	"issue --csr"
/* Questions for advice at a time; orders that leave room for a person's. */
#define ASKED	16
#define FLYING	(LIMIT_ACME_FLIGHT - 4)

enum renewal_at {
	RENEWAL_NEW,		/* is there advice? */
	RENEWAL_ASKED,
	RENEWAL_READY,		/* is it due? */
	RENEWAL_FLIES,
	RENEWAL_OVER
};

struct renewal_one {
	struct renewal		*r;		/* borrowed, as row is */
	struct managed_row	*row;
	enum renewal_at		 at;
	uint64_t		 id;		/* of the question */
	struct acme_order	 o;
	enum challenge_type	 type[CHALLENGE_MAX];
};

/* Was it ordered with a request made elsewhere? */
static int
is_foreign(const struct managed_row *m)
{
	return strcmp(m->want.key_kind, ACME_ORDER_CSR) == 0;
}

/* --- what there is --- */

/* One of the configuration is kept from now on. */
static int
adopt_one(struct cmd_ctx *ctx, const struct conf_managed *c, struct err *e)
{
	struct san		 names = SAN_INIT;
	struct managed_want	 w;
	char			 first[NAME_TEXT];
	int64_t			 id;
	int			 rc;

	rc = c->names.n == 0 ? err_set(e, ERR_CONF, "managed: a certificate "
	    "without names") : san_canon(c->names.v[0], first, e);
	if (rc == 0)
		rc = san_of((const char *const *)c->names.v, c->names.n,
		    &names, e);
	w = (struct managed_want){ first,
	    { (const char *const *)names.v, names.n }, "config",
	    c->challenge, c->key, c->profile != NULL ? c->profile :
	    ctx->conf->acme_profile, acme_talk_directory(ctx->conf), NULL,
	    c->reuse_key, c->require_profile };
	if (rc == 0)
		rc = managed_put(ctx->db, &w, &id, e);
	san_free(&names);
	return rc;
}

int
renewal_load(struct renewal *r, struct cmd_ctx *ctx, struct err *e)
{
	const struct conf	*c = ctx->conf;
	size_t			 i;

	r->ctx = ctx;
	for (i = 0; i < c->nmanaged && !r->adopted; i++)
		if (adopt_one(ctx, &c->managed[i], e) == -1)
			return -1;
	if (managed_load(ctx->db, r->only, &r->v, &r->n, e) == -1)
		return -1;
	if (r->n == 0 && r->only != NULL)
		return err_set(e, ERR_NOENT, "no certificate is managed as "
		    "%s", r->only);
	r->one = mem_array(r->n, sizeof(*r->one));
	for (i = 0; i < r->n; i++) {
		r->one[i].r = r;
		r->one[i].row = &r->v[i];
	}
	return 0;
}

void
renewal_free(struct renewal *r)
{
	managed_rows_free(r->v, r->n);
	free(r->one);
	r->v = NULL;
	r->one = NULL;
	r->n = 0;
}

static int
is_due(const struct managed_row *m, const struct renewal *r)
{
	return r->only != NULL || (m->next_at <= clk_wall() &&
	    acme_advice_at(m) <= clk_wall());
}

int
renewal_wants(const struct renewal *r)
{
	size_t	i;

	for (i = 0; i < r->n; i++)
		if (is_due(&r->v[i], r) || (r->v[i].ari_id != NULL &&
		    (r->v[i].ari_next == INT64_MIN ||
		    r->v[i].ari_next <= clk_wall())))
			return 1;
	return 0;
}

/* --- one of them --- */

static void
say(struct renewal_one *x, const struct renewal_word *w)
{
	x->at = RENEWAL_OVER;
	*(w->code == ERR_NONE ? &x->r->done : &x->r->failed) += 1;
	x->r->say(x->r->arg, w);
}

static void
say_failed(struct renewal_one *x, const struct err *e)
{
	struct renewal_word	w;

	memset(&w, 0, sizeof(w));
	w.name = x->row->want.name;
	w.code = (int)e->code;
	w.text = e->msg;
	say(x, &w);
	if (e->code == ERR_DB)
		(void)err_set(&x->r->broken, ERR_DB, "%s", e->msg);
}

static void
over(void *arg, int rc, const struct acme_order_result *got,
    const struct err *e)
{
	struct renewal_one	*x = arg;
	struct renewal_word	 w;

	x->r->flying--;
	if (rc == -1) {
		say_failed(x, e);
		return;
	}
	memset(&w, 0, sizeof(w));
	w.name = x->row->want.name;
	w.text = "";
	w.serial = got->got.leaf.serial;
	w.not_after = got->got.leaf.not_after;
	say(x, &w);
	x->r->hooks->wanted = x->r->ctx->conf->deploy_hook != NULL;
}

/* As the database has it. */
static void
prepare(struct renewal_one *x)
{
	const struct managed_row	*m = x->row;

	memset(&x->o, 0, sizeof(x->o));
	x->o.db = x->r->ctx->db;
	x->o.conf = x->r->ctx->conf;
	x->o.account = x->r->account;
	x->o.author = x->r->author;
	x->o.tell = x->r->tell;
	x->o.arg = x->r->arg;
	x->o.want = m->want;
	x->o.managed = m->id;
	x->o.failures = m->attempts;
	x->o.replaces = m->ari_id;
	x->o.old = m->tbs;
	x->o.type = x->type;
}

static void
start(struct renewal_one *x)
{
	struct renewal	*r = x->r;
	struct err	 e = ERR_INIT;

	if (acme_crew_has(r->crew, x->row->want.name)) {
		(void)err_set(&e, ERR_TEMP, "it is being ordered; try again "
		    "when that is over");
		say_failed(x, &e);
		return;
	}
	prepare(x);
	if (is_foreign(x->row))
		(void)err_set(&e, ERR_NOENT, FOREIGN);
	else
		x->o.ntypes = acme_place_types(r->ctx->conf,
		    x->row->want.challenge, x->type, &e);
	if (x->o.ntypes == 0 || acme_place_open(r->crew->place, x->type,
	    x->o.ntypes, &e) == -1) {
		acme_order_failed(&x->o, NULL, 0, e.msg, 0);
		say_failed(x, &e);
		return;
	}
	x->at = RENEWAL_FLIES;
	r->flying++;
	acme_crew_add(r->crew, &x->o, over, x);
}

static void
rehearse(struct renewal_one *x)
{
	struct renewal_word	w;

	memset(&w, 0, sizeof(w));
	w.name = x->row->want.name;
	w.would = 1;
	w.text = "";
	if (is_foreign(x->row)) {
		w.code = ERR_NOENT;
		w.text = "is due, but " FOREIGN;
	}
	say(x, &w);
}

static void
ready(struct renewal_one *x)
{
	struct renewal	*r = x->r;
	char		 text[400];

	if (!is_due(x->row, r)) {
		r->fresh++;
		x->at = RENEWAL_OVER;
		return;
	}
	if (!r->dry && (r->flying >= FLYING ||
	    r->crew->n >= LIMIT_ACME_FLIGHT))
		return;
	if (x->row->due_why != NULL) {
		(void)snprintf(text, sizeof(text), "%s: %.200s",
		    x->row->want.name, x->row->due_why);
		r->tell(r->arg, text);
	}
	if (r->dry)
		rehearse(x);
	else
		start(x);
}

/* --- all of them --- */

void
renewal_begin(struct renewal *r, struct acme_crew *c,
    const struct acme_account_row *a, struct deploy_hooks *h)
{
	r->crew = c;
	r->account = a;
	r->hooks = h;
}

int
renewal_turn(struct renewal *r, struct err *e)
{
	struct renewal_one	*x;
	size_t			 i, left = 0;

	for (i = 0; i < r->n && r->broken.code == ERR_NONE; i++) {
		x = &r->one[i];
		if (r->stop && x->at != RENEWAL_FLIES)
			x->at = RENEWAL_OVER;
		if (x->at == RENEWAL_NEW && r->asked < ASKED) {
			x->at = RENEWAL_READY;
			if (acme_advice_ask(r->crew->talk, x->row, &x->id)) {
				x->at = RENEWAL_ASKED;
				r->asked++;
			}
		}
		if (x->at == RENEWAL_READY)
			ready(x);
		left += x->at != RENEWAL_OVER;
	}
	if (r->broken.code != ERR_NONE)
		return err_set(e, r->broken.code, "%s", r->broken.msg);
	return left == 0;
}

int
renewal_reply(struct renewal *r, uint64_t id, const struct acme_reply *reply)
{
	struct renewal_one	*x;
	size_t			 i;

	for (i = 0; i < r->n && r->asked != 0; i++) {
		x = &r->one[i];
		if (x->at != RENEWAL_ASKED || x->id != id)
			continue;
		x->at = RENEWAL_READY;
		r->asked--;
		(void)acme_advice_said(r->ctx->db, x->row, reply, &r->broken);
		return 1;
	}
	return 0;
}

void
renewal_missed(struct renewal *r, const char *why)
{
	size_t	i;

	for (i = 0; i < r->n; i++) {
		if (!is_due(&r->v[i], r))
			continue;
		prepare(&r->one[i]);
		acme_order_failed(&r->one[i].o, NULL, 0, why, 0);
		r->failed++;
	}
}
