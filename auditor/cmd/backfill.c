#include "auditor/cmd/backfill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/back_store.h"
#include "base/clk.h"
#include "base/limit.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_backfill = {
	.name = "backfill",
	.args = "--log NAME|ID|all [--since DATE] [--not-after DATE] "
	    "[--range A-B] [--again] [--step N] [--no-wait] | list [--all] | "
	    "cancel ID",
	.brief = "read the history of logs, proven as everything is",
	.help = "  certvigil backfill --log all --since 2026-01-01\n"
	    "  certvigil backfill --log argon2026h2 --range 0-1000000\n"
	    "  certvigil backfill --log all --not-after 2026-12-01 --again\n"
	    "  certvigil backfill list\n"
	    "  certvigil backfill cancel 7\n\n"
	    "What lies before the place where a log began to be followed is\n"
	    "read by the daemon, or by this command when none runs, whenever\n"
	    "the heads leave it time.  Ctrl-C loses nothing: the same command\n"
	    "goes on.  --since begins at the first entry that may be of that\n"
	    "day; --not-after leaves out shards of certificates that expire\n"
	    "by then; --again reads what was verified once more, for watches\n"
	    "that came later.  What it finds is listed by certvigil baseline.\n"
	    "Exit 0: all is read; 1: something could not be; 2: a log failed\n"
	    "its proof; 75: a signal ended it, or no log was read yet.\n",
	.run = run,
};

/* A-B, the entries from A on and below B. */
static int
range(const char *text, struct backfill_ask *a, struct err *e)
{
	unsigned long long	from, to;
	int			end = 0;

	if (sscanf(text, "%20llu-%20llu%n", &from, &to, &end) != 2 ||
	    text[end] != '\0' || text[0] == '-' || from >= to ||
	    to > INT64_MAX)
		return err_set(e, ERR_USAGE, "--range %.60s is no range: "
		    "0-1000 are the first thousand entries", text);
	a->from = (int64_t)from;
	a->to = (int64_t)to;
	return 0;
}

static int
since(const char *text, struct backfill_ask *a, struct err *e)
{
	if (opt_moment("--since", text, 0, &a->since, e) == -1)
		return -1;
	if (a->since > clk_wall())
		return err_set(e, ERR_USAGE, "--since %.40s is in the future: "
		    "there is no history after now", text);
	return 0;
}

static int
step(const char *text, struct backfill_ask *a, struct err *e)
{
	char	*end;
	long	 n = strtol(text, &end, 10);

	if (*end != '\0' || n < LIMIT_BACK_STEP_MIN ||
	    n > LIMIT_BACK_STEP_MAX || n % 256 != 0)
		return err_set(e, ERR_USAGE, "--step takes multiples of 256 "
		    "from %d to %d", LIMIT_BACK_STEP_MIN,
		    LIMIT_BACK_STEP_MAX);
	a->step = n;
	return 0;
}

