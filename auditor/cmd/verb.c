#include "auditor/cmd/verb.h"

#include <string.h>

/* "what: add, remove or list?" */
static int
ask(const struct cmd *cmd, const struct verb *v)
{
	struct buf	b = BUF_INIT;
	size_t		i;
	int		rc;

	for (i = 0; v[i].name != NULL; i++)
		buf_fmt(&b, "%s%s", i == 0 ? "" : v[i + 1].name == NULL ?
		    " or " : ", ", v[i].name);
	rc = cmd_usage(cmd, "what: %s?", buf_text(&b));
	buf_free(&b);
	return rc;
}

int
verb_run(const struct cmd *cmd, const struct verb *v, struct cmd_ctx *ctx,
    int argc, char **argv)
{
	if (argc < 2)
		return ask(cmd, v);
	for (; v->name != NULL; v++)
		if (strcmp(argv[1], v->name) == 0)
			return v->run(ctx, argc - 1, argv + 1);
	return cmd_usage(cmd, "there is no %s %s", cmd->name, argv[1]);
}
