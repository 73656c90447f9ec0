#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/blind_state.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/signer.h"
#include "auditor/db/coverage_store.h"
#include "auditor/db/evidence_store.h"
#include "auditor/db/row.h"
#include "base/clk.h"

/* How much of what the logs show was verified, now and on any day. */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_coverage = {
	.name = "coverage",
	.args = "[--blind | [--from DAY] [--to DAY] [--evidence FILE]]",
	.brief = "what was verified of each log, now or on past days",
	.help = "  certvigil coverage\n"
	    "  certvigil coverage --blind\n"
	    "  certvigil coverage --from 2026-11-01 --to 2026-11-30 "
	    "--evidence november.json\n\n"
	    "LAG: entries left; SECONDS: how old the oldest of them is; ETA:\n"
	    "seconds until all is read; -: not known.\n"
	    "Exit 0: every log is caught up; 1: some log is behind or was not\n"
	    "reached; 2: a log.misbehaved finding is open.  --evidence writes\n"
	    "signed statements for the days, which `evidence verify` checks.\n"
	    "--blind says what cannot be seen: whether the logs that are\n"
	    "behind could satisfy a browser's policy by themselves (exit 2),\n"
	    "and how much of what was issued lately was only there.\n",
	.run = run,
};

static void
now_json(const struct db_res *r, size_t i)
{
	json_t	*o = json_object();

	json_object_set_new(o, "log_id", row_b64(r, i, COV_LOG_ID));
	json_object_set_new(o, "description", row_str(r, i, COV_DESCRIPTION));
	json_object_set_new(o, "operator", row_str(r, i, COV_OPERATOR));
	json_object_set_new(o, "protocol", row_str(r, i, COV_PROTOCOL));
	json_object_set_new(o, "tree_size", row_int(r, i, COV_TREE_SIZE));
	json_object_set_new(o, "verified_from", row_int(r, i, COV_FROM));
	json_object_set_new(o, "verified_size", row_int(r, i, COV_VERIFIED));
	json_object_set_new(o, "lag_entries", row_int(r, i, COV_LAG_ENTRIES));
	json_object_set_new(o, "lag_seconds", row_int(r, i, COV_LAG));
	json_object_set_new(o, "head_age_seconds",
	    row_int(r, i, COV_HEAD_AGE));
	json_object_set_new(o, "entries_per_second", row_real(r, i, COV_SPEED));
	json_object_set_new(o, "growth_per_second", row_real(r, i, COV_GROWTH));
	json_object_set_new(o, "eta_seconds", row_int(r, i, COV_ETA));
	json_object_set_new(o, "last_error", row_str(r, i, COV_ERROR));
	json_object_set_new(o, "throttled_at", row_time(r, i, COV_THROTTLED));
	json_object_set_new(o, "never_catches_up", json_boolean(db_bool(r, i,
	    COV_NEVER)));
	json_object_set_new(o, "behind",
	    json_boolean(db_bool(r, i, COV_BEHIND)));
	cmd_json(o);
}

/* A column of the table: the text, "-" for null. */
static const char *
cell(char *out, size_t cap, const struct db_res *r, size_t i, size_t col)
{
	if (db_null(r, i, col))
		return "-";
	(void)snprintf(out, cap, "%" PRId64, db_int(r, i, col));
	return out;
}

/* Below a log with a backlog: how fast it is read, and what slows it. */
static void
behind_text(const struct db_res *r, size_t i)
{
	char	t[CLK_TEXT];

	if (db_null(r, i, COV_LAG_ENTRIES) ||
	    db_int(r, i, COV_LAG_ENTRIES) == 0)
		return;
	(void)printf("  ");
	if (db_null(r, i, COV_SPEED))
		(void)printf("not measured yet how fast it is read");
	else
		(void)printf("%.1f entries/s are read",
		    db_real(r, i, COV_SPEED));
	if (!db_null(r, i, COV_GROWTH))
		(void)printf(", it grows by %.1f/s",
		    db_real(r, i, COV_GROWTH));
	if (db_bool(r, i, COV_NEVER))
		(void)printf(": at that pace it never catches up");
	if (!db_null(r, i, COV_THROTTLED))
		(void)printf("; last 429 at %s",
		    clk_text(db_time(r, i, COV_THROTTLED), t));
	(void)putchar('\n');
}

static void
now_text(const struct db_res *r, size_t i)
{
	static const int	 width[] = { 34, 9, 13, 13, 11, 8, 9, 0 };
	const char		*cols[8];
	char			 n[5][24];

	cols[0] = db_text(r, i, COV_DESCRIPTION);
	cols[1] = db_text(r, i, COV_PROTOCOL);
	cols[2] = cell(n[0], sizeof(n[0]), r, i, COV_TREE_SIZE);
	cols[3] = cell(n[1], sizeof(n[1]), r, i, COV_VERIFIED);
	cols[4] = cell(n[2], sizeof(n[2]), r, i, COV_LAG_ENTRIES);
	cols[5] = cell(n[3], sizeof(n[3]), r, i, COV_LAG);
	cols[6] = db_bool(r, i, COV_NEVER) ? "never" : cell(n[4],
	    sizeof(n[4]), r, i, COV_ETA);
	cols[7] = !db_bool(r, i, COV_BEHIND) ? "ok" :
	    !db_null(r, i, COV_FAILING) ? db_text(r, i, COV_ERROR) :
	    db_null(r, i, COV_VERIFIED) ? "not read yet" : "behind";
	opt_row(cols, width, 8);
	behind_text(r, i);
}

