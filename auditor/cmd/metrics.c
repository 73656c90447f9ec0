#include "auditor/cmd/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/blind_state.h"
#include "auditor/canary_find.h"
#include "auditor/cmd/cmd.h"
#include "auditor/db/canary_store.h"
#include "auditor/db/coverage_store.h"
#include "base/clk.h"

/* Metrics as text, for a textfile collector or a scrape by a script. */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_metrics = {
	.name = "metrics",
	.args = "",
	.brief = "counters and gauges as OpenMetrics text",
	.help = "  certvigil metrics > /var/lib/node_exporter/certvigil.prom\n\n"
	    "No name, serial number or hash of a certificate is a label.\n",
	.run = run,
};

void
metrics_label(struct buf *b, const char *s)
{
	char	*clean = cmd_clean(s);
	size_t	 i;

	for (i = 0; clean[i] != '\0'; i++) {
		if (clean[i] == '\\' || clean[i] == '"')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)clean[i]);
	}
	free(clean);
}

static void
family(struct buf *b, const char *name, const char *type, const char *unit,
    const char *help)
{
	buf_fmt(b, "# TYPE certvigil_%s %s\n", name, type);
	if (unit != NULL)
		buf_fmt(b, "# UNIT certvigil_%s %s\n", name, unit);
	buf_fmt(b, "# HELP certvigil_%s %s\n", name, help);
}

/* A value without labels. */
static void
gauge(struct buf *b, const char *name, const char *unit, const char *help,
    int64_t v)
{
	family(b, name, "gauge", unit, help);
	buf_fmt(b, "certvigil_%s %" PRId64 "\n", name, v);
}

/* One gauge a log, of those where the column is not null. */
static void
per_log(struct buf *b, const struct db_res *r, size_t col, const char *name,
    const char *unit, const char *help)
{
	size_t	i, k;

	family(b, name, "gauge", unit, help);
	for (i = 0; i < db_rows(r); i++) {
		if (db_null(r, i, col))
			continue;
		/* two logs of one description would be one series */
		for (k = 0; k < i; k++)
			if (strcmp(db_text(r, k, COV_DESCRIPTION),
			    db_text(r, i, COV_DESCRIPTION)) == 0)
				break;
		buf_fmt(b, "certvigil_%s{log=\"", name);
		metrics_label(b, db_text(r, i, COV_DESCRIPTION));
		if (k != i)
			buf_fmt(b, " (%zu)", i);
		if (col == COV_SPEED || col == COV_GROWTH || col == COV_RATE)
			buf_fmt(b, "\"} %.6g\n", db_real(r, i, col));
		else if (col == COV_THROTTLED)
			buf_fmt(b, "\"} %" PRId64 "\n",
			    (int64_t)(db_time(r, i, col) / CLK_SEC));
		else if (col == COV_BEHIND)
			buf_fmt(b, "\"} %d\n", !db_bool(r, i, col));
		else
			buf_fmt(b, "\"} %" PRId64 "\n", db_int(r, i, col));
	}
}

static void
logs(struct buf *b, const struct db_res *r)
{
	per_log(b, r, COV_TREE_SIZE, "log_tree_size", NULL,
	    "Entries in the newest signed head.");
	per_log(b, r, COV_VERIFIED, "log_verified_size", NULL,
	    "Entries read and proven.");
	per_log(b, r, COV_LAG_ENTRIES, "log_lag_entries", NULL,
	    "Entries in the newest head that are not proven yet.");
	per_log(b, r, COV_LAG, "log_lag_seconds", "seconds",
	    "Age of the oldest entry that was not seen, 0 when there is none.");
	per_log(b, r, COV_FRESH, "log_unproven_seconds", "seconds",
	    "Time since everything up to a signed head was proven.");
	per_log(b, r, COV_ETA, "log_catch_up_seconds", "seconds",
	    "Time to catch up; absent when it is not known, or never.");
	per_log(b, r, COV_THROTTLED, "log_throttled_timestamp_seconds",
	    "seconds", "When the log last said that we ask too much (429).");
	per_log(b, r, COV_HEAD_AGE, "log_head_age_seconds", "seconds",
	    "Age of the newest head by its own timestamp.");
	per_log(b, r, COV_SPEED, "log_read_rate", NULL,
	    "Entries a second while reading a backlog.");
	per_log(b, r, COV_GROWTH, "log_growth_rate", NULL,
	    "Entries a second that the log grows by.");
	per_log(b, r, COV_BEHIND, "log_up", NULL,
	    "1 when the log was proven up to its head within five polls.");
}

