#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/supervise.h"
#include "auditor/role/engine_role.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/limit.h"

/* So that NAME:SLOT is one line and no more. */
#define NAME_MAX_LEN	63

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_worker = {
	.name = "worker",
	.args = "[--roles R] [--name N] [--workers N] | list",
	.brief = "do work of a database that others share; who does",
	.help =
	    "  certvigil worker               follow logs, audit\n"
	    "  certvigil worker --roles notify,sign\n"
	    "                                 deliver; order and renew\n"
	    "  certvigil worker list          who works, and since when\n"
	    "  certvigil worker list --json   one line a worker\n\n"
	    "Roles: ingest (log lists, logs, history), audit (certificates,\n"
	    "revocation, endpoints), notify (deliveries of the channels whose\n"
	    "secrets can be read here), sign (certificates whose keys lie\n"
	    "here).  Without --roles: ingest,audit.\n"
	    "It never migrates, and puts nothing of its configuration into the\n"
	    "database: `certvigil run` and `config apply` do.\n"
	    "--name: instead of the host's, for hosts that have the same.\n",
	.run = run,
	.keep_user = 1
};

static const char sql[] =
    "select id, host, pid, version, schema_version, roles, started_at,"
    " last_seen, last_seen > now() - greatest($1, lease_s) *"
    " interval '1 second', (select count(*) from work where"
    " holder = worker.id and lease_until > now()),"
    " extract(epoch from now() - last_seen)::bigint, state, note"
    " from worker where last_seen > now() - interval '1 day'"
    " order by host, id";

/* alive, waiting or dead */
static const char *
state_of(const struct db_res *r, size_t i)
{
	if (!db_bool(r, i, 8))
		return "dead";
	return strcmp(db_text(r, i, 11), "waiting") == 0 ? "waiting" :
	    "alive";
}

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
	    " s:I, s:s, s:s?}", "id", db_text(r, i, 0), "host", db_text(r, i, 1), "pid",
	    (json_int_t)db_int(r, i, 2), "version", db_text(r, i, 3),
	    "schema_version", (json_int_t)db_int(r, i, 4), "roles", roles,
	    "started_at", clk_text(db_time(r, i, 6), started), "last_seen",
	    clk_text(db_time(r, i, 7), seen), "alive", db_bool(r, i, 8),
	    "leases", (json_int_t)db_int(r, i, 9), "state", state_of(r, i),
	    "note", db_null(r, i, 12) ? NULL : db_text(r, i, 12)));
}

static void
print_text(const struct db_res *r, size_t i)
{
	struct buf	  roles = BUF_INIT;
	char		**v, *id = cmd_clean(db_text(r, i, 0)), *host;
	size_t		  n, k;

	v = db_strv(r, i, 5, &n);
	for (k = 0; k < n; k++)
		buf_fmt(&roles, "%s%s", k == 0 ? "" : ",", v[k]);
	/* its name is that of the host, unless --name gave it another */
	host = cmd_clean(db_text(r, i, 1));
	n = strlen(host);
	if (strncmp(id, host, n) != 0 || id[n] != ':')
		buf_fmt(&roles, ", on %s", host);
	free(host);
	(void)printf("%-24s pid %-8" PRId64 " %-8s schema %-3" PRId64
	    " %-7s seen %" PRId64 "s ago, %" PRId64 " leases, %s\n", id,
	    db_int(r, i, 2), db_text(r, i, 3), db_int(r, i, 4),
	    state_of(r, i), db_int(r, i, 10), db_int(r, i, 9),
	    buf_text(&roles));
	if (!db_null(r, i, 12)) {
		free(id);
		id = cmd_clean(db_text(r, i, 12));
		(void)printf("    %s\n", id);
	}
	free(v);
	free(id);
	buf_free(&roles);
}

static int
list(struct cmd_ctx *ctx)
{
	struct db_res	*r;
	struct err	 e = ERR_INIT;
	size_t		 i;

	if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    db_query(ctx->db, &r, &e, sql, "i",
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

static int
name_check(const char *name, struct err *e)
{
	size_t	i;

	for (i = 0; name[i] != '\0'; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("-._", name[i]) == NULL)
			break;
	if (i > 0 && i <= NAME_MAX_LEN && name[i] == '\0')
		return 0;
	return err_set(e, ERR_USAGE, "--name takes 1 to %d letters, digits, "
	    "'-', '.' and '_'", NAME_MAX_LEN);
}

static int
work(struct cmd_ctx *ctx, struct supervise *o, const char *roles, size_t n,
    const char *workers)
{
	struct err	e = ERR_INIT;
	int		rc;

	if (n != 0)
		return cmd_usage(&cmd_worker, "what is it to do? `list`, or "
		    "nothing but options");
	if (engine_role_read(roles, &o->roles, &e) == -1 ||
	    (o->name != NULL && name_check(o->name, &e) == -1))
		return cmd_usage(&cmd_worker, "%s", e.msg);
	if ((rc = supervise_workers(&cmd_worker, ctx, workers,
	    &o->workers)) != 0)
		return rc;
	if (strcmp(ctx->conf->database, "embedded") == 0) {
		(void)err_set(&e, ERR_CONF, "database: embedded cannot be "
		    "shared: a worker needs the connection string of a "
		    "server that the others reach (certvigil db move takes "
		    "an embedded one there)");
		return cmd_fail(&e);
	}
	return supervise(ctx, o);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct supervise	 o = { .sync = 0 };
	const char		*roles = "ingest,audit", *n = NULL;
	const struct opt	 opts[] = {
		{ "--roles", NULL, &roles, NULL },
		{ "--name", NULL, &o.name, NULL },
		{ "--workers", NULL, &n, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	int			 rc;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(ctx);
	rc = opt_parse(&cmd_worker, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0)
		rc = work(ctx, &o, roles, rest.n, n);
	free(rest.v);
	return rc;
}
