#include "auditor/blind_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/blind_state.h"
#include "auditor/db/coverage_store.h"
#include "base/clk.h"
#include "tests/unit/auditor/blind_fixture.h"

/* How old what is not seen is, and what follows from it. */

/* --- days ---------------------------------------------------------------------- */

/* The holes from ${from} to ${to} days ago, as "LOG FIRST LAST," in days ago. */
static void
holes(int from, int to, const char *want)
{
	static const int64_t	 day = 86400 * CLK_SEC;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	int64_t			 now = clk_wall(), first, last;
	char			 have[200] = "";
	size_t			 i, n = 0;

	if (coverage_store_holes(db, now - from * day, now - to * day, &r, &e)
	    == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < db_rows(r); i++) {
		assert_int_equal(clk_parse(db_text(r, i, 1), &first), 0);
		assert_int_equal(clk_parse(db_text(r, i, 2), &last), 0);
		n += (size_t)snprintf(have + n, sizeof(have) - n,
		    "%s %d %d,", db_text(r, i, 0), (int)((now - first) / day),
		    (int)((now - last) / day));
	}
	db_free(r);
	assert_string_equal(have, want);
}

static void
no_proof(void **state)
{
	(void)state;
	sql("update log set watched = id < 4; update log set added_at = now() "
	    "- interval '3 days', first_list = false where id = 2; update log set state = "
	    "'readonly' where id = 3;"
	    "insert into coverage_day (log_ref, day, size_from, size_to, "
	    "root_hash, head_id, verified_at) select r.log_ref, (now() at time "
	    "zone 'UTC')::date - d, 0, 100, '', head_id, now() from log_range "
	    "r, generate_series(2, 5) d where r.log_ref = 1");
	/* a log without a row, one that stopped and began late, one that is over */
	holes(8, 0, "log 1 8 6,log 1 1 1,log 2 3 1,");
	/* before we were, and from the beginning */
	holes(12, 3, "log 1 12 6,log 2 3 3,");
	holes((int)(clk_wall() / CLK_SEC / 86400), 3, "log 1 9 6,log 2 3 3,");
	holes(5, 2, "log 2 3 2,");
	holes(5, 4, "");
	/* what today is yet to bring is not missed */
	holes(0, 0, "");
	/* until the day on which it became read-only */
	sql("update log set state_at = now() - interval '4 days' where id = 3");
	holes(8, 0, "log 1 8 6,log 1 1 1,log 2 3 1,log 3 8 5,");
	holes(3, 0, "log 1 1 1,log 2 3 1,");
	/* until the day on which no list had it any more, as far as we know */
	sql("update log set state_at = null where id = 3; update log set listed "
	    "= false where id = 1; insert into log_list (source, sha256, body, "
	    "verified, checked_at) select 'file', 'x', convert_to('{\"log_id\": "
	    "\"' || encode(log_id, 'base64') || '\"}', 'UTF8'), true, now() - "
	    "interval '6 days' from log where id = 1");
	holes(8, 0, "log 1 8 7,log 2 3 1,");
	holes(3, 0, "log 2 3 1,");
	/* JSON may write / in two ways */
	sql("create table was as select log_id from log where id = 1; "
	    "update log set log_id = decode(repeat('ff', 32), 'hex') where id "
	    "= 1; update log_list set body = convert_to('\"' || replace("
	    "encode(log_id, 'base64'), '/', '\\/') || '\"', 'UTF8') from log "
	    "where log.id = 1");
	holes(8, 0, "log 1 8 7,log 2 3 1,");
	sql("update log set log_id = (select log_id from was) where id = 1; "
	    "drop table was");
	sql("truncate log_list; update log set listed = true where id = 1");
	sql("insert into coverage_day (log_ref, day, size_from, size_to, "
	    "root_hash, head_id, verified_at) select log_ref, (now() at time "
	    "zone 'UTC')::date - d, 0, 100, '', head_id, now() from log_range, "
	    "generate_series(0, 1) d where log_ref < 3");
	holes(3, 0, "log 2 3 2,");
}

/* --- lag --------------------------------------------------------------------- */

