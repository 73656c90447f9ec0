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

static void
run(struct db *db, const char *sql)
{
	struct err	e = ERR_INIT;

	if (db_script(db, sql, &e) == -1)
		fail_msg("%s: %s", sql, e.msg);
}

static int64_t
number(struct db *db, const char *sql)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r;
	int64_t		 n;

	if (db_query(db, &r, &e, sql, "") == -1)
		fail_msg("%s: %s", sql, e.msg);
	n = db_int(r, 0, 0);
	db_free(r);
	return n;
}

/* Somebody waits for a lock on this table. */
static int
waits(struct db *db, const char *table)
{
	char	sql[160];

	(void)snprintf(sql, sizeof(sql), "select count(*) from pg_locks "
	    "where not granted and relation = '%s'::regclass", table);
	return number(db, sql) != 0;
}

static void
until_waits(struct db *db, const char *table)
{
	int	i;

	for (i = 0; !waits(db, table); i++) {
		if (i == 3000)
			fail_msg("nobody waits for %s", table);
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

/* The child that drops it: how many rows were kept. */
static pid_t
drop(void)
{
	struct db	*db;
	pid_t		 pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return pid;
	/* it has our connections: when we failed, nobody else ends it */
	(void)alarm(60);
	db = db_open(testdb_info, NULL);
	_exit(db == NULL ? 99 : (int)number(db,
	    "select retention_drop('certificate_2024_01')"));
}

static void
test_wait(void **state)
{
	struct db	*a = testdb_open(), *b, *c;
	pid_t		 pid;
	int		 st;

	(void)state;
	if (a == NULL)
		skip();
	b = testdb_again();
	c = testdb_again();
	run(a, CERT("1", OVER) CERT("2", OVER) CERT("3", OVER) CERT("4", OVER)
	    FINDING("1") FINDING("5") FINDING("6")
	    "insert into finding (kind, subject, dedupe_key, severity) values "
	    "('certificate.revoked', encode(sha256('ca'), 'hex') || ':07', "
	    "'7', 'high')");
	/* while it looks for what is needed, */
	run(c, "begin; lock table endpoint_observation in access exclusive "
	    "mode");
	pid = drop();
	until_waits(a, "endpoint_observation");
	/* everything is stored as ever: current ones, and one that is over */
	run(b, "begin; lock table certificate in row exclusive mode nowait;"
	    CERT("10", LATER) CERT("5", OVER));
	assert_true(waits(a, "endpoint_observation"));
	/* it waits for us, to take the partition away */
	run(c, "commit");
	until_waits(a, "certificate");
	/* what was no evidence when it looked, and what it could not see */
	run(c, FINDING("2"));
	run(b, CERT("6", OVER) CERT("7", OVER) CERT("8", OVER) "commit");
	assert_int_equal(waitpid(pid, &st, 0), pid);
	/* 1, 2, 5, 6, 7 */
	assert_int_equal(st, 5 << 8);
	assert_int_equal(number(a, "select count(*) from certificate where "
	    "tbs_sha256 in (sha256('tbs1'), sha256('tbs2'), sha256('tbs5'), "
	    "sha256('tbs6'), sha256('tbs7'), sha256('tbs10'))"), 6);
	assert_int_equal(number(a, "select count(*) from certificate"), 6);
	assert_int_equal(number(a, "select count(*) from pg_class where "
	    "relname = 'certificate_2024_01'"), 0);
	db_close(c);
	db_close(b);
	testdb_close(a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
