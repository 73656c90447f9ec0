#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/baseline.h"
#include "auditor/db/finding.h"
#include "auditor/db/row.h"
#include "auditor/decide.h"
#include "auditor/report.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "pki/watch.h"

extern const struct cmd cmd_baseline;

/* What the command line chose, and what it owns. */
struct choice {
	struct baseline_filter	 f;
	char			 name[WATCH_TEXT];
	uint8_t			(*hash)[32];
	struct span		*tbs;
	struct opt_list		 rest;
	const char		*raw_name;
	int			 all;
};

static void
choice_free(struct choice *c)
{
	free(c->hash);
	free(c->tbs);
	free(c->rest.v);
}

/* The rest of the command line: "all", or hashes. */
static int
choose(struct choice *c, struct err *e)
{
	struct err	sub = ERR_INIT;
	size_t		i, n = 0;

	if (c->raw_name != NULL) {
		if (watch_canon(c->raw_name, c->name, &sub) == -1)
			return err_set(e, ERR_USAGE, "%s", sub.msg);
		c->f.name = c->name;
	}
	c->hash = mem_array(c->rest.n + 1, sizeof(*c->hash));
	c->tbs = mem_array(c->rest.n + 1, sizeof(*c->tbs));
	for (i = 0; i < c->rest.n; i++) {
		if (strcmp(c->rest.v[i], "all") == 0) {
			c->all = 1;
			continue;
		}
		if (strlen(c->rest.v[i]) != 64 ||
		    enc_unhex_to(c->hash[n], 32, c->rest.v[i]) == -1)
			return err_set(e, ERR_USAGE, "%s is neither `all` "
			    "nor a tbs_sha256 of 64 hex digits",
			    c->rest.v[i]);
		c->tbs[n].p = c->hash[n];
		c->tbs[n++].n = 32;
	}
	c->f.tbs.v = c->tbs;
	c->f.tbs.n = n;
	return 0;
}

static void
print_group(const struct cmd_ctx *ctx, const struct db_res *r, size_t i,
    const char *by)
{
	static const int width[] = { 32, 7, 11, 20, 20 };
	const char	*cols[6];
	char		 n[24], valid[24], from[CLK_TEXT], to[CLK_TEXT];
	char		 late[60];

	clk_text(db_time(r, i, BASELINE_GROUP_FROM), from);
	clk_text(db_time(r, i, BASELINE_GROUP_TO), to);
	if (ctx->json) {
		cmd_json(json_pack("{so sI sI ss ss sI}", by,
		    row_str(r, i, BASELINE_GROUP_KEY), "issuances",
		    (json_int_t)db_int(r, i, BASELINE_GROUP_COUNT),
		    "still_valid",
		    (json_int_t)db_int(r, i, BASELINE_GROUP_VALID),
		    "not_before", from, "not_after", to,
		    "logged_after_watch",
		    (json_int_t)db_int(r, i, BASELINE_GROUP_LATE)));
		return;
	}
	snprintf(n, sizeof(n), "%lld",
	    (long long)db_int(r, i, BASELINE_GROUP_COUNT));
	snprintf(valid, sizeof(valid), "%lld valid",
	    (long long)db_int(r, i, BASELINE_GROUP_VALID));
	cols[0] = db_null(r, i, BASELINE_GROUP_KEY) ? "(not known)" :
	    db_text(r, i, BASELINE_GROUP_KEY);
	cols[1] = n;
	cols[2] = valid;
	cols[3] = from;
	cols[4] = to;
	(void)snprintf(late, sizeof(late), "%lld logged after the watch",
	    (long long)db_int(r, i, BASELINE_GROUP_LATE));
	cols[5] = late;
	opt_row(cols, width, db_int(r, i, BASELINE_GROUP_LATE) != 0 ? 6 : 5);
}

