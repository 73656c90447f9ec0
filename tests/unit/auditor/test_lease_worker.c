/* Workers: whose slot it is, who lives, and how much each of them has. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/auditor/lease_fixture.h"

static const char *const	ingest[] = { "ingest", "notify" };

/* A worker of the roles ingest and notify in slot ${id}. */
static void
enter(struct db *d, struct lease_worker *w, const char *id,
    const char *instance)
{
	struct err	e = ERR_INIT;

	memset(w, 0, sizeof(*w));
	w->id = id;
	w->instance = instance;
	w->host = "h";
	w->place = "here";
	w->pid = 100;
	w->schema_version = 1;
	w->lease_s = 30;
	w->roles = (struct db_strs){ ingest, 2 };
	if (lease_enter(d, w, &e) == -1)
		fail_msg("%s", e.msg);
}

/*
 * One that slept, whose slot another process has: what it claimed then would be
 * prolonged by that one for ever, which knows nothing of it.
 */
static void
test_slot_lost(void **state)
{
	static const char *const kinds[] = { "tail" };
	struct lease_ask	 ask = { .holder = "h:1", .instance = "aa",
	    .kinds = { kinds, 1 }, .max = 1, .lease_s = 60 };
	struct lease_worker	 w, next;
	struct lease		 l;
	struct err		 e = ERR_INIT;
	size_t			 n = 0;
	pid_t			 pid;
	int			 i, st;

	(void)state;
	NEED_DB();
	enter(a, &w, "h:1", "aa");
	enter(b, &next, "h:1", "bb");
	assert_int_equal(lease_add(a, "tail", "7", &e), 0);
	assert_int_equal(lease_claim(a, &ask, &l, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(lease_beat(b, "h:1", 60, &e), 0);
	ask.instance = "bb";
	assert_int_equal(lease_claim(b, &ask, &l, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(lease_done(b, &l, 0, &e), 0);
	lease_free(&l);
	/* in the moment in which it loses it */
	assert_int_equal(db_begin(a, &e), 0);
	enter(a, &w, "h:1", "cc");
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		b = db_open(testdb_info, NULL);
		_exit(b == NULL ? 9 : lease_claim(b, &ask, &l, &n, &e) == -1 ?
		    8 : (int)n);
	}
	for (i = 0; i < 1000 && testdb_int(a, "select count(*) from pg_locks "
	    "where not granted") == 0; i++)
		(void)usleep(10000);
	assert_true(i < 1000);
	assert_int_equal(db_commit(a, &e), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
}

static void
test_worker(void **state)
{
	struct lease_worker	w, next;
	struct lease		l;
	struct err		e = ERR_INIT;
	int64_t			n;
	int			have = 0;

	(void)state;
	NEED_DB();
	enter(a, &w, "h:1", "aa");
	assert_int_equal(lease_seen(a, &w, &have, &e), 0);
	assert_int_equal(have, testdb_int(a, "select max(number) from "
	    "schema_migration"));
	assert_int_equal(lease_alive(a, &n, &e), 0);
	assert_int_equal(n, 1);
	testdb_run(a, "update worker set last_seen = now() - interval '31 s'");
	assert_int_equal(lease_alive(a, &n, &e), 0);
	assert_int_equal(n, 0);
	/* The next process in the slot: the one before is told. */
	enter(b, &next, "h:1", "bb");
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(b, "h:1", 1, &l), 1);
	assert_int_equal(lease_seen(a, &w, &have, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(lease_leave(a, &w, &e), 0);
	assert_int_equal(lease_check(b, &l, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from worker where "
	    "instance = 'bb' and state = 'working'"), 1);
	next.waits = "for a newer one";
	assert_int_equal(lease_seen(b, &next, &have, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from worker where "
	    "state = 'waiting' and note = 'for a newer one'"), 1);
	assert_int_equal(lease_leave(b, &next, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from worker"), 0);
	assert_int_equal(lease_check(b, &l, &e), -1);
	lease_free(&l);
	/* One unseen for a day is forgotten by the next that comes. */
	enter(a, &w, "h:1", "aa");
	testdb_run(a, "update worker set last_seen = now() - interval '25 h'");
	enter(a, &w, "h:2", "cc");
	assert_int_equal(testdb_int(a, "select count(*) from worker"), 1);
}

/* ${want} are got, when as many as there are may be had. */
static void
part(struct db *d, const char *holder, size_t want)
{
	static const char *const kinds[] = { "tail" };
	struct lease_ask	 ask = { .holder = holder,
	    .kinds = { kinds, 1 }, .max = 100, .lease_s = 60,
	    .share = "ingest" };
	struct lease		 l[100];
	struct err		 e = ERR_INIT;
	size_t			 n;

	assert_int_equal(lease_claim(d, &ask, l, &n, &e), 0);
	assert_int_equal(n, want);
	free_all(l, n);
}

static int
excess(const char *holder)
{
	struct err	e = ERR_INIT;
	int		n = -1;

	assert_int_equal(lease_excess(a, holder, "tail", "ingest", &n, &e),
	    0);
	return n;
}

/* Nobody has more than its part while others live. */
static void
test_share(void **state)
{
	struct lease_worker	w;

	(void)state;
	NEED_DB();
	testdb_run(a, "insert into work (kind, subject) select 'tail', i::text"
	    " from generate_series(1, 7) i");
	enter(a, &w, "h:1", "aa");
	/* alone it has all */
	part(a, "h:1", 7);
	assert_int_equal(excess("h:1"), 0);
	/* a second one comes, then a third */
	enter(b, &w, "h:2", "bb");
	assert_int_equal(excess("h:1"), 1);
	testdb_run(a, "update work set holder = null, lease_until = null where"
	    " subject::int <= 5");
	/* 5 are free: whoever has less takes them first */
	assert_int_equal(excess("h:1"), 0);
	enter(b, &w, "h:3", "cc");
	part(b, "h:2", 3);
	part(b, "h:2", 0);
	part(a, "h:1", 1);
	part(b, "h:3", 1);
	assert_int_equal(excess("h:1"), 1);
	assert_int_equal(excess("h:3"), 0);
	/* nothing is passed on that would come back */
	testdb_run(a, "update work set holder = 'h:3' where subject = (select"
	    " min(subject) from work where holder = 'h:2')");
	assert_int_equal(excess("h:1"), 0);
	/* the dead, those that wait and other roles have no part */
	testdb_run(a, "update work set holder = null, lease_until = null");
	testdb_run(a, "update worker set last_seen = now() - interval '31 s'"
	    " where id = 'h:1'");
	part(b, "h:2", 4);
	testdb_run(a, "update worker set state = 'waiting' where id = 'h:2';"
	    " update work set holder = null, lease_until = null");
	part(b, "h:3", 7);
	testdb_run(a, "update work set holder = null, lease_until = null;"
	    " update worker set state = 'working', last_seen = now();"
	    " update worker set roles = '{audit}' where id <> 'h:3'");
	part(b, "h:3", 7);
	/* what nobody took for a lease is anybody's */
	testdb_run(a, "update work set holder = null, lease_until = null;"
	    " update worker set roles = '{ingest}';"
	    " update work set due_at = now() - interval '61 s'");
	part(a, "h:1", 7);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_share, setup),
		cmocka_unit_test_setup(test_slot_lost, setup),
		cmocka_unit_test_setup(test_worker, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return lease_main(run);
}
