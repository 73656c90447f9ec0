#include "auditor/db/log_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/log_list_fixture.h"

static int
log_one(void)
{
	struct err	e = ERR_INIT;
	int		changed;

	if (store("chrome", "a", 1000, &changed, &e) == -1)
		fail_msg("%s", e.msg);
	return (int)number("select id from log");
}

static void
row(void **state)
{
	struct log_row	l;
	struct err	e = ERR_INIT;
	int		id;

	(void)state;
	id = log_one();
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_string_equal(l.description, "a");
	assert_string_equal(l.operator, "Op");
	assert_string_equal(l.read_url, "https://a.example/");
	assert_true(l.first_list && l.watched && l.hybrid == -1 &&
	    l.page_size == 0 && l.head_size == -1 && !l.has_final &&
	    l.failing_since == INT64_MIN && l.mmd == 86400);
	assert_int_equal(health_fail(db, id, "down", &e), 0);
	assert_int_equal(log_hybrid(db, id, 0, &e), 0);
	assert_int_equal(health_rate(db, id, 256, 3.5, 1, &e), 0);
	log_row_free(&l);
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_true(l.hybrid == 0 && l.page_size == 256 &&
	    l.failing_since != INT64_MIN);
	log_row_free(&l);
	/* whether it has tiles by now is asked again after a day */
	sql("update log set hybrid_at = now() - interval '25 h'");
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_int_equal(l.hybrid, -1);
	log_row_free(&l);
	sql("update log set hybrid = true");
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_int_equal(l.hybrid, 1);
	/* the time of the first failure stays */
	sql("update log_health set failing_since = now() - interval '1 h'");
	assert_int_equal(health_fail(db, id, "down", &e), 0);
	assert_int_equal(number("select count(*) from log_health where "
	    "failing_since < now() - interval '59 min'"), 1);
	assert_int_equal(health_ok(db, id, &e), 0);
	assert_int_equal(number("select count(*) from log_health where "
	    "failing_since is null"), 1);
	/* a page that fails on the way is no failure of the log */
	assert_int_equal(health_note(db, id, "slow", &e), 0);
	assert_int_equal(number("select count(*) from log_health where "
	    "last_error = 'slow' and failing_since is null"), 1);
	log_row_free(&l);
	log_row_free(&l);
	assert_int_equal(log_load(db, id + 1, &l, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	log_row_free(&l);
}

static int64_t
head(int id, uint64_t size, uint64_t ms)
{
	static uint8_t	root[32] = { 9 };
	struct head_in	in = { .log_ref = id, .tree_size = size,
	    .timestamp_ms = ms, .root = root, .raw = SPAN_STR("raw"),
	    .verdict = "valid" };
	struct err	e = ERR_INIT;
	int64_t		h = 0;

	if (head_store(db, &in, &h, &e) == -1)
		fail_msg("%s", e.msg);
	return h;
}

static void
heads(void **state)
{
	struct log_row	l;
	struct err	e = ERR_INIT;
	int64_t		h;
	int		id;

	(void)state;
	id = log_one();
	h = head(id, 10, 5000);
	/* seen again: the same row; the largest that fit */
	assert_int_equal(head(id, 10, 5000), h);
	assert_int_not_equal(head(id, 10, 5001), h);
	(void)head(id, (1ULL << 62) - 1, (1ULL << 52) - 1);
	assert_int_equal(number("select count(*) from tree_head"), 3);
	assert_int_equal(head_mark(db, h, "proved", &e), 0);
	assert_int_equal(number("select count(*) from tree_head where "
	    "consistency = 'proved'"), 1);
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_int_equal(health_head(db, &l, 10, 5000, h, &e), 0);
	/* 90 entries in 9 seconds */
	assert_int_equal(health_head(db, &l, 100, 14000, h, &e), 0);
	assert_int_equal(number("select growth_per_second::bigint from "
	    "log_health"), 10);
	assert_int_equal(number("select first_size from log_health"), 10);
	log_row_free(&l);
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_true(l.head_size == 100 && l.head_ms == 14000);
	log_row_free(&l);
}

static void
ranges(void **state)
{
	struct merkle_range	r, back;
	struct range_in		in;
	struct err		e = ERR_INIT;
	uint8_t			root[32], have[32], set[32] = { 1 };
	int64_t			from = -1;
	int			id, found, i;

	(void)state;
	id = log_one();
	assert_int_equal(range_load(db, id, &back, have, &from, &found, &e),
	    0);
	assert_int_equal(found, 0);
	merkle_start(&r, 0);
	for (i = 0; i < 12; i++) {
		/* the empty tree, then growing ones */
		(void)merkle_root(&r, root, NULL, 0);
		memset(&in, 0, sizeof(in));
		in.log_ref = id;
		in.from = 0;
		in.frontier = &r;
		in.root = root;
		in.head_id = head(id, (uint64_t)i, 5000);
		in.watch_set = set;
		in.has_entries = i == 5;
		in.proof = i == 5 ? SPAN_STR("nodes") :
		    (struct span){ NULL, 0 };
		if (db_begin(db, &e) == -1 ||
		    range_store(db, &in, &e) == -1 ||
		    db_sync(db, &e) == -1 || db_commit(db, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(range_load(db, id, &back, have, &from,
		    &found, &e), 0);
		assert_true(found && from == 0 && back.from == 0 &&
		    back.to == r.to && back.n == r.n);
		assert_memory_equal(back.hash, r.hash, r.n * 32);
		assert_memory_equal(have, root, 32);
		merkle_leaf(&r, root);
	}
	assert_int_equal(number("select count(*) from log_range"), 1);
	assert_int_equal(number("select count(*) from coverage_day"), 1);
	assert_int_equal(number("select count(*) from consistency"), 1);
	/* a frontier that does not fit its tree is no tree */
	sql("update log_range set size_to = 12");
	assert_int_equal(range_load(db, id, &back, have, &from, &found, &e),
	    -1);
	assert_int_equal(e.code, ERR_DB);
}

/* Read ${n} more entries, proven by head ${h}. */
static void
more(int id, struct merkle_range *r, int n, int64_t h, double per_second)
{
	struct range_in	in;
	struct err	e = ERR_INIT;
	uint8_t		root[32] = { 0 }, set[32] = { 1 };

	while (n-- > 0)
		merkle_leaf(r, root);
	memset(&in, 0, sizeof(in));
	in.log_ref = id;
	in.frontier = r;
	in.root = root;
	in.head_id = h;
	in.per_second = per_second;
	in.watch_set = set;
	if (db_begin(db, &e) == -1 || range_store(db, &in, &e) == -1 ||
	    db_sync(db, &e) == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

/* A day: how late what it has was read, and days that have nothing. */
static void
days(void **state)
{
	struct merkle_range	r;
	int			id;

	(void)state;
	id = log_one();
	merkle_start(&r, 0);
	more(id, &r, 10, head(id, 10, 5000), 0);
	sql("update tree_head set timestamp_ms = (extract(epoch from now() - "
	    "interval '3 hours') * 1000)::bigint");
	/* the first has only its own head */
	assert_true(number("select max_lag_seconds from coverage_day") >
	    1000000);
	sql("update coverage_day set day = day - 3, max_lag_seconds = 0");
	more(id, &r, 10, head(id, 20, (uint64_t)clk_wall() / 1000), 0);
	assert_int_equal(number("select size_from from coverage_day order by "
	    "day desc limit 1"), 10);
	assert_int_equal(number("select gaps from coverage_day order by day "
	    "desc limit 1"), 2);
	/* the head was new, but the one before it was three hours old */
	assert_int_equal(number("select max_lag_seconds / 60 from coverage_day "
	    "order by day desc limit 1"), 180);
	more(id, &r, 10, head(id, 30, (uint64_t)clk_wall() / 1000), 0);
	assert_int_equal(number("select max_lag_seconds / 60 + gaps from "
	    "coverage_day order by day desc limit 1"), 182);
	assert_int_equal(number("select size_to from coverage_day order by "
	    "day desc limit 1"), 30);
	/* a log that does not grow signs seldom, and nothing of it is late */
	sql("update tree_head set timestamp_ms = (extract(epoch from now() - "
	    "interval '5 hours') * 1000)::bigint + id");
	more(id, &r, 0, head(id, 30, (uint64_t)clk_wall() / 1000), 0);
	assert_int_equal(number("select max_lag_seconds / 60 from coverage_day "
	    "order by day desc limit 1"), 180);
}

/* How fast it is read. */
static void
speed(void **state)
{
	static const char	rate[] = "select (entries_per_second * 1000)"
				    "::bigint from log_health";
	struct merkle_range	r;
	struct log_row		l;
	struct err		e = ERR_INIT;
	int64_t			h;
	int			id;

	(void)state;
	id = log_one();
	merkle_start(&r, 0);
	h = head(id, 5000, 5000);
	assert_int_equal(log_load(db, id, &l, &e), 0);
	assert_int_equal(health_head(db, &l, 5000, 5000, h, &e), 0);
	log_row_free(&l);
	/* few entries of a log that was caught up say nothing */
	more(id, &r, 10, h, 0);
	assert_int_equal(number("select count(*) from log_health where "
	    "entries_per_second is null"), 1);
	/* since the last commit, as long as there is more */
	sql("update log_health set progress_at = now() - interval '10 s'");
	more(id, &r, 10, h, 99);
	assert_in_range(number(rate), 950, 1000);
	/* a pause counts, smoothed over five minutes: 1 + 0.632 */
	sql("update log_health set entries_per_second = 1, progress_at = now() "
	    "- interval '300 s'");
	more(id, &r, 600, h, 99);
	assert_in_range(number(rate), 1620, 1640);
	/* caught up in between: by how long this reading took */
	sql("update log_health set entries_per_second = null, caught_up_at = "
	    "now(), progress_at = now()");
	more(id, &r, 10, h, 5);
	assert_int_equal(number(rate), 5000);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(row, clear),
		cmocka_unit_test_setup(heads, clear),
		cmocka_unit_test_setup(ranges, clear),
		cmocka_unit_test_setup(days, clear),
		cmocka_unit_test_setup(speed, clear),
	};

	return SQL_TESTS(t);
}