/* --- what is not seen -------------------------------------------------------- */

static void
way_text(const struct blind_state *s, const struct blind_verdict *v,
    struct buf *b)
{
	char	from[CLK_TEXT], to[CLK_TEXT];
	size_t	i;

	buf_fmt(b, "%s, SCTs %s: ", v->program == POLICY_CHROME ? "Chrome" :
	    "Apple", v->kind == POLICY_TLS ? "by TLS" : "embedded");
	if (v->seconds >= BLIND_AFTER) {
		buf_str(b, "a usable certificate could be unseen for ");
		blind_state_span(v->seconds, b);
		buf_str(b, ", in");
		for (i = 0; i < v->n; i++)
			buf_fmt(b, "%s %.80s", i > 0 ? "," : "",
			    db_text(s->rows, s->row[v->set[i]],
			    COV_DESCRIPTION));
		buf_fmt(b, " (notAfter from %.10s, before %.10s)\n",
		    clk_text(v->from, from), clk_text(v->to, to));
	} else if (v->margin == -1)
		buf_fmt(b, "not blind; %d more logs behind would not "
		    "change that\n", BLIND_MARGIN);
	else
		buf_fmt(b, "not blind; with %d more log%s behind it could "
		    "be\n", v->margin, v->margin == 1 ? "" : "s");
}

static void
blind_text(const struct blind_state *s, struct buf *b)
{
	size_t	i;

	buf_str(b, "Worst case:\n");
	for (i = 0; i < BLIND_WAYS; i++) {
		buf_str(b, "  ");
		way_text(s, &s->way[i], b);
	}
	if (s->nblind == 0) {
		buf_str(b, "No log is behind by more than an hour.\n");
		return;
	}
	buf_str(b, "Behind by more than an hour: ");
	blind_state_logs(s, b);
	buf_str(b, "\nEstimate: ");
	blind_state_estimate(s, b);
	buf_str(b, "\n");
}

static int
blind(struct cmd_ctx *ctx, struct err *e)
{
	struct blind_state	s;
	struct buf		b = BUF_INIT;
	int			rc;

	if (cmd_db(ctx, e) == -1)
		return -1;
	if (blind_state_load(&s, ctx->db, ctx->conf->poll, e) == -1 ||
	    blind_state_seen(&s, ctx->db, e) == -1) {
		blind_state_free(&s);
		return -1;
	}
	if (ctx->json)
		cmd_json(blind_state_json(&s));
	else {
		blind_text(&s, &b);
		(void)fputs(buf_text(&b), stdout);
	}
	rc = s.seconds >= BLIND_AFTER ? 2 : s.nblind != 0 || s.n == 0;
	buf_free(&b);
	blind_state_free(&s);
	return rc;
}

static int
now(struct cmd_ctx *ctx, struct err *e)
{
	static const int	 width[] = { 34, 9, 13, 13, 11, 8, 9, 0 };
	static const char *const head[] = { "LOG", "PROTOCOL", "SIZE",
	    "VERIFIED", "LAG", "SECONDS", "ETA", "STATE" };
	struct db_res		*r = NULL;
	size_t			 i, behind = 0;
	int64_t			 bad = 0;

	if (cmd_db(ctx, e) == -1 || coverage_store_misbehaved(ctx->db, &bad,
	    e) == -1 || coverage_store_now(ctx->db, ctx->conf->poll, 0, &r, e)
	    == -1)
		return -1;
	if (db_rows(r) == 0)
		(void)fprintf(stderr, "certvigil: no log list was read yet: "
		    "start `certvigil run`\n");
	else if (!ctx->json && !ctx->quiet)
		opt_row(head, width, 8);
	for (i = 0; i < db_rows(r); i++) {
		behind += db_bool(r, i, COV_BEHIND) != 0;
		if (ctx->json)
			now_json(r, i);
		else
			now_text(r, i);
	}
	if (!ctx->json && !ctx->quiet) {
		(void)fprintf(stderr, "%zu logs, %zu of them behind or not "
		    "reached; open log.misbehaved findings: %" PRId64 "\n",
		    db_rows(r), behind, bad);
	}
	/* nothing at all is no coverage */
	behind += db_rows(r) == 0;
	db_free(r);
	return bad != 0 ? 2 : behind != 0;
}

