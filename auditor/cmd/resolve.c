#include "auditor/cmd/state.h"

extern const struct cmd cmd_resolve;

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	return state_run(&cmd_resolve, ctx, "resolved", argc, argv);
}

const struct cmd cmd_resolve = {
	.name = "resolve",
	.args = "ID... [--reason TEXT]",
	.brief = "the fault of a finding is gone",
	.help = "  certvigil resolve 12 --reason \"revoked by the CA\"\n\n"
	    "An unexpected certificate is resolved by persons only.  "
	    "Whoever heard that the\nfinding was opened hears of this.\n",
	.run = run,
};
