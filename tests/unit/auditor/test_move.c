/*
 * Moving a database: what fits, what is compared, what the marks stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/db/lease.h"
#include "auditor/db/move.h"
#include "tests/unit/testdb.h"

static void
run(struct db *db, const char *sql)
{
	struct err	e = ERR_INIT;

	if (db_script(db, sql, &e) == -1)
		fail_msg("%s: %s", sql, e.msg);
}

static void
test_same(void **state)
{
	struct db	*db = testdb_open(), *other;
	struct err	 e = ERR_INIT;
	struct move_sum	 m;

	(void)state;
	if (db == NULL)
		skip();
	/* one server, two schemas of the same tables */
	other = testdb_again();
	run(db, "create schema two; do $$ declare t text; begin for t in "
	    "select relname from pg_class where relnamespace = "
	    "'public'::regnamespace and relkind in ('r', 'p') and not "
	    "relispartition loop execute format('create table two.%I (like "
	    "public.%I including all)', t, t); end loop; end $$");
	run(other, "set search_path = two");
	/* roles whose statements are cut short */
	run(db, "set statement_timeout = '5min'");
	run(other, "set statement_timeout = '5min'");
	run(db, "delete from instance; delete from schema_migration");
	assert_int_equal(move_same(db, other, &m, &e), 0);
	assert_true(m.tables > 40);
	assert_int_equal(m.rows, 0);
	run(db, "insert into source (name, names, issuers, origin) values "
	    "('a', '{}', '{}', 'cli'), ('b', '{}', '{}', 'cli')");
	assert_int_equal(move_same(db, other, &m, &e), -1);
	assert_non_null(strstr(e.msg, "table source has 2 rows, and 0"));
	err_clear(&e);
	run(other, "insert into source (name, names, issuers, origin) values "
	    "('c', '{}', '{}', 'cli'), ('a', '{}', '{}', 'cli')");
	assert_int_equal(move_same(db, other, &m, &e), -1);
	assert_non_null(strstr(e.msg, "table source: other rows"));
	err_clear(&e);
	run(other, "update source set name = 'b' where name = 'c'");
	assert_int_equal(move_same(db, other, &m, &e), 0);
	assert_int_equal(m.rows, 2);
	assert_int_equal(testdb_int(db, "select setting::int from pg_settings "
	    "where name = 'statement_timeout'"), 0);
	assert_int_equal(testdb_int(other, "select setting::int from "
	    "pg_settings where name = 'statement_timeout'"), 0);
	/* a key of two columns, one of bytes */
	run(db, "insert into ct_verdict (tbs_sha256, program, reason) values "
	    "('\\x01', 'apple', '')");
	run(other, "insert into ct_verdict (tbs_sha256, program, reason) "
	    "values ('\\x02', 'apple', '')");
	assert_int_equal(move_same(db, other, &m, &e), -1);
	db_close(other);
	testdb_close(db);
}

static void
test_fits(void **state)
{
	struct db	*db = testdb_open(), *other;
	struct err	 e = ERR_INIT;
	int		 roles = 0;

	(void)state;
	if (db == NULL)
		skip();
	other = testdb_again();
	assert_int_equal(move_fits(db, other, &roles, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	run(other, "create schema elsewhere; set search_path = elsewhere");
	assert_int_equal(move_fits(db, other, &roles, &e), -1);
	assert_non_null(strstr(e.msg, "make them the same"));
	err_clear(&e);
	run(other, "set search_path = nowhere");
	assert_int_equal(move_fits(db, other, &roles, &e), -1);
	assert_non_null(strstr(e.msg, "create one"));
	db_close(other);
	testdb_close(db);
}

static void
test_marks(void **state)
{
	struct db		*db = testdb_open(), *other;
	struct lease_worker	 w = { .id = "h:0", .instance = "i",
	    .host = "h", .place = "p", .pid = 1, .lease_s = 30 };
	enum move_state		 st;
	struct err		 e = ERR_INIT;
	char			*sql, *peer;

	(void)state;
	if (db == NULL)
		skip();
	other = testdb_again();
	assert_int_equal(move_check(db, &e), 0);
	/* somebody works */
	assert_int_equal(lease_enter(other, &w, &e), 0);
	assert_int_equal(move_hold(db, &e), -1);
	assert_int_equal(e.code, ERR_TEMP);
	err_clear(&e);
	/* by its own lease, which may be long */
	run(other, "update worker set last_seen = now() - interval '99 s', "
	    "lease_s = 100");
	assert_int_equal(move_hold(db, &e), -1);
	err_clear(&e);
	assert_int_equal(lease_leave(other, &w, &e), 0);
	/* nobody writes while it is held, and it ends with us */
	assert_int_equal(move_hold(db, &e), 0);
	run(other, "set lock_timeout = '50ms'");
	assert_int_equal(db_script(other, "delete from work", &e), -1);
	assert_string_equal(db_sqlstate(other), "55P03");
	err_clear(&e);
	db_rollback(db);
	run(other, "delete from work");
	/* moved: nobody enters, and who was there has lost its place */
	run(other, "insert into worker (id, host, pid, version, "
	    "schema_version, roles, last_seen) values ('x', 'x', 1, 'x', 1, "
	    "'{}', now() - interval '1 day')");
	assert_int_equal(move_hold(db, &e), 0);
	assert_int_equal(move_away(db, "host=new", "me", &e), 0);
	assert_int_equal(move_state(db, &st, &peer, &e), 0);
	assert_int_equal(st, MOVE_MOVED);
	assert_string_equal(peer, "host=new");
	run(db, "do $$ begin if exists (select from worker) then raise "
	    "exception 'a worker is left'; end if; end $$");
	free(peer);
	assert_int_equal(move_check(db, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "\"host=new\""));
	err_clear(&e);
	assert_int_equal(lease_enter(other, &w, &e), -1);
	assert_non_null(strstr(e.msg, "was moved to host=new"));
	err_clear(&e);
	/* the other side */
	assert_int_equal(move_arrive(db, &e), 0);
	sql = move_incoming("it's ${d}", "me@'here'");
	run(db, sql);
	free(sql);
	assert_int_equal(move_state(db, &st, &peer, &e), 0);
	assert_int_equal(st, MOVE_INCOMING);
	assert_string_equal(peer, "it's ${d}");
	free(peer);
	assert_int_equal(lease_enter(other, &w, &e), -1);
	err_clear(&e);
	assert_int_equal(move_check(db, &e), -1);
	err_clear(&e);
	assert_int_equal(move_arrive(db, &e), 0);
	assert_int_equal(lease_enter(other, &w, &e), 0);
	db_close(other);
	testdb_close(db);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
