/* What is due is one worker's at a time, until it is done or its time is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/lease_fixture.h"

static void
test_claim(void **state)
{
	static const char *const kinds[] = { "audit", "log" };
	struct lease_ask	 ask = { .holder = "h:1", .kinds = { kinds, 1 },
	    .max = 10, .lease_s = 60 };
	struct lease_work	 w = { "log", "later", "{\"k\": 1}", 600 };
	struct lease		 l[LIMIT_LEASES + 1];
	struct err		 e = ERR_INIT;
	size_t			 n;

	(void)state;
	NEED_DB();
	assert_int_equal(claim(a, "h:1", 10, l), 0);
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(lease_plan(a, &w, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from work"), 2);
	/* Another kind only: nothing. */
	assert_int_equal(lease_claim(a, &ask, l, &n, &e), 0);
	assert_int_equal(n, 0);
	ask.kinds.n = 2;
	ask.max = 0;
	assert_int_equal(lease_claim(a, &ask, l, &n, &e), 0);
	assert_int_equal(n, 0);
	ask.max = 10;
	ask.skip = (struct db_strs){ (const char *const[]){ "log:x" }, 1 };
	assert_int_equal(lease_claim(a, &ask, l, &n, &e), 0);
	assert_int_equal(n, 0);
	ask.skip = (struct db_strs){ (const char *const[]){ "audit:x" }, 1 };
	ask.max = 1;
	assert_int_equal(lease_claim(a, &ask, l, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(l[0].kind, "log");
	assert_string_equal(l[0].subject, "x");
	assert_string_equal(l[0].detail, "{}");
	assert_int_equal(l[0].token, 1);
	assert_int_equal(l[0].attempts, 1);
	free_all(l, n);
	/* Taken: nobody gets it. */
	assert_int_equal(claim(b, "h:2", 10, l), 0);
	/* Sooner is taken over, later is not. */
	w.due_in_s = 900;
	assert_int_equal(lease_plan(a, &w, &e), 0);
	assert_int_equal(testdb_int(a,
	    "select count(*) from work where due_at >"
	    " now() + interval '700 s'"), 0);
	w.due_in_s = 0;
	w.detail = NULL;
	assert_int_equal(lease_plan(a, &w, &e), 0);
	assert_int_equal(claim(b, "h:2", 10, l), 1);
	assert_string_equal(l[0].detail, "{}");
	free_all(l, 1);
	/* The cap on one claim. */
	testdb_run(a, "truncate work");
	testdb_run(a,
	    "insert into work (kind, subject) select 'm', i::text from"
	    " generate_series(1, 300) i");
	n = claim(a, "h:1", 1000, l);
	assert_int_equal(n, LIMIT_LEASES);
	free_all(l, n);
}

/* Two claims that overlap in time share no row. */
static void
test_skip_locked(void **state)
{
	struct lease	la[8], lb[8];
	struct err	e = ERR_INIT;
	size_t		na, nb, i, j;

	(void)state;
	NEED_DB();
	testdb_run(a,
	    "insert into work (kind, subject) select 'm', i::text from"
	    " generate_series(1, 10) i");
	assert_int_equal(db_begin(a, &e), 0);
	na = claim(a, "h:1", 6, la);
	nb = claim(b, "h:2", 6, lb);
	assert_int_equal(db_commit(a, &e), 0);
	assert_int_equal(na, 6);
	assert_int_equal(nb, 4);
	for (i = 0; i < na; i++)
		for (j = 0; j < nb; j++)
			assert_true(la[i].id != lb[j].id);
	free_all(la, na);
	free_all(lb, nb);
}

/*
 * A's lease runs out, B takes over: whatever A does then changes nothing,
 * and what B does counts.
 */
static void
test_fence(void **state)
{
	static const struct lease_retry	 retry = { 5, 60, "it failed" };
	struct lease			 la, lb;
	struct err			 e = ERR_INIT;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(a, "h:1", 1, &la), 1);
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check(a, &la, &e), 0);
	testdb_run(a, "update work set lease_until = now() - interval '1 s'");
	/* While we are inside, nobody can claim it. */
	assert_int_equal(claim(b, "h:2", 1, &lb), 0);
	assert_int_equal(db_commit(a, &e), 0);
	/* It ran out, and a heartbeat that is late does not bring it back. */
	assert_int_equal(lease_beat(a, "h:1", 600, &e), 0);
	assert_int_equal(lease_check(a, &la, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(claim(b, "h:2", 1, &lb), 1);
	assert_true(lb.token == la.token + 1);
	assert_int_equal(lb.attempts, 2);

	assert_int_equal(lease_check(a, &la, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	assert_non_null(strstr(e.msg, "log x"));
	err_clear(&e);
	assert_int_equal(lease_done(a, &la, 5, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(lease_done(a, &la, -1, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(lease_fail(a, &la, &retry, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(lease_beat(a, "h:1", 600, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from work where"
	    " holder = 'h:2' and lease_until < now() + interval '61 s'"
	    " and last_error is null"), 1);

	assert_int_equal(db_begin(b, &e), 0);
	assert_int_equal(lease_check(b, &lb, &e), 0);
	assert_int_equal(lease_done(b, &lb, 30, &e), 0);
	assert_int_equal(db_commit(b, &e), 0);
	assert_int_equal(testdb_int(a,
	    "select count(*) from work where holder is"
	    " null and lease_until is null and attempts = 0 and"
	    " due_at > now() + interval '20 s'"), 1);
	lease_free(&la);
	lease_free(&lb);
	lease_free(NULL);
}

static void
test_fail_done(void **state)
{
	static const struct lease_retry	 retry = { 8, 32, "it failed" };
	static const int		 most[] = { 8, 16, 32, 32, 32 };
	struct lease			 l;
	struct err			 e = ERR_INIT;
	size_t				 i;
	int64_t				 wait;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		assert_int_equal(claim(a, "h:1", 1, &l), 1);
		assert_int_equal(l.attempts, i + 1);
		assert_int_equal(lease_fail(a, &l, &retry, &e), 0);
		wait = testdb_int(a, "select ceil(extract(epoch from due_at -"
		    " now()))::bigint from work where last_error ="
		    " 'it failed' and holder is null");
		assert_in_range(wait, most[i] * 3 / 4 - 2, most[i]);
		testdb_run(a, "update work set due_at = now()");
		lease_free(&l);
	}
	assert_int_equal(claim(a, "h:1", 1, &l), 1);
	assert_int_equal(lease_done(a, &l, 0, &e), 0);
	lease_free(&l);
	assert_int_equal(claim(a, "h:1", 1, &l), 1);
	assert_int_equal(l.attempts, 1);
	assert_int_equal(lease_done(a, &l, -1, &e), 0);
	lease_free(&l);
	assert_int_equal(testdb_int(a, "select count(*) from work"), 0);
}

/* Several in one statement: each waits as long as it failed often. */
static void
test_fail_all(void **state)
{
	static const struct lease_retry	 retry[] = { { 8, 32, "first" },
		{ 100, 200, "second" } };
	struct lease			 l[2], last;
	const struct lease		*both[] = { &l[0], &l[1] };
	struct err			 e = ERR_INIT;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_add(a, "log", "y", &e), 0);
	assert_int_equal(lease_add(a, "log", "z", &e), 0);
	testdb_run(a, "update work set attempts = 5 where subject = 'y'");
	assert_int_equal(claim(a, "h:1", 2, l), 2);
	if (strcmp(l[0].subject, "y") != 0) {
		last = l[0];
		l[0] = l[1];
		l[1] = last;
	}
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(a, "h:1", 1, &last), 1);
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check_all(a, both, 2, &e), 0);
	assert_int_equal(lease_fail_all(a, both, retry, 2, &e), 0);
	assert_int_equal(db_commit(a, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from work where"
	    " holder is null and lease_until is null and (subject, last_error,"
	    " attempts) in (('y', 'first', 6), ('z', 'second', 1))"), 2);
	assert_in_range(testdb_int(a, "select ceil(extract(epoch from due_at -"
	    " now()))::bigint from work where subject = 'y'"), 22, 32);
	assert_in_range(testdb_int(a, "select ceil(extract(epoch from due_at -"
	    " now()))::bigint from work where subject = 'z'"), 73, 100);
	assert_int_equal(testdb_int(a, "select count(*) from work where"
	    " subject = 'x' and holder = 'h:1' and last_error is null"), 1);
	lease_free(&l[0]);
	lease_free(&l[1]);
	lease_free(&last);
}

static void
test_takeover(void **state)
{
	struct lease	old, new, other;
	struct err	e = ERR_INIT;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(a, "h:1", 1, &old), 1);
	assert_int_equal(lease_add(a, "log", "y", &e), 0);
	assert_int_equal(claim(a, "h:2", 1, &other), 1);
	testdb_run(a,
	    "insert into delivery (channel, webhook_id, events, state,"
	    " holder, lease_until) values ('c', gen_random_uuid(), '{}',"
	    " 'sending', 'h:1', now() + interval '1 h'), ('c',"
	    " gen_random_uuid(), '{}', 'sending', 'h:2', now())");
	assert_int_equal(lease_beat(a, "h:1", 7200, &e), 0);
	assert_int_equal(testdb_int(a,
	    "select count(*) from work where lease_until"
	    " > now() + interval '1 h'"), 1);
	assert_int_equal(lease_takeover(b, "h:1", &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from delivery where"
	    " state = 'pending' and holder is null and token = 1"), 1);
	assert_int_equal(testdb_int(a, "select count(*) from delivery where"
	    " state = 'sending' and holder = 'h:2'"), 1);
	/* Free at once, and the process before is fenced off at once. */
	assert_int_equal(lease_done(a, &old, 0, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(claim(b, "h:1", 5, &new), 1);
	assert_int_equal(lease_check(a, &other, &e), 0);
	lease_free(&old);
	lease_free(&new);
	lease_free(&other);
}

/*
 * A transaction of one that is stopped holds its locks for as long as db_idle
 * said, and no longer.
 */
static void
test_stopped(void **state)
{
	struct lease	la, lb;
	struct err	e = ERR_INIT;
	size_t		n = 0;
	int		i;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(a, "h:1", 1, &la), 1);
	testdb_run(a, "update work set lease_until = now() + interval '1 s'");
	db_idle(a, 1);
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check(a, &la, &e), 0);
	assert_int_equal(claim(b, "h:2", 1, &lb), 0);
	for (i = 0; i < 300 && n == 0; i++) {
		(void)usleep(100000);
		n = claim(b, "h:2", 1, &lb);
	}
	assert_int_equal(n, 1);
	assert_int_equal(db_commit(a, &e), -1);
	err_clear(&e);
	db_idle(a, 0);
	assert_int_equal(db_reset(a, &e), 0);
	lease_free(&la);
	lease_free(&lb);
}

/*
 * Whoever changes many rows of work locks them by id: a heartbeat, a takeover
 * and `run --once` that meet wait for each other, and not in a circle.
 */
static void
test_order(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		first;
	char		sql[120];
	pid_t		pid;
	int		i, k, st;

	(void)state;
	NEED_DB();
	testdb_run(a, "insert into work (kind, subject, holder, lease_until) "
	    "select 'tail', x::text, 'h:1', now() + interval '1 hour' from "
	    "generate_series(1, 9) x");
	first = testdb_int(a, "select min(id) from work");
	/* it lies behind the others now */
	(void)snprintf(sql, sizeof(sql), "update work set attempts = 1 where "
	    "id = %lld", (long long)first);
	testdb_run(a, sql);
	for (k = 0; k < 2; k++) {
		assert_int_equal(db_begin(a, &e), 0);
		(void)snprintf(sql, sizeof(sql), "select from work where id "
		    "= %lld for update", (long long)first);
		testdb_run(a, sql);
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			b = db_open(testdb_info, NULL);
			_exit(b == NULL || (k == 0 ? lease_beat(b, "h:1", 60,
			    NULL) : lease_takeover(b, "h:1", NULL)) == -1);
		}
		for (i = 0; i < 1000 && testdb_int(a, "select count(*) from "
		    "pg_locks where not granted") == 0; i++)
			(void)usleep(10000);
		testdb_run(a, "select from work where id in (select "
		    "max(id) from work) for update nowait");
		assert_int_equal(db_commit(a, &e), 0);
		assert_int_equal(waitpid(pid, &st, 0), pid);
		assert_int_equal(st, 0);
	}
	assert_int_equal(testdb_int(a, "select count(*) from work where "
	    "holder is null"), 9);
}

/* Several at once: all of them, or nothing. */
static void
test_all(void **state)
{
	const struct lease	*v[3];
	struct lease		 l[3];
	struct err		 e = ERR_INIT;
	size_t			 i;

	(void)state;
	NEED_DB();
	testdb_run(a, "insert into work (kind, subject) select 'log', i::text"
	    " from generate_series(1, 3) i");
	for (i = 0; i < 3; i++) {
		assert_int_equal(claim(a, "h:1", 1, &l[i]), 1);
		v[2 - i] = &l[i];
	}
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check_all(a, v, 3, &e), 0);
	/* nobody else can have one that has run out meanwhile */
	testdb_run(a, "update work set lease_until = now() - interval '1 s'");
	assert_int_equal(claim(b, "h:2", 1, &l[1]), 0);
	assert_int_equal(lease_check_all(a, v, 3, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	db_rollback(a);
	testdb_run(a, "update work set token = token + 1 where id in (select "
	    "max(id) from work)");
	assert_int_equal(lease_check_all(a, v, 3, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check_all(a, v + 1, 2, &e), 0);
	assert_int_equal(lease_done_all(a, v + 1, 2, 30, &e), 0);
	assert_int_equal(db_commit(a, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from work where holder"
	    " is null and lease_until is null and attempts = 0 and"
	    " due_at between now() + interval '20 s' and"
	    " now() + interval '30 s'"), 2);
	assert_int_equal(testdb_int(a, "select count(*) from work where holder"
	    " = 'h:1'"), 1);
	for (i = 0; i < 3; i++)
		lease_free(&l[i]);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_claim, setup),
		cmocka_unit_test_setup(test_skip_locked, setup),
		cmocka_unit_test_setup(test_fence, setup),
		cmocka_unit_test_setup(test_all, setup),
		cmocka_unit_test_setup(test_fail_done, setup),
		cmocka_unit_test_setup(test_fail_all, setup),
		cmocka_unit_test_setup(test_takeover, setup),
		cmocka_unit_test_setup(test_stopped, setup),
		cmocka_unit_test_setup(test_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return lease_main(run);
}