static void
day_json(const struct db_res *r, size_t i)
{
	json_t	*o = json_object();

	json_object_set_new(o, "log_id", row_b64(r, i, 0));
	json_object_set_new(o, "description", row_str(r, i, 1));
	json_object_set_new(o, "day", row_str(r, i, 2));
	json_object_set_new(o, "size_from", row_int(r, i, 3));
	json_object_set_new(o, "size_to", row_int(r, i, 4));
	json_object_set_new(o, "verified_at", row_time(r, i, 5));
	json_object_set_new(o, "max_lag_seconds", row_int(r, i, 6));
	json_object_set_new(o, "gaps", row_int(r, i, 7));
	json_object_set_new(o, "log_list_sha256", row_hex(r, i, 8));
	json_object_set_new(o, "watch_set_sha256", row_hex(r, i, 9));
	cmd_json(o);
}

/* Days on which nothing was proven, before the first row and behind the last. */
static int
holes(struct cmd_ctx *ctx, int64_t from, int64_t to, int *any, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	char		*log;

	if (coverage_store_holes(ctx->db, from, to, &r, e) == -1)
		return -1;
	*any = db_rows(r) != 0;
	for (i = 0; i < db_rows(r) && !ctx->quiet; i++) {
		log = cmd_clean(db_text(r, i, 0));
		(void)fprintf(stderr, "certvigil: %s: nothing was proven from "
		    "%s to %s\n", log, db_text(r, i, 1), db_text(r, i, 2));
		free(log);
	}
	db_free(r);
	return 0;
}

static int
days(struct cmd_ctx *ctx, int64_t from, int64_t to, struct err *e)
{
	static const int	 width[] = { 10, 34, 13, 13, 8, 5 };
	static const char *const head[] = { "DAY", "LOG", "FROM", "TO",
	    "MAX LAG", "GAPS" };
	struct db_res		*r = NULL;
	const char		*cols[6];
	char			 n[4][24];
	size_t			 i;
	int			 rc = 0;

	if (holes(ctx, from, to, &rc, e) == -1 ||
	    coverage_store_days(ctx->db, from, to, &r, e) == -1)
		return -1;
	if (db_rows(r) == 0)
		(void)fprintf(stderr, "certvigil: nothing was verified in that "
		    "period\n");
	else if (!ctx->json && !ctx->quiet)
		opt_row(head, width, 6);
	for (i = 0; i < db_rows(r); i++) {
		rc |= db_int(r, i, 7) != 0;
		if (ctx->json) {
			day_json(r, i);
			continue;
		}
		cols[0] = db_text(r, i, 2);
		cols[1] = db_text(r, i, 1);
		cols[2] = cell(n[0], sizeof(n[0]), r, i, 3);
		cols[3] = cell(n[1], sizeof(n[1]), r, i, 4);
		cols[4] = cell(n[2], sizeof(n[2]), r, i, 6);
		cols[5] = cell(n[3], sizeof(n[3]), r, i, 7);
		opt_row(cols, width, 6);
	}
	rc |= db_rows(r) == 0;
	db_free(r);
	return rc;
}

static int
write_evidence(struct cmd_ctx *ctx, int64_t from, int64_t to,
    const char *path, struct err *e)
{
	struct signer	 s;
	struct evidence	*ev;
	struct buf	 text = BUF_INIT;
	size_t		 n = 0, back = 0;
	int		 rc = -1;

	if (signer_open(&s, ctx->conf->state_dir, e) == -1)
		return -1;
	ev = evidence_new(&s.signer);
	if (evidence_store_coverage(ctx->db, from, to, ev, &n, e) == 0 &&
	    evidence_store_history(ctx->db, from, to, ev, &back, e) == 0) {
		if (n + back == 0)
			(void)err_set(e, ERR_NOENT, "nothing was verified "
			    "in that period, so there is no evidence");
		else if (evidence_finish(ev, clk_wall(), &text, e) == 0)
			rc = signer_write(path, &text, e);
	}
	evidence_free(ev);
	buf_free(&text);
	signer_close(&s);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*from = NULL, *to = NULL, *file = NULL;
	int			 only_blind = 0;
	const struct opt	 opts[] = {
		{ "--blind", &only_blind, NULL, NULL },
		{ "--from", NULL, &from, NULL },
		{ "--to", NULL, &to, NULL },
		{ "--evidence", NULL, &file, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	int64_t			 begin = 0, end = clk_wall();
	int			 rc;

	rc = opt_parse(&cmd_coverage, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (rest.n != 0)
		return cmd_usage(&cmd_coverage, "takes no arguments");
	if (only_blind && (from != NULL || to != NULL || file != NULL))
		return cmd_usage(&cmd_coverage, "--blind is about now: "
		    "without --from, --to and --evidence");
	if (only_blind)
		rc = blind(ctx, &e);
	else if (from == NULL && to == NULL && file == NULL)
		rc = now(ctx, &e);
	else if ((from != NULL &&
	    opt_moment("--from", from, 0, &begin, &e) == -1) || (to != NULL &&
	    opt_moment("--to", to, 1, &end, &e) == -1))
		rc = -1;
	else if (begin > end)
		return cmd_usage(&cmd_coverage, "--from is later than --to");
	else if (cmd_db(ctx, &e) == -1 || (file != NULL &&
	    write_evidence(ctx, begin, end, file, &e) == -1))
		rc = -1;
	else
		rc = days(ctx, begin, end, &e);
	return rc == -1 ? cmd_fail(&e) : rc;
}
