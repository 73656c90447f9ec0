#include <stdio.h>

#include <openssl/crypto.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/migrate.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_version = {
	.name = "version",
	.args = "",
	.brief = "say which version this is",
	.help = "  certvigil version\n  certvigil version --json\n",
	.no_conf = 1,
	.run = run
};

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	if (argc > 1)
		return cmd_usage(&cmd_version, "`%s` is too much", argv[1]);
	if (ctx->json)
		cmd_json(json_pack("{s:s, s:i, s:s}", "version",
		    CERTVIGIL_VERSION, "schema", migrate_newest(), "openssl",
		    OpenSSL_version(OPENSSL_VERSION)));
	else
		(void)printf("certvigil %s\n", CERTVIGIL_VERSION);
	return 0;
}
