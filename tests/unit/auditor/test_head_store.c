#include "auditor/db/head_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/sql.h"

/* Which heads stay. */

/*
 * A log of which a head was seen each minute of ten days: 14,400 of them,
 * all proven; number N has size N.
 */
static int
fill(void **state)
{
	(void)state;
	sql("truncate log_list, log, operator, tree_head, log_range, "
	    "log_health, coverage_day, consistency, finding, entry, sct, "
	    "vantage, watch restart identity cascade");
	sql("insert into operator (name) values ('Op')");
	sql("insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) "
	    "select sha256('x'), 1, 'x', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true");
	sql("insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency, first_seen, "
	    "last_seen) select 1, n, sha256(n::text::bytea), n, 'sth', 'raw', "
	    "'valid', 'proved', t, t from (select n, date_trunc('day', now() "
	    "at time zone 'UTC') at time zone 'UTC' - interval '10 days' + "
	    "n * interval '1 minute' - interval '30 seconds' as t "
	    "from generate_series(1, 14400) n) s");
	return 0;
}

static int64_t
sweep(void)
{
	struct err	e = ERR_INIT;
	int64_t		n, all = 0;
	int		more = 1, rounds = 0;

	while (more) {
		assert_int_equal(head_sweep(db, &n, &more, &e), 0);
		/* whole days */
		assert_true(n < LIMIT_HEAD_SWEEP + 1440);
		all += n;
		assert_true(rounds++ < 40);
	}
	return all;
}

/* One a day stays, and the last day whole. */
static void
one_a_day(void **state)
{
	(void)state;
	assert_true(sweep() > 12000);
	is("select bool_and(n = 1)::text from (select count(*) as n from "
	    "tree_head where last_seen < now() - interval '1 day' group by "
	    "(first_seen at time zone 'UTC')::date) d", "true");
	/* the newest is of last midnight */
	is("select (abs(count(*) - 1440 + extract(epoch from now() - "
	    "date_trunc('day', now() at time zone 'UTC') at time zone 'UTC') "
	    "/ 60) < 40)::text from tree_head where last_seen > now() - "
	    "interval '1 day'", "true");
	assert_int_equal(sweep(), 0);
}

/* What bounds something, is anomalous, or waits. */
static void
referred(void **state)
{
	(void)state;
	sql("insert into log_range values (1, 0, 101, '', 'r', 101)");
	sql("insert into coverage_day (log_ref, day, size_from, size_to, "
	    "root_hash, head_id, verified_at) values (1, '2026-01-01', 0, 9, "
	    "'r', 102, now())");
	sql("insert into consistency values (1, 9, 'r', 103, '')");
	sql("insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, head_id) values (1, 0, 0, 'x509', 'l', 'h', "
	    "104)");
	sql("insert into log_health (log_ref, head_id) values (1, 105)");
	sql("insert into finding (kind, subject, dedupe_key, severity, "
	    "reason, detail) values ('log.misbehaved', 'x', 'k', 'critical', "
	    "'r', '{\"head_id\": 106, \"inconsistent\": {\"head_id\": 107, "
	    "\"other_id\": 108}}')");
	sql("update tree_head set consistency = 'conflict' where id = 109");
	sql("update tree_head set verdict = 'malformed' where id = 110");
	/* not of the log itself: waits for thirty days at most */
	sql("insert into vantage_head (head_id, source, told) values "
	    "(111, 'v', true), (112, 'v', true)");
	sql("update tree_head set consistency = 'pending' where id in "
	    "(111, 113)");
	/* the first one behind a watch says what was there before it */
	sql("insert into watch (pattern, owner, policy, origin, added_at) "
	    "select '.a.example', '', '', 'cli', last_seen - interval '1 s' "
	    "from tree_head where id = 120");
	assert_true(sweep() > 12000);
	is("select string_agg(id::text, ' ' order by id) from tree_head "
	    "where id between 2 and 1440", "101 102 103 104 105 106 107 108 "
	    "109 110 111 120");
	sql("update tree_head set last_seen = now() - interval '31 days' "
	    "where id = 111");
	assert_int_equal(sweep(), 1);
	is("select count(*)::text from vantage_head", "0");
}

/*
 * Below the first head that was seen behind a watch its matches are its
 * baseline (rule 5): no later one may take its place.
 */
