#include "auditor/cmd/backfill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/back_store.h"
#include "auditor/db/row.h"
#include "auditor/near.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* Which logs, and which entries of them. */

static int
is_log(const struct db_res *r, size_t i, const char *what)
{
	struct span	id = db_bytes(r, i, BACK_L_ID);
	struct buf	b = BUF_INIT;
	int		yes;

	enc_b64(&b, id.p, id.n);
	yes = strcmp(buf_text(&b), what) == 0;
	buf_reset(&b);
	enc_hex(&b, id.p, id.n);
	yes |= strcasecmp(buf_text(&b), what) == 0 ||
	    strcmp(db_text(r, i, BACK_L_NAME), what) == 0 ||
	    strcmp(db_text(r, i, BACK_L_URL), what) == 0 ||
	    strcmp(db_text(r, i, BACK_L_READ_URL), what) == 0;
	buf_free(&b);
	return yes;
}

/* No log has this name: which one is like it? */
static int
unknown(const struct db_res *r, const char *what, struct err *e)
{
	const char	**names = mem_array(db_rows(r) + 1, sizeof(*names));
	const char	 *near;
	size_t		  i;

	for (i = 0; i < db_rows(r); i++)
		names[i] = db_text(r, i, BACK_L_NAME);
	near = near_word(what, names, db_rows(r));
	(void)err_set(e, ERR_NOENT, near != NULL ? "there is no log `%.100s`; "
	    "the nearest is `%.100s`" : "there is no log `%.100s`; "
	    "`certvigil log list` names them", what, near);
	free(names);
	return -1;
}

/* The row of the log, *${which}; a unique part of its name will do. */
static int
choose(const struct db_res *r, const char *what, size_t *which,
    struct err *e)
{
	size_t	i, n = 0;

	for (i = 0; i < db_rows(r); i++)
		if (is_log(r, i, what)) {
			*which = i;
			return 0;
		}
	for (i = 0; i < db_rows(r); i++)
		if (strcasestr(db_text(r, i, BACK_L_NAME), what) != NULL) {
			*which = i;
			n++;
		}
	if (n > 1)
		return err_set(e, ERR_USAGE, "`%.100s` fits %zu logs; give "
		    "more of the name, or the log id", what, n);
	return n == 1 ? 0 : unknown(r, what, e);
}

/* Can its history be read?  Else why not. */
static int
readable(const struct db_res *r, size_t i, struct err *e)
{
	const char	*name = db_text(r, i, BACK_L_NAME);

	if (!db_bool(r, i, BACK_L_READ))
		return err_set(e, ERR_NOENT, "%.100s is not read: its state "
		    "in the log list is %s", name,
		    db_text(r, i, BACK_L_STATE));
	if (db_null(r, i, BACK_L_TO))
		return err_set(e, ERR_TEMP, "%.100s was not read yet%s%.150s; "
		    "history is what lies before: start certvigil run first",
		    name, db_null(r, i, BACK_L_FAILING) ? "" : ": ",
		    db_null(r, i, BACK_L_FAILING) ? "" :
		    db_text(r, i, BACK_L_ERROR));
	return 0;
}

/* What is wanted of the log of row ${i}. */
static int
want(const struct db_res *r, size_t i, const struct backfill_ask *a,
    struct back_want *w, struct err *e)
{
	int64_t	size = db_int(r, i, BACK_L_SIZE);

	if (readable(r, i, e) == -1)
		return -1;
	if (a->to > size)
		return err_set(e, ERR_USAGE, "%.100s has %" PRId64
		    " entries: --range %" PRId64 "-%" PRId64
		    " reaches beyond them", db_text(r, i, BACK_L_NAME), size,
		    a->from, a->to);
	w->log_ref = (int)db_int(r, i, BACK_L_REF);
	w->since = a->since;
	w->again = a->again;
	w->step = a->step;
	w->actor = cmd_actor();
	w->from = a->since != INT64_MIN ? -1 : a->from < 0 ? 0 :
	    (int64_t)back_round((uint64_t)a->from);
	/* the rest is the tail's, whose next commits will reach it */
	w->to = a->again ? db_int(r, i, BACK_L_AGAIN) :
	    db_int(r, i, BACK_L_FROM);
	if (a->to >= 0 && (a->to < w->to || !a->again))
		w->to = a->to < db_int(r, i, BACK_L_TO) ? a->to :
		    db_int(r, i, BACK_L_TO);
	return 0;
}

/* A line about a log of which nothing is entered. */
static void
say(const struct cmd_ctx *ctx, const char *text)
{
	char	*clean;

	if (ctx->quiet)
		return;
	clean = cmd_clean(text);
	(void)fprintf(stderr, "%s\n", clean);
	free(clean);
}

