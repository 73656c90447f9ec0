#include "auditor/db/rate_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clk.h"
#include "tests/unit/testdb.h"

/* Two workers, each with a connection of its own. */
static struct db	*a, *b;

#define NEED_DB()	do { if (a == NULL) return; } while (0)

static int
setup(void **state)
{
	(void)state;
	if (a != NULL)
		testdb_run(a, "truncate ask_rate, ask_worker");
	return 0;
}

static struct rate_row
row_of(int of_log, const char *subject, const char *source)
{
	struct rate_row	r = { .of_log = of_log, .subject = subject,
	    .source = source, .per_second = 20 };

	return r;
}

static void
sync_one(struct db *db, const char *holder, struct rate_row *r)
{
	struct err	e = ERR_INIT;

	if (rate_store_sync(db, holder, r, 1, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
cut(struct db *db, const struct rate_row *r, double factor, int64_t window,
    int64_t hold, int64_t head)
{
	struct rate_cut	c = { factor, window, hold, head };
	struct err	e = ERR_INIT;

	if (rate_store_cut(db, r, &c, &e) == -1)
		fail_msg("%s", e.msg);
}

/* The rate of a log is split among who asks, and given back by who leaves. */
static void
test_parts(void **state)
{
	struct rate_row	one = row_of(1, "7", ""), two = row_of(1, "7", "");
	struct rate_row	other = row_of(0, "7", "");
	struct rate_row	here = row_of(1, "7", "192.0.2.1");
	struct err	e = ERR_INIT;

	(void)state;
	NEED_DB();
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 1);
	assert_true(one.per_second == 20);
	sync_one(b, "h:2", &two);
	assert_int_equal(two.parts, 2);
	/* the same worker again is no third */
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 2);
	/* an operator with the number of a log, and another source: apart */
	sync_one(b, "h:2", &other);
	assert_int_equal(other.parts, 1);
	sync_one(b, "h:2", &here);
	assert_int_equal(here.parts, 1);
	assert_int_equal(rate_store_leave(b, "h:2", &e), 0);
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 1);
	/* one that has the log no more */
	sync_one(b, "h:2", &two);
	assert_int_equal(two.parts, 2);
	assert_int_equal(rate_store_drop(b, "h:2", &here, 1, &e), 0);
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 2);
	assert_int_equal(rate_store_drop(b, "h:2", &two, 1, &e), 0);
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 1);
	/* one that is dead for half a minute has no part */
	sync_one(b, "h:2", &two);
	testdb_run(a, "update ask_worker set seen_at = now() - "
	    "interval '31 seconds' where holder = 'h:2'");
	sync_one(a, "h:1", &one);
	assert_int_equal(one.parts, 1);
}

/* What successes added is the sum of what each worker saw. */
static void
test_grown(void **state)
{
	struct rate_row	one = row_of(1, "7", ""), two = row_of(1, "7", "");

	(void)state;
	NEED_DB();
	sync_one(a, "h:1", &one);
	one.grown = 3;
	sync_one(a, "h:1", &one);
	assert_true(one.per_second == 23);
	assert_true(one.grown == 0);
	two.grown = 4;
	two.per_second = 1;	/* only counts where there is no row */
	sync_one(b, "h:2", &two);
	assert_true(two.per_second == 27);
}

/* A refusal that one worker heard is known to the other; one is one. */
static void
test_cut(void **state)
{
	struct rate_row	one = row_of(0, "Op", ""), two = row_of(0, "Op", "");

	(void)state;
	NEED_DB();
	sync_one(a, "h:1", &one);
	cut(a, &one, 0.5, CLK_SEC, 60 * CLK_SEC, 0);
	/* the other got the same 429 a moment later: no second half */
	cut(b, &two, 0.5, CLK_SEC, 30 * CLK_SEC, 0);
	sync_one(b, "h:2", &two);
	assert_true(two.per_second == 10);
	assert_true(two.hold > 50 * CLK_SEC && two.hold <= 60 * CLK_SEC);
	assert_int_equal(two.head_hold, 0);
	/* news again, and it is about heads too */
	testdb_run(a, "update ask_rate set cut_at = now() - interval '2 s'");
	cut(b, &two, 0.5, CLK_SEC, 0, 90 * CLK_SEC);
	sync_one(a, "h:1", &one);
	assert_true(one.per_second == 5);
	assert_true(one.hold > 50 * CLK_SEC);
	assert_true(one.head_hold > 80 * CLK_SEC);
	/* what is over holds nobody */
	testdb_run(a, "update ask_rate set hold_until = now(), "
	    "head_until = null");
	sync_one(a, "h:1", &one);
	assert_int_equal(one.hold, 0);
	assert_int_equal(one.head_hold, 0);
	/* a row that nobody made yet: what was asked at, cut */
	two = row_of(1, "9", "");
	cut(a, &two, 0.75, CLK_SEC, 0, 0);
	sync_one(a, "h:1", &two);
	assert_true(two.per_second == 15);
	assert_int_equal(two.hold, 0);
}

/* Many at once, each answered in its own place. */
static void
test_many(void **state)
{
	static struct rate_row	r[RATE_STORE_MAX];
	static char		id[RATE_STORE_MAX][8];
	struct err		e = ERR_INIT;
	size_t			i;

	(void)state;
	NEED_DB();
	for (i = 0; i < RATE_STORE_MAX; i++) {
		(void)snprintf(id[i], sizeof(id[i]), "%zu", i);
		r[i] = row_of(1, id[i], "");
		r[i].per_second = (double)(1 + i);
	}
	assert_int_equal(rate_store_sync(a, "h:1", r, RATE_STORE_MAX, &e), 0);
	for (i = 0; i < RATE_STORE_MAX; i++)
		assert_true(r[i].per_second == (double)(1 + i));
	assert_int_equal(rate_store_sync(a, "h:1", r, 0, &e), 0);
	assert_int_equal(testdb_int(a, "select count(*) from ask_rate"),
	    RATE_STORE_MAX);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_parts, setup),
		cmocka_unit_test_setup(test_grown, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_many, setup),
	};
	int			rc;

	a = testdb_open();
	b = a != NULL ? testdb_again() : NULL;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	db_close(b);
	testdb_close(a);
	return rc;
}