/* What is not seen: worst case and estimate, apart. */
static void
blindness(struct buf *b, const struct blind_state *s)
{
	size_t	i;

	gauge(b, "blind_logs", NULL,
	    "Logs that are behind by more than an hour.", (int64_t)s->nblind);
	family(b, "blind_worst_case_seconds", "gauge", "seconds",
	    "How long a usable certificate could be in unread logs only.");
	for (i = 0; i < BLIND_WAYS; i++)
		buf_fmt(b, "certvigil_blind_worst_case_seconds{program=\"%s\","
		    "scts=\"%s\"} %" PRId64 "\n",
		    policy_name(s->way[i].program), s->way[i].kind ==
		    POLICY_TLS ? "tls" : "embedded", s->way[i].seconds);
	family(b, "blind_share", "gauge", NULL,
	    "Estimate: share of issuance that was only in blind logs.");
	if (blind_state_share(s) >= 0)
		buf_fmt(b, "certvigil_blind_share %.6g\n",
		    blind_state_share(s));
}

/* How old the newest certificate of the canary is, and how fast it came. */
static int
canary(struct buf *b, struct db *db, const struct conf *conf, struct err *e)
{
	struct canary	 c = { NULL, conf->canary_within,
			    conf->canary_every };
	struct db_res	*r = NULL;
	char		*name;
	int		 rc;

	if (conf->canary_name == NULL)
		return 0;
	c.name = name = canary_name(conf);
	rc = canary_load(db, &c, &r, e);
	if (rc == 0 && !db_null(r, 0, CANARY_AT))
		gauge(b, "canary_age_seconds", "seconds", "Since the newest "
		    "certificate of the canary was received or declared.",
		    db_int(r, 0, CANARY_AGE));
	if (rc == 0 && !db_null(r, 0, CANARY_SECONDS))
		gauge(b, "canary_seen_after_seconds", "seconds", "How long it "
		    "took until a log showed it to us.", db_int(r, 0,
		    CANARY_SECONDS));
	if (rc == 0)
		gauge(b, "canary_missed", NULL, "1 when it was not seen in "
		    "time.", db_bool(r, 0, CANARY_LATE));
	db_free(r);
	free(name);
	return rc;
}

/* One family of counts: rows of that name, one or two labels. */
static void
counts(struct buf *b, const struct db_res *r, const char *what,
    const char *name, const char *help, const char *label1,
    const char *label2)
{
	size_t	i;

	family(b, name, "gauge", NULL, help);
	for (i = 0; i < db_rows(r); i++) {
		if (strcmp(db_text(r, i, 0), what) != 0)
			continue;
		buf_fmt(b, "certvigil_%s{%s=\"", name, label1);
		metrics_label(b, db_text(r, i, 1));
		if (label2 != NULL) {
			buf_fmt(b, "\",%s=\"", label2);
			metrics_label(b, db_text(r, i, 2));
		}
		buf_fmt(b, "\"} %" PRId64 "\n", db_int(r, i, 3));
	}
}

static int64_t
count(const struct db_res *r, const char *what)
{
	size_t	i;

	for (i = 0; i < db_rows(r); i++)
		if (strcmp(db_text(r, i, 0), what) == 0)
			return db_int(r, i, 3);
	return 0;
}

int
metrics_text(struct db *db, const struct conf *conf, struct buf *b,
    struct err *e)
{
	struct blind_state	 s = { 0 };
	struct db_res		*r = NULL, *c = NULL;
	int64_t			 bad = 0;
	int			 rc = -1;

	if (blind_state_load(&s, db, conf->poll, e) == -1 ||
	    blind_state_seen(&s, db, e) == -1 || coverage_store_now(db, conf->poll, 0, &r, e) == -1 ||
	    coverage_store_counts(db, &c, e) == -1 ||
	    coverage_store_misbehaved(db, &bad, e) == -1)
		goto out;
	family(b, "build", "info", NULL, "Version of the program.");
	buf_fmt(b, "certvigil_build_info{version=\"%s\"} 1\n",
	    CERTVIGIL_VERSION);
	gauge(b, "db_up", NULL, "1 when the database answers.", 1);
	gauge(b, "workers", NULL, "Workers seen in the last 30 seconds.",
	    count(c, "worker"));
	gauge(b, "watches", NULL, "Watches in force.", count(c, "watch"));
	logs(b, r);
	blindness(b, &s);
	if (canary(b, db, conf, e) == -1)
		goto out;
	gauge(b, "log_misbehaviour", NULL,
	    "Findings log.misbehaved that are open.", bad);
	counts(b, c, "match", "matches",
	    "Log entries that matched a watch, by type of entry.", "kind",
	    NULL);
	counts(b, c, "finding", "findings",
	    "Findings that are open or acknowledged.", "kind", "severity");
	counts(b, c, "delivery", "outbox_deliveries",
	    "Deliveries, by state and channel.", "state", "channel");
	gauge(b, "outbox_oldest_seconds", "seconds",
	    "Age of the oldest delivery that is not done.",
	    count(c, "oldest"));
	buf_str(b, "# EOF\n");
	rc = 0;
out:
	blind_state_free(&s);
	db_free(r);
	db_free(c);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc = 0;

	(void)argv;
	if (argc != 1)
		return cmd_usage(&cmd_metrics, "takes no arguments");
	if (cmd_db(ctx, &e) == -1 ||
	    metrics_text(ctx->db, ctx->conf, &b, &e) == -1)
		rc = cmd_fail(&e);
	else
		(void)fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
	return rc;
}
