#include "auditor/db/dump.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/embed_place.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/sha.h"
#include "tests/unit/auditor/dump_fixture.h"

/* Restores that must not happen, or must not happen by half. */

static char			*bindir, *file;
static char			 dir[] = "/tmp/cvread.XXXXXX";
static struct dump_opts		 opts;

/* A backup of ${db} in ${file}. */
static void
backup(void)
{
	struct err	e = ERR_INIT;

	if (dump_write(&opts, file, &e) == -1)
		fail_msg("%s", e.msg);
}

static struct db *
begin(struct db *db)
{
	struct dump_opts	o = { testdb_info, bindir, "public", 1, 0,
	    NULL };

	opts = o;
	return db;
}

/* It is refused with this exit status and these words. */
static void
refused(struct db *db, int status, const char *words)
{
	struct err	e = ERR_INIT;

	assert_int_equal(dump_read(db, &opts, file, &e), -1);
	if (err_exit(e.code) != status || strstr(e.msg, words) == NULL ||
	    strstr(e.msg, file) == NULL)
		fail_msg("%d: %s", err_exit(e.code), e.msg);
	assert_int_equal(testdb_int(db, "select count(*) from entry"), 100);
}

/* What the file begins with, or has from ${at} on (below 0: from its end). */
static void
scribble(off_t at, const char *text)
{
	int		fd = open(file, O_WRONLY);
	struct stat	st;

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	if (at < 0)
		at += st.st_size;
	assert_int_equal(pwrite(fd, text, strlen(text), at),
	    (ssize_t)strlen(text));
	(void)close(fd);
}

/* Where the file has ${text}; a list of what is in it has names that do not count. */
static off_t
place(const char *text)
{
	struct buf	b = BUF_INIT;
	char		block[4096];
	const char	*p;
	ssize_t		n;
	off_t		at;
	int		fd = open(file, O_RDONLY);

	assert_int_not_equal(fd, -1);
	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_add(&b, block, (size_t)n);
	(void)close(fd);
	p = memmem(b.p, b.n, text, strlen(text));
	assert_non_null(p);
	at = p - (const char *)b.p;
	buf_free(&b);
	return at;
}

/* A file that is broken is said to be, and is no fault of the database. */
static void
test_broken(void **state)
{
	struct db		*db = begin(testdb_open());
	struct stat		 st;
	const off_t		 cut[] = { 0, 4, 1000, -20 };
	size_t			 i;
	int64_t			 before;

	(void)state;
	if (db == NULL)
		return;
	dump_fill(db);
	before = testdb_int(db, "select count(*) from pg_class");
	for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		backup();
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(truncate(file, cut[i] < 0 ?
		    st.st_size + cut[i] : cut[i]), 0);
		refused(db, 2, "nothing was changed: it is broken");
		assert_int_equal(testdb_int(db,
		    "select count(*) from pg_class"), before);
	}
	backup();
	scribble(0, "-- PostgreSQL database dump\n");
	refused(db, 2, "no file of `certvigil db backup`");
	backup();
	scribble(5, "\001\177");
	refused(db, 2, "by a newer pg_dump");
	/* in the list of what is in it, and in what is packed */
	backup();
	scribble(place("CREATE TABLE public.work"), "\300\300\300\300\300\300\300\300");
	refused(db, 2, "nothing was changed: it is broken");
	backup();
	scribble(-30, "\300\300\300\300\300\300\300\300");
	refused(db, 2, "nothing was changed: it is broken");
	assert_int_equal(testdb_int(db, "select count(*) from pg_class"),
	    before);
	testdb_close(db);
}

/* A whole backup, of something else than this program can use. */
static void
test_foreign(void **state)
{
	struct db	*db = begin(testdb_open());

	(void)state;
	if (db == NULL)
		return;
	dump_fill(db);
	testdb_run(db, "insert into schema_migration values (9999, 'x', '')");
	backup();
	testdb_run(db, "delete from schema_migration where number = 9999");
	refused(db, 2, "it has schema 9999");
	refused(db, 2, "restore it with a newer certvigil");
	/* the same numbers, of a program that nobody released */
	testdb_run(db, "update schema_migration set sha256 = '\\x00' where "
	    "number = 2");
	backup();
	testdb_run(db, "update schema_migration set sha256 = sha256 || "
	    "'\\x00' where number = 2");
	refused(db, 2, "restore it with the certvigil that made it");
	testdb_run(db, "alter table schema_migration rename to other");
	backup();
	testdb_run(db, "alter table other rename to schema_migration");
	refused(db, 2, "no tables of certvigil in schema public");
	testdb_close(db);
}

