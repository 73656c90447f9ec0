#include "auditor/cmd/respond.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_preflight.h"
#include "base/mem.h"

/* Could the CA be convinced?  The pre-flight of an order, without its budget:
   no certificate is ordered. */

static void
put(json_t *out, const struct acme_check *k)
{
	char	*s = cmd_clean(k->sentence);

	json_array_append_new(out, json_pack("{ss ss ss ss}", "says",
	    acme_says_name(k->says), "what", k->what, "name", k->name,
	    "sentence", s));
	free(s);
}

int
respond_pre(struct cmd_ctx *ctx, struct respond *c,
    const struct directory *d, struct acme_place *place, struct err *e)
{
	struct acme_preflight		*p = acme_preflight_new(ctx->conf, e);
	struct acme_preflight_ask	 a;
	struct acme_checks		 k = { NULL, 0, 0 };
	const char			**v;
	size_t				 i;
	int				 rc;

	if (p == NULL)
		return -1;
	v = mem_array(c->names.n + 1, sizeof(*v));
	memset(&a, 0, sizeof(a));
	a.dir = d;
	a.directory = acme_talk_directory(ctx->conf);
	a.account = &c->account;
	a.place = place;
	a.type = c->type;
	a.ntypes = c->ntypes;
	for (i = 0; i < c->names.n; i++)
		if (c->name[i].watched && c->name[i].how != 0)
			v[a.names.n++] = c->names.v[i];
	a.names.v = v;
	rc = a.names.n == 0 ? 0 : acme_preflight_run(p, &a, &k, e);
	for (i = 0; i < k.n && rc == 0; i++)
		put(c->checks, &k.v[i]);
	acme_checks_free(&k);
	acme_preflight_free(p);
	free(v);
	return rc;
}
