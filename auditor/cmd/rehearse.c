#include "auditor/cmd/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/acme.h"
#include "base/clk.h"

/* One line on stdout. */
static void
say(const struct cmd_ctx *ctx, const struct acme_check *k)
{
	char	*s, t[CLK_TEXT];

	if (ctx->json) {
		cmd_json(json_pack("{ss ss ss ss ss*}", "check", k->what,
		    "name", k->name, "says", acme_says_name(k->says),
		    "reason", k->sentence, "until", k->until != 0 ?
		    clk_text(k->until, t) : NULL));
		return;
	}
	if (ctx->quiet)
		return;
	s = cmd_clean(k->sentence);
	printf("  %-11s  %-6s  %s%s%s\n", acme_says_name(k->says), k->what,
	    k->name, *k->name != '\0' ? ": " : "", s);
	free(s);
}

/* All checks; the first that is wrong is the error. */
static int
look(struct cmd_ctx *ctx, const struct acme_order *o,
    const struct acme_preflight_ask *a, struct err *e)
{
	struct acme_checks	 c = { NULL, 0, 0 };
	const struct acme_check	*wrong = NULL;
	size_t			 i;
	int			 rc;

	rc = acme_preflight_run(o->pre, a, &c, e);
	for (i = 0; i < c.n && rc == 0; i++) {
		say(ctx, &c.v[i]);
		if (c.v[i].says == ACME_SAYS_WRONG && wrong == NULL)
			wrong = &c.v[i];
	}
	if (wrong != NULL)
		rc = err_set(e, wrong->until != 0 ? ERR_TEMP : ERR_HTTP,
		    "an order would fail: %s%s%s", wrong->name,
		    *wrong->name != '\0' ? ": " : "", wrong->sentence);
	acme_checks_free(&c);
	return rc;
}

/* The certificate that is kept under this name: 0 when there is none. */
static int
managed_id(struct cmd_ctx *ctx, const char *name, int64_t *id, struct err *e)
{
	struct managed_row	*v = NULL;
	size_t			 n = 0;
	int			 rc = managed_load(ctx->db, name, &v, &n, e);

	*id = rc == 0 && n == 1 ? v[0].id : 0;
	managed_rows_free(v, n);
	return rc;
}

int
rehearse(struct cmd_ctx *ctx, const struct acme_order *o, struct err *e)
{
	struct acme_talk		*t = acme_talk_new(ctx->conf, 1,
					    acme_progress, ctx, e);
	struct acme_account_row		 account;
	struct acme_preflight_ask	 a;
	int				 made, rc;

	if (t == NULL)
		return -1;
	memset(&account, 0, sizeof(account));
	memset(&a, 0, sizeof(a));
	a.db = ctx->db;
	a.dir = acme_talk_dir(t);
	a.directory = acme_talk_directory(ctx->conf);
	a.account = &account;
	a.place = o->place;
	a.names = o->want.names;
	a.type = o->type;
	a.ntypes = o->ntypes;
	rc = acme_account(ctx, t, 0, &account, &made, e);
	if (rc != -1 && !ctx->quiet && !ctx->json)
		printf("%s: the CA answers, %s; nothing was ordered\n",
		    o->want.name, rc == 1 ? "and knows our account" :
		    "an account would be registered");
	if (rc != -1)
		rc = managed_id(ctx, o->want.name, &a.managed, e);
	if (rc != -1)
		rc = look(ctx, o, &a, e);
	acme_account_free(&account);
	acme_talk_free(t);
	return rc == -1 ? -1 : 0;
}
