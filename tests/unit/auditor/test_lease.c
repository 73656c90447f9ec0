#include "auditor/db/lease.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/testdb.h"

/* Two workers, each with a connection of its own. */
static struct db	*a, *b;

#define NEED_DB()	do { if (a == NULL) return; } while (0)

static size_t
claim(struct db *d, const char *holder, size_t max, struct lease *out)
{
	struct lease_ask	ask = { .holder = holder, .max = max,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n;

	if (lease_claim(d, &ask, out, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

static void
free_all(struct lease *l, size_t n)
{
	while (n > 0)
		lease_free(&l[--n]);
}

static int
setup(void **state)
{
	(void)state;
	if (a != NULL)
		testdb_run(a, "truncate work, worker, delivery");
	return 0;
}

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
	testdb_run(a, "update work set lease_until = now() - interval '1 s'");
	/* Late, but nobody took it: still ours. */
	assert_int_equal(db_begin(a, &e), 0);
	assert_int_equal(lease_check(a, &la, &e), 0);
	/* While we are inside, nobody can claim it. */
	assert_int_equal(claim(b, "h:2", 1, &lb), 0);
	assert_int_equal(db_commit(a, &e), 0);
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

static void
test_worker(void **state)
{
	static const char *const roles[] = { "ingest", "notify" };
	struct lease_worker	 w = { "h:1", "h", 100, 1, { roles, 2 } };
	struct lease_worker	 next = { "h:1", "h", 200, 1, { roles, 2 } };
	struct lease		 l;
	struct err		 e = ERR_INIT;
	int64_t			 n;

	(void)state;
	NEED_DB();
	assert_int_equal(lease_enter(a, &w, &e), 0);
	assert_int_equal(lease_seen(a, &w, &e), 0);
	assert_int_equal(lease_alive(a, &n, &e), 0);
	assert_int_equal(n, 1);
	testdb_run(a, "update worker set last_seen = now() - interval '31 s'");
	assert_int_equal(lease_alive(a, &n, &e), 0);
	assert_int_equal(n, 0);
	/* The next process in the slot: the one before is told. */
	assert_int_equal(lease_enter(b, &next, &e), 0);
	assert_int_equal(lease_add(a, "log", "x", &e), 0);
	assert_int_equal(claim(b, "h:1", 1, &l), 1);
	assert_int_equal(lease_seen(a, &w, &e), -1);
	assert_int_equal(e.code, ERR_LEASE);
	err_clear(&e);
	assert_int_equal(lease_leave(a, &w, &e), 0);
	assert_int_equal(lease_check(b, &l, &e), 0);
	assert_int_equal(testdb_int(a, "select pid from worker"), 200);
	assert_int_equal(lease_leave(b, &next, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from worker"), 0);
	assert_int_equal(lease_check(b, &l, &e), -1);
	lease_free(&l);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_claim, setup),
		cmocka_unit_test_setup(test_skip_locked, setup),
		cmocka_unit_test_setup(test_fence, setup),
		cmocka_unit_test_setup(test_fail_done, setup),
		cmocka_unit_test_setup(test_takeover, setup),
		cmocka_unit_test_setup(test_worker, setup),
	};
	int	ret;

	a = testdb_open();
	b = a == NULL ? NULL : testdb_again();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	db_close(b);
	testdb_close(a);
	return ret;
}