/* Of log 1: how long, within two seconds. */
static void
lags(int64_t want, int64_t blind)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	int64_t		 lag, b;
	size_t		 i;

	if (coverage_store_now(db, 60, 1, &r, &e) == -1)
		fail_msg("%s", e.msg);
	for (i = 0; strcmp(db_text(r, i, COV_DESCRIPTION), "log 1") != 0; i++)
		;
	lag = db_int(r, i, COV_LAG);
	b = db_int(r, i, COV_BLIND);
	db_free(r);
	if (lag < want - 2 || lag > want + 2 || b < blind - 2 || b > blind + 2)
		fail_msg("lag %lld and %lld, not %lld and %lld",
		    (long long)lag, (long long)b, (long long)want,
		    (long long)blind);
}

static void
lag(void **state)
{
	static const struct {
		const char	*sql;
		int64_t		 lag, blind;
	} t[] = {
		{ "select 1", 0, 0 },
		/* the last head that was read whole, the next that was not */
		{ "select behind(1, '3 hours')", 10800, 10800 },
		/* a log that shows what it has each three hours */
		{ "select behind(1, '3 hours'); update log_health set "
		  "caught_up_at = now() - interval '1 minute'", 10800, 60 },
		/* half of what lies between two heads was read */
		{ "select behind(1, '3 hours'); delete from tree_head where "
		  "log_ref = 1 and tree_size = 200; select hd(1, 200, "
		  "'1 hour'); update log_range set size_to = 150 where log_ref "
		  "= 1", 7200, 7200 },
		/* a head that nobody believes */
		{ "select behind(1, '3 hours'); select hd(1, 100, '1 hour'); "
		  "update tree_head set consistency = 'conflict' where "
		  "timestamp_ms = ago('1 hour')", 10800, 10800 },
		/* history, by what it grows by: older than we know it */
		{ "select behind(1, '10 days'); update tree_head set tree_size "
		  "= 150 where log_ref = 1 and tree_size = 100; update "
		  "log_health set growth_per_second = 50 / 86400.0; update "
		  "log_range set size_to = 100", 11 * 86400, 9 * 86400 },
		{ "select behind(1, '2 days'); update tree_head set tree_size "
		  "= 150 where log_ref = 1 and tree_size = 100", 2 * 86400,
		  2 * 86400 },
		/* nothing of it was read */
		{ "delete from log_range where log_ref = 1", 9 * 86400,
		  9 * 86400 },
		{ "delete from log_range where log_ref = 1; delete from "
		  "log_health", 9 * 86400, 9 * 86400 },
		/* an empty log has been read whole */
		{ "delete from log_range where log_ref = 1; update log_health "
		  "set head_size = 0", 0, 0 },
		/* all of the last head was read: it fails, or nobody asks */
		{ "update log_health set head_at = now() - interval "
		  "'2 minutes', failing_since = now()", 120, 120 },
		{ "update log_health set head_at = now() - interval "
		  "'2 minutes'", 0, 0 },
		{ "update log_health set head_at = now() - interval "
		  "'2 hours'", 7200, 7200 },
		/* it shows an old head: as old as the MMD is in order */
		{ "update log_health set head_ms = ago('24 hours')", 0, 0 },
		{ "update log_health set head_ms = ago('25 hours')", 90000,
		  90000 },
		{ "update log_health set head_ms = ago('25 hours'); update log "
		  "set state = 'readonly', state_at = now() - interval "
		  "'1 hour'", 0, 0 },
		/* read to its end, and gone: by whose word it was its end */
		{ "update log_health set head_at = now() - interval '2 hours', "
		  "failing_since = now(); update log set state = 'readonly', "
		  "state_at = now() - interval '3 hours'", 0, 7200 },
		{ "update log_health set head_ms = ago('25 hours'); update log "
		  "set state = 'retired', state_at = now() - interval "
		  "'1 hour'", 0, 0 },
		{ "update log_health set head_at = now() - interval '2 hours', "
		  "failing_since = now(); update log set state = 'readonly', "
		  "state_at = now() - interval '1 hour'", 7200, 7200 },
		/* read-only, and it never showed the tree that it ended with */
		{ "update log set state = 'readonly', final_size = 150, state_at "
		  "= now() - interval '1 hour'", 3600, 3600 },
		{ "update log set state = 'readonly', final_size = 150, state_at "
		  "= now() - interval '1 hour'; update tree_head set "
		  "timestamp_ms = ago('2 hours')", 7200, 7200 },
		{ "update log set state = 'readonly', final_size = 150",
		  0, 0 },
		{ "update log set state = 'readonly', final_size = 100, state_at "
		  "= now() - interval '1 hour'", 0, 0 },
		{ "update log set state = 'usable', final_size = 150, state_at "
		  "= now() - interval '1 hour'", 0, 0 },
	};
	size_t	i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		sql(t[i].sql);
		lags(t[i].lag, t[i].blind);
	}
}

