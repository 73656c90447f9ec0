#include "tests/unit/auditor/back_fixture.h"

/* Which back-fill that is open is gone on with, and what is left to read. */

#define NEED_DB()	do { if (db == NULL) return; } while (0)

/* What was logged since ${at} (seconds); its number, and was it there? */
static int64_t
since(int64_t at, int again, int want_fresh)
{
	struct back_want	w = { .log_ref = 1, .from = -1, .to = 200000,
	    .since = at * 1000000, .again = again, .step = 65536,
	    .actor = "test" };
	struct back_ids		ids = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	int64_t			id;
	int			fresh;

	if (db_begin(db, &e) == -1 || back_enter(db, &w, &ids, &fresh, &e)
	    == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(fresh, want_fresh);
	id = ids.n == 0 ? 0 : ids.v[0];
	free(ids.v);
	return id;
}

static void
watch(const char *pattern)
{
	char	text[120];

	(void)snprintf(text, sizeof(text), "insert into watch (pattern, "
	    "origin) values ('%s', 'cli')", pattern);
	sql(text);
}

/* One that is open has all that is wanted, or another one is entered. */
static void
open_ones(void **state)
{
	int64_t	a, b;

	(void)state;
	NEED_DB();
	a = enter(50000, 200000, 0, 1);
	assert_true(enter(50000, 200000, 0, 0) == a);
	assert_true(enter(60000, 190000, 0, 0) == a);
	b = enter(40000, 200000, 0, 1);
	assert_true(b > a);
	assert_true(enter(50000, 200001, 0, 1) > b);
	/* what is matched again is another matter */
	assert_true(enter(50000, 200000, 1, 1) > b);
	/* one that is over is none */
	sql("update backfill set state = 'cancelled' where not again");
	assert_true(enter(50000, 200000, 0, 1) > b);
}

static void
of_a_date(void **state)
{
	int64_t	a, b;

	(void)state;
	NEED_DB();
	a = since(1700000000, 0, 1);
	assert_true(since(1700000000, 0, 0) == a);
	assert_true(since(1700000001, 0, 0) == a);
	b = since(1699999999, 0, 1);
	assert_true(b > a);
	is("select string_agg(subject, ' ' order by id) from work",
	    "find:1 find:2");
	/* all of it has every date in it */
	(void)back_clear(state);
	a = enter(0, 200000, 0, 1);
	assert_true(since(1700000000, 0, 0) == a);
	(void)back_clear(state);
	(void)enter(256, 200000, 0, 1);
	assert_true(since(1700000000, 0, 1) > 0);
}

/* Where a date was found: what of it is proven need not be read. */
static void
found(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		plain, again;

	(void)state;
	NEED_DB();
	sql("insert into log_range (log_ref, size_from, size_to, frontier, "
	    "root_hash, head_id) values (1, 100000, 150000, '', '', 1)");
	plain = since(1700000000, 0, 1);
	again = since(1700000000, 1, 1);
	assert_int_equal(back_found(db, plain, 1024, &e), 0);
	assert_int_equal(back_found(db, again, 1024, &e), 0);
	is("select string_agg(size_from || ' ' || entries, ', ' order by id) "
	    "from backfill", "1024 148976, 1024 198976");
	/* once is enough */
	assert_int_equal(back_found(db, plain, 2048, &e), 0);
	is("select size_from from backfill order by id limit 1", "1024");
}

/* Who comes later is not served by what was read without him. */
static void
later_watch(void **state)
{
	int64_t	a;

	(void)state;
	NEED_DB();
	watch("one.example");
	a = enter(0, 200000, 1, 1);
	(void)plan();
	/* nobody has begun: whoever does knows this one, too */
	watch("two.example");
	assert_true(enter(0, 200000, 1, 1) == a);
	assert_true(enter(0, 200000, 1, 0) == a);
	/* a part of it was read, by somebody who is through with it */
	(void)back_clear(state);
	a = enter(0, 200000, 1, 1);
	(void)plan();
	sql("update backfill_range set size_done = size_from + 1 where "
	    "id = 2; delete from work where subject = '2'");
	assert_true(enter(0, 200000, 1, 0) == a);
	watch("three.example");
	assert_true(enter(0, 200000, 1, 1) > a);
	/* so of a list */
	(void)back_clear(state);
	a = enter(0, 200000, 1, 1);
	(void)plan();
	sql("update backfill_range set size_done = size_from + 1; insert into "
	    "watch_file (body, sha256, items) values ('x', 'y', 1)");
	assert_true(enter(0, 200000, 1, 1) > a);
	sql("delete from watch_file");
	/* a watch that nobody has any more misses nothing */
	(void)back_clear(state);
	a = enter(0, 200000, 1, 1);
	(void)plan();
	sql("update work set token = 1");
	watch("four.example");
	sql("update watch set removed_at = now()");
	assert_true(enter(0, 200000, 1, 0) == a);
	/* what is only to be proven does not ask for whom */
	(void)back_clear(state);
	a = enter(0, 200000, 0, 1);
	(void)plan();
	sql("update work set token = 1");
	watch("five.example");
	assert_true(enter(0, 200000, 0, 0) == a);
}

/* What was done for all watches is done. */
static void
all_done(void **state)
{
	(void)state;
	NEED_DB();
	watch("one.example");
	(void)enter(0, 200000, 1, 1);
	sql("update backfill set state = 'done'");
	assert_true(enter(0, 200000, 1, 0) == 0);
	assert_true(enter(256, 199000, 1, 0) == 0);
	assert_true(enter(0, 200001, 1, 1) > 0);
	sql("update backfill set state = 'cancelled'");
	assert_true(enter(0, 200000, 1, 1) > 0);
	/* a first reading is no matching again: it may have missed one */
	sql("update backfill set state = 'done', again = false");
	assert_true(enter(0, 200000, 1, 1) > 0);
	/* a list that came later */
	sql("truncate backfill cascade");
	(void)enter(0, 200000, 1, 1);
	sql("update backfill set state = 'done'; insert into watch_file "
	    "(body, sha256, items) values ('x', 'y', 1)");
	assert_true(enter(0, 200000, 1, 1) > 0);
	sql("delete from watch_file");
}

/* Nothing is read for what was cancelled. */
static void
cancelled(void **state)
{
	struct back_range	b;
	struct err		e = ERR_INIT;

	(void)state;
	NEED_DB();
	(void)enter(0, 200000, 0, 1);
	(void)plan();
	assert_int_equal(back_load(db, 1, &b, &e), 0);
	assert_false(b.over);
	sql("update backfill set state = 'cancelled'");
	assert_int_equal(back_load(db, 1, &b, &e), 0);
	assert_true(b.over);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(open_ones, back_clear),
		cmocka_unit_test_setup(of_a_date, back_clear),
		cmocka_unit_test_setup(found, back_clear),
		cmocka_unit_test_setup(later_watch, back_clear),
		cmocka_unit_test_setup(all_done, back_clear),
		cmocka_unit_test_setup(cancelled, back_clear),
	};

	return SQL_TESTS(tests);
}
