#include "auditor/cmd/dbstatus.h"

#include <inttypes.h>
#include <stdio.h>

#include "auditor/cmd/dbplace.h"
#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"

static const char status_sql[] =
    "select current_setting('server_version'), pg_database_size("
    "current_database()), current_database(), current_schema()";

/* Partitions count for their table. */
static const char tables_sql[] =
    "select coalesce(pg_partition_root(oid)::regclass, oid::regclass)::text,"
    " sum(pg_total_relation_size(oid))::bigint,"
    " sum(greatest(reltuples, 0))::bigint from pg_class where relkind = 'r'"
    " and relnamespace = to_regnamespace(quote_ident(current_schema()))"
    " group by 1 order by 2 desc, 1";

static const char *
mode(const struct cmd_ctx *ctx)
{
	return ctx->embed != NULL ? "embedded" : "server";
}

/* Does it run without us? */
static int
running(const struct cmd_ctx *ctx)
{
	return ctx->embed == NULL || !embed_owner(ctx->embed);
}

static void
status_json(const struct cmd_ctx *ctx, const struct db_res *s,
    const struct db_res *t, int have, int pooled)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < db_rows(t); i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:I, s:I}",
		    "name", db_text(t, i, 0), "bytes",
		    (json_int_t)db_int(t, i, 1), "rows_estimate",
		    (json_int_t)db_int(t, i, 2)));
	cmd_json(json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:i, s:i, s:I,"
	    " s:o}", "mode", mode(ctx), "running", running(ctx), "pooled",
	    pooled, "server_version", db_text(s, 0, 0), "database", db_text(s, 0, 2),
	    "schema_name", db_text(s, 0, 3), "schema", have,
	    "schema_newest", migrate_newest(), "bytes",
	    (json_int_t)db_int(s, 0, 1), "tables", list));
}

static void
status_text(const struct cmd_ctx *ctx, const struct db_res *s,
    const struct db_res *t, int have, int pooled)
{
	size_t	i;

	(void)printf("%s, PostgreSQL %s, %s%s\n", mode(ctx),
	    db_text(s, 0, 0), running(ctx) ? "running" :
	    "not running (started for this command)",
	    pooled ? ", through a pooler" : "");
	(void)printf("database %s, schema %d of %d%s, %" PRId64 " bytes\n",
	    db_text(s, 0, 2), have, migrate_newest(), have < migrate_newest()
	    ? " (`certvigil db migrate` applies the rest)" : "",
	    db_int(s, 0, 1));
	for (i = 0; i < db_rows(t); i++)
		(void)printf("  %-24s %14" PRId64 " bytes  about %" PRId64
		    " rows\n", db_text(t, i, 0), db_int(t, i, 1),
		    db_int(t, i, 2));
}

int
dbstatus(struct cmd_ctx *ctx)
{
	struct dbplace	 p = { NULL, NULL, NULL };
	struct db_res	*s = NULL, *t = NULL;
	struct err	 e = ERR_INIT;
	int		 have, pooled, rc = 0;

	if (dbplace_open(ctx, &p, &e) == -1 ||
	    migrate_have(ctx->db, &have, &e) == -1 ||
	    db_pooled(ctx->db, &pooled, &e) == -1 ||
	    db_query(ctx->db, &s, &e, status_sql, "") == -1 ||
	    db_query(ctx->db, &t, &e, tables_sql, "") == -1)
		rc = cmd_fail(&e);
	else if (ctx->json)
		status_json(ctx, s, t, have, pooled);
	else
		status_text(ctx, s, t, have, pooled);
	db_free(t);
	db_free(s);
	return rc;
}