static void
bounds_watch(void **state)
{
	(void)state;
	sql("insert into watch (pattern, origin, added_at) select '.a.example', "
	    "'cli', first_seen - interval '1 second' from tree_head where "
	    "id = 1000");
	sql("insert into watch_file (sha256, body, items, loaded_at) select "
	    "sha256('x'), 'x', 1, first_seen - interval '1 second' from "
	    "tree_head where id = 3000");
	/* of others: it bounds nothing */
	sql("insert into vantage_head (head_id, source, told) values "
	    "(1000, 'v', true)");
	assert_true(sweep() > 12000);
	is("select string_agg(id::text, ' ' order by id) from tree_head "
	    "where id in (999, 1000, 1001, 1002, 2999, 3000, 3001)",
	    "1001 3000");
	sql("delete from watch; delete from watch_file");
}

/*
 * Years of many logs: the engine waits for a sweep, which is of some days of
 * one log then, and goes on where it was, also when another worker does.
 */
static void
in_pieces(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		n;
	int		more;

	(void)state;
	sql("insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) "
	    "select sha256('y'), 1, 'y', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true");
	sql("insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency, first_seen, "
	    "last_seen) select 2, tree_size, root_hash, timestamp_ms, form, "
	    "raw, verdict, consistency, first_seen, last_seen from tree_head");
	/* others that have nothing to sweep are done in some turns as well */
	sql("insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) "
	    "select sha256(('z' || n)::bytea), 1, 'z', 'rfc6962', 'u', "
	    "'u', 'k', 86400, 'usable', 'file', true from "
	    "generate_series(1, 50) n");
	assert_int_equal(head_sweep(db, &n, &more, &e), 0);
	assert_true(n > 0 && n < LIMIT_HEAD_SWEEP + 1440 && more);
	is("select count(*)::text from head_swept", "1");
	is("select (min(first_seen) filter (where first_seen > (select upto "
	    "from head_swept)) - min(first_seen) > interval '20 hours')::text "
	    "from tree_head where log_ref = 1", "true");
	assert_int_equal(head_sweep(db, &n, &more, &e), 0);
	assert_true(n > 0 && more);
	is("select count(*)::text from tree_head where log_ref = 2", "14400");
	assert_true(sweep() > 22000);
	is("select count(*)::text from head_swept", "0");
	is("select (count(*) = 2)::text from (select log_ref from tree_head "
	    "group by log_ref having count(*) < 1600) x", "true");
}

/* Tables of later migrations that refer to heads are asked as well. */
static void
unknown_table(void **state)
{
	(void)state;
	sql("create table later (head bigint references tree_head)");
	sql("insert into later values (500)");
	assert_true(sweep() > 12000);
	is("select count(*)::text from tree_head where id = 500", "1");
	sql("drop table later");
}

static void
twins(void **state)
{
	struct head_ref	h;
	struct err	e = ERR_INIT;
	uint8_t		root[32] = { 1 };

	(void)state;
	assert_int_equal(head_twin(db, 1, 50, root, &h, &e), 0);
	assert_int_equal(h.id, 50);
	assert_int_equal(head_twin(db, 1, 50, h.root, &h, &e), 0);
	assert_int_equal(h.id, 0);
	assert_int_equal(head_twin(db, 1, 20000, root, &h, &e), 0);
	assert_int_equal(h.id, 0);
	/* one that is known as a lie is not said again */
	sql("update tree_head set consistency = 'conflict' where id = 50");
	assert_int_equal(head_twin(db, 1, 50, root, &h, &e), 0);
	assert_int_equal(h.id, 0);
	sql("update tree_head set consistency = 'pending' where id in "
	    "(60, 70, 80)");
	assert_int_equal(head_pending(db, 1, 75, 0, &h, &e), 0);
	assert_int_equal(h.id, 60);
	assert_int_equal(h.size, 60);
	assert_int_equal(head_pending(db, 1, 75, 60, &h, &e), 0);
	assert_int_equal(h.id, 70);
	assert_int_equal(head_pending(db, 1, 75, 70, &h, &e), 0);
	assert_int_equal(h.id, 0);
	assert_int_equal(head_of_range(db, 1, &h, &e), 0);
	assert_int_equal(h.id, 0);
	sql("insert into log_range values (1, 0, 101, '', 'r', 140)");
	assert_int_equal(head_of_range(db, 1, &h, &e), 0);
	assert_int_equal(h.size, 140);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_a_day, fill),
		cmocka_unit_test_setup(referred, fill),
		cmocka_unit_test_setup(bounds_watch, fill),
		cmocka_unit_test_setup(in_pieces, fill),
		cmocka_unit_test_setup(unknown_table, fill),
		cmocka_unit_test_setup(twins, fill),
	};

	return SQL_TESTS(tests);
}
