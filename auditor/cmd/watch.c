#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/backfill.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/back_store.h"
#include "auditor/db/watch_store.h"
#include "base/clk.h"
#include "base/limit.h"

extern const struct cmd cmd_watch;

/* How far back, as it is typed: 0, or -1 ERR_USAGE. */
static int
how_far(const char *text, struct backfill_ask *a, struct err *e)
{
	struct err	sub = ERR_INIT;

	a->log = strcmp(text, "none") == 0 || text[0] == '\0' ? NULL : "all";
	if (a->log == NULL || strcmp(text, "all") == 0)
		return 0;
	if (opt_moment("--backfill", text, 0, &a->since, &sub) == -1)
		return err_set(e, ERR_USAGE, "`%.40s` is neither a date "
		    "(2026-01-01) nor all or none", text);
	if (a->since > clk_wall())
		return err_set(e, ERR_USAGE, "%.40s is in the future: there "
		    "is no history after now", text);
	return 0;
}

/* The same, of an option that may be missing. */
static int
option(const char *text, struct backfill_ask *a, struct err *e)
{
	if (text != NULL && how_far(text, a, e) == -1)
		return err_prefix(e, "--backfill");
	return 0;
}

/* Ask on a terminal; what is not understood is asked again. */
static void
prompt(struct backfill_ask *a)
{
	struct err	e = ERR_INIT;
	char		line[80];

	for (;;) {
		(void)fprintf(stderr, "Watched from now on.  How far back "
		    "are the logs read again for it?\n"
		    "A date (2026-01-01), all, or none [none]: ");
		if (fgets(line, sizeof(line), stdin) == NULL)
			line[0] = '\0';
		line[strcspn(line, "\r\n")] = '\0';
		if (how_far(line, a, &e) == 0)
			return;
		(void)fprintf(stderr, "%s\n", e.msg);
		err_clear(&e);
	}
}

/*
 * A watch was added: say what is not covered, and enter what is to be read
 * for it; ${given} is --backfill, or NULL.
 */