static int
add(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct backfill_ask	 a = { .since = INT64_MIN,
	    .not_after = INT64_MIN, .from = -1, .to = -1,
	    .step = LIMIT_BACK_RANGE };
	struct backfill_ids	 ids = { { NULL, 0, 0 }, 0, 0 };
	const char		*s = NULL, *na = NULL, *ab = NULL, *n = NULL;
	int			 no_wait = 0, rc;
	const struct opt	 opts[] = {
		{ "--log", NULL, &a.log, NULL },
		{ "--since", NULL, &s, NULL },
		{ "--not-after", NULL, &na, NULL },
		{ "--range", NULL, &ab, NULL },
		{ "--step", NULL, &n, NULL },
		{ "--again", &a.again, NULL, NULL },
		{ "--no-wait", &no_wait, NULL, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;

	rc = opt_parse(&cmd_backfill, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && rest.n != 0)
		rc = cmd_usage(&cmd_backfill, "unexpected argument `%s`",
		    rest.v[0]);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (a.log == NULL)
		return cmd_usage(&cmd_backfill, "which log?  --log NAME, or "
		    "--log all");
	if (ab != NULL && (s != NULL || strcmp(a.log, "all") == 0))
		return cmd_usage(&cmd_backfill, "--range is of one log, and "
		    "without --since");
	if ((s != NULL && since(s, &a, &e) == -1) ||
	    (ab != NULL && range(ab, &a, &e) == -1) ||
	    (n != NULL && step(n, &a, &e) == -1) ||
	    (na != NULL &&
	    opt_moment("--not-after", na, 1, &a.not_after, &e) == -1) ||
	    backfill_enter(ctx, &a, &ids, &e) == -1)
		rc = cmd_fail(&e);
	else
		rc = no_wait ? backfill_entered(ctx, &ids) :
		    backfill_follow(ctx, &ids);
	free(ids.open.v);
	return rc;
}

static void
row(struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int	 width[] = { 6, 34, 24, 24, 10, 20 };
	const char		*cols[6];
	char			 id[24], part[48], done[48], at[CLK_TEXT];

	if (ctx->json) {
		cmd_json(backfill_json(r, i));
		return;
	}
	(void)snprintf(id, sizeof(id), "%" PRId64, db_int(r, i, BACK_ID));
	if (db_null(r, i, BACK_FROM))
		(void)snprintf(part, sizeof(part), "? - %" PRId64,
		    db_int(r, i, BACK_TO));
	else
		(void)snprintf(part, sizeof(part), "%" PRId64 " - %" PRId64,
		    db_int(r, i, BACK_FROM), db_int(r, i, BACK_TO));
	(void)snprintf(done, sizeof(done), "%" PRId64 " of %" PRId64,
	    db_int(r, i, BACK_READ), db_int(r, i, BACK_ENTRIES));
	cols[0] = id;
	cols[1] = db_text(r, i, BACK_LOG);
	cols[2] = part;
	cols[3] = done;
	cols[4] = db_text(r, i, BACK_STATE);
	cols[5] = !db_null(r, i, BACK_ERROR) ? db_text(r, i, BACK_ERROR) :
	    clk_text(db_time(r, i, BACK_ADDED), at);
	opt_row(cols, width, 6);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const int	 width[] = { 6, 34, 24, 24, 10, 20 };
	static const char *const head[] = { "ID", "LOG", "ENTRIES", "READ",
	    "STATE", "ADDED, OR LAST ERROR" };
	int			 all = 0, rc;
	struct db_res		*r = NULL;
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	const struct opt	 opts[] = { { "--all", &all, NULL, NULL } };
	size_t			 i;

	rc = opt_parse(&cmd_backfill, opts, 1, argc, argv, &rest);
	if (rc == 0 && rest.n != 0)
		rc = cmd_usage(&cmd_backfill, "list takes no %s", rest.v[0]);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (cmd_db(ctx, &e) == -1 || back_list(ctx->db, all ?
	    BACK_LIST_OVER | BACK_LIST_MATCHES : 0, &r, &e) == -1)
		return cmd_fail(&e);
	if (!ctx->json && !ctx->quiet && db_rows(r) != 0)
		opt_row(head, width, 6);
	else if (!ctx->json && !ctx->quiet)
		(void)fprintf(stderr, "No history is being read%s.\n", all ?
		    ", nor was any" : "; --all lists what was");
	for (i = 0; i < db_rows(r); i++)
		row(ctx, r, i);
	db_free(r);
	return 0;
}

static int
cancel(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	e = ERR_INIT;
	char		*end = NULL;
	int64_t		id = argc == 2 ? strtoll(argv[1], &end, 10) : 0;

	if (argc != 2 || *end != '\0' || id <= 0)
		return cmd_usage(&cmd_backfill, "cancel needs an ID of "
		    "backfill list");
	if (cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1)
		return cmd_fail(&e);
	if (back_cancel(ctx->db, id, &e) == -1 ||
	    cmd_audit(ctx, "backfill.cancel", json_pack("{sI}", "id",
	    (json_int_t)id), &e) == -1 || db_commit(ctx->db, &e) == -1) {
		db_rollback(ctx->db);
		return cmd_fail(&e);
	}
	cmd_hint(ctx);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "list", list },
		{ "cancel", cancel },
		{ NULL, NULL },
	};

	if (argc > 1 && argv[1][0] != '-')
		return verb_run(&cmd_backfill, verbs, ctx, argc, argv);
	return add(ctx, argc, argv);
}
