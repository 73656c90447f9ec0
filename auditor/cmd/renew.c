#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/opt.h"
#include "auditor/role/acme_advice.h"
#include "auditor/role/acme_order.h"
#include "base/clk.h"
#include "base/mem.h"

extern const struct cmd cmd_renew;

/* What is renewed, and what became of it. */
struct renewal {
	const char	*only;		/* a name, due or not; NULL: all due */
	int		 dry;
	size_t		 done, failed, fresh;
};

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
		    c->acme_profile, acme_talk_directory(c) };
		if (rc == 0)
			rc = managed_put(ctx->db, &w, &id, e);
		san_free(&names);
	}
	return rc;
}

/* One of them, as the database has it. */
static int
again(struct cmd_ctx *ctx, struct acme_order *o, const struct managed_row *m,
    struct renewal *r)
{
	struct acme_order_result	 got;
	enum challenge_type		 type[CHALLENGE_MAX];
	struct err			 e = ERR_INIT;
	char				 t[CLK_TEXT];
	int				 rc = -1;

	o->type = type;
	o->ntypes = acme_place_types(ctx->conf, m->want.challenge, type, &e);
	o->want = m->want;
	o->managed = m->id;
	o->failures = m->attempts;
	o->replaces = m->ari_id;
	memset(&got, 0, sizeof(got));
	if (o->ntypes != 0)
		rc = acme_order_run(o, &got, &e);
	if (rc == 0) {
		r->done++;
		if (ctx->json)
			cmd_json(json_pack("{ss ss ss}", "name", m->want.name,
			    "serial", got.got.leaf.serial, "not_after",
			    clk_text(got.got.leaf.not_after, t)));
		else
			printf("%s: renewed, until %s\n", m->want.name,
			    clk_text(got.got.leaf.not_after, t));
	} else {
		r->failed++;
		(void)err_prefix(&e, "%s", m->want.name);
		(void)cmd_fail(&e);
	}
	acme_order_result_free(&got);
	return e.code == ERR_DB ? -1 : 0;
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
		if (r->only == NULL && (v[i].next_at > clk_wall() ||
		    acme_advice_at(&v[i]) > clk_wall())) {
			r->fresh++;
			continue;
		}
		if (acme_advice_urgent(&v[i], clk_wall()) && !ctx->quiet)
			fprintf(stderr, "certvigil: %s: the CA asks for early "
			    "renewal\n", v[i].want.name);
		if (r->dry) {
			printf("%s: would be renewed\n", v[i].want.name);
			r->done++;
			continue;
		}
		rc = again(ctx, o, &v[i], r);
	}
	if (rc == 0 && n == 0 && r->only != NULL)
		rc = err_set(e, ERR_NOENT, "no certificate is managed as %s",
		    r->only);
	managed_rows_free(v, n);
	return rc;
}

static int
renew(struct cmd_ctx *ctx, struct acme_order *o, struct renewal *r,
    struct err *e)
{
	struct acme_account_row	 a;
	int			 made, rc = 0;

	memset(&a, 0, sizeof(a));
	o->db = ctx->db;
	o->conf = ctx->conf;
	o->account = &a;
	o->author = cmd_actor();
	o->tell = progress;
	o->arg = ctx;
	/* no person need be there: no authority is given */
	o->talk = acme_talk_new(ctx->conf, 0, e);
	if (o->talk == NULL)
		rc = -1;
	else if (!r->dry)
		rc = acme_account(ctx, o->talk, 1, &a, &made, e) == 1 ? 0 :
		    -1;
	if (rc == 0)
		rc = each(ctx, o, r, e);
	acme_account_free(&a);
	acme_talk_free(o->talk);
	cmd_hint(ctx);
	return rc;
}

static int
go(struct cmd_ctx *ctx, struct renewal *r, struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_order	 o;
	size_t			 n;
	int			 rc = -1;

	memset(&o, 0, sizeof(o));
	n = acme_place_types(ctx->conf, NULL, type, e);
	if (n == 0)
		return -1;
	o.place = acme_place_new(ctx->conf, type, n, e);
	if (o.place != NULL && cmd_become(ctx, e) == 0 &&
	    cmd_db(ctx, e) == 0 && adopt(ctx, e) == 0)
		rc = renew(ctx, &o, r, e);
	acme_place_free(o.place);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct renewal	 r;
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	char		 name[NAME_TEXT];
	const struct opt opts[] = {
		{ "--dry-run", &r.dry, NULL, NULL },
	};
	int		 rc;

	memset(&r, 0, sizeof(r));
	if ((rc = opt_parse(&cmd_renew, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n > 1) {
		rc = cmd_usage(&cmd_renew, "one name, or none for all that "
		    "are due");
		goto out;
	}
	if (rest.n == 1) {
		if (san_canon(rest.v[0], name, &e) == -1) {
			rc = cmd_fail(&e);
			goto out;
		}
		r.only = name;
	}
	if (go(ctx, &r, &e) == -1)
		rc = cmd_fail(&e);
	else {
		rc = r.failed != 0 ? 1 : 0;
		if (!ctx->quiet && !ctx->json && !r.dry)
			printf("%zu renewed, %zu failed, %zu not due\n",
			    r.done, r.failed, r.fresh);
	}
out:
	free(rest.v);
	return rc;
}

const struct cmd cmd_renew = {
	.name = "renew",
	.args = "[--dry-run] [NAME]",
	.brief = "renew what is due of the managed certificates",
	.help = "  certvigil renew                from a timer, twice a day\n"
	    "  certvigil renew example.com    now, whether it is due or not\n"
	    "\n"
	    "Due is what the CA says (RFC 9773), else what has used up two\n"
	    "thirds of its lifetime, half of it when that is under ten days.\n"
	    "Certificates of `managed` in the configuration that were never\n"
	    "issued are due, too.  One that failed waits: a minute, ten, a\n"
	    "hundred, then a day.\n",
	.run = run,
	.keep_user = 1
};