static int
enter_one(struct cmd_ctx *ctx, const struct db_res *r, size_t i,
    const struct backfill_ask *a, struct backfill_ids *ids, struct err *e)
{
	struct back_want w;
	struct back_ids	 have = { NULL, 0, 0 };
	size_t		 k;
	int		 fresh, rc = 0;
	char		 line[300];

	if (want(r, i, a, &w, e) == -1 ||
	    back_enter(ctx->db, &w, &have, &fresh, e) == -1) {
		free(have.v);
		return -1;
	}
	if (have.n == 0) {
		(void)snprintf(line, sizeof(line), "%.100s: nothing is left "
		    "to read%s", db_text(r, i, BACK_L_NAME), a->again ?
		    ", for any watch" : "; --again reads it for watches that "
		    "came later");
		say(ctx, line);
		return 0;
	}
	if (!db_null(r, i, BACK_L_FAILING)) {
		(void)snprintf(line, sizeof(line), "%.100s does not answer "
		    "now (%.150s): it is read when it does",
		    db_text(r, i, BACK_L_NAME), db_text(r, i, BACK_L_ERROR));
		say(ctx, line);
	}
	for (k = 0; k < have.n && rc == 0; k++) {
		back_ids_add(&ids->open, have.v[k]);
		if (fresh)
			rc = cmd_audit(ctx, "backfill.add", json_pack(
			    "{sI ss}", "id", (json_int_t)have.v[k], "log",
			    db_text(r, i, BACK_L_NAME)), e);
	}
	ids->logs++;
	free(have.v);
	return rc;
}

/*
 * No certificate of this shard is valid for so long: 1, and it is said of one
 * that would be read.
 */
static int
left_out(const struct cmd_ctx *ctx, const struct db_res *r, size_t i,
    const struct backfill_ask *a)
{
	char	end[CLK_TEXT], line[300];

	if (a->not_after == INT64_MIN || db_null(r, i, BACK_L_INTERVAL_TO) ||
	    db_time(r, i, BACK_L_INTERVAL_TO) > a->not_after)
		return 0;
	if (!db_bool(r, i, BACK_L_READ))
		return 1;
	(void)clk_text(db_time(r, i, BACK_L_INTERVAL_TO), end);
	if (ctx->json) {
		cmd_json(json_pack("{sn so so ss ss}", "id", "log_id",
		    row_b64(r, i, BACK_L_ID), "description",
		    row_str(r, i, BACK_L_NAME), "state", "left_out",
		    "not_after_below", end));
		return 1;
	}
	(void)snprintf(line, sizeof(line), "%.100s: left out, its "
	    "certificates all expire before %s", db_text(r, i, BACK_L_NAME),
	    end);
	say(ctx, line);
	return 1;
}

/* All logs: what one cannot give does not keep the others. */
static int
enter_all(struct cmd_ctx *ctx, const struct db_res *r,
    const struct backfill_ask *a, struct backfill_ids *ids, struct err *e)
{
	size_t	i;

	for (i = 0; i < db_rows(r); i++) {
		if (left_out(ctx, r, i, a))
			continue;
		if (enter_one(ctx, r, i, a, ids, e) == 0)
			continue;
		if (e->code == ERR_DB)
			return -1;
		if (db_bool(r, i, BACK_L_READ)) {
			say(ctx, e->msg);
			ids->skipped++;
		}
		err_clear(e);
	}
	return 0;
}

static int
enter(struct cmd_ctx *ctx, const struct backfill_ask *a,
    struct backfill_ids *ids, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i = 0;
	int		 rc;

	if (back_logs(ctx->db, &r, e) == -1)
		return -1;
	if (db_rows(r) == 0)
		rc = err_set(e, ERR_TEMP, "no log list was read yet: start "
		    "certvigil run first");
	else if (strcmp(a->log, "all") == 0)
		rc = enter_all(ctx, r, a, ids, e);
	else if ((rc = choose(r, a->log, &i, e)) == 0 &&
	    !left_out(ctx, r, i, a))
		rc = enter_one(ctx, r, i, a, ids, e);
	db_free(r);
	return rc;
}

int
backfill_enter(struct cmd_ctx *ctx, const struct backfill_ask *a,
    struct backfill_ids *ids, struct err *e)
{
	if (cmd_db(ctx, e) == -1 || db_begin(ctx->db, e) == -1)
		return -1;
	if (enter(ctx, a, ids, e) == -1 || db_commit(ctx->db, e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	cmd_hint(ctx);
	return 0;
}
