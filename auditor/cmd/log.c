#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/log_heads.h"
#include "auditor/cmd/opt.h"
#include "auditor/db/coverage_store.h"
#include "auditor/db/row.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* The logs that are read, and what is known of one. */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_log = {
	.name = "log",
	.args = "list | show LOG | heads [--export FILE]",
	.brief = "the logs that are read, and how each is doing",
	.help = "  certvigil log list\n"
	    "  certvigil log show argon2026h2\n"
	    "  certvigil log heads --export /var/www/ct/heads.jsonl\n\n"
	    "LOG is a description or a unique part of it, a URL, or the log\n"
	    "id in base64 or hex.  heads writes the newest signed heads as the\n"
	    "logs sent them: another instance takes them as a vantage point.\n",
	.run = run,
};

static json_t *
object(const struct db_res *r, size_t i)
{
	static const struct {
		const char	*key;
		size_t		 col;
		json_t		*(*get)(const struct db_res *, size_t, size_t);
	} fields[] = {
		{ "log_id", COV_LOG_ID, row_b64 },
		{ "description", COV_DESCRIPTION, row_str },
		{ "operator", COV_OPERATOR, row_str },
		{ "protocol", COV_PROTOCOL, row_str },
		{ "state", COV_STATE, row_str }, { "url", COV_URL, row_str },
		{ "read_url", COV_READ_URL, row_str },
		{ "key", COV_KEY, row_b64 },
		{ "mmd_seconds", COV_MMD, row_int },
		{ "serves_tiles", COV_HYBRID, row_bool },
		{ "interval_from", COV_INTERVAL_FROM, row_time },
		{ "interval_to", COV_INTERVAL_TO, row_time },
		{ "listed", COV_LISTED, row_bool },
		{ "watched", COV_WATCHED, row_bool },
		{ "list", COV_LIST, row_str },
		{ "added_at", COV_ADDED, row_time },
		{ "tree_size", COV_TREE_SIZE, row_int },
		{ "verified_from", COV_FROM, row_int },
		{ "verified_size", COV_VERIFIED, row_int },
		{ "lag_entries", COV_LAG_ENTRIES, row_int },
		{ "head_age_seconds", COV_HEAD_AGE, row_int },
		{ "verified_at", COV_CAUGHT_UP, row_time },
		{ "behind", COV_BEHIND, row_bool },
		{ "entries_per_second", COV_SPEED, row_real },
		{ "growth_per_second", COV_GROWTH, row_real },
		{ "page_size", COV_PAGE, row_int },
		{ "requests_per_second", COV_RATE, row_real },
		{ "throttled_at", COV_THROTTLED, row_time },
		{ "failing_since", COV_FAILING, row_time },
		{ "last_error", COV_ERROR, row_str },
		{ "last_error_at", COV_ERROR_AT, row_time },
	};
	json_t	*o = json_object();
	size_t	 k;

	for (k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
		json_object_set_new(o, fields[k].key,
		    fields[k].get(r, i, fields[k].col));
	return o;
}

static void
show_text(const json_t *o)
{
	json_t		*v;
	const char	*key;
	char		*text, *clean;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		if (json_is_null(v))
			continue;
		text = json_is_string(v) ? NULL : json_is_real(v) ?
		    mem_printf("%.1f", json_real_value(v)) :
		    json_dumps(v, JSON_ENCODE_ANY);
		clean = cmd_clean(text != NULL ? text :
		    json_string_value(v) != NULL ? json_string_value(v) : "");
		printf("%-20s %s\n", key, clean);
		free(clean);
		free(text);
	}
}

static void
list_text(const struct db_res *r, size_t i)
{
	static const int width[] = { 34, 20, 9, 10, 13, 13, 0 };
	const char	*cols[7];
	char		 size[24] = "-", seen[24] = "-";

	if (!db_null(r, i, COV_TREE_SIZE))
		(void)snprintf(size, sizeof(size), "%" PRId64,
		    db_int(r, i, COV_TREE_SIZE));
	if (!db_null(r, i, COV_VERIFIED))
		(void)snprintf(seen, sizeof(seen), "%" PRId64,
		    db_int(r, i, COV_VERIFIED));
	cols[0] = db_text(r, i, COV_DESCRIPTION);
	cols[1] = db_text(r, i, COV_OPERATOR);
	cols[2] = db_text(r, i, COV_PROTOCOL);
	cols[3] = db_bool(r, i, COV_LISTED) ? db_text(r, i, COV_STATE) :
	    "unlisted";
	cols[4] = size;
	cols[5] = seen;
	cols[6] = !db_null(r, i, COV_FAILING) ? db_text(r, i, COV_ERROR) :
	    !db_bool(r, i, COV_WATCHED) ? "not read" : "";
	opt_row(cols, width, 7);
}