/* What a read-only log does not show of its final tree is missing. */
static void
short_of_its_end(void **state)
{
	static const struct {
		const char	*sql, *want;
	} t[] = {
		{ "final_size = 150", "100 100 50 null t" },
		{ "final_size = 100", "100 100 0 0 f" },
		{ "final_size = 90", "100 100 0 0 f" },
		{ "state = 'usable', final_size = 150", "100 100 0 0 f" },
	};
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	char		*text, have[80];
	size_t		 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		sql("update log set watched = id = 1, state = 'readonly', "
		    "state_at = now() - interval '1 hour'; update log_health "
		    "set entries_per_second = 10, caught_up_at = now() - "
		    "interval '1 hour'");
		text = mem_printf("update log set %s", t[i].sql);
		sql(text);
		free(text);
		if (coverage_store_now(db, 60, 0, &r, &e) == -1)
			fail_msg("%s", e.msg);
		(void)snprintf(have, sizeof(have), "%d %d %d %s %s",
		    (int)db_int(r, 0, COV_TREE_SIZE),
		    (int)db_int(r, 0, COV_VERIFIED),
		    (int)db_int(r, 0, COV_LAG_ENTRIES),
		    db_null(r, 0, COV_ETA) ? "null" : db_text(r, 0, COV_ETA),
		    db_bool(r, 0, COV_BEHIND) ? "t" : "f");
		db_free(r);
		assert_string_equal(have, t[i].want);
	}
}

/* Is it behind, when log 1 is the only one that is read? */
static void
behind_now(void **state)
{
	static const struct {
		const char	*sql;
		int		 behind;
	} t[] = {
		{ "select 1", 0 },
		{ "update log_health set failing_since = now()", 1 },
		{ "update log_health set caught_up_at = now() - interval "
		  "'6 minutes'", 0 },	/* a head that has nothing new */
		{ "update log_health set caught_up_at = now() - interval "
		  "'6 minutes', head_at = now() - interval '6 minutes'", 1 },
		{ "update log_health set caught_up_at = now() - interval "
		  "'4 minutes', head_at = now() - interval '4 minutes'", 0 },
		{ "update log_health set caught_up_at = null, head_at = null", 1 },
		{ "update log_health set caught_up_at = now() - interval "
		  "'7 hours', head_at = now() - interval '7 hours', "
		  "failing_since = now(); update log set state = 'readonly', "
		  "final_size = 100", 0 },
	};
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	int64_t		 n;
	size_t		 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		sql("update log set watched = id = 1");
		sql(t[i].sql);
		if (coverage_store_now(db, 60, 0, &r, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(db_rows(r), 1);
		if (db_bool(r, 0, COV_BEHIND) != t[i].behind)
			fail_msg("%s", t[i].sql);
		db_free(r);
	}
	/* what a person has seen is still so */
	sql("insert into finding (kind, subject, owner, severity, state, "
	    "dedupe_key) select 'log.misbehaved', s, '', 'critical', s, s from "
	    "unnest('{open,acked,resolved,accepted}'::text[]) s");
	assert_int_equal(coverage_store_misbehaved(db, &n, &e), 0);
	assert_int_equal(n, 2);
	sql("truncate finding cascade");
}

/* Time to catch up: not of a log that is not read, nor of one that wins. */
static void
eta(void **state)
{
	static const struct {
		const char	*sql, *want;
	} t[] = {
		{ "entries_per_second = 11, growth_per_second = 1", "10 f" },
		{ "entries_per_second = 10", "10 f" },
		{ "entries_per_second = 1, growth_per_second = 1", "null t" },
		{ "entries_per_second = 1, growth_per_second = 2", "null t" },
		{ "growth_per_second = 2", "null f" },
		/* what it grew by before it took no more */
		{ "entries_per_second = 10, growth_per_second = 20; update log "
		  "set state = 'readonly'", "10 f" },
		{ "entries_per_second = 11, growth_per_second = 1, "
		  "failing_since = now()", "null t" },
		{ "entries_per_second = 11, growth_per_second = 1, "
		  "progress_at = now() - interval '11 minutes'", "null t" },
		{ "entries_per_second = 11, growth_per_second = 1, "
		  "progress_at = now() - interval '9 minutes'", "10 f" },
	};
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	char		*text, have[40];
	size_t		 i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		sql("select behind(1, '1 hour'); update log set watched = "
		    "id = 1");
		text = mem_printf("update log_health set %s", t[i].sql);
		sql(text);
		free(text);
		if (coverage_store_now(db, 60, 0, &r, &e) == -1)
			fail_msg("%s", e.msg);
		(void)snprintf(have, sizeof(have), db_null(r, 0, COV_ETA) ?
		    "null %s" : "10 %s", db_bool(r, 0, COV_NEVER) ? "t" : "f");
		if (!db_null(r, 0, COV_ETA))
			assert_int_equal(db_int(r, 0, COV_ETA), 10);
		assert_string_equal(have, t[i].want);
		db_free(r);
	}
}

