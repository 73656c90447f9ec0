#include "auditor/cmd/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/acme.h"
#include "auditor/role/acme_advice.h"
#include "auditor/role/acme_order.h"
#include "auditor/role/deploy_hook.h"
#include "base/clk.h"
#include "base/log.h"

#define FOREIGN	"its key is not kept here: order it again with certvigil " \
	"issue --csr"

/* Was it ordered with a request made elsewhere? */
static int
is_foreign(const struct managed_row *m)
{
	return strcmp(m->want.key_kind, ACME_ORDER_CSR) == 0;
}

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

/* Those of the configuration are kept from now on. */
static int
adopt(struct cmd_ctx *ctx, struct err *e)
{
	const struct conf	*c = ctx->conf;
	struct managed_want	 w;
	struct san		 names;
	char			 first[NAME_TEXT];
	int64_t			 id;
	size_t			 i;
	int			 rc = 0;

	for (i = 0; i < c->nmanaged && rc == 0; i++) {
		names = (struct san)SAN_INIT;
		rc = c->managed[i].names.n == 0 ? err_set(e, ERR_CONF,
		    "managed: a certificate without names") :
		    san_canon(c->managed[i].names.v[0], first, e);
		if (rc == 0)
			rc = san_of((const char *const *)
			    c->managed[i].names.v, c->managed[i].names.n,
			    &names, e);
		w = (struct managed_want){ first,
		    { (const char *const *)names.v, names.n }, "config",
		    c->managed[i].challenge, c->managed[i].key,
		    c->managed[i].profile != NULL ? c->managed[i].profile :
		    c->acme_profile, acme_talk_directory(c), NULL };
		if (rc == 0)
			rc = managed_put(ctx->db, &w, &id, e);
		san_free(&names);
	}
	return rc;
}

static void
complain(struct err *e, const struct renewal *r)
{
	if (r->quiet)
		log_error("acme", "%s", e->msg);
	else
		(void)cmd_fail(e);
}

/* Its deploy hook, if that is to be run: -1 only when the database fails. */
static int
hook(struct cmd_ctx *ctx, int64_t id, struct renewal *r, struct err *e)
{
	struct err	why = ERR_INIT;

	if (deploy_hook_run(ctx->db, ctx->conf, id, &why) != -1)
		return 0;
	if (why.code == ERR_DB)
		return err_set(e, why.code, "%s", why.msg);
	r->hooks++;
	complain(&why, r);
	return 0;
}

/* Those that failed before, or that a death left undone. */
static int
hooks(struct cmd_ctx *ctx, struct renewal *r, struct err *e)
{
	struct managed_row	*v = NULL;
	size_t			 n = 0, i;
	int			 rc = managed_load(ctx->db, r->only, &v, &n, e);

	for (i = 0; i < n && rc == 0; i++)
		rc = hook(ctx, v[i].id, r, e);
	managed_rows_free(v, n);
	return rc;
}

/* One of them, as the database has it. */
static int
again(struct cmd_ctx *ctx, struct acme_order *o, const struct managed_row *m,
    struct renewal *r, struct err *away)
{
	struct acme_order_result	 got;
	struct acme_place		*own = NULL;
	enum challenge_type		 type[CHALLENGE_MAX];
	struct err			 e = ERR_INIT;
	char				 t[CLK_TEXT];
	int				 rc = -1;

	o->type = type;
	o->ntypes = 0;
	if (is_foreign(m))
		(void)err_set(&e, ERR_NOENT, FOREIGN);
	else
		o->ntypes = acme_place_types(ctx->conf, m->want.challenge,
		    type, &e);
	o->want = m->want;
	o->managed = m->id;
	o->failures = m->attempts;
	o->replaces = m->ari_id;
	o->old = m->tbs;
	memset(&got, 0, sizeof(got));
	if (o->ntypes != 0 && o->place == NULL)
		own = o->place = acme_place_new(ctx->conf, type, o->ntypes,
		    &e);
	if (o->ntypes != 0 && o->place != NULL)
		rc = acme_order_run(o, &got, &e);
	else
		acme_order_failed(o, 0, e.msg, 0);
	if (own != NULL)
		o->place = NULL;
	acme_place_free(own);
	if (rc == 0) {
		r->done++;
		if (r->quiet)
			log_info("acme", "%s: renewed, until %s",
			    m->want.name, clk_text(got.got.leaf.not_after, t));
		else if (ctx->json)
			cmd_json(json_pack("{ss ss ss}", "name", m->want.name,
			    "serial", got.got.leaf.serial, "not_after",
			    clk_text(got.got.leaf.not_after, t)));
		else
			printf("%s: renewed, until %s\n", m->want.name,
			    clk_text(got.got.leaf.not_after, t));
	} else {
		r->failed++;
		(void)err_prefix(&e, "%s", m->want.name);
		complain(&e, r);
	}
	acme_order_result_free(&got);
	if (rc == 0 && hook(ctx, m->id, r, &e) == -1)
		complain(&e, r);
	return e.code == ERR_DB ? err_set(away, ERR_DB, "%s", e.msg) : 0;
}

