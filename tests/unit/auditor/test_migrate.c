#include "auditor/db/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/testdb.h"

static void
test_plan_up(void **state)
{
	struct db	*db = testdb_empty();
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	int		 have = -1;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(migrate_have(db, &have, &e), 0);
	assert_int_equal(have, 0);
	assert_int_equal(migrate_up(db, 1, &b, &e), 0);
	assert_non_null(strstr(buf_text(&b), "would apply 0001_init\n"));
	assert_int_equal(testdb_int(db, "select count(*) from pg_class"
	    " where relname in ('schema_migration', 'entry')"), 0);
	buf_reset(&b);
	assert_int_equal(migrate_up(db, 0, &b, &e), 0);
	assert_non_null(strstr(buf_text(&b), "applied 0001_init\n"));
	assert_int_equal(migrate_have(db, &have, &e), 0);
	assert_int_equal(have, migrate_newest());
	buf_reset(&b);
	assert_int_equal(migrate_up(db, 0, &b, &e), 0);
	assert_int_equal(migrate_up(db, 1, &b, &e), 0);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(testdb_int(db, "select count(*) from instance"), 1);
	/* Nothing of the session was changed. */
	assert_int_equal(testdb_int(db,
	    "select (current_setting('search_path') ="
	    " '\"$user\", public')::int"), 1);
	buf_free(&b);
	testdb_close(db);
}

