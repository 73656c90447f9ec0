#include "auditor/db/db.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/testdb.h"

static struct db	*db;

#define NEED_DB()	do { if (db == NULL) return; } while (0)

/* Every letter, there and back; and null for those that have one. */
static void
test_letters(void **state)
{
	static const uint8_t	 raw[] = { 0, 1, 0xff, '\\', '\'' };
	const struct span	 sp = { raw, sizeof(raw) };
	const struct span	 empty = { raw, 0 }, null = { NULL, 0 };
	static const char *const words[] = { "a", "", "b,\"c\\ }", NULL,
	    "NULL", "\xc3\xa4" };
	const struct db_strs	 strs = { words, 6 }, nostrs = { NULL, 0 };
	const struct span	 spans[] = { { raw, 5 }, { NULL, 0 } };
	const struct db_spans	 list = { spans, 2 };
	struct err		 e = ERR_INIT;
	struct db_res		*r;
	char			**v;
	size_t			 n;

	(void)state;
	NEED_DB();
	if (db_query(db, &r, &e, "select $1, $2, $3::text, $4, $5, $6, $7,"
	    " $8, $9, $10, $11, $12, $13::text", "ifsbbbtaaABts",
	    INT64_MIN, -1.5e300, "x'y", &sp, &empty, &null,
	    (int64_t)1234567890123456, &strs, &nostrs, &list, 7, INT64_MIN,
	    NULL) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_rows(r), 1);
	assert_true(db_int(r, 0, 0) == INT64_MIN);
	assert_true(db_real(r, 0, 1) == -1.5e300);
	assert_string_equal(db_text(r, 0, 2), "x'y");
	assert_int_equal(db_bytes(r, 0, 3).n, sizeof(raw));
	assert_memory_equal(db_bytes(r, 0, 3).p, raw, sizeof(raw));
	assert_int_equal(db_null(r, 0, 4), 0);
	assert_int_equal(db_bytes(r, 0, 4).n, 0);
	assert_non_null(db_bytes(r, 0, 4).p);
	assert_int_equal(db_null(r, 0, 5), 1);
	assert_null(db_bytes(r, 0, 5).p);
	assert_true(db_time(r, 0, 6) == 1234567890123456);
	v = db_strv(r, 0, 7, &n);
	assert_int_equal(n, 6);
	assert_string_equal(v[0], "a");
	assert_string_equal(v[1], "");
	assert_string_equal(v[2], words[2]);
	assert_string_equal(v[3], "");
	assert_string_equal(v[4], "NULL");
	assert_string_equal(v[5], words[5]);
	free(v);
	v = db_strv(r, 0, 8, &n);
	assert_int_equal(n, 0);
	free(v);
	assert_string_equal(db_text(r, 0, 9), "{\"\\\\x0001ff5c27\",NULL}");
	assert_int_equal(db_bool(r, 0, 10), 1);
	assert_int_equal(db_null(r, 0, 11), 1);
	assert_true(db_time(r, 0, 11) == INT64_MIN);
	assert_int_equal(db_null(r, 0, 12), 1);
	assert_string_equal(db_text(r, 0, 12), "");
	/* Outside of the result there is null. */
	assert_int_equal(db_null(r, 1, 0), 1);
	assert_int_equal(db_int(r, 0, 99), 0);
	db_free(r);
	db_free(NULL);
	assert_int_equal(db_rows(NULL), 0);
}