static int
is_due(const struct managed_row *m, const struct renewal *r)
{
	return r->only != NULL || (m->next_at <= clk_wall() &&
	    acme_advice_at(m) <= clk_wall());
}

static int
each(struct cmd_ctx *ctx, struct acme_order *o, struct renewal *r,
    struct err *e)
{
	struct managed_row	*v = NULL;
	size_t			 n = 0, i;
	int			 rc = managed_load(ctx->db, r->only, &v, &n, e);

	for (i = 0; i < n && rc == 0; i++) {
		rc = acme_advice(o->talk, ctx->db, &v[i], e);
		if (rc == -1)
			break;
		if (!is_due(&v[i], r)) {
			r->fresh++;
			continue;
		}
		if (v[i].due_why != NULL && !ctx->quiet)
			fprintf(stderr, "certvigil: %s: %s\n",
			    v[i].want.name, v[i].due_why);
		if (r->dry) {
			printf("%s: %s\n", v[i].want.name,
			    is_foreign(&v[i]) ? "is due, but " FOREIGN :
			    "would be renewed");
			*(is_foreign(&v[i]) ? &r->failed : &r->done) += 1;
			continue;
		}
		rc = again(ctx, o, &v[i], r, e);
	}
	if (rc == 0 && n == 0 && r->only != NULL)
		rc = err_set(e, ERR_NOENT, "no certificate is managed as %s",
		    r->only);
	managed_rows_free(v, n);
	return rc;
}

/* The CA cannot be asked at all: that is a failure of each that is due. */
static void
missed(struct cmd_ctx *ctx, struct acme_order *o, struct renewal *r,
    const char *why)
{
	struct managed_row	*v = NULL;
	size_t			 n = 0, i;

	if (managed_load(ctx->db, r->only, &v, &n, NULL) == -1)
		return;
	for (i = 0; i < n; i++) {
		if (!is_due(&v[i], r))
			continue;
		o->want = v[i].want;
		o->managed = v[i].id;
		o->failures = v[i].attempts;
		acme_order_failed(o, 0, why, 0);
		r->failed++;
	}
	managed_rows_free(v, n);
}

int
renewal_run(struct cmd_ctx *ctx, struct acme_place *place, struct renewal *r,
    struct err *e)
{
	struct acme_order	 o;
	struct acme_account_row	 a;
	int			 made, rc = 0;

	if (adopt(ctx, e) == -1 || (!r->dry && hooks(ctx, r, e) == -1))
		return -1;
	memset(&a, 0, sizeof(a));
	memset(&o, 0, sizeof(o));
	o.db = ctx->db;
	o.conf = ctx->conf;
	o.place = place;
	o.account = &a;
	o.author = cmd_actor();
	o.tell = progress;
	o.arg = ctx;
	o.pre = acme_preflight_new(ctx->conf, e);
	/* no person need be there: no authority is given */
	o.talk = o.pre != NULL ? acme_talk_new(ctx->conf, 0, e) : NULL;
	if (o.talk == NULL)
		rc = -1;
	else if (!r->dry)
		rc = acme_account(ctx, o.talk, 1, &a, &made, e) == 1 ? 0 :
		    -1;
	if (rc == -1 && !r->dry && (e->code == ERR_HTTP || e->code == ERR_NET))
		missed(ctx, &o, r, e->msg);
	if (rc == 0)
		rc = each(ctx, &o, r, e);
	acme_account_free(&a);
	acme_talk_free(o.talk);
	acme_preflight_free(o.pre);
	return rc;
}