static void
print_one(const struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int width[] = { 64, 18, 20 };
	struct buf	 names = BUF_INIT;
	const char	*cols[4];
	char		 to[CLK_TEXT], late[REPORT_LATE];

	if (ctx->json) {
		cmd_json(json_pack("{so so so so so so so so so}",
		    "tbs_sha256", row_str(r, i, BASELINE_TBS),
		    "issuer_owner", row_str(r, i, BASELINE_ISSUER),
		    "names", row_strs(r, i, BASELINE_NAMES),
		    "not_before", row_time(r, i, BASELINE_NOT_BEFORE),
		    "not_after", row_time(r, i, BASELINE_NOT_AFTER),
		    "serial", row_str(r, i, BASELINE_SERIAL),
		    "spki_sha256", row_str(r, i, BASELINE_SPKI),
		    "watches", row_strs(r, i, BASELINE_WATCHES),
		    "logged_after_watch_seconds", row_int(r, i,
		    BASELINE_LATE)));
		return;
	}
	opt_join(r, i, BASELINE_NAMES, 3, &names);
	if (!db_null(r, i, BASELINE_LATE))
		buf_fmt(&names, " (logged %s after its watch began)",
		    report_late(db_int(r, i, BASELINE_LATE), late));
	cols[0] = db_text(r, i, BASELINE_TBS);
	cols[1] = db_null(r, i, BASELINE_ISSUER) ? "(not known)" :
	    db_text(r, i, BASELINE_ISSUER);
	cols[2] = clk_text(db_time(r, i, BASELINE_NOT_AFTER), to);
	cols[3] = buf_text(&names);
	opt_row(cols, width, 4);
	buf_free(&names);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct choice		 c;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	const char		*by = NULL;
	const struct opt	 opts[] = {
		{ "--group-by", NULL, &by, NULL },
		{ "--issuer-owner", NULL, &c.f.issuer_owner, NULL },
		{ "--name", NULL, &c.raw_name, NULL },
	};
	size_t			 i;
	int			 rc;

	memset(&c, 0, sizeof(c));
	if ((rc = opt_parse(&cmd_baseline, opts, 3, argc, argv,
	    &c.rest)) != 0)
		goto out;
	if (choose(&c, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    (by != NULL ? baseline_group(ctx->db, &c.f, by, &r, &e) :
	    baseline_list(ctx->db, &c.f, &r, &e)) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	for (i = 0; i < db_rows(r); i++) {
		if (by != NULL)
			print_group(ctx, r, i, by);
		else
			print_one(ctx, r, i);
	}
	if (db_rows(r) == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No open question in the baseline.\n");
out:
	db_free(r);
	choice_free(&c);
	return rc;
}

/* Decide again, and say `rejected` on the findings that this opened. */
static int
decide(struct cmd_ctx *ctx, const struct db_res *r, int reject,
    const char *reason, struct err *e)
{
	struct span	*v = mem_array(db_rows(r) + 1, sizeof(*v));
	struct db_spans	 spans = { v, db_rows(r) };
	struct db_res	*f = NULL;
	size_t		 i;
	int		 rc = -1;

	for (i = 0; i < spans.n; i++)
		v[i] = db_bytes(r, i, 0);
	if (decide_declared(ctx->db, ctx->conf, &spans, 0, NULL, e) == -1)
		goto out;
	if (reject && baseline_findings(ctx->db, &spans, &f, e) == -1)
		goto out;
	for (i = 0; reject && i < db_rows(f); i++)
		if (finding_change(ctx->db, db_int(f, i, 0), "rejected",
		    cmd_actor(), reason, e) == -1)
			goto out;
	rc = 0;
out:
	db_free(f);
	free(v);
	return rc;
}

static int
settle(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct choice		 c;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	const char		*reason = NULL;
	const struct opt	 opts[] = {
		{ "--issuer-owner", NULL, &c.f.issuer_owner, NULL },
		{ "--name", NULL, &c.raw_name, NULL },
		{ "--reason", NULL, &reason, NULL },
	};
	int			 reject = strcmp(argv[0], "reject") == 0;
	int			 rc;

	memset(&c, 0, sizeof(c));
	if ((rc = opt_parse(&cmd_baseline, opts, 3, argc, argv,
	    &c.rest)) != 0)
		goto out;
	if (choose(&c, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	if (!c.all && c.f.tbs.n == 0 && c.f.issuer_owner == NULL &&
	    c.f.name == NULL) {
		rc = cmd_usage(&cmd_baseline, "%s what: all, "
		    "--issuer-owner O, --name N or a tbs_sha256?", argv[0]);
		goto out;
	}
	if (cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    baseline_declare(ctx->db, &c.f, reject ? "rejected" : "issuance",
	    cmd_actor(), reason, &r, &e) == -1 ||
	    decide(ctx, r, reject, reason, &e) == -1 ||
	    cmd_audit(ctx, reject ? "baseline.reject" : "baseline.accept",
	    json_pack("{sI ss? ss? ss?}", "issuances",
	    (json_int_t)db_rows(r), "issuer_owner", c.f.issuer_owner, "name",
	    c.f.name, "reason", reason), &e) == -1 ||
	    db_commit(ctx->db, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (ctx->json)
		cmd_json(json_pack("{sI}", "issuances",
		    (json_int_t)db_rows(r)));
	else
		printf("%zu issuances %s\n", db_rows(r), reject ?
		    "rejected: a finding for each" : "accepted");
	if (db_rows(r) == 0 && c.f.tbs.n > 0)
		rc = 1;
out:
	db_free(r);
	choice_free(&c);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "list", list },
		{ "accept", settle },
		{ "reject", settle },
		{ NULL, NULL },
	};

	return verb_run(&cmd_baseline, verbs, ctx, argc, argv);
}

const struct cmd cmd_baseline = {
	.name = "baseline",
	.args = "list [--group-by issuer_owner|name|watch] "
	    "[--issuer-owner O] [--name N] [TBS...] | accept|reject all|"
	    "TBS...|--issuer-owner O|--name N [--reason TEXT]",
	.brief = "what was there before its watch, and is an open question",
	.help = "  certvigil baseline list --group-by issuer_owner\n"
	    "  certvigil baseline accept --issuer-owner letsencrypt.org\n"
	    "  certvigil baseline reject 3f5c...e1 --reason 'not ours'\n",
	.run = run,
};