/* Columns of numbers, times and lists of names. */
static void
test_columns(void **state)
{
	static const int64_t	 v[] = { INT64_MAX, -1, INT64_MIN };
	static const int64_t	 t[] = { 1500000, INT64_MIN,
	    253402300799000000LL };
	static const int64_t	 bad[] = { 0, INT64_MIN + 1 };
	static const char *const names[] = { "a", "", "b,\"c\\ }", "NULL" };
	const struct db_ints	 ints = { v, 3 }, times = { t, 3 };
	const struct db_ints	 none = { NULL, 0 }, wrong = { bad, 2 };
	const char		*lists[2];
	struct buf		 b = BUF_INIT, c = BUF_INIT;
	struct err		 e = ERR_INIT;
	struct db_res		*r;
	char			**s;
	size_t			 n, i;

	(void)state;
	NEED_DB();
	db_strs_text(&b, &(struct db_strs){ names, 4 });
	db_strs_text(&c, &(struct db_strs){ NULL, 0 });
	lists[0] = buf_text(&b);
	lists[1] = buf_text(&c);
	if (db_query(db, &r, &e, "select * from unnest($1, $2) with "
	    "ordinality", "IT", &ints, &times) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_rows(r), 3);
	for (i = 0; i < 3; i++) {
		assert_true(db_int(r, i, 0) == v[i]);
		assert_true(db_time(r, i, 1) == t[i]);
	}
	db_free(r);
	if (db_query(db, &r, &e, "select n::text[], cardinality($2) + "
	    "cardinality($3) from unnest($1) n", "aIT",
	    &(struct db_strs){ lists, 2 }, &none, &none) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_int(r, 0, 1), 0);
	s = db_strv(r, 0, 0, &n);
	assert_int_equal(n, 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(s[i], names[i]);
	free(s);
	s = db_strv(r, 1, 0, &n);
	assert_int_equal(n, 0);
	free(s);
	db_free(r);
	assert_int_equal(db_query(db, NULL, &e, "select $1", "T", &wrong), -1);
	buf_free(&b);
	buf_free(&c);
}

struct moment {
	const char	*sql;
	int64_t		 us;
};

static const struct moment moments[] = {
	{ "'1970-01-01 00:00:00+00'::timestamptz", 0 },
	{ "'1969-12-31 23:59:59.999999+00'::timestamptz", -1 },
	{ "'2000-02-29 12:00:00.5+00'::timestamptz", 951825600500000 },
	{ "'2026-11-22 14:00:00+02'::timestamptz", 1795348800000000 },
	{ "'2100-03-01 00:00:00+00'::timestamptz", 4107542400000000 },
	{ "'12026-01-01 00:00:00+00'::timestamptz", 317336745600000000 },
	{ "'0001-01-01 00:00:00+00'::timestamptz", -62135596800000000 },
	{ "'0001-12-31 00:00:00+00 BC'::timestamptz", -62135683200000000 },
	{ "'2024-02-29'::date", 1709164800000000 },
	{ "'infinity'::timestamptz", INT64_MAX },
	{ "'-infinity'::timestamptz", INT64_MIN + 1 },
	{ "null::timestamptz", INT64_MIN },
	{ "'no time'::text", INT64_MIN },
};

static void
test_times(void **state)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;
	char		*sql;
	size_t		 i;

	(void)state;
	NEED_DB();
	for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		sql = mem_printf("select %s", moments[i].sql);
		assert_int_equal(db_query(db, &r, &e, sql, ""), 0);
		if (db_time(r, 0, 0) != moments[i].us)
			fail_msg("%s: %lld", moments[i].sql,
			    (long long)db_time(r, 0, 0));
		db_free(r);
		/* Another zone and an odd one, with minutes. */
		testdb_run(db, "set timezone = 'Asia/Kolkata'");
		assert_int_equal(db_query(db, &r, &e, sql, ""), 0);
		if (strstr(sql, "timestamptz") != NULL)
			assert_true(db_time(r, 0, 0) == moments[i].us);
		db_free(r);
		testdb_run(db, "set timezone = 'UTC'");
		free(sql);
	}
	assert_int_equal(db_query(db, &r, &e, "select $1::text", "t",
	    (int64_t)-1), 0);
	assert_string_equal(db_text(r, 0, 0),
	    "1969-12-31 23:59:59.999999+00");
	db_free(r);
}

static void
test_bytea_escape(void **state)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;

	(void)state;
	NEED_DB();
	testdb_run(db, "set bytea_output = 'escape'");
	assert_int_equal(db_query(db, &r, &e, "select '\\x00415cff'::bytea,"
	    " ''::bytea", ""), 0);
	assert_int_equal(db_bytes(r, 0, 0).n, 4);
	assert_memory_equal(db_bytes(r, 0, 0).p, "\0A\\\xff", 4);
	assert_int_equal(db_bytes(r, 0, 1).n, 0);
	db_free(r);
	testdb_run(db, "set bytea_output = 'hex'");
}