static void
test_refused(void **state)
{
	struct db	*db = testdb_open();
	struct err	 e = ERR_INIT;
	int		 have;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(db_script(db, "update schema_migration set sha256 ="
	    " sha256('x') where number = 1", &e), 0);
	assert_int_equal(migrate_have(db, &have, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "another form"));
	err_clear(&e);
	assert_int_equal(migrate_up(db, 0, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	err_clear(&e);
	assert_int_equal(db_script(db, "insert into schema_migration"
	    " values (9999, '9999_later', '')", &e), 0);
	assert_int_equal(migrate_have(db, &have, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "9999 (9999_later)"));
	assert_non_null(strstr(e.msg, "newer certvigil"));
	testdb_close(db);
}

/* A migration that fails in the middle leaves nothing. */
static void
test_atomic(void **state)
{
	struct db	*db = testdb_empty();
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(db_script(db, "create table work (x int)", &e), 0);
	assert_int_equal(migrate_up(db, 0, NULL, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_non_null(strstr(e.msg, "migration 0001_init"));
	assert_non_null(strstr(e.msg, "42P07"));
	assert_int_equal(testdb_int(db,
	    "select count(*) from pg_class where relname"
	    " in ('schema_migration', 'instance', 'entry')"), 0);
	err_clear(&e);
	assert_int_equal(db_script(db, "drop table work", &e), 0);
	assert_int_equal(migrate_up(db, 0, NULL, &e), 0);
	testdb_close(db);
}

/* Four programs at once: all succeed, each step is applied once. */
static void
test_race(void **state)
{
	struct db	*db = testdb_empty(), *mine;
	struct err	 e = ERR_INIT;
	pid_t		 pid[4];
	int		 i, st;

	(void)state;
	if (db == NULL)
		return;
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		assert_int_not_equal(pid[i], -1);
		if (pid[i] != 0)
			continue;
		mine = db_open(testdb_info, NULL);
		_exit(mine == NULL || migrate_up(mine, 0, NULL, NULL) == -1);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
		assert_int_equal(st, 0);
	}
	assert_int_equal(migrate_have(db, &i, &e), 0);
	assert_int_equal(i, migrate_newest());
	assert_int_equal(testdb_int(db, "select count(*) from instance"), 1);
	testdb_close(db);
}

/* A role that owns the database and may do nothing else. */
static void
test_plain_role(void **state)
{
	struct db	*db = testdb_empty(), *plain;
	struct err	 e = ERR_INIT;
	char		*info, *sql;

	(void)state;
	if (db == NULL)
		return;
	sql = mem_printf("create role %s_o login; alter database %s owner to"
	    " %s_o", testdb_name, testdb_name, testdb_name);
	assert_int_equal(db_script(db, sql, &e), 0);
	free(sql);
	info = mem_printf("%s user=%s_o", testdb_info, testdb_name);
	plain = db_open(info, &e);
	assert_non_null(plain);
	if (migrate_up(plain, 0, NULL, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(testdb_int(plain, "select count(*) from instance"), 1);
	assert_int_equal(testdb_int(plain, "select count(*) from (select"
	    " entry_partition(3), entry_partition(3)) x"), 1);
	assert_int_equal(testdb_int(plain, "select count(*) from entry_3"), 0);
	db_close(plain);
	free(info);
	info = mem_printf("%s_o", testdb_name);
	testdb_close(db);
	testdb_admin("drop role", info, "");
	free(info);
}

/* A role whose statements are cut short: a migration takes its time. */
static void
test_timeout(void **state)
{
	struct db	*db = testdb_empty();
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	testdb_run(db, "create table seen (t text); create function see() "
	    "returns event_trigger language plpgsql as $$ begin insert into "
	    "seen values (current_setting('statement_timeout')); end $$; "
	    "create event trigger x on ddl_command_end execute function "
	    "see(); truncate seen; set statement_timeout = '5min'");
	assert_int_equal(migrate_up(db, 0, NULL, &e), 0);
	assert_true(testdb_int(db, "select count(*) from seen") > 0);
	assert_int_equal(testdb_int(db, "select count(*) from seen where t <> "
	    "'0'"), 0);
	testdb_close(db);
}

/* A role that owns nothing: it is said who may, and trying again is no use. */
static void
test_no_right(void **state)
{
	struct db	*db = testdb_empty(), *plain;
	struct err	 e = ERR_INIT;
	char		*info, *role;

	(void)state;
	if (db == NULL)
		return;
	role = mem_printf("%s_n", testdb_name);
	testdb_admin("create role", role, " login");
	info = mem_printf("%s user=%s", testdb_info, role);
	plain = db_open(info, &e);
	assert_non_null(plain);
	assert_int_equal(migrate_up(plain, 0, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	assert_non_null(strstr(e.msg, "has schema 0, "));
	assert_non_null(strstr(e.msg, "as the role that owns the tables"));
	assert_non_null(strstr(e.msg, "permission denied"));
	db_close(plain);
	testdb_close(db);
	testdb_admin("drop role", role, "");
	free(info);
	free(role);
}

/* Every migration up to ${number}, and what migrate_up() keeps of it. */
static void
up_to(struct db *db, int number)
{
	const struct migrate_step	*s;
	struct err			 e = ERR_INIT;

	assert_int_equal(db_script(db, "create table schema_migration ("
	    "number int primary key, name text not null, sha256 bytea not "
	    "null, applied_at timestamptz not null default now())", &e), 0);
	for (s = migrate_steps; s->sql != NULL; s++) {
		if (s->number > number)
			continue;
		if (db_begin(db, &e) == -1 || db_script(db, s->sql, &e) == -1 ||
		    db_query(db, NULL, &e, "insert into schema_migration "
		    "(number, name, sha256) values ($1, $2, "
		    "sha256(convert_to($3, 'UTF8')))", "iss",
		    (int64_t)s->number, s->name, s->sql) == -1 ||
		    db_commit(db, &e) == -1)
			fail_msg("%s: %s", s->name, e.msg);
	}
}

/*
 * An instance of before many workers: what it has proven goes on from where
 * it is, and history joins it.
 */
static void
test_from_4(void **state)
{
	struct db	*db = testdb_empty();
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	up_to(db, 4);
	testdb_run(db, "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) select"
	    " sha256(x::bytea), 1, x, 'rfc6962', 'u', 'u', 'k', 1, 's',"
	    " 'file', true from unnest(array['a', 'b']) x;"
	    "select entry_partition(id) from log;"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) select id, 900, 'r', 5, 'sth',"
	    " '', 'valid' from log;"
	    "insert into log_range values (1, 500, 900, 'f', 'r', 1),"
	    " (2, 0, 900, 'g', 'r', 2);"
	    "insert into log_health (log_ref, head_id) values (1, 1), (2, 2);"
	    "insert into coverage_day (log_ref, day, size_from, size_to, "
	    "root_hash, head_id, verified_at) values (1, '2026-01-01', 500, "
	    "600, 'r', 1, now()), (1, '2026-01-02', 600, 700, 'r', 1, now()),"
	    " (1, '2026-01-06', 700, 900, 'r', 1, now());"
	    "insert into worker (id, host, pid, version, schema_version, "
	    "roles) values ('h:0', 'h', 1, '1', 4, '{ingest}');"
	    "insert into work (kind, subject, holder, lease_until) values "
	    "('tail', '1', 'h:0', now())");
	if (migrate_up(db, 0, NULL, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(testdb_int(db, "select gaps from coverage_day where "
	    "day = '2026-01-06'"), 3);
	assert_int_equal(testdb_int(db, "select sum(gaps) from coverage_day"),
	    3);
	assert_int_equal(testdb_int(db, "select count(*) from worker where "
	    "id = 'h:0' and lease_s = 30 and state = 'working'"), 1);
	/* what lies between is another's; then all of it is one */
	testdb_run(db, "select range_join(1, 0, 400, 'x', 'r', 1)");
	assert_int_equal(testdb_int(db, "select count(*) from log_range where "
	    "log_ref = 1"), 2);
	testdb_run(db, "select range_join(1, 400, 500, 'y', 'r', 1)");
	assert_int_equal(testdb_int(db, "select count(*) from log_range where "
	    "log_ref = 1 and size_from = 0 and size_to = 900 and "
	    "frontier = 'f'"), 1);
	assert_int_equal(testdb_int(db, "select count(*) from log_range where "
	    "log_ref = 2 and size_from = 0 and size_to = 900"), 1);
	testdb_close(db);
}

/* What was stored with a match, names in two forms among it. */
static void
test_from_5(void **state)
{
	struct db	*db = testdb_empty();
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	up_to(db, 5);
	testdb_run(db, "insert into issuance (tbs_sha256, issuer_spki_sha256,"
	    " serial, spki_sha256, names, not_before, not_after, facts) values"
	    " ('a', 'i', '01', 'k', '{WWW.a.example,a.example}', now(), now(),"
	    " '{\"watches\": [{\"owner\": \"o\"}], \"at\": null}'),"
	    " ('b', 'i', '02', 'k', '{b.example}', now(), now(), null);"
	    "insert into certificate_name values ('a', 'WWW.a.example'),"
	    " ('a', 'a.example'), ('a', 'www.a.example'), ('b', 'b.example')");
	if (migrate_up(db, 0, NULL, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(testdb_int(db, "select count(*) from issuance where "
	    "facts::jsonb->'watches' @> '[{\"owner\": \"o\"}]' and "
	    "facts::jsonb ? 'at' and folded = '{www.a.example}'"), 1);
	assert_int_equal(testdb_int(db, "select count(*) from issuance where "
	    "facts is null and folded is null and tbs_sha256 = 'b'"), 1);
	/* by issuance there is what there is by name */
	assert_int_equal(testdb_int(db, "select count(*) from issuance_name n "
	    "full join certificate_name c using (tbs_sha256, name) where "
	    "n.tbs_sha256 is not null and c.tbs_sha256 is not null"), 4);
	assert_int_equal(testdb_int(db, "select count(*) from issuance_name n "
	    "full join certificate_name c using (tbs_sha256, name)"), 4);
	assert_int_equal(db_script(db, "insert into certificate_name values "
	    "('b', 'b.example')", &e), -1);
	err_clear(&e);
	testdb_close(db);
}

/* The audit trail chains itself and cannot be changed. */
static void
test_audit_trail(void **state)
{
	struct db	*db = testdb_open();
	struct err	 e = ERR_INIT;
	int		 i;

	(void)state;
	if (db == NULL)
		return;
	for (i = 0; i < 3; i++)
		assert_int_equal(db_script(db, "insert into audit_trail"
		    " (actor, action) values ('me', 'did')", &e), 0);
	assert_int_equal(testdb_int(db,
	    "select count(*) from audit_trail a join"
	    " audit_trail b on b.id = a.id + 1 and b.prev = a.hash"), 2);
	assert_int_equal(testdb_int(db,
	    "select count(*) from audit_trail where hash"
	    " = audit_trail_hash(prev, at, actor, action, detail)"), 3);
	assert_int_equal(db_script(db, "update audit_trail set actor = 'you'",
	    &e), -1);
	assert_non_null(strstr(e.msg, "append-only"));
	err_clear(&e);
	assert_int_equal(db_script(db, "delete from audit_trail", &e), -1);
	testdb_close(db);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_plan_up),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_from_4),
		cmocka_unit_test(test_from_5),
		cmocka_unit_test(test_plain_role),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_no_right),
		cmocka_unit_test(test_audit_trail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
