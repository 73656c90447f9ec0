#include "auditor/db/dump.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/embed_place.h"
#include "auditor/db/lease.h"
#include "base/log.h"
#include "tests/unit/auditor/dump_fixture.h"

static char	*bindir;
static char	 dir[] = "/tmp/cvdump.XXXXXX";

static void
check(struct db *db, int hold)
{
	struct err	e = ERR_INIT;
	int64_t		bad = -1;
	int		have;

	assert_int_equal(migrate_have(db, &have, &e), 0);
	assert_int_equal(have, migrate_newest());
	assert_int_equal(testdb_int(db, "select count(*) from entry_1"), 100);
	assert_int_equal(testdb_int(db,
	    "select count(*) from certificate_2026_07"),
	    1);
	assert_int_equal(testdb_int(db, "select count(*) from worker"), 0);
	assert_int_equal(testdb_int(db,
	    "select count(*) from work where token = 8"
	    " and holder is null and lease_until is null"), 1);
	assert_int_equal(testdb_int(db, "select count(*) from delivery where"
	    " state = 'delivered'"), 1);
	assert_int_equal(testdb_int(db, "select count(*) from delivery where"
	    " state = 'pending'"), hold ? 0 : 2);
	assert_int_equal(testdb_int(db, "select count(*) from delivery where"
	    " state = 'dead' and last_error = 'held at restore'"),
	    hold ? 2 : 0);
	assert_int_equal(dump_audit(db, &bad, &e), 0);
	assert_int_equal(bad, 0);
	/* Sequences go on where they were; the chain too. */
	testdb_run(db, "insert into operator (name) values ('next')");
	assert_int_equal(testdb_int(db, "select max(id) from operator"), 2);
	testdb_run(db,
	    "insert into audit_trail (actor, action) values ('a', '3')");
	assert_int_equal(dump_audit(db, &bad, &e), 0);
	assert_int_equal(bad, 0);
	/* A finding of before cannot be opened a second time. */
	assert_int_equal(db_script(db, "insert into finding (kind, subject,"
	    " dedupe_key, severity) values ('k', 's', 'd', 'high')", NULL),
	    -1);
	assert_string_equal(db_sqlstate(db), "23505");
}