static int
history(struct cmd_ctx *ctx, const char *given, struct err *e)
{
	struct backfill_ask	a = { .since = INT64_MIN,
	    .not_after = INT64_MIN, .from = -1, .to = -1, .again = 1,
	    .step = LIMIT_BACK_RANGE };
	struct backfill_ids	ids = { { NULL, 0, 0 }, 0, 0 };
	int64_t			from, logs;
	char			when[CLK_TEXT];

	if (option(given, &a, e) == -1)
		return -1;
	if (back_covered(ctx->db, clk_wall(), &from, &logs, e) == -1)
		return -1;
	if (given == NULL && logs != 0 && !ctx->json && !ctx->quiet &&
	    isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		prompt(&a);
	if (a.log != NULL && logs != 0) {
		if (backfill_enter(ctx, &a, &ids, e) == -1)
			return -1;
		free(ids.open.v);
		if (!ctx->quiet)
			(void)fprintf(stderr, "%zu log%s will be read for "
			    "it, by the daemon or by certvigil backfill --log "
			    "all --again%s%s; certvigil backfill list shows "
			    "how far.\n", ids.logs, ids.logs == 1 ? "" : "s",
			    a.since != INT64_MIN ? " --since " : "",
			    a.since == INT64_MIN ? "" : clk_text(a.since,
			    when));
	} else if (!ctx->quiet && logs != 0)
		cmd_uncovered(logs);
	return 0;
}

static int
warn_policy(struct cmd_ctx *ctx, const char *policy, struct err *e)
{
	if (policy == NULL || conf_policy(ctx->conf, policy) != NULL)
		return 0;
	return err_set(e, ERR_USAGE, "the configuration has no policy %.80s",
	    policy);
}

static int
add(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct watch_new	w;
	const char		*back = NULL;
	struct opt_list		rest = { NULL, 0, 0 }, ex = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--owner", NULL, &w.owner, NULL },
		{ "--policy", NULL, &w.policy, NULL },
		{ "--exclude", NULL, NULL, &ex },
		{ "--backfill", NULL, &back, NULL },
	};
	struct backfill_ask	a = { .log = NULL };
	int			rc, k = 0;

	memset(&w, 0, sizeof(w));
	if ((rc = opt_parse(&cmd_watch, opts, 4, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 1) {
		rc = cmd_usage(&cmd_watch, "add needs one NAME");
		goto out;
	}
	w.name = rest.v[0];
	w.exclude = ex.v;
	w.nexclude = ex.n;
	if (warn_policy(ctx, w.policy, &e) == -1 ||
	    option(back, &a, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    (k = watch_add(ctx->db, &w, &e)) == -1 ||
	    cmd_audit(ctx, "watch.add", json_pack("{ss ss? ss?}", "name",
	    w.name, "owner", w.owner, "policy", w.policy), &e) == -1 ||
	    db_commit(ctx->db, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (k == 0)
		fprintf(stderr, "%s is watched already.\n", w.name);
	if ((k != 0 || back != NULL) && history(ctx, back, &e) == -1)
		rc = cmd_fail(&e);
out:
	free(rest.v);
	free(ex.v);
	return rc;
}

static int
remove_one(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*owner = NULL;
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	const struct opt	 opts[] = { { "--owner", NULL, &owner, NULL } };
	size_t			 i;
	int			 rc;

	if ((rc = opt_parse(&cmd_watch, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n == 0) {
		rc = cmd_usage(&cmd_watch, "remove needs a NAME");
		goto out;
	}
	if (cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1)
		goto bad;
	for (i = 0; i < rest.n; i++)
		if (watch_remove(ctx->db, rest.v[i], owner, &e) == -1 ||
		    cmd_audit(ctx, "watch.remove", json_pack("{ss ss?}",
		    "name", rest.v[i], "owner", owner), &e) == -1)
			goto bad;
	if (db_commit(ctx->db, &e) == -1)
		goto bad;
	cmd_hint(ctx);
	goto out;
bad:
	rc = cmd_fail(&e);
out:
	free(rest.v);
	return rc;
}

/* ${covered} INT64_MIN: from the beginning of the logs. */
static void
print_row(const struct cmd_ctx *ctx, const struct watch_row *w,
    int64_t covered)
{
	static const int width[] = { 32, 12, 12, 8 };
	const char	*cols[5];
	json_t		*ex;
	char		 at[CLK_TEXT], from[CLK_TEXT];
	size_t		 i;

	clk_text(w->added_at, at);
	if (ctx->json) {
		ex = json_array();
		for (i = 0; i < w->nexclude; i++)
			json_array_append_new(ex, json_string(w->exclude[i]));
		cmd_json(json_pack("{sI ss ss ss so ss ss ss?}", "id",
		    (json_int_t)w->id, "watch", w->pattern, "owner", w->owner,
		    "policy", w->policy, "exclude", ex, "origin", w->origin,
		    "added_at", at, "covered_from", covered == INT64_MIN ?
		    NULL : clk_text(covered, from)));
		return;
	}
	cols[0] = w->pattern;
	cols[1] = w->owner[0] != '\0' ? w->owner : "-";
	cols[2] = w->policy[0] != '\0' ? w->policy : "-";
	cols[3] = w->origin;
	cols[4] = at;
	opt_row(cols, width, 5);
}

/* The items of watch_file: counted, or each on a line. */
static int
print_file(struct cmd_ctx *ctx, int all, struct err *e)
{
	struct buf	 body = BUF_INIT;
	char		*p, *save = NULL, *shown;
	int64_t		 items;

	if (watch_file_newest(ctx->db, &items, all ? &body : NULL, e) == -1)
		return -1;
	if (!all && items > 0 && ctx->json)
		cmd_json(json_pack("{ss sI}", "origin", "file", "items",
		    (json_int_t)items));
	else if (!all && items > 0)
		printf("and %lld items of watch_file (--all lists them)\n",
		    (long long)items);
	for (p = body.n > 0 ? strtok_r((char *)body.p, "\n", &save) : NULL;
	    p != NULL; p = strtok_r(NULL, "\n", &save)) {
		if (ctx->json)
			cmd_json(json_pack("{ss ss}", "watch", p, "origin",
			    "file"));
		else {
			shown = cmd_clean(p);
			printf("%-32s  -             -             file\n",
			    shown);
			free(shown);
		}
	}
	buf_free(&body);
	return 0;
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	int			 all = 0, rc, known = 0;
	int64_t			 at = 0, covered = INT64_MIN, logs;
	struct watch_row	*v = NULL;
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	const struct opt	 opts[] = { { "--all", &all, NULL, NULL } };
	size_t			 i, n = 0;

	if ((rc = opt_parse(&cmd_watch, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 0) {
		rc = cmd_usage(&cmd_watch, "list takes no %s", rest.v[0]);
		goto out;
	}
	if (cmd_db(ctx, &e) == -1 || watch_list(ctx->db, &v, &n, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	for (i = 0; i < n; i++) {
		if (strcmp(v[i].origin, "file") == 0)
			continue;
		/* those of one import were added at one moment */
		if (ctx->json && (!known || at != v[i].added_at) &&
		    back_covered(ctx->db, at = v[i].added_at, &covered, &logs,
		    &e) == -1) {
			rc = cmd_fail(&e);
			goto out;
		}
		known = 1;
		print_row(ctx, &v[i], covered);
	}
	if (print_file(ctx, all, &e) == -1)
		rc = cmd_fail(&e);
out:
	watch_row_free(v, n);
	free(v);
	free(rest.v);
	return rc;
}

/* Add each line; the number of new ones, or -1. */
static long
add_lines(struct cmd_ctx *ctx, const struct watch_new *like, char *text,
    const char *where, struct err *e)
{
	struct watch_new	 w = *like;
	char			*p, *save = NULL, *hash;
	long			 line = 0, fresh = 0;
	int			 k;

	/* Empty lines count: strsep(), not strtok(). */
	for (save = text; (p = strsep(&save, "\n")) != NULL;) {
		line++;
		if ((hash = strchr(p, '#')) != NULL)
			*hash = '\0';
		p += strspn(p, " \t\r");
		p[strcspn(p, " \t\r")] = '\0';
		if (*p == '\0')
			continue;
		w.name = p;
		if ((k = watch_add(ctx->db, &w, e)) == -1)
			return err_prefix(e, "%s:%ld", where, line);
		fresh += k;
	}
	return fresh;
}

static int
import(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct watch_new	w;
	const char		*back = NULL;
	struct opt_list		rest = { NULL, 0, 0 };
	struct buf		text = BUF_INIT;
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--owner", NULL, &w.owner, NULL },
		{ "--policy", NULL, &w.policy, NULL },
		{ "--backfill", NULL, &back, NULL },
	};
	struct backfill_ask	a = { .log = NULL };
	long			fresh = 0;
	int			rc;

	memset(&w, 0, sizeof(w));
	if ((rc = opt_parse(&cmd_watch, opts, 3, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 1) {
		rc = cmd_usage(&cmd_watch, "import needs one FILE (- is "
		    "standard input)");
		goto out;
	}
	if (warn_policy(ctx, w.policy, &e) == -1 ||
	    option(back, &a, &e) == -1 ||
	    opt_file(rest.v[0], LIMIT_WATCH_FILE, &text, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    (text.n > 0 && (fresh = add_lines(ctx, &w, (char *)text.p,
	    rest.v[0], &e)) == -1) ||
	    cmd_audit(ctx, "watch.import", json_pack("{ss sI}", "file",
	    rest.v[0], "added", (json_int_t)fresh), &e) == -1 ||
	    db_commit(ctx->db, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (ctx->json)
		cmd_json(json_pack("{sI}", "added", (json_int_t)fresh));
	else
		printf("%ld watch%s added\n", fresh, fresh == 1 ? "" : "es");
	if ((fresh > 0 || back != NULL) && history(ctx, back, &e) == -1)
		rc = cmd_fail(&e);
out:
	buf_free(&text);
	free(rest.v);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", add },
		{ "remove", remove_one },
		{ "list", list },
		{ "import", import },
		{ NULL, NULL },
	};

	return verb_run(&cmd_watch, verbs, ctx, argc, argv);
}

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "add NAME [--owner O] [--policy P] [--exclude N]... "
	    "[--backfill DATE|all|none] | remove NAME... [--owner O] | "
	    "list [--all] | import FILE|- [--owner O] [--policy P] "
	    "[--backfill DATE|all|none]",
	.brief = "the names that we care about",
	.help = "  certvigil watch add .example.com --owner web\n"
	    "  certvigil watch add 192.0.2.0/24\n"
	    "  certvigil watch add .new.example --backfill 2026-01-01\n"
	    "  certvigil watch import names.txt\n"
	    "  certvigil watch list --json\n\n"
	    "example.com is that name and a wildcard that covers it; "
	    ".example.com also\neverything below; . everything; addresses, "
	    "CIDR and spki:HEX are fine too.\nWatches of the configuration "
	    "are removed there only.\nWhat the logs hold already is read for "
	    "a new one with --backfill (on a terminal\nwithout it you are "
	    "asked), or by certvigil backfill --log all --again;\n"
	    "covered_from of list --json tells since when all of it is "
	    "matched (null:\nfrom the beginning of the logs).\n",
	.run = run,
};
