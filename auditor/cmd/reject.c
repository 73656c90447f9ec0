#include "auditor/cmd/state.h"

extern const struct cmd cmd_reject;

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	return state_run(&cmd_reject, ctx, "rejected", argc, argv);
}

const struct cmd cmd_reject = {
	.name = "reject",
	.args = "ID... [--reason TEXT]",
	.brief = "a finding is right: the certificate is rogue",
	.help = "  certvigil reject 12 --reason \"nobody here ordered it\"\n\n"
	    "The finding stays open until its revocation is seen or "
	    "somebody resolves it.\n",
	.run = run,
};