static void
test_round(void **state)
{
	struct db		*db = testdb_open();
	struct dump_opts	 o = { NULL, bindir, "public", 0, 0,
	    NULL };
	struct err		 e = ERR_INIT;
	char			*file = mem_printf("%s/a b'c.dump", dir);
	struct stat		 st;
	int			 hold;

	(void)state;
	if (db == NULL) {
		free(file);
		return;
	}
	dump_fill(db);
	o.conninfo = testdb_info;
	if (dump_write(&o, file, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	testdb_close(db);

	/* Into an empty database, and into one that was migrated only. */
	for (hold = 0; hold < 2; hold++) {
		db = hold ? testdb_open() : testdb_empty();
		o.conninfo = testdb_info;
		o.hold = hold;
		if (dump_read(db, &o, file, &e) == -1)
			fail_msg("%s", e.msg);
		check(db, hold);
		/* Now it has data: refused, then replaced. */
		o.replace = 0;
		assert_int_equal(dump_read(db, &o, file, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		err_clear(&e);
		testdb_run(db, "create table theirs as select 1 as x;"
		    "select entry_partition(77)");
		o.replace = 1;
		if (dump_read(db, &o, file, &e) == -1)
			fail_msg("%s", e.msg);
		o.replace = 0;
		check(db, hold);
		/* What is not ours stays. */
		assert_int_equal(testdb_int(db, "select x from theirs"), 1);
		testdb_close(db);
	}
	free(file);
}

/* How many files there are. */
static size_t
files(void)
{
	DIR	*d = opendir(dir);
	size_t	 n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

/* No room: it is the file that is named, not the database, and none stays. */
static void
test_no_room(void **state)
{
	struct db		*db = testdb_open();
	struct dump_opts	 o = { NULL, bindir, "public", 0, 0,
	    NULL };
	struct err		 e = ERR_INIT;
	char			*file = mem_printf("%s/full", dir), want[200];
	struct rlimit		 had, few;
	void			 (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	size_t			 n = files();

	(void)state;
	if (db != NULL) {
		o.conninfo = testdb_info;
		assert_int_equal(getrlimit(RLIMIT_FSIZE, &had), 0);
		few = had;
		few.rlim_cur = 20000;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
		assert_int_equal(dump_write(&o, file, &e), -1);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &had), 0);
		(void)snprintf(want, sizeof(want), "cannot write %s as user "
		    "%ld: %s", file, (long)geteuid(), strerror(EFBIG));
		assert_string_equal(e.msg, want);
		assert_int_equal(err_exit(e.code), 1);
		assert_int_equal(files(), n);
		err_clear(&e);
		/* pg_dump is refused by the server: that is the database's */
		o.schema = "nobody's";
		assert_int_equal(dump_write(&o, file, &e), -1);
		assert_int_equal(err_exit(e.code), 69);
		assert_int_equal(files(), n);
		err_clear(&e);
		assert_int_equal(dump_write(&o, "/dev/full", &e), -1);
		assert_int_equal(err_exit(e.code), 64);
		testdb_close(db);
	}
	(void)signal(SIGXFSZ, old);
	free(file);
}

static void
test_audit_broken(void **state)
{
	static const char *const harm[] = {
		"update audit_trail set action = 'x' where id = 2",
		"update audit_trail set hash = '\\x00' where id = 2",
		"update audit_trail set at = at + '1 us' where id = 2",
		"delete from audit_trail where id = 1",
		"delete from audit_trail where id = 2",
	};
	static const int	 want[] = { 2, 2, 2, 2, 3 };
	struct db		*db = testdb_open();
	struct err		 e = ERR_INIT;
	int64_t			 bad;
	size_t			 i;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(dump_audit(db, &bad, &e), 0);
	assert_int_equal(bad, 0);
	for (i = 0; i < 3; i++)
		testdb_run(db, "insert into audit_trail (actor, action) values"
		    " ('a', 'b')");
	testdb_run(db, "alter table audit_trail disable trigger all");
	for (i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		assert_int_equal(db_begin(db, &e), 0);
		testdb_run(db, harm[i]);
		assert_int_equal(dump_audit(db, &bad, &e), 0);
		assert_int_equal(bad, want[i]);
		db_rollback(db);
	}
	assert_int_equal(dump_audit(db, &bad, &e), 0);
	assert_int_equal(bad, 0);
	testdb_close(db);
}

/* The password is taken out of every form of a connection string. */
static void
test_public(void **state)
{
	static const char *const in[] = {
		"host=h password='ge heim\\'' dbname=d",
		"postgresql://u:geheim@h:5/d",
		"host=h",
		"",
	};
	static const char *const want[] = {
		"dbname='d' host='h'",
		"user='u' dbname='d' host='h' port='5'",
		"host='h'",
		"",
	};
	static const char *const secret[] = { "ge heim'", "geheim", NULL,
	    NULL };
	char			*out, *password;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		out = dump_public(in[i], &password);
		assert_non_null(out);
		assert_string_equal(out, want[i]);
		if (secret[i] == NULL)
			assert_null(password);
		else
			assert_string_equal(password, secret[i]);
		free(out);
		free(password);
	}
	assert_null(dump_public("no form", &password));
	assert_null(password);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_audit_broken),
	};
	char	*cmd;
	int	 ret;

	log_open("test_dump", LOG_ERROR);
	bindir = embed_place_clients(0, NULL);
	if (bindir == NULL) {
		(void)printf("SKIP 3 no psql and pg_dump\n");
		return 0;
	}
	if (mkdtemp(dir) == NULL)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	cmd = mem_printf("%s/a b'c.dump", dir);
	(void)unlink(cmd);
	free(cmd);
	(void)rmdir(dir);
	free(bindir);
	return ret;
}
