/*
 * While a partition is dropped, who stores waits for no more than the drop
 * itself, and what is stored meanwhile, or needed since, is there afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/testdb.h"

/* Somebody waits for a lock on one of these tables. */
static int
waits(struct db *db, const char *tables)
{
	char	sql[200];

	(void)snprintf(sql, sizeof(sql), "select count(*) from pg_locks "
	    "where not granted and relation = any ('{%s}'::regclass[])",
	    tables);
	return testdb_int(db, sql) != 0;
}

static void
until_waits(struct db *db, const char *tables)
{
	int	i;

	for (i = 0; !waits(db, tables); i++) {
		if (i == 3000)
			fail_msg("nobody waits for %s", tables);
		(void)usleep(10000);
	}
}

/* Certificate number n that expires then. */
#define CERT(n, when)							\
	"insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "	\
	"spki_sha256, names, not_before, not_after) values "		\
	"(sha256('tbs" n "'), sha256('ca'), '0" n "', sha256('k'), '{}', "	\
	when " - interval '90 days', " when ");"			\
	"insert into certificate (sha256, not_after, tbs_sha256, form, der) "	\
	"values (sha256('c" n "'), " when ", sha256('tbs" n "'), 'x509', "	\
	"'\\x30');"
#define OVER	"timestamptz '2024-02-03'"
#define LATER	"now() + interval '60 days'"
#define FINDING(n)							\
	"insert into finding (kind, subject, dedupe_key, severity) values "	\
	"('certificate.unexpected', encode(sha256('tbs" n "'), 'hex'), '"	\
	n "', 'high');"

/* The child that does this: it ends with the number, or with 99. */
static pid_t
child(const char *sql)
{
	struct db_res	*r;
	struct db	*db;
	pid_t		 pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return pid;
	/* it has our connections: when we failed, nobody else ends it */
	(void)alarm(60);
	db = db_open(testdb_info, NULL);
	_exit(db == NULL || db_query(db, &r, NULL, sql, "") == -1 ? 99 :
	    (int)db_int(r, 0, 0));
}

static int
ended(pid_t pid)
{
	int	st;

	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static void
test_wait(void **state)
{
	struct db	*a = testdb_open(), *b, *c;
	pid_t		 pid;

	(void)state;
	if (a == NULL)
		skip();
	b = testdb_again();
	c = testdb_again();
	testdb_run(a, CERT("1", OVER) CERT("2", OVER) CERT("3", OVER) CERT("4", OVER)
	    FINDING("1") FINDING("5") FINDING("6")
	    "insert into finding (kind, subject, dedupe_key, severity) values "
	    "('certificate.revoked', encode(sha256('ca'), 'hex') || ':07', "
	    "'7', 'high')");
	/* while it looks for what is needed, */
	testdb_run(c, "begin; lock table endpoint_observation in access exclusive "
	    "mode");
	pid = child("select retention_drop('certificate_2024_01')");
	until_waits(a, "endpoint_observation");
	/* everything is stored as ever: current ones, and one that is over */
	testdb_run(b, "begin; lock table certificate in row exclusive mode nowait;"
	    CERT("10", LATER) CERT("5", OVER));
	assert_true(waits(a, "endpoint_observation"));
	/* it waits for us, to take the partition away */
	testdb_run(c, "commit");
	until_waits(a, "certificate");
	/* what was no evidence when it looked, and what it could not see */
	testdb_run(c, FINDING("2"));
	testdb_run(b, CERT("6", OVER) CERT("7", OVER) CERT("8", OVER) "commit");
	/* 1, 2, 5, 6, 7 */
	assert_int_equal(ended(pid), 5);
	assert_int_equal(testdb_int(a, "select count(*) from certificate where "
	    "tbs_sha256 in (sha256('tbs1'), sha256('tbs2'), sha256('tbs5'), "
	    "sha256('tbs6'), sha256('tbs7'), sha256('tbs10'))"), 6);
	assert_int_equal(testdb_int(a, "select count(*) from certificate"), 6);
	assert_int_equal(testdb_int(a, "select count(*) from pg_class where "
	    "relname = 'certificate_2024_01'"), 0);
	db_close(c);
	db_close(b);
	testdb_close(a);
}

/* Log number ${n}, which is over. */
#define LOG(n)								\
	"insert into log (log_id, operator_id, description, protocol, url, "	\
	"read_url, key, mmd, state, state_at, list_source, first_list) select "	\
	"sha256('l" n "'), id, 'l', 'rfc6962', 'https://l" n ".example/', "	\
	"'https://l" n ".example/', '\\x30', 86400, 'retired', '2024-01-01', "	\
	"'google', true from operator;"

/*
 * A log that is new waits for the drop, which does not wait for it, and nobody
 * waits for both; one that is listed again meanwhile keeps its entries.
 */
static void
test_logs(void **state)
{
	static const char	*const again[] = { "select 1",
	    "update log set state = 'usable' where id = 1" };
	struct db		*a = testdb_open(), *b, *c;
	pid_t			 drop, add;
	size_t			 i;

	(void)state;
	if (a == NULL)
		skip();
	b = testdb_again();
	c = testdb_again();
	testdb_run(a, "insert into operator (name) values ('o');" LOG("1") LOG("2")
	    LOG("3") "select entry_partition(1);"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, malformed) values (1, 0, 1, 'x509', '', '', "
	    "true), (1, 1, 1, 'x509', '', '', false)");
	for (i = 2; i-- > 0;) {
		testdb_run(c, "begin; lock table endpoint_observation in access "
		    "exclusive mode");
		drop = child("select retention_drop('entry_1')");
		until_waits(a, "endpoint_observation");
		add = child(i == 0 ? "select 7 from entry_partition(2)" :
		    "select 7 from entry_partition(3)");
		until_waits(a, "entry,entry_rest");
		testdb_run(b, "begin; lock table entry, entry_rest in row exclusive "
		    "mode nowait; commit");
		testdb_run(b, again[i]);
		testdb_run(c, "commit");
		/* nothing; and the one that is malformed */
		assert_int_equal(ended(drop), i == 0);
		assert_int_equal(ended(add), 7);
		assert_int_equal(testdb_int(a, "select count(*) from entry"),
		    i + 1);
		testdb_run(b, "update log set state = 'retired' where id = 1");
	}
	assert_int_equal(testdb_int(a, "select count(*) from pg_class where "
	    "relname in ('entry_1', 'entry_2', 'entry_3')"), 2);
	db_close(c);
	db_close(b);
	testdb_close(a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