/* How well row ${i} fits: 2 exactly, 1 in part, 0 not. */
static int
fits(const struct db_res *r, size_t i, const char *what)
{
	struct span	id = db_bytes(r, i, COV_LOG_ID);
	struct buf	b = BUF_INIT;
	int		n = 0;

	if (strcmp(db_text(r, i, COV_DESCRIPTION), what) == 0 ||
	    strcmp(db_text(r, i, COV_URL), what) == 0 ||
	    strcmp(db_text(r, i, COV_READ_URL), what) == 0)
		return 2;
	enc_b64(&b, id.p, id.n);
	n = strcmp(buf_text(&b), what) == 0;
	buf_reset(&b);
	enc_hex(&b, id.p, id.n);
	n |= strcasecmp(buf_text(&b), what) == 0;
	buf_free(&b);
	if (n != 0)
		return 2;
	return strcasestr(db_text(r, i, COV_DESCRIPTION), what) != NULL ||
	    strstr(db_text(r, i, COV_URL), what) != NULL;
}

static int
show(struct cmd_ctx *ctx, const struct db_res *r, const char *what,
    struct err *e)
{
	struct span	 id;
	json_t		*o;
	size_t		 i, best = 0, n = 0;
	int		 f, top = 0, rc;

	for (i = 0; i < db_rows(r); i++) {
		f = fits(r, i, what);
		if (f == 0 || f < top)
			continue;
		n = f > top ? 1 : n + 1;
		top = f;
		best = i;
	}
	if (n == 0)
		return err_set(e, ERR_NOENT, "there is no log `%.100s`; "
		    "`certvigil log list` names them", what);
	if (n > 1)
		return err_set(e, ERR_USAGE, "`%.100s` fits %zu logs; give "
		    "more of the name, or the log id", what, n);
	o = object(r, best);
	id = db_bytes(r, best, COV_LOG_ID);
	if ((rc = log_heads_show(ctx, o, &id, e)) == 0 && ctx->json)
		cmd_json(json_incref(o));
	else if (rc == 0)
		show_text(o);
	json_decref(o);
	return rc;
}

static void
list(struct cmd_ctx *ctx, const struct db_res *r)
{
	static const int	 width[] = { 34, 20, 9, 10, 13, 13, 0 };
	static const char *const head[] = { "LOG", "OPERATOR", "PROTOCOL",
	    "STATE", "SIZE", "VERIFIED", "" };
	size_t			 i;

	if (!ctx->json && !ctx->quiet && db_rows(r) != 0)
		opt_row(head, width, 7);
	for (i = 0; i < db_rows(r); i++)
		if (ctx->json)
			cmd_json(object(r, i));
		else
			list_text(r, i);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*file = NULL;
	const struct opt	 opts[] = { { "--export", NULL, &file, NULL } };
	struct opt_list		 rest = { NULL, 0, 0 };
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	int			 one, heads, rc;

	if ((rc = opt_parse(&cmd_log, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	one = rest.n == 2 && strcmp(rest.v[0], "show") == 0;
	heads = rest.n == 1 && strcmp(rest.v[0], "heads") == 0;
	if ((!one && rest.n > 1) || (rest.n == 1 && !heads &&
	    strcmp(rest.v[0], "list") != 0) || (file != NULL && !heads))
		rc = cmd_usage(&cmd_log, "list, show and one log, or heads");
	else if (heads)
		rc = log_heads(ctx, file);
	else if (cmd_db(ctx, &e) == -1 || coverage_store_now(ctx->db,
	    ctx->conf->poll, 1, &r, &e) == -1)
		rc = cmd_fail(&e);
	else if (!one)
		list(ctx, r);
	else if (show(ctx, r, rest.v[1], &e) == -1)
		rc = cmd_fail(&e);
	db_free(r);
out:
	free(rest.v);
	return rc;
}
