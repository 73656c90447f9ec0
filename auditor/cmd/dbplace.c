#include "auditor/cmd/dbplace.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/embed.h"
#include "auditor/db/embed_place.h"
#include "base/mem.h"

/* How long we wait for an embedded server that starts or stops, seconds. */
#define WAIT_S	30

int
dbplace_open(struct cmd_ctx *ctx, struct dbplace *p, struct err *e)
{
	p->conninfo = ctx->conf->database;
	if (strcmp(p->conninfo, "embedded") == 0) {
		ctx->embed = embed_start(ctx->conf->state_dir, WAIT_S, e);
		if (ctx->embed == NULL)
			return -1;
		p->conninfo = embed_conninfo(ctx->embed);
	}
	ctx->db = db_open(p->conninfo, e);
	return ctx->db == NULL ? -1 : 0;
}

int
dbplace_direct(struct db *db, struct err *e)
{
	int	pooled;

	if (db_pooled(db, &pooled, e) == -1)
		return -1;
	return !pooled ? 0 : err_set(e, ERR_CONF, "this goes through a pooler "
	    "(pgbouncer), which would give the settings of pg_dump and "
	    "pg_restore to everybody: use a configuration whose `database:` "
	    "is the server itself");
}

int
dbplace_tools(struct cmd_ctx *ctx, struct dbplace *p, struct err *e)
{
	struct db_res	*r;

	if (dbplace_open(ctx, p, e) == -1 || db_query(ctx->db, &r, e,
	    "select current_schema(), current_setting('server_version_num')"
	    "::int / 10000", "") == -1)
		return -1;
	if (db_null(r, 0, 0)) {
		db_free(r);
		return err_set(e, ERR_CONF, "the search_path of this "
		    "connection has no schema that exists: create one");
	}
	p->schema = mem_str(db_text(r, 0, 0));
	p->bindir = embed_place_clients((int)db_int(r, 0, 1), e);
	db_free(r);
	return p->bindir == NULL ? -1 : 0;
}

struct dump_opts
dbplace_opts(const struct dbplace *p)
{
	struct dump_opts	o = { p->conninfo, p->bindir, p->schema, 0, 0,
	    NULL };

	return o;
}

void
dbplace_free(struct dbplace *p)
{
	free(p->bindir);
	free(p->schema);
}
