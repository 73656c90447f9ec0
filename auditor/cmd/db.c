#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/dbmove.h"
#include "auditor/cmd/dbplace.h"
#include "auditor/cmd/dbretain.h"
#include "auditor/cmd/dbstatus.h"
#include "auditor/db/dump.h"
#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"
#include "base/mem.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_db_command = {
	.name = "db",
	.args = "url | psql [ARG...] | status | migrate [--plan] | "
	    "backup FILE | restore FILE [--replace] [--hold-deliveries] | "
	    "move URL [--replace] | retention [--dry-run]",
	.brief = "the database: where it is, its schema, backup, another server",
	.help =
	    "  certvigil db status                 version, schema, sizes\n"
	    "  certvigil db psql                   look into it\n"
	    "  psql \"$(certvigil db url)\"          the same, beside `run`\n"
	    "  certvigil db migrate --plan         what would be applied\n"
	    "  certvigil db backup cv.dump         pg_dump, custom format\n"
	    "  certvigil db restore cv.dump --hold-deliveries\n"
	    "                                      all or nothing; what was\n"
	    "                                      pending is not sent\n"
	    "  certvigil db move \"host=db.corp.example dbname=certvigil\"\n"
	    "                                      everything goes there; says\n"
	    "                                      what to write into the\n"
	    "                                      configuration\n"
	    "  certvigil db retention --dry-run    what is dropped next\n"
	    "\n"
	    "A backup leaves out the keys and secrets in the state directory\n"
	    "and the configuration.  A restore wants an empty database, or\n"
	    "--replace, and no worker alive.\n",
	.run = run
};

/* --- url, psql ------------------------------------------------------------ */

static int
url(struct cmd_ctx *ctx)
{
	struct dbplace	p = { NULL, NULL, NULL };
	struct err	e = ERR_INIT;

	if (dbplace_open(ctx, &p, &e) == -1)
		return cmd_fail(&e);
	if (ctx->embed != NULL && embed_owner(ctx->embed) && !ctx->quiet)
		(void)fprintf(stderr, "certvigil: the embedded database does "
		    "not run: this works while `certvigil run` does; "
		    "`certvigil db psql` always\n");
	if (ctx->json)
		cmd_json(json_pack("{s:s}", "url", p.conninfo));
	else
		(void)printf("%s\n", p.conninfo);
	return 0;
}

static int
psql(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct dbplace		 p = { NULL, NULL, NULL };
	struct dump_opts	 o;
	struct err		 e = ERR_INIT;
	int			 st = -1;

	/* behind it stands what is psql's, not ours */
	if (argc > 0 && strcmp(argv[0], "--") == 0) {
		argc--;
		argv++;
	}
	if (dbplace_tools(ctx, &p, &e) == 0) {
		o = dbplace_opts(&p);
		/* Ours would only lie idle. */
		db_close(ctx->db);
		ctx->db = NULL;
		st = dump_psql(&o, argv, argc, &e);
	}
	dbplace_free(&p);
	return st == -1 ? cmd_fail(&e) : st;
}

/* --- migrate, backup, restore --------------------------------------------- */

static int
migrate(struct cmd_ctx *ctx, int plan)
{
	struct dbplace	 p = { NULL, NULL, NULL };
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	int		 rc = 0;

	if (dbplace_open(ctx, &p, &e) == -1 ||
	    migrate_up(ctx->db, plan, &b, &e) == -1)
		rc = cmd_fail(&e);
	(void)fputs(buf_text(&b), stdout);
	if (rc == 0 && b.n == 0 && !ctx->quiet)
		(void)fprintf(stderr, "certvigil: the schema is the newest "
		    "one (%d)\n", migrate_newest());
	buf_free(&b);
	return rc;
}