static void
test_errors(void **state)
{
	struct err	e = ERR_INIT;
	char		many[LIMIT_DB_PARAMS + 2];

	(void)state;
	NEED_DB();
	assert_int_equal(db_query(db, NULL, &e, "select $1::int", "s",
	    "x"), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_string_equal(db_sqlstate(db), "22P02");
	assert_non_null(strstr(e.msg, "(SQLSTATE 22P02)"));
	assert_null(strchr(e.msg, '\n'));
	err_clear(&e);
	testdb_run(db, "create table u (k text unique)");
	testdb_run(db, "insert into u values ('dup')");
	assert_int_equal(db_query(db, NULL, &e, "insert into u values ($1)",
	    "s", "dup"), -1);
	assert_non_null(strstr(e.msg, "(k)=(dup)"));
	assert_string_equal(db_sqlstate(db), "23505");
	err_clear(&e);
	assert_int_equal(db_query(db, NULL, &e, "select 1", "z"), -1);
	assert_non_null(strstr(e.msg, "'z'"));
	err_clear(&e);
	/* What is to be done about it, where that is known. */
	assert_int_equal(db_script(db, "set statement_timeout = 1; select "
	    "pg_sleep(1)", &e), -1);
	assert_string_equal(db_sqlstate(db), "57014");
	assert_non_null(strstr(e.msg, "have a statement_timeout"));
	err_clear(&e);
	assert_int_equal(db_script(db, "do $$ begin raise exception 'no' "
	    "using errcode = '42501'; end $$", &e), -1);
	assert_non_null(strstr(e.msg, "grant certvigil_engine"));
	err_clear(&e);
	/* The server says one sentence over several lines: ours is one. */
	assert_int_equal(db_script(db, "do $$ begin raise exception"
	    " E'a\\n\\tb\\x01c'; end $$", &e), -1);
	assert_non_null(strstr(e.msg, "a b c (SQLSTATE P0001)"));
	err_clear(&e);
	memset(many, 'x', sizeof(many));
	many[LIMIT_DB_PARAMS + 1] = '\0';
	assert_int_equal(db_query(db, NULL, &e, "select 1", many), -1);
	err_clear(&e);
	assert_int_equal(db_alive(db), 1);
	assert_int_equal(testdb_int(db, "select 5"), 5);
	testdb_run(db, "drop table u");
}

static void
test_parameter_cap(void **state)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;
	int64_t		 v = 1;

	(void)state;
	NEED_DB();
	_Static_assert(LIMIT_DB_PARAMS == 48, "the call below has as many");
#define V8 v, v, v, v, v, v, v, v
	assert_int_equal(db_query(db, &r, &e, "select $48 + $1",
	    "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
	    V8, V8, V8, V8, V8, V8), 0);
	assert_int_equal(db_int(r, 0, 0), 2);
	db_free(r);
	assert_int_equal(db_query(db, &r, &e, "select 1",
	    "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
	    V8, V8, V8, V8, V8, V8, v), -1);
	assert_non_null(strstr(e.msg, "more than 48"));
#undef V8
}

static void
test_transactions(void **state)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;

	(void)state;
	NEED_DB();
	testdb_run(db, "create table t (n bigint unique)");
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(db_begin(db, &e), -1);
	err_clear(&e);
	assert_int_equal(db_query(db, &r, &e, "insert into t select"
	    " generate_series(1, $1)", "i", (int64_t)3), 0);
	assert_int_equal(db_changed(r), 3);
	db_free(r);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(testdb_int(db, "select count(*) from t"), 0);
	assert_int_equal(db_commit(db, &e), -1);
	err_clear(&e);
	assert_int_equal(db_begin(db, &e), 0);
	testdb_run(db, "insert into t values (1)");
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(testdb_int(db, "select count(*) from t"), 1);
	/* A failed statement whose error was ignored: commit must say it. */
	assert_int_equal(db_begin(db, &e), 0);
	testdb_run(db, "insert into t values (2)");
	assert_int_equal(db_script(db, "insert into t values (1)", NULL), -1);
	assert_int_equal(db_commit(db, &e), -1);
	assert_non_null(strstr(e.msg, "rolled back"));
	err_clear(&e);
	assert_int_equal(testdb_int(db, "select count(*) from t"), 1);
	testdb_run(db, "drop table t");
}

static int
push_n(int64_t from, int64_t to, struct err *e)
{
	for (; from < to; from++)
		if (db_push(db, e, "insert into p values ($1) returning n,"
		    " repeat('x', 1000)", "i", from) == -1)
			return -1;
	return 0;
}

