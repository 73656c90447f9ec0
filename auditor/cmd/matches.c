#include <stdio.h>
#include <stdlib.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/db/row.h"

/* What was found in the logs: one line per (log, index, watch). */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_matches = {
	.name = "matches",
	.args = "[--watch NAME] [--owner O] [--since T] [--limit N]",
	.brief = "certificates found in the logs for the watched names",
	.help = "  certvigil matches --watch .example.com\n"
	    "  certvigil matches --since 2026-11-01 --json\n\n"
	    "Only what is proven to be in a log is listed: one line per log,\n"
	    "index and watch.  --limit takes the newest N.\n",
	.run = run,
};

#define PAGE	1000

static const char sql[] = "select l.log_id, e.index, e.timestamp_ms, "
    "e.entry_type, w.pattern, m.name, coalesce(i.names, '{}'), e.tbs_sha256, "
    "e.cert_sha256, i.spki_sha256, i.issuer_spki_sha256, i.serial, "
    "i.not_before, i.not_after, e.malformed, w.owner, m.baseline, "
    "l.description, m.log_ref, m.watch_id, i.issuer_owner "
    "from entry_match m join entry e on e.log_ref = m.log_ref and "
    "e.index = m.index join log l on l.id = m.log_ref "
    "join watch w on w.id = m.watch_id "
    "left join issuance i on i.tbs_sha256 = e.tbs_sha256 "
    "where ($1::text is null or w.pattern = $1) and ($2::text is null or w.owner = $2) "
    "and e.timestamp_ms >= $3 and (m.log_ref, m.index, m.watch_id) > "
    "($4::int, $5::bigint, $6::bigint) "
    "order by m.log_ref, m.index, m.watch_id limit $7";

/* Where the next page of rows begins. */
struct place {
	int64_t	log_ref, index, watch;
};

static json_t *
line(const struct db_res *r, size_t i)
{
	json_t	*o = json_object();

	json_object_set_new(o, "log_id", row_b64(r, i, 0));
	json_object_set_new(o, "log", row_str(r, i, 17));
	json_object_set_new(o, "index", json_integer(db_int(r, i, 1)));
	json_object_set_new(o, "timestamp", json_integer(db_int(r, i, 2)));
	json_object_set_new(o, "entry_type", row_str(r, i, 3));
	json_object_set_new(o, "watch", row_str(r, i, 4));
	json_object_set_new(o, "owner", row_str(r, i, 15));
	json_object_set_new(o, "name", row_str(r, i, 5));
	json_object_set_new(o, "names", row_strs(r, i, 6));
	json_object_set_new(o, "tbs_sha256", row_hex(r, i, 7));
	json_object_set_new(o, "cert_sha256", row_hex(r, i, 8));
	json_object_set_new(o, "spki_sha256", row_hex(r, i, 9));
	json_object_set_new(o, "issuer_spki_sha256", row_hex(r, i, 10));
	json_object_set_new(o, "issuer_owner", row_str(r, i, 20));
	json_object_set_new(o, "serial", row_str(r, i, 11));
	json_object_set_new(o, "not_before", row_time(r, i, 12));
	json_object_set_new(o, "not_after", row_time(r, i, 13));
	json_object_set_new(o, "malformed", json_boolean(db_bool(r, i, 14)));
	json_object_set_new(o, "baseline", json_boolean(db_bool(r, i, 16)));
	return o;
}

static void
show(struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int	 width[] = { 24, 12, 8, 28, 0 };
	const char		*cols[5];
	char			 index[24];

	if (ctx->json) {
		cmd_json(line(r, i));
		return;
	}
	(void)snprintf(index, sizeof(index), "%lld",
	    (long long)db_int(r, i, 1));
	cols[0] = db_text(r, i, 17);
	cols[1] = index;
	cols[2] = db_bool(r, i, 14) ? "broken" : db_text(r, i, 3);
	cols[3] = db_text(r, i, 4);
	cols[4] = db_text(r, i, 5);
	opt_row(cols, width, 5);
}

static int
list(struct cmd_ctx *ctx, const char *watch, const char *owner,
    int64_t since_ms, int64_t limit, struct err *e)
{
	struct db_res	*r = NULL;
	struct place	 at = { 0, -1, 0 };
	size_t		 i, n;
	int64_t		 left = limit;

	do {
		if (db_query(ctx->db, &r, e, sql, "ssiiiii", watch, owner,
		    since_ms, at.log_ref, at.index, at.watch,
		    left < PAGE ? left : (int64_t)PAGE) == -1)
			return -1;
		n = db_rows(r);
		for (i = 0; i < n; i++) {
			show(ctx, r, i);
			at = (struct place){ db_int(r, i, 18),
			    db_int(r, i, 1), db_int(r, i, 19) };
		}
		left -= (int64_t)n;
		db_free(r);
	} while (n == PAGE && left > 0);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*watch = NULL, *owner = NULL, *since = NULL,
				*limit = NULL;
	const struct opt	 opts[] = {
		{ "--watch", NULL, &watch, NULL },
		{ "--owner", NULL, &owner, NULL },
		{ "--since", NULL, &since, NULL },
		{ "--limit", NULL, &limit, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	int64_t			 from = 0, max = INT64_MAX;
	char			*end;
	int			 rc;

	rc = opt_parse(&cmd_matches, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (rest.n != 0)
		return cmd_usage(&cmd_matches, "takes no arguments");
	if (since != NULL &&
	    opt_moment("--since", since, 0, &from, &e) == -1)
		return cmd_fail(&e);
	if (limit != NULL) {
		max = strtoll(limit, &end, 10);
		if (*end != '\0' || max < 1)
			return cmd_usage(&cmd_matches, "--limit takes a "
			    "number");
	}
	if (cmd_db(ctx, &e) == -1 ||
	    list(ctx, watch, owner, from / 1000, max, &e) == -1)
		return cmd_fail(&e);
	return 0;
}
