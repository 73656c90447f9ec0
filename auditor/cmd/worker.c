#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/limit.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_worker = {
	.name = "worker",
	.args = "list",
	.brief = "the workers that share this database",
	.help =
	    "  certvigil worker list          who works, and since when\n"
	    "  certvigil worker list --json   one line a worker\n",
	.run = run
};

static const char sql[] =
    "select id, host, pid, version, schema_version, roles, started_at,"
    " last_seen, last_seen > now() - $1 * interval '1 second',"
    " (select count(*) from work where holder = worker.id and"
    " lease_until > now()), extract(epoch from now() - last_seen)::bigint"
    " from worker order by host, id";

static void
print_json(const struct db_res *r, size_t i)
{
	json_t	 *roles = json_array();
	char	**v, started[CLK_TEXT], seen[CLK_TEXT];
	size_t	  n, k;

	v = db_strv(r, i, 5, &n);
	for (k = 0; k < n; k++)
		(void)json_array_append_new(roles, json_string(v[k]));
	free(v);
	cmd_json(json_pack("{s:s, s:s, s:I, s:s, s:I, s:o, s:s, s:s, s:b,"
	    " s:I}", "id", db_text(r, i, 0), "host", db_text(r, i, 1), "pid",
	    (json_int_t)db_int(r, i, 2), "version", db_text(r, i, 3),
	    "schema_version", (json_int_t)db_int(r, i, 4), "roles", roles,
	    "started_at", clk_text(db_time(r, i, 6), started), "last_seen",
	    clk_text(db_time(r, i, 7), seen), "alive", db_bool(r, i, 8),
	    "leases", (json_int_t)db_int(r, i, 9)));
}

static void
print_text(const struct db_res *r, size_t i)
{
	struct buf	  roles = BUF_INIT;
	char		**v, *id = cmd_clean(db_text(r, i, 0));
	size_t		  n, k;

	v = db_strv(r, i, 5, &n);
	for (k = 0; k < n; k++)
		buf_fmt(&roles, "%s%s", k == 0 ? "" : ",", v[k]);
	(void)printf("%-24s pid %-8" PRId64 " %-8s schema %-3" PRId64
	    " %-6s seen %" PRId64 "s ago, %" PRId64 " leases, %s\n", id,
	    db_int(r, i, 2), db_text(r, i, 3), db_int(r, i, 4),
	    db_bool(r, i, 8) ? "alive" : "dead", db_int(r, i, 10),
	    db_int(r, i, 9), buf_text(&roles));
	free(v);
	free(id);
	buf_free(&roles);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct db_res	*r;
	struct err	 e = ERR_INIT;
	size_t		 i;

	if (argc != 2 || strcmp(argv[1], "list") != 0)
		return cmd_usage(&cmd_worker, argc < 2 ? "which of them?" :
		    "`%s` is not known, or has an argument too many",
		    argc < 2 ? "" : argv[1]);
	if (cmd_db(ctx, &e) == -1 || db_query(ctx->db, &r, &e, sql, "i",
	    (int64_t)LIMIT_WORKER_ALIVE) == -1)
		return cmd_fail(&e);
	for (i = 0; i < db_rows(r); i++) {
		if (ctx->json)
			print_json(r, i);
		else
			print_text(r, i);
	}
	if (db_rows(r) == 0 && !ctx->json && !ctx->quiet)
		(void)fprintf(stderr, "certvigil: no worker has entered "
		    "itself: `certvigil run` starts some\n");
	db_free(r);
	return 0;
}