/* Who works on the database, or has a table in use, keeps it. */
static void
test_in_use(void **state)
{
	struct db	*db = begin(testdb_open()), *other;
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	dump_fill(db);
	backup();
	assert_int_equal(dump_read(db, &opts, "/nonexistent/x", &e), -1);
	assert_int_equal(err_exit(e.code), 1);
	err_clear(&e);
	assert_int_equal(dump_read(db, &opts, dir, &e), -1);
	assert_int_equal(err_exit(e.code), 64);
	err_clear(&e);
	assert_int_equal(dump_write(&opts, "/nonexistent/x", &e), -1);
	err_clear(&e);
	testdb_run(db, "update worker set last_seen = now()");
	assert_int_equal(dump_read(db, &opts, file, &e), -1);
	assert_int_equal(e.code, ERR_TEMP);
	assert_non_null(strstr(e.msg, "1 worker is alive"));
	err_clear(&e);
	testdb_run(db, "delete from worker");
	other = testdb_again();
	assert_int_equal(db_begin(other, &e), 0);
	testdb_run(other, "select from log");
	refused(db, 75, "somebody uses the database");
	db_rollback(other);
	if (dump_read(db, &opts, file, &e) == -1)
		fail_msg("%s", e.msg);
	db_close(other);
	testdb_close(db);
}

/* What somebody else calls as we do is not ours to drop. */
static void
test_taken(void **state)
{
	struct db	*db = begin(testdb_open());
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	dump_fill(db);
	backup();
	testdb_close(db);
	db = begin(testdb_empty());
	testdb_run(db, "create table log (x int)");
	testdb_run(db, "create table other (x int)");
	opts.replace = 0;
	assert_int_equal(dump_read(db, &opts, file, &e), -1);
	assert_int_equal(err_exit(e.code), 64);
	assert_non_null(strstr(e.msg, "(log)"));
	err_clear(&e);
	assert_int_equal(testdb_int(db, "select count(x) from log"), 0);
	/* what is called otherwise is in nobody's way, and stays */
	testdb_run(db, "drop table log");
	if (dump_read(db, &opts, file, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(testdb_int(db, "select count(x) from other"), 0);
	assert_int_equal(testdb_int(db, "select count(*) from entry"), 100);
	testdb_close(db);
}

/* A database as a program that knew ${n} schemas had it. */
static void
old_schema(struct db *db, int n)
{
	const struct migrate_step	*s;
	struct err			 e = ERR_INIT;
	uint8_t				 sum[SHA_LEN];
	struct span			 sp = { sum, sizeof(sum) };

	testdb_run(db, "create table schema_migration (number int primary "
	    "key, name text not null, sha256 bytea not null, applied_at "
	    "timestamptz not null default now())");
	for (s = migrate_steps; s->sql != NULL && s->number <= n; s++) {
		testdb_run(db, "begin");
		testdb_run(db, s->sql);
		testdb_run(db, "commit");
		sha_256(sum, s->sql, strlen(s->sql));
		assert_int_equal(db_query(db, NULL, &e, "insert into "
		    "schema_migration values ($1, $2, $3)", "isb",
		    (int64_t)s->number, s->name, &sp), 0);
	}
	testdb_run(db, "insert into watch (pattern, origin) values "
	    "('old.example', 'cli')");
}

/* What an older program wrote is restored, and brought to this schema. */
static void
test_older(void **state)
{
	struct db	*db;
	struct err	 e = ERR_INIT;
	int		 n, have;

	(void)state;
	for (n = 1; n < migrate_newest(); n++) {
		if ((db = begin(testdb_empty())) == NULL)
			return;
		old_schema(db, n);
		backup();
		testdb_close(db);
		/* over one of today, which has more tables */
		db = begin(testdb_open());
		dump_fill(db);
		if (dump_read(db, &opts, file, &e) == -1)
			fail_msg("schema %d: %s", n, e.msg);
		assert_int_equal(migrate_have(db, &have, &e), 0);
		assert_int_equal(have, migrate_newest());
		assert_int_equal(testdb_int(db, "select count(*) from watch "
		    "where pattern = 'old.example'"), 1);
		assert_int_equal(testdb_int(db, "select count(*) from log"),
		    0);
		testdb_close(db);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_older),
	};
	int	 ret;

	log_open("test_dump_read", LOG_ERROR);
	if ((bindir = embed_place_clients(0, NULL)) == NULL) {
		(void)printf("SKIP 5 no psql and pg_dump\n");
		return 0;
	}
	if (mkdtemp(dir) == NULL)
		return 1;
	file = mem_printf("%s/r.dump", dir);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(file);
	(void)rmdir(dir);
	free(file);
	free(bindir);
	return ret;
}
