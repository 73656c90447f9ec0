#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/renewal.h"

extern const struct cmd cmd_renew;

/* As root: ports first, then another user. */
static int
go(struct cmd_ctx *ctx, struct renewal *r, struct err *e)
{
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_place	*place;
	size_t			 n = acme_place_types(ctx->conf, NULL, type, e);
	int			 rc = -1;

	if (n == 0)
		return -1;
	place = acme_place_new(ctx->conf, type, n, e);
	if (place != NULL && cmd_become(ctx, e) == 0 && cmd_db(ctx, e) == 0)
		rc = renewal_run(ctx, place, r, e);
	acme_place_free(place);
	cmd_hint(ctx);
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
		rc = r.failed != 0 || r.hooks != 0 ? 1 : 0;
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
	    "is run again then.\n",
	.run = run,
	.keep_user = 1
};
