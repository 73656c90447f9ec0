#include "auditor/cmd/dbstatus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "auditor/cmd/dbplace.h"
#include "auditor/cmd/dbretain.h"
#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"
#include "auditor/db/move.h"
#include "auditor/db/row.h"
#include "base/clk.h"

/* A partition without rows has its indexes' first pages. */
#define EMPTY	65536

static const char status_sql[] =
    "select current_setting('server_version'), pg_database_size("
    "current_database()), current_database(), current_schema()";

/* Partitions count for their table; rows null: none was counted so far. */
static const char tables_sql[] =
    "select coalesce(pg_partition_root(oid)::regclass, oid::regclass)::text,"
    " sum(pg_total_relation_size(oid))::bigint,"
    " (sum(reltuples) filter (where reltuples >= 0))::bigint from pg_class where relkind = 'r'"
    " and relnamespace = to_regnamespace(quote_ident(current_schema()))"
    " group by 1 order by 2 desc, 1";

/* Partitions that have something in them. */
static int
has_rows(const struct db_res *p, size_t i)
{
	return db_int(p, i, 2) > EMPTY;
}

/* The rows of a table by its statistics, or that there are none yet. */
static const char *
counted(const struct db_res *r, size_t i, size_t col, char out[40])
{
	if (db_null(r, i, col))
		return "rows not counted yet";
	(void)snprintf(out, 40, "about %" PRId64 " rows", db_int(r, i, col));
	return out;
}

static json_t *
parts_json(const struct db_res *p)
{
	json_t	*list = json_array();
	char	 when[CLK_TEXT];
	size_t	 i;

	for (i = 0; p != NULL && i < db_rows(p); i++) {
		if (!has_rows(p, i) && !db_bool(p, i, 5))
			continue;
		(void)json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:I, s:o, s:s?}", "name", db_text(p, i, 0),
		    "table", db_text(p, i, 1), "bytes",
		    (json_int_t)db_int(p, i, 2), "rows_estimate",
		    row_int(p, i, 3), "dropped_at",
		    db_null(p, i, 4) ? NULL : clk_text(db_time(p, i, 4), when)));
	}
	return list;
}

static void
parts_text(const struct db_res *p)
{
	char	when[CLK_TEXT], rows[40];
	size_t	i;

	for (i = 0; p != NULL && i < db_rows(p); i++)
		if (has_rows(p, i))
			(void)printf("    %-22s %14" PRId64 " bytes  "
			    "%s%s%s\n", db_text(p, i, 0), db_int(p, i, 2),
			    counted(p, i, 3, rows),
			    db_null(p, i, 4) ? "" : ", dropped at ",
			    db_null(p, i, 4) ? "" : clk_text(db_time(p, i, 4),
			    when));
	if (p != NULL && db_rows(p) != 0 && !db_null(p, 0, 4))
		(void)printf("next drop: %s, %s (`certvigil db retention "
		    "--dry-run`)\n", db_text(p, 0, 0), db_bool(p, 0, 5) ?
		    "due" : clk_text(db_time(p, 0, 4), when));
}

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

/* What is shown. */
struct shown {
	struct db_res	*s, *t, *p;	/* server, tables, partitions or NULL */
	int		 have, pooled;
	enum move_state	 state;
	char		*peer;		/* where it was moved, or from; NULL */
	struct err	 mark;		/* what to do about that, or none */
};

static const char *
state_name(enum move_state s)
{
	return s == MOVE_MOVED ? "moved" : s == MOVE_INCOMING ? "incoming" :
	    NULL;
}

static void
status_json(const struct cmd_ctx *ctx, const struct shown *v)
{
	const struct db_res	*s = v->s, *t = v->t;
	json_t			*list = json_array();
	size_t			 i;

	for (i = 0; i < db_rows(t); i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:I, s:o}",
		    "name", db_text(t, i, 0), "bytes",
		    (json_int_t)db_int(t, i, 1), "rows_estimate",
		    row_int(t, i, 2)));
	cmd_json(json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:i, s:i, s:I,"
	    " s:s?, s:s?, s:o, s:o}", "mode", mode(ctx), "running", running(ctx),
	    "pooled", v->pooled, "server_version", db_text(s, 0, 0),
	    "database", db_text(s, 0, 2), "schema_name", db_text(s, 0, 3),
	    "schema", v->have, "schema_newest", migrate_newest(), "bytes",
	    (json_int_t)db_int(s, 0, 1), "move", state_name(v->state), "peer",
	    v->peer, "tables", list, "partitions",
	    parts_json(v->p)));
}

static void
status_text(const struct cmd_ctx *ctx, const struct shown *v)
{
	const struct db_res	*s = v->s, *t = v->t;
	size_t			 i;
	char			 rows[40];

	(void)printf("%s, PostgreSQL %s, %s%s\n", mode(ctx),
	    db_text(s, 0, 0), running(ctx) ? "running" :
	    "not running (started for this command)",
	    v->pooled ? ", through a pooler" : "");
	(void)printf("database %s, schema %d of %d%s, %" PRId64 " bytes\n",
	    db_text(s, 0, 2), v->have, migrate_newest(),
	    v->have < migrate_newest() ? " (`certvigil db migrate` applies "
	    "the rest)" : "", db_int(s, 0, 1));
	if (v->mark.code != ERR_NONE)
		(void)printf("%s\n", v->mark.msg);
	for (i = 0; i < db_rows(t); i++)
		(void)printf("  %-24s %14" PRId64 " bytes  %s\n",
		    db_text(t, i, 0), db_int(t, i, 1),
		    counted(t, i, 2, rows));
	parts_text(v->p);
}

int
dbstatus(struct cmd_ctx *ctx)
{
	struct retain	 keep = dbretain_conf(ctx, 1);
	struct dbplace	 p = { NULL, NULL, NULL };
	struct shown	 v = { .state = MOVE_NONE };
	struct err	 e = ERR_INIT;
	int		 rc = 0;

	if (dbplace_open(ctx, &p, &e) == -1 ||
	    migrate_have(ctx->db, &v.have, &e) == -1 ||
	    db_pooled(ctx->db, &v.pooled, &e) == -1 ||
	    move_state(ctx->db, &v.state, &v.peer, &e) == -1 ||
	    db_query(ctx->db, &v.s, &e, status_sql, "") == -1 ||
	    db_query(ctx->db, &v.t, &e, tables_sql, "") == -1 ||
	    (v.have == migrate_newest() &&
	    retain_list(ctx->db, &keep, &v.p, &e) == -1))
		rc = cmd_fail(&e);
	else if (ctx->json)
		status_json(ctx, &v);
	else {
		(void)move_check(ctx->db, &v.mark);
		status_text(ctx, &v);
	}
	free(v.peer);
	db_free(v.p);
	db_free(v.t);
	db_free(v.s);
	return rc;
}
