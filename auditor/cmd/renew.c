#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/acme_hand.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/renewal.h"
#include "base/clk.h"

extern const struct cmd cmd_renew;

/* Who is told. */
struct renewing {
	struct cmd_ctx	*ctx;
	size_t		 later;	/* that failed, and are to be tried again */
};

static void
tell(void *arg, const char *text)
{
	const struct renewing	*x = arg;

	acme_progress(x->ctx, text);
}

/* One of them, as it comes. */
static void
say(void *arg, const struct renewal_word *w)
{
	struct renewing	*x = arg;
	struct err	 e = ERR_INIT;
	char		 t[CLK_TEXT];

	if (w->would)
		printf("%s: %s\n", w->name, w->code != ERR_NONE ? w->text :
		    "would be renewed");
	else if (w->code != ERR_NONE) {
		(void)err_set(&e, (enum err_code)w->code, "%s: %s", w->name,
		    w->text);
		x->later += cmd_fail(&e) == err_exit(ERR_TEMP);
	} else if (x->ctx->json)
		cmd_json(json_pack("{ss ss ss}", "name", w->name, "serial",
		    w->serial, "not_after", clk_text(w->not_after, t)));
	else
		printf("%s: renewed, until %s\n", w->name,
		    clk_text(w->not_after, t));
}

static void
complain(const struct err *e)
{
	(void)cmd_fail(e);
}

static void
other(void *arg, uint64_t id, const struct acme_reply *r)
{
	(void)renewal_reply(arg, id, r);
}

/* By ourselves: until nothing is under way any more. */
static int
drive(struct cmd_ctx *ctx, struct acme_place *place, struct renewal *r,
    struct deploy_hooks *h, struct err *e)
{
	struct acme_account_row	 a;
	struct acme_crew	 c;
	int			 made, rc = 0;

	memset(&a, 0, sizeof(a));
	memset(&c, 0, sizeof(c));
	c.place = place;
	c.other = other;
	c.arg = r;
	c.pre = acme_preflight_new(ctx->conf, e);
	/* no person need be there: no authority is given */
	c.talk = c.pre != NULL ? acme_talk_new(ctx->conf, 0,
	    acme_progress, ctx, e) : NULL;
	if (c.talk == NULL)
		rc = -1;
	else if (!r->dry)
		rc = acme_account(ctx, c.talk, 1, &a, &made, e) == 1 ? 0 : -1;
	if (rc == -1 && !r->dry && (e->code == ERR_HTTP ||
	    e->code == ERR_NET || e->code == ERR_SILENT))
		renewal_missed(r, e->msg);
	if (rc == 0) {
		renewal_begin(r, &c, &a, h);
		while ((rc = renewal_turn(r, e)) == 0) {
			(void)deploy_hooks_turn(h);
			if ((rc = acme_crew_wait(&c, e)) == -1)
				break;
		}
	}
	acme_crew_leave(&c);
	acme_account_free(&a);
	acme_talk_free(c.talk);
	acme_preflight_free(c.pre);
	return rc == -1 ? -1 : 0;
}

/* Deploy hooks that failed before, then what is due, and its hooks. */
static int
alone(struct cmd_ctx *ctx, struct acme_place *place, struct renewal *r,
    struct deploy_hooks *h, struct err *e)
{
	int	rc = renewal_load(r, ctx, e);

	h->conf = ctx->conf;
	h->conninfo = cmd_conninfo(ctx);
	h->only = r->only;
	h->complain = complain;
	if (rc == 0 && !r->dry) {
		h->wanted = 1;
		(void)deploy_hooks_turn(h);
	}
	if (rc == 0)
		rc = drive(ctx, place, r, h, e);
	deploy_hooks_wait(h);
	renewal_free(r);
	return rc;
}

/* --- by the daemon -------------------------------------------------------- */

struct handed {
	struct renewal		*r;
	struct deploy_hooks	*h;
};

static void
said(void *arg, const struct acme_msg *m)
{
	struct handed			*x = arg;
	const struct acme_msg_word	*w = &m->u.word;
	struct renewal_word		 one;

	if (m->type == ACME_MSG_WORD) {
		one = (struct renewal_word){ w->name, w->code, w->text,
		    w->serial, w->not_after, 0 };
		say(x->r->arg, &one);
	} else if (m->type == ACME_MSG_RENEWED) {
		x->r->done = m->u.renewed.done;
		x->r->failed = m->u.renewed.failed;
		x->r->fresh = m->u.renewed.fresh;
		x->h->failed = m->u.renewed.hooks;
	}
}

/* Let the daemon do it: 1 it did; 0 it must be done here; -1. */
static int
hand(struct cmd_ctx *ctx, struct renewal *r, struct deploy_hooks *h,
    struct err *e)
{
	struct handed		 x = { r, h };
	struct acme_msg_renew	 m;
	struct err		 hooks = ERR_INIT;
	struct buf		 b = BUF_INIT;
	int			 rc;

	memset(&m, 0, sizeof(m));
	if (r->dry || acme_hand_conf(ctx, m.conf) == -1)
		return 0;
	m.author = r->author;
	m.name = r->only;
	acme_msg_renew(&b, &m);
	rc = acme_hand(ctx, &b, said, &x, e);
	buf_free(&b);
	if (rc == 1 && h->failed != 0) {
		(void)err_set(&hooks, ERR_VERIFY, "deploy hooks failed (%zu) "
		    "and are tried again: certvigil findings and the log of "
		    "the daemon say why", h->failed);
		(void)cmd_fail(&hooks);
	}
	return rc;
}

/* --- by ourselves --------------------------------------------------------- */

/* As root: ports first, then another user. */
static int
go(struct cmd_ctx *ctx, struct renewal *r, struct deploy_hooks *h,
    struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_place	*place;
	size_t			 n = acme_place_types(ctx->conf, NULL, type, e);
	int			 rc = -1;

	if (n == 0)
		return -1;
	place = acme_place_new(ctx->conf, type, n, e);
	if (place != NULL && cmd_become(ctx, e) == 0 && cmd_db(ctx, e) == 0) {
		rc = alone(ctx, place, r, h, e);
		cmd_hint(ctx);
	}
	acme_place_free(place);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct renewing		 x = { ctx, 0 };
	struct renewal		 r;
	struct deploy_hooks	 h;
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	char			 name[NAME_TEXT];
	const struct opt	 opts[] = {
		{ "--dry-run", &r.dry, NULL, NULL },
	};
	int			 rc;

	memset(&r, 0, sizeof(r));
	memset(&h, 0, sizeof(h));
	r.author = cmd_actor();
	r.say = say;
	r.tell = tell;
	r.arg = &x;
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
	rc = hand(ctx, &r, &h, &e);
	if (rc == 0)
		rc = go(ctx, &r, &h, &e);
	if (rc == -1)
		rc = cmd_fail(&e);
	else {
		rc = h.failed != 0 || r.failed > x.later ? 1 :
		    r.failed != 0 ? err_exit(ERR_TEMP) : 0;
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
	    "hundred, then a day.  A deploy hook that failed does, too, and\n"
	    "is run again then.  Where the daemon runs, it is the one that\n"
	    "renews.\n",
	.run = run,
	.keep_user = 1
};