static int
backup(struct cmd_ctx *ctx, const char *file)
{
	struct dbplace		 p = { NULL, NULL, NULL };
	struct dump_opts	 o;
	struct stat		 st;
	struct err		 e = ERR_INIT;
	int			 rc = 0, have;

	memset(&st, 0, sizeof(st));
	if (dbplace_tools(ctx, &p, &e) == -1 || dbplace_direct(ctx->db, &e) == -1 ||
	    migrate_have(ctx->db, &have, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	o = dbplace_opts(&p);
	if (dump_write(&o, file, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	(void)stat(file, &st);
	if (ctx->json)
		cmd_json(json_pack("{s:s, s:I, s:i}", "file", file, "bytes",
		    (json_int_t)st.st_size, "schema", have));
	else
		(void)printf("%s: %lld bytes, schema %d\n", file,
		    (long long)st.st_size, have);
	if (!ctx->quiet)
		(void)fprintf(stderr, "certvigil: not in it: the keys and "
		    "secrets in %s, the configuration, and the server's own "
		    "settings and roles: keep copies of those yourself\n",
		    ctx->conf->state_dir);
out:
	dbplace_free(&p);
	return rc;
}

/* Behind a restore: the chain of the audit trail, and a row in it. */
static int
restored(struct cmd_ctx *ctx, const char *file, const struct dump_opts *o)
{
	struct err	e = ERR_INIT;
	int64_t		bad;

	if (dump_audit(ctx->db, &bad, &e) == -1 ||
	    cmd_audit(ctx, "db.restore", json_pack("{s:s, s:b}", "file", file,
	    "hold_deliveries", o->hold), &e) == -1)
		return cmd_fail(&e);
	if (bad != 0) {
		(void)fprintf(stderr, "certvigil: restored, but the audit "
		    "trail of the backup is broken at row %" PRId64 ": "
		    "somebody changed it\n", bad);
		return 2;
	}
	if (ctx->json)
		cmd_json(json_pack("{s:s, s:b, s:b}", "file", file,
		    "audit_trail_ok", 1, "deliveries_held", o->hold));
	else
		(void)printf("%s: restored, the audit trail is whole, pending "
		    "deliveries %s\n", file,
		    o->hold ? "are held" : "will be sent");
	if (!ctx->quiet)
		(void)fprintf(stderr, "certvigil: logs are read again from "
		    "where the backup was made; what was found before gives "
		    "no second alert\n");
	return 0;
}

static int
restore(struct cmd_ctx *ctx, const char *file, int replace, int hold)
{
	struct dbplace		 p = { NULL, NULL, NULL };
	struct dump_opts	 o;
	struct err		 e = ERR_INIT;
	int			 rc;

	if (dbplace_tools(ctx, &p, &e) == -1 || dbplace_direct(ctx->db, &e) == -1) {
		rc = cmd_fail(&e);
	} else {
		o = dbplace_opts(&p);
		o.replace = replace;
		o.hold = hold;
		rc = dump_read(ctx->db, &o, file, &e) == -1 ? cmd_fail(&e) :
		    restored(ctx, file, &o);
	}
	dbplace_free(&p);
	return rc;
}

/* --- the command line ----------------------------------------------------- */

static int
run_restore(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char	*file = NULL;
	int		 i, replace = 0, hold = 0;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--replace") == 0)
			replace = 1;
		else if (strcmp(argv[i], "--hold-deliveries") == 0)
			hold = 1;
		else if (argv[i][0] == '-' || file != NULL)
			return cmd_usage(&cmd_db_command, "restore takes one "
			    "FILE, --replace and --hold-deliveries, not `%s`",
			    argv[i]);
		else
			file = argv[i];
	}
	if (file == NULL)
		return cmd_usage(&cmd_db_command, "restore needs a FILE that "
		    "`certvigil db backup` wrote");
	return restore(ctx, file, replace, hold);
}

static int
run_move(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char	*url = NULL;
	int		 i, replace = 0;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--replace") == 0)
			replace = 1;
		else if (argv[i][0] == '-' || url != NULL)
			return cmd_usage(&cmd_db_command, "move takes one "
			    "URL and --replace, not `%s`", argv[i]);
		else
			url = argv[i];
	}
	if (url == NULL)
		return cmd_usage(&cmd_db_command, "move needs the connection "
		    "string of the new database");
	return dbmove(ctx, url, replace);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char	*verb = argc > 1 ? argv[1] : "";
	int		 plan;

	if (strcmp(verb, "psql") == 0) {
		/* what stands behind "--" is all psql's */
		if (argc > 2 && strcmp(argv[2], "--") == 0) {
			argc--;
			argv++;
		}
		return psql(ctx, argc - 2, argv + 2);
	}
	if (strcmp(verb, "move") == 0)
		return run_move(ctx, argc - 2, argv + 2);
	if (strcmp(verb, "restore") == 0)
		return run_restore(ctx, argc - 2, argv + 2);
	if (strcmp(verb, "backup") == 0) {
		if (argc != 3 || argv[2][0] == '-')
			return cmd_usage(&cmd_db_command,
			    "backup takes one FILE");
		return backup(ctx, argv[2]);
	}
	if (strcmp(verb, "migrate") == 0) {
		plan = argc == 3 && strcmp(argv[2], "--plan") == 0;
		if (argc != 2 + plan)
			return cmd_usage(&cmd_db_command,
			    "migrate takes --plan only");
		return migrate(ctx, plan);
	}
	if (strcmp(verb, "retention") == 0) {
		plan = argc == 3 && strcmp(argv[2], "--dry-run") == 0;
		if (argc != 2 + plan)
			return cmd_usage(&cmd_db_command,
			    "retention takes --dry-run only");
		return dbretain(ctx, plan);
	}
	if (argc == 2 && strcmp(verb, "url") == 0)
		return url(ctx);
	if (argc == 2 && strcmp(verb, "status") == 0)
		return dbstatus(ctx);
	if (argc < 2)
		return cmd_usage(&cmd_db_command, "which of them?");
	return cmd_usage(&cmd_db_command, "`%s` is not known, or has one "
	    "argument too many", verb);
}
