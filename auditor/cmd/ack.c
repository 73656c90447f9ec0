#include "auditor/cmd/state.h"

extern const struct cmd cmd_ack;

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	return state_run(&cmd_ack, ctx, "acked", argc, argv);
}

const struct cmd cmd_ack = {
	.name = "ack",
	.args = "ID... [--reason TEXT]",
	.brief = "somebody is looking at a finding",
	.help = "  certvigil ack 12\n\n"
	    "Changes nothing else: no key is trusted, nothing is silenced.  "
	    "PagerDuty\nincidents of the finding are acknowledged.\n",
	.run = run,
};
