#include "auditor/cmd/run.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/opt.h"
#include "auditor/cmd/supervise.h"
#include "auditor/role/engine.h"
#include "auditor/role/engine_role.h"

int
run_once(struct cmd_ctx *ctx, int64_t deadline_s)
{
	const struct supervise	o = { .roles = ROLE_ALL, .sync = 1,
	    .once = ENGINE_ONCE, .workers = 1 };

	return supervise_inside(ctx, &o, deadline_s);
}

int
run_history(struct cmd_ctx *ctx, int (*tick)(void *), void *arg)
{
	const struct supervise	o = { .roles = ROLE_INGEST | ROLE_NOTIFY,
	    .sync = 1, .once = ENGINE_HISTORY, .workers = 1, .tick = tick,
	    .tick_arg = arg };

	return supervise_inside(ctx, &o, 0);
}

static int run_run(struct cmd_ctx *, int, char **);

const struct cmd cmd_run = {
	.name = "run",
	.args = "[--once] [--workers N]",
	.brief = "watch the logs: the daemon",
	.help = "  certvigil run              follow all logs, in the foreground\n"
	    "  certvigil run --once       read and prove every log up to its "
	    "present head, deliver, end\n"
	    "  certvigil run --workers 2  as many worker processes\n\n"
	    "Where acme.challenges is set, it renews what is managed, and\n"
	    "orders for issue and renew.\n"
	    "SIGHUP reads the configuration again, all or nothing.  SIGTERM\n"
	    "and SIGINT end in order; kill -9 loses nothing either.\n"
	    "Exit status of --once: 0 every log was read and proven, 1 one\n"
	    "could not be reached, 2 one failed its proof or signature.\n",
	.run = run_run,
	.keep_user = 1
};

static int
run_run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct supervise	 o = { .roles = ROLE_ALL, .sync = 1 };
	const char		*n = NULL;
	const struct opt	 opts[] = {
		{ "--once", &o.once, NULL, NULL },
		{ "--workers", NULL, &n, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	int			 rc;

	rc = opt_parse(&cmd_run, opts, sizeof(opts) / sizeof(opts[0]), argc,
	    argv, &rest);
	if (rc == 0 && rest.n != 0)
		rc = cmd_usage(&cmd_run, "unexpected argument `%s`",
		    rest.v[0]);
	free(rest.v);
	if (rc == 0)
		rc = supervise_workers(&cmd_run, ctx, n, &o.workers);
	if (rc != 0)
		return rc;
	if (o.once)
		o.workers = 1;
	return supervise(ctx, &o);
}