/* --- the finding -------------------------------------------------------------- */

static void
opens(void **state)
{
	(void)state;
	sweep(0);
	is(FINDINGS, "");
	/* all logs of one operator, for days */
	sql("select behind(1, '3 days'), behind(4, '3 days')");
	sweep(0);
	is(FINDINGS, "");
	/* a second one, for less than an hour */
	sql("select behind(2, '58 minutes')");
	sweep(0);
	is(FINDINGS, "");
	sql("select behind(2, '61 minutes')");
	sweep(0);
	sweep(0);
	is(FINDINGS, "coverage.blind open medium log 1+log 2+log 4");
	is("select left(reason, 124) from finding", "for 61 min a certificate "
	    "that satisfies Chrome and Apple could be in none of the logs "
	    "that were read; behind are log 1 (3 d)");
	is("select (detail->>'blind_worst_case_seconds')::int between 3655 "
	    "and 3665 and detail->'worst_case'->0->'logs' = "
	    "'[\"log 4\", \"log 2\"]' from finding", "t");
	/* it gets better, but not well */
	sql("select behind(2, '31 minutes')");
	sweep(0);
	is(FINDINGS, "coverage.blind open medium log 1+log 2+log 4");
	sql("select behind(2, '25 hours')");
	sweep(0);
	is(FINDINGS, "coverage.blind open high log 1+log 2+log 4");
	sql("select behind(2, '10 minutes')");
	sweep(0);
	sweep(0);
	is("select state from finding", "resolved");
	is(EVENTS, "opened,escalated,resolved");
}

/* Logs of shards that have nothing in common, and such as never count. */
static void
apart(void **state)
{
	(void)state;
	sql("select behind(1, '3 hours'), behind(2, '3 hours');"
	    "update log set interval_from = now() - interval '1 month', "
	    "interval_to = now() + interval '1 month' where id = 1;"
	    "update log set interval_from = now() + interval '1 month', "
	    "interval_to = now() + interval '7 months' where id = 2");
	sweep(0);
	is(FINDINGS, "");
	sql("update log set interval_to = now() + interval '32 days' "
	    "where id = 1");
	sweep(0);
	is(EVENTS, "opened");
	(void)clear(state);
	sql("select behind(1, '3 hours'), behind(2, '3 hours');"
	    "update log set state = 'pending' where id = 2");
	sweep(0);
	sql("update log set state = 'usable', listed = false where id = 2");
	sweep(0);
	is(FINDINGS, "");
	/* one that is not read at all is blind */
	sql("update log set listed = true, watched = false where id = 2");
	sweep(0);
	is(EVENTS, "opened");
}

/* After a pause of all workers everything is behind. */
static void
settles(void **state)
{
	(void)state;
	sql("select behind(1, '3 hours'), behind(2, '3 hours')");
	sweep(600);
	is(FINDINGS, "");
	sql("insert into worker (id, host, pid, version, schema_version, "
	    "roles, started_at) values ('w', 'h', 1, 'v', 1, '{}', now() - "
	    "interval '9 minutes')");
	sweep(600);
	is(FINDINGS, "");
	sql("update worker set started_at = now() - interval '11 minutes', "
	    "last_seen = now() - interval '2 minutes'");
	sweep(600);
	is(FINDINGS, "");
	/* one that waits for its schema reads nothing */
	sql("update worker set last_seen = now(), state = 'waiting'");
	sweep(600);
	is(FINDINGS, "");
	sql("update worker set state = 'working'");
	sweep(600);
	is(EVENTS, "opened");
	/* it resolves whoever runs */
	sql("truncate worker; select behind(2, '1 minute')");
	sweep(600);
	is(EVENTS, "opened,resolved");
}

