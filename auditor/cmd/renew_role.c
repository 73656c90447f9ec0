#include "auditor/cmd/renewal.h"

#include <string.h>

#include "auditor/conf.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/engine.h"
#include "base/file.h"
#include "base/log.h"

/*
 * What `run` renews with, now and then: a process of its own, which talks to
 * the CA for as long as an order takes, while the engine goes on.  It has no
 * operator's authority: it orders, and can revoke nothing.
 */

#define BOSS_MS 10000

static int
hear(struct ipc *boss, struct cmd_ctx *ctx, struct err *e)
{
	struct engine_run	r;
	struct ipc_msg		m;
	size_t			i;

	if (ipc_recv(boss, &m, BOSS_MS, e) != 1 || m.type != ENGINE_RUN ||
	    engine_run_read(&m.body, &r) == -1)
		return err_set(e, ERR_SYS, "no word from the supervisor");
	for (i = 0; i < r.nfiles; i++)
		file_adopt(r.files[i], ENGINE_FILE_FD + (int)i);
	challenge_listen_adopted(r.nlisten, ENGINE_LISTEN_FD);
	ctx->conf = conf_load(r.config[0] != '\0' ? r.config : NULL, e);
	if (ctx->conf == NULL)
		return -1;
	ctx->db = db_open(r.conninfo, e);
	return ctx->db != NULL ? 0 : -1;
}

int
renew_main(void)
{
	struct cmd_ctx	 ctx;
	struct renewal	 r;
	struct ipc	*boss;
	struct err	 e = ERR_INIT;

	proc_enter("renew", 0);
	log_open("certvigil", LOG_INFO);
	memset(&ctx, 0, sizeof(ctx));
	memset(&r, 0, sizeof(r));
	ctx.quiet = 1;
	r.quiet = 1;
	boss = ipc_new(PROC_CHANNEL);
	if (hear(boss, &ctx, &e) == -1 ||
	    renewal_run(&ctx, NULL, &r, &e) == -1)
		log_error("acme", "%s", e.msg);
	db_close(ctx.db);
	conf_free(ctx.conf);
	ipc_free(boss);
	return e.code != ERR_NONE ? err_exit(e.code) : r.failed != 0 ||
	    r.hooks != 0;
}
