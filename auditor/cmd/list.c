#include "auditor/cmd/list.h"

#include <stdlib.h>

#include "auditor/cmd/opt.h"

int
list_run(struct cmd_ctx *ctx, const struct list *l, int argc, char **argv)
{
	int			 all = 0, rc;
	struct db_res		*r = NULL;
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	const struct opt	 opts[] = { { l->flag, &all, NULL, NULL } };
	size_t			 i;

	if ((rc = opt_parse(l->cmd, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 0)
		rc = cmd_usage(l->cmd, "list takes only %s", l->flag);
	else if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    l->read(ctx->db, all, &r, &e) == -1)
		rc = cmd_fail(&e);
	for (i = 0; r != NULL && i < db_rows(r); i++)
		l->print(ctx, r, i);
out:
	db_free(r);
	free(rest.v);
	return rc;
}