/* Pipelines below, at and above the number that is waited for at once. */
static void
test_pipeline(void **state)
{
	static const int64_t	sizes[] = { 0, 1, 2, LIMIT_DB_PIPELINE - 1,
	    LIMIT_DB_PIPELINE, LIMIT_DB_PIPELINE + 1,
	    LIMIT_DB_PIPELINE * 5 };
	struct err		e = ERR_INIT;
	size_t			i;

	(void)state;
	NEED_DB();
	testdb_run(db, "create table p (n bigint unique)");
	assert_int_equal(db_push(db, &e, "select 1", ""), -1);
	err_clear(&e);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(db_begin(db, &e), 0);
		assert_int_equal(push_n(0, sizes[i], &e), 0);
		if (i % 2 == 0)
			assert_int_equal(db_sync(db, &e), 0);
		assert_int_equal(db_commit(db, &e), 0);
		assert_int_equal(testdb_int(db,
		    "select count(*) from p"), sizes[i]);
		testdb_run(db, "truncate p");
	}
	/* A query in the middle sees what was pushed. */
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(push_n(0, 3, &e), 0);
	assert_int_equal(testdb_int(db, "select count(*) from p"), 3);
	assert_int_equal(push_n(3, 5, &e), 0);
	db_rollback(db);
	assert_int_equal(testdb_int(db, "select count(*) from p"), 0);
	/* The first error is told, by sync, by a query and by commit. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(db_begin(db, &e), 0);
		assert_int_equal(push_n(0, 2, &e), 0);
		assert_int_equal(push_n(1, 2, &e), 0);
		assert_int_equal(db_push(db, &e, "nonsense", ""), 0);
		if (i == 0)
			assert_int_equal(db_sync(db, &e), -1);
		else if (i == 1)
			assert_int_equal(db_query(db, NULL, &e, "select 1",
			    ""), -1);
		else
			assert_int_equal(db_commit(db, &e), -1);
		assert_string_equal(db_sqlstate(db), "23505");
		err_clear(&e);
		db_rollback(db);
		assert_int_equal(db_alive(db), 1);
		assert_int_equal(testdb_int(db, "select count(*) from p"), 0);
	}
	/* sync after an error, then commit: nothing is committed. */
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(push_n(0, 2, &e), 0);
	assert_int_equal(db_push(db, &e, "nonsense", ""), 0);
	assert_int_equal(db_sync(db, NULL), -1);
	assert_int_equal(db_commit(db, &e), -1);
	err_clear(&e);
	assert_int_equal(testdb_int(db, "select count(*) from p"), 0);
	testdb_run(db, "drop table p");
}

