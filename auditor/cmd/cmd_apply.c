#include <stdio.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/channel.h"
#include "auditor/db/setting.h"
#include "auditor/db/source.h"
#include "auditor/db/watch_store.h"

/* Routes may name channels of the command line, but none that nobody has. */
static int
check_names(struct cmd_ctx *ctx, struct err *e)
{
	const struct conf_strs	*to = &ctx->conf->digest_to,
				*send = &ctx->conf->audit_send;
	struct db_strs		 digest = { (const char *const *)to->v, to->n },
				 audit = { (const char *const *)send->v,
				    send->n };
	struct db_res		*r = NULL;
	const char		*name, *who;
	int			 rc = 0;

	if (db_query(ctx->db, &r, e, "select n.name, n.who from ("
	    "select unnest(channels) as name, 'routes' as who from route "
	    "union all select unnest($1::text[]), 'digest.to' "
	    "union all select unnest($2::text[]), 'audit.send') n "
	    "where not exists (select 1 from channel c where c.name = n.name) "
	    "limit 1", "aa", &digest, &audit) == -1)
		return -1;
	if (db_rows(r) > 0) {
		name = db_text(r, 0, 0);
		who = db_text(r, 0, 1);
		rc = err_set(e, ERR_CONF, "%s: there is no channel `%.64s`; "
		    "add it to channels, or: certvigil channel add %.64s",
		    who, name, name);
	}
	db_free(r);
	return rc;
}

void
cmd_uncovered(int64_t logs)
{
	(void)fprintf(stderr, "Not covered: everything before now in %lld "
	    "log%s; certvigil backfill --log all --again reads it, and "
	    "certvigil baseline list lists what that finds.\n",
	    (long long)logs, logs == 1 ? "" : "s");
}

int
cmd_apply(struct cmd_ctx *ctx, int dry, struct buf *diff, struct err *e)
{
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (watch_sync(ctx->db, ctx->conf, diff, e) == -1 ||
	    source_sync(ctx->db, ctx->conf, diff, e) == -1 ||
	    channel_sync(ctx->db, ctx->conf, diff, e) == -1 ||
	    route_sync(ctx->db, ctx->conf, diff, e) == -1 ||
	    setting_put(ctx->db, ctx->conf, diff, e) == -1 ||
	    check_names(ctx, e) == -1)
		goto err;
	if (dry) {
		db_rollback(ctx->db);
		return 0;
	}
	if (diff->n > 0 && cmd_audit(ctx, "config.apply", json_pack("{s:s*}",
	    "file", ctx->conf->path), e) == -1)
		goto err;
	return db_commit(ctx->db, e);
err:
	db_rollback(ctx->db);
	/* What the file names and nobody has is the file's fault. */
	if (e != NULL && e->code == ERR_NOENT)
		e->code = ERR_CONF;
	return -1;
}