/* --- the estimate -------------------------------------------------------------- */

/*
 * ${n} issuances of ${owner} that were seen a day ago in log 1, by SCT also
 * in the log of ${other} ("" none).
 */
static void
issued(int n, char first, const char *owner, const char *other)
{
	char	*text;
	int	 i;

	for (i = 0; i < n; i++) {
		text = mem_printf("select cert('%c%x', '0%d', now() - "
		    "interval '1 day', 90, '{a.example}'); update issuance "
		    "set issuer_owner = '%s', first_seen = now() - interval "
		    "'1 day' where tbs_sha256 = hash('%c%x'); insert into "
		    "entry (log_ref, index, timestamp_ms, entry_type, leaf, "
		    "leaf_hash, tbs_sha256) values (1, %d, 0, 'precert', '', "
		    "'', hash('%c%x')); insert into sct (tbs_sha256, log_id, "
		    "timestamp_ms, raw, source) select hash('%c%x'), "
		    "hash('%s'), 0, '', 'certificate' where '%s' <> ''",
		    first, i, i, owner, first, i, first * 100 + i, first, i,
		    first, i, *other != '\0' ? other : "00", other);
		sql(text);
		free(text);
	}
}

static void
estimates(void **state)
{
	(void)state;
	sql("select behind(1, '2 hours'), behind(2, '2 hours')");
	issued(12, 'a', "one.example", "02");
	sweep(0);
	is("select severity from finding", "medium");
	is("select detail->'estimate'->>'share' is null and reason like "
	    "'%no estimate: 12 issuances%' from finding", "t");
	/* so many are enough, whatever is not issued or was only served */
	issued(7, 'b', "two.example", "03");
	sql("insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source) "
	    "select hash('a0'), hash('03'), 1, '', 'tls'");
	sweep(0);
	is("select detail->'estimate'->>'share' is null from finding", "t");
	issued(1, 'c', "two.example", "03");
	sweep(0);
	is("select round((detail->'estimate'->>'share')::numeric, 3) || ' ' || "
	    "(detail->'estimate'->>'only_there') from finding", "0.600 12");
	sql("update issuance set issued = 'invalid' where tbs_sha256 = "
	    "hash('c0')");
	sweep(0);
	is("select detail->'estimate'->>'share' is null from finding", "t");
	(void)clear(state);
	sql("select behind(1, '2 hours'), behind(2, '2 hours')");
	issued(12, 'a', "one.example", "02");
	issued(15, 'b', "two.example", "03");
	sweep(0);
	/* 12 of 27 were in logs 1 and 2 only */
	is("select severity from finding", "high");
	is("select detail->'estimate'->>'only_there' || ' ' || "
	    "(detail->'estimate'->>'issuances') || ' ' || "
	    "left(detail->'estimate'->>'share', 5) from finding",
	    "12 27 0.444");
	is("select string_agg((x->>'issuer_owner') || ' ' || "
	    "(x->>'only_there') || ' ' || (x->>'issuances'), ',' order by "
	    "x->>'issuer_owner') from finding, jsonb_array_elements("
	    "detail->'estimate'->'issuers') x", "one.example 12 12,"
	    "two.example 0 15");
	/* what was seen after they fell behind says nothing of it */
	sql("truncate finding restart identity cascade; update issuance set "
	    "first_seen = now() - interval '1 hour'");
	sweep(0);
	is("select severity from finding", "medium");
	is("select detail->'estimate'->>'issuances' from finding", "0");
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(no_proof, clear),
		cmocka_unit_test_setup(lag, clear),
		cmocka_unit_test_setup(short_of_its_end, clear),
		cmocka_unit_test_setup(behind_now, clear),
		cmocka_unit_test_setup(eta, clear),
		cmocka_unit_test_setup(opens, clear),
		cmocka_unit_test_setup(apart, clear),
		cmocka_unit_test_setup(settles, clear),
		cmocka_unit_test_setup(estimates, clear),
	};

	return SQL_TESTS(t);
}