/* COPY in portions; what the server refuses; a copy that is given up. */
static void
test_copy(void **state)
{
	static const char	in[] = "copy copied from stdin";
	struct err		e = ERR_INIT;

	(void)state;
	NEED_DB();
	testdb_run(db, "create table copied (n int primary key, t text)");
	assert_int_equal(db_copy_begin(db, in, &e), 0);
	assert_int_equal(db_copy_put(db, "1\to", 3, &e), 0);
	assert_int_equal(db_copy_put(db, "", 0, &e), 0);
	assert_int_equal(db_copy_put(db, "ne\n2\ttwo\n", 9, &e), 0);
	assert_int_equal(db_copy_end(db, &e), 0);
	assert_int_equal(testdb_int(db, "select count(*) from copied"), 2);
	assert_int_equal(testdb_int(db,
	    "select length(t) from copied where n = 1"),
	    3);

	assert_int_equal(db_copy_begin(db, in, &e), 0);
	assert_int_equal(db_copy_put(db, "2\tagain\n", 8, &e), 0);
	assert_int_equal(db_copy_end(db, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_string_equal(db_sqlstate(db), "23505");
	assert_int_equal(db_copy_begin(db, "copy nothing from stdin", &e), -1);

	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(db_copy_begin(db, in, &e), 0);
	assert_int_equal(db_copy_put(db, "3\tthree\n", 8, &e), 0);
	db_rollback(db);
	assert_int_equal(testdb_int(db, "select count(*) from copied"), 2);
}

static void
test_notify(void **state)
{
	struct err	 e = ERR_INIT;
	struct db	*other;
	struct pollfd	 p;
	int		 i, got = 0;

	(void)state;
	NEED_DB();
	other = testdb_again();
	assert_int_equal(db_listen(db, "Odd \"name", &e), 0);
	assert_int_equal(db_listen(db, "Odd \"name", &e), 0);
	assert_int_equal(db_notified(db, 1), 0);
	testdb_run(other, "notify \"Odd \"\"name\"");
	for (i = 0; i < 100 && !got; i++) {
		p = (struct pollfd){ db_fd(db), POLLIN, 0 };
		(void)poll(&p, 1, 100);
		got = db_notified(db, 1);
	}
	assert_int_equal(got, 1);
	assert_int_equal(db_notified(db, 1), 0);
	/* Kept over a new connection. */
	assert_int_equal(db_reset(db, &e), 0);
	(void)db_notified(db, 1);
	testdb_run(other, "notify \"Odd \"\"name\"");
	for (i = 0, got = 0; i < 100 && !got; i++) {
		p = (struct pollfd){ db_fd(db), POLLIN, 0 };
		(void)poll(&p, 1, 100);
		got = db_notified(db, 1);
	}
	assert_int_equal(got, 1);
	db_close(other);
}

/* The server ends our session: said, and db_reset() brings it back. */
static void
test_lost(void **state)
{
	struct err	 e = ERR_INIT;
	struct db	*other;
	char		*sql;
	int		 i;

	(void)state;
	NEED_DB();
	for (i = 0; i < 3; i++) {
		other = testdb_again();
		sql = mem_printf("select pg_terminate_backend(%lld)",
		    (long long)testdb_int(db, "select pg_backend_pid()"));
		assert_int_equal(db_begin(db, &e), 0);
		if (i == 1)
			assert_int_equal(db_push(db, &e, "select 1", ""), 0);
		testdb_run(other, sql);
		while (testdb_int(other, "select count(*) from pg_stat_activity"
		    " where datname = current_database()") > 1)
			(void)usleep(1000);
		if (i == 2)
			assert_int_equal(db_query(db, NULL, &e, "select 1",
			    ""), -1);
		else
			assert_int_equal(db_commit(db, &e), -1);
		assert_int_equal(e.code, ERR_DB);
		assert_null(strchr(e.msg, '\n'));
		assert_null(strstr(e.msg, "probably"));
		if (i == 0)
			assert_non_null(strstr(e.msg, "not known"));
		err_clear(&e);
		assert_int_equal(db_alive(db), 0);
		db_rollback(db);
		assert_int_equal(db_script(db, "select 1", &e), -1);
		err_clear(&e);
		if (db_reset(db, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(db_alive(db), 1);
		assert_int_equal(testdb_int(db, "select 7"), 7);
		free(sql);
		db_close(other);
	}
}

/* Wrong connection strings: an error, and nothing of a password in it. */
static const char *const strings[] = {
	"host=/nonexistent user=u password=geheim",
	"host=/nonexistent password=ge heim sonst=x",
	"host=/nonexistent password='geheim",
	"password=geheim geheim",
	"postgresql://u:geheim@/db?host=/nonexistent",
	"postgresql://u:ge@heim@nonexistent.invalid/db",
	"postgresql://u:ge/heim@127.0.0.1:1/db",
	"postgresql://u:ge:heim@nonexistent.invalid/db",
	"postgresql://u:ge#heim@[::1/db",
	"postgresql://u:geheim@[::1/db",
	"postgresql://u:geheim@127.0.0.1:geheim/db",
	"host=geheim.invalid password=geheim",
	"geheim",
	"host=/nonexistent port=99999999 password=geheim",
};

static void
test_no_password(void **state)
{
	struct err	 e;
	struct db	*d;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		e = (struct err)ERR_INIT;
		d = db_open(strings[i], &e);
		assert_null(d);
		assert_true(e.code == ERR_DB || e.code == ERR_CONF);
		assert_true(e.msg[0] != '\0');
		if (strstr(e.msg, "heim") != NULL ||
		    strstr(e.msg, "ge@") != NULL)
			fail_msg("%s: %s", strings[i], e.msg);
	}
	db_close(NULL);
}

static void
test_session(void **state)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;

	(void)state;
	NEED_DB();
	assert_int_equal(db_query(db, &r, &e, "select"
	    " current_setting('application_name'),"
	    " current_setting('client_encoding'),"
	    " current_setting('timezone'), current_setting('datestyle')",
	    ""), 0);
	assert_string_equal(db_text(r, 0, 0), "certvigil");
	assert_string_equal(db_text(r, 0, 1), "UTF8");
	assert_string_equal(db_text(r, 0, 2), "UTC");
	assert_memory_equal(db_text(r, 0, 3), "ISO", 3);
	db_free(r);
	/* Values of any type read as text; numbers of any width. */
	assert_int_equal(db_query(db, &r, &e, "select 7::smallint, 8::int,"
	    " 2.5::numeric, '{\"a\": 1}'::jsonb, false, 'x'::name", ""), 0);
	assert_int_equal(db_int(r, 0, 0), 7);
	assert_int_equal(db_int(r, 0, 1), 8);
	assert_true(db_real(r, 0, 2) == 2.5);
	assert_string_equal(db_text(r, 0, 3), "{\"a\": 1}");
	assert_int_equal(db_bool(r, 0, 4), 0);
	assert_int_equal(db_bytes(r, 0, 5).n, 1);
	db_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_no_password),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_bytea_escape),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_parameter_cap),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_lost),
	};
	int	ret;

	db = testdb_empty();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return ret;
}
