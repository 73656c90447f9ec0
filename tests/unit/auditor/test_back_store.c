#include "base/limit.h"
#include "tests/unit/auditor/back_fixture.h"

/* What of a log's history is wanted, how it is cut, what is proven of it. */

#define NEED_DB()	do { if (db == NULL) return; } while (0)

/* [from, to) is proven. */
static void
proven(int64_t from, int64_t to)
{
	struct merkle_range	r;
	struct range_in		in;
	struct err		e = ERR_INIT;
	uint8_t			root[32] = { 9 };

	merkle_start(&r, 0);
	r.to = (uint64_t)to;
	r.n = merkle_count(0, r.to);
	memset(r.hash, (int)(to % 251), sizeof(r.hash));
	memset(&in, 0, sizeof(in));
	in.log_ref = 1;
	in.from = from;
	in.frontier = &r;
	in.root = root;
	in.head_id = 1;
	if (db_begin(db, &e) == -1 || range_join(db, &in, &e) == -1 ||
	    db_sync(db, &e) == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
cut_are(int64_t id, const char *want)
{
	char	text[300];

	(void)snprintf(text, sizeof(text), "select coalesce(string_agg("
	    "size_from || '-' || size_to, ' ' order by size_from), '') from "
	    "backfill_range where backfill_id = %lld", (long long)id);
	is(text, want);
}

/* Everything of range ${id} is proven. */
static void
read_range(int64_t id)
{
	struct back_range	b;
	struct range_in		in;
	struct merkle_range	r;
	struct err		e = ERR_INIT;
	uint8_t			root[32] = { 9 }, set[32] = { 7 };
	char			text[100];

	if (back_load(db, id, &b, &e) == -1)
		fail_msg("%s", e.msg);
	merkle_start(&r, 0);
	r.to = b.to;
	r.n = merkle_count(0, r.to);
	memset(r.hash, 1, sizeof(r.hash));
	memset(&in, 0, sizeof(in));
	in.log_ref = 1;
	in.from = (int64_t)b.from;
	in.frontier = &r;
	in.root = root;
	in.head_id = 1;
	in.watch_set = set;
	if (db_begin(db, &e) == -1 || back_store(db, &b, &in, &e) == -1 ||
	    db_sync(db, &e) == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	(void)snprintf(text, sizeof(text), "delete from work where "
	    "kind = 'backfill' and subject = '%lld'", (long long)id);
	sql(text);
}

static void
boundaries(void **state)
{
	uint64_t	step, end, at, n, covered;

	(void)state;
	assert_int_equal(back_round(0), 0);
	assert_int_equal(back_round(255), 0);
	assert_int_equal(back_round(256), 0);
	assert_int_equal(back_round(512), 0);
	assert_int_equal(back_round(767), 0);
	assert_int_equal(back_round(768), 768);
	assert_int_equal(back_round(1024), 768);
	assert_int_equal(back_round(1ULL << 40), (1ULL << 40) - 256);
	for (step = 1024; step <= 131072; step *= 2)
		for (end = 1; end < 600000; end += 77) {
			at = back_floor(end, step);
			assert_true(at < end && end - at <= step + 1024);
			assert_true(at == 0 || (at % 256 == 0 &&
			    (at & (at - 1)) != 0));
			assert_true(back_round(at) == at);
		}
	/* all the way down, nothing is left out and no range is tiny */
	n = covered = 0;
	for (end = 2000000000; end > 0; end = at) {
		at = back_floor(end, 65536);
		covered += end - at;
		assert_true(end == 2000000000 || end - at >= 65536 / 2);
		n++;
	}
	assert_true(covered == 2000000000);
	assert_in_range(n, 2000000000 / 65536, 2000000000 / 65536 + 2);
}

/* Rows of log_range become one with what they touch. */
static void
joins(void **state)
{
	struct merkle_range	r;
	struct err		e = ERR_INIT;
	uint8_t			root[32];
	int64_t			from;
	int			found;

	(void)state;
	NEED_DB();
	proven(1000, 1000);
	proven(200, 300);
	ranges_are("200-300 1000-1000");
	/* who follows the head has the highest */
	assert_int_equal(range_load(db, 1, &r, root, &from, &found, &e), 0);
	assert_true(found && from == 1000 && r.to == 1000);
	proven(1000, 1100);
	proven(300, 400);
	ranges_are("200-400 1000-1100");
	proven(100, 200);
	ranges_are("100-400 1000-1100");
	/* the right frontier: that of the end */
	proven(350, 1050);
	ranges_are("100-1100");
	assert_int_equal(range_load(db, 1, &r, root, &from, &found, &e), 0);
	assert_true(found && from == 100 && r.to == 1100 &&
	    r.hash[0][0] == 1100 % 251);
	/* a tail that does not know what history has added */
	proven(1000, 1200);
	ranges_are("100-1200");
	/* what is in it changes nothing */
	proven(500, 600);
	ranges_are("100-1200");
	assert_int_equal(number("select count(*) from log_range where "
	    "root_hash is not null"), 1);
}

static void
cutting(void **state)
{
	int64_t	id, other;

	(void)state;
	NEED_DB();
	proven(200000, 300000);
	id = enter(0, 200000, 0, 1);
	assert_true(id > 0);
	/* the same again goes on; so does a part of it */
	assert_true(enter(0, 200000, 0, 0) == id);
	assert_true(enter(1024, 5000, 0, 0) == id);
	assert_int_equal(number("select entries from backfill"), 200000);
	assert_int_equal(plan(), 4);
	cut_are(id, "0-65792 65792-131328 131328-196608 196608-200000");
	assert_int_equal(plan(), 0);
	assert_int_equal(number("select count(*) from work where "
	    "kind = 'backfill'"), 4);
	read_range(3);
	ranges_are("65792-131328 200000-300000");
	read_range(1);
	read_range(2);
	read_range(4);
	ranges_are("0-300000");
	is("select state from backfill", "open");
	assert_int_equal(plan(), 0);
	is("select state from backfill", "done");
	assert_int_equal(number("select entries_read from backfill"), 200000);
	assert_true(enter(0, 200000, 0, 0) == 0);
	/* for other watches all of it is read again, once for each set */
	other = enter(0, 300000, 1, 1);
	assert_int_equal(plan(), 5);
	assert_true(enter(0, 300000, 1, 0) == other);
	for (id = 5; id <= 9; id++)
		read_range(id);
	(void)plan();
	ranges_are("0-300000");
	sql("insert into watch (pattern, origin, added_at) values "
	    "('old.example', 'cli', '2020-01-01')");
	assert_true(enter(0, 300000, 1, 0) == 0);
	sql("insert into watch (pattern, origin) values "
	    "('new.example', 'cli')");
	assert_true(enter(0, 300000, 1, 1) > other);
}

/* All back-fills: id, entries, state; and the ids that were entered. */
static void
are(const char *want)
{
	is("select string_agg(id || ': ' || size_from || '-' || size_to || "
	    "case when cut = size_from then ' cut ' else ' ' end || state, "
	    "', ' order by id) from backfill", want);
}

static void
watch(const char *name)
{
	char	text[200];

	(void)snprintf(text, sizeof(text), "insert into watch (pattern, "
	    "origin) values ('%s', 'cli')", name);
	sql(text);
}

static int64_t
since_when(const char *watch)
{
	struct err	e = ERR_INIT;
	char		text[200];
	int64_t		from, logs;

	(void)snprintf(text, sizeof(text), "select (extract(epoch from "
	    "added_at) * 1000000)::bigint from watch where pattern = '%s'",
	    watch);
	if (back_covered(db, number(text), &from, &logs, &e) == -1)
		fail_msg("%s", e.msg);
	return from;
}

/*
 * Watches that are added one after the other: what was not begun for the one
 * is read once, with both.
 */
static void
watches(void **state)
{
	int64_t	id;

	(void)state;
	NEED_DB();
	proven(300000, 300000);
	sql("update log set added_at = '2020-01-01'");
	watch("a.example");
	assert_true(enter(0, 200000, 1, 1) == 1);
	assert_int_equal(plan(), 4);
	/* nothing was begun: one for both */
	watch("b.example");
	assert_true(enter(0, 280000, 1, 1) == 1);
	are("1: 0-280000 open");
	assert_int_equal(number("select count(*) from work where "
	    "kind = 'backfill'") + number("select count(*) from "
	    "backfill_range"), 0);
	/* the same again goes on */
	assert_true(enter(0, 280000, 1, 0) == 1);
	assert_true(enter(0, 100000, 1, 0) == 1);
	assert_int_equal(plan(), 5);
	cut_are(1, "0-65792 65792-131328 131328-196608 196608-262400 "
	    "262400-280000");
	/* the top is read, somebody is at the next, the third is not begun */
	read_range(5);
	sql("update work set holder = 'h:0', lease_until = now() where "
	    "subject = '6'");
	watch("c.example");
	assert_true(enter(0, 300000, 1, 1) == 2);
	are("1: 196608-280000 cut open, 2: 0-196608 open, "
	    "3: 196608-300000 open");
	cut_are(1, "196608-262400 262400-280000");
	is("select string_agg(subject, ' ') from work where "
	    "kind = 'backfill'", "6");
	/* both of them are the same again */
	assert_true(enter(0, 300000, 1, 0) == 2);
	assert_true(enter(200000, 300000, 1, 0) == 3);
	read_range(6);
	assert_true(plan() > 0);
	are("1: 196608-280000 cut done, 2: 0-196608 cut open, "
	    "3: 196608-300000 cut open");
	assert_true(since_when("a.example") != INT64_MIN);
	for (id = number("select min(id) from backfill_range where "
	    "size_done = size_from"); id <= number("select max(id) from "
	    "backfill_range"); id++)
		read_range(id);
	(void)plan();
	are("1: 196608-280000 cut done, 2: 0-196608 cut done, "
	    "3: 196608-300000 cut done");
	/* each is covered by what was entered behind it, together */
	sql("update tree_head set last_seen = now()");
	assert_true(since_when("a.example") == INT64_MIN);
	assert_true(since_when("b.example") == INT64_MIN);
	assert_true(since_when("c.example") == INT64_MIN);
	assert_true(enter(0, 300000, 1, 0) == 0);
	sql("update backfill set state = 'cancelled' where id = 2");
	assert_true(since_when("c.example") != INT64_MIN);
	assert_true(enter(0, 300000, 1, 1) == 4);
	/* a small part waits for nothing else */
	watch("d.example");
	assert_true(enter(512, 2048, 1, 1) == 5);
	are("1: 196608-280000 cut done, 2: 0-196608 cut cancelled, "
	    "3: 196608-300000 cut done, 4: 0-300000 open, "
	    "5: 512-2048 open");
}

/* The same from a date on. */
static void
dates(void **state)
{
	struct back_want	w = { .log_ref = 1, .from = -1, .to = 200000,
	    .since = 1700000000LL * 1000000, .again = 1, .step = 65536,
	    .actor = "test" };
	struct back_ids		ids = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	int			fresh;

	(void)state;
	NEED_DB();
	proven(300000, 300000);
	watch("a.example");
	assert_int_equal(back_enter(db, &w, &ids, &fresh, &e), 0);
	assert_true(ids.n == 1 && ids.v[0] == 1 && fresh);
	watch("b.example");
	w.to = 250000;
	assert_int_equal(back_enter(db, &w, &ids, &fresh, &e), 0);
	assert_true(ids.n == 2 && ids.v[1] == 1 && !fresh);
	is("select concat_ws(' ', size_from, size_to, cut) from backfill",
	    "250000 250000");
	assert_int_equal(back_found(db, 1, 100096, &e), 0);
	assert_true(plan() > 0);
	watch("c.example");
	w.to = 260000;
	assert_int_equal(back_enter(db, &w, &ids, &fresh, &e), 0);
	assert_true(ids.n == 3 && ids.v[2] == 1 && fresh);
	are("1: 100096-260000 open");
	is("select since from backfill where since = to_timestamp(1700000000)",
	    "2023-11-14 22:13:20+00");
	/* a later date is in it, an earlier one is not */
	w.since++;
	assert_int_equal(back_enter(db, &w, &ids, &fresh, &e), 0);
	assert_true(ids.n == 4 && ids.v[3] == 1 && !fresh);
	w.since -= 2;
	assert_int_equal(back_enter(db, &w, &ids, &fresh, &e), 0);
	assert_true(ids.n == 5 && ids.v[4] == 2 && fresh);
	free(ids.v);
}

/* What `backfill list` shows: read and to be read, of each. */
static void
shown(const char *want)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	if (back_list(db, BACK_LIST_OVER, &r, &e) == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < db_rows(r); i++)
		buf_fmt(&b, "%s%lld/%lld", i == 0 ? "" : " ",
		    (long long)db_int(r, i, BACK_READ),
		    (long long)db_int(r, i, BACK_ENTRIES));
	assert_string_equal(buf_text(&b), want);
	buf_free(&b);
	db_free(r);
}

/* Two of one log: neither reads what the other has. */
static void
sharing(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		a, b;

	(void)state;
	NEED_DB();
	proven(70000, 80000);
	proven(200000, 300000);
	a = enter(100096, 150016, 0, 1);
	assert_int_equal(plan(), 2);
	cut_are(a, "100096-131328 131328-150016");
	b = enter(0, 200000, 0, 1);
	assert_int_equal(number("select entries from backfill order by id "
	    "desc limit 1"), 190000);
	(void)plan();
	cut_are(b, "0-65792 65792-70000 80000-100096 150016-196608 "
	    "196608-200000");
	shown("0/49920 0/190000");
	/* what one leaves out when it is cancelled, the other reads */
	read_range(1);
	/* it is read for both */
	shown("18688/49920 18688/190000");
	if (db_begin(db, &e) == -1 || back_cancel(db, a, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(back_cancel(db, a, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(number("select count(*) from work"), 5);
	for (a = 3; a <= 7; a++)
		read_range(a);
	assert_int_equal(plan(), 0);
	assert_int_equal(plan(), 1);
	assert_int_equal(number("select size_from from backfill_range order "
	    "by id desc limit 1"), 100096);
	read_range(8);
	(void)plan();
	ranges_are("0-300000");
	is("select state from backfill order by id desc limit 1", "done");
	/* of what was cancelled, what it has read itself */
	shown("18688/49920 190000/190000");
	/* again: who reads it */
	(void)enter(0, 200000, 1, 1);
	shown("18688/49920 190000/190000 0/200000");
	(void)plan();
	read_range(9);
	shown("18688/49920 190000/190000 3392/200000");
}

/* A window of rows, however long the history. */
static void
window(void **state)
{
	int64_t	id;

	(void)state;
	NEED_DB();
	sql("update tree_head set tree_size = 2000000000");
	proven(1999999000, 2000000000);
	id = enter(0, 1999999000, 0, 1);
	assert_int_equal(plan(), LIMIT_BACK_WINDOW);
	assert_int_equal(plan(), 0);
	for (id = 1; id <= LIMIT_BACK_WINDOW / 2; id++)
		read_range(id);
	assert_int_equal(plan(), 0);
	read_range(id);
	assert_int_equal(plan(), LIMIT_BACK_WINDOW / 2 + 1);
	assert_int_equal(number("select count(*) from log_range"), 1);
}

/* What a worker gets to know of a range. */
static void
loading(void **state)
{
	struct back_range	b;
	struct err		e = ERR_INIT;

	(void)state;
	NEED_DB();
	proven(200000, 300000);
	(void)enter(0, 200000, 0, 1);
	(void)plan();
	assert_int_equal(back_load(db, 1, &b, &e), 0);
	assert_true(!b.over && b.from == 196608 && b.to == 200000 &&
	    b.done == b.from && b.head_id == 1 && b.head_size == 300000 &&
	    b.head_root[0] == 0xab && !b.behind && !b.have_edge);
	/* a neighbour that is proven has the frontier */
	read_range(2);
	assert_int_equal(back_load(db, 1, &b, &e), 0);
	assert_true(b.have_edge && b.edge.to == 196608 &&
	    b.edge.n == merkle_count(0, 196608));
	/* and 0 needs none */
	assert_int_equal(back_load(db, 4, &b, &e), 0);
	assert_true(b.have_edge && b.edge.to == 0 && b.edge.n == 0);
	sql("update log_health set head_size = 300001");
	assert_int_equal(back_load(db, 4, &b, &e), 0);
	assert_true(b.behind);
	read_range(4);
	assert_int_equal(back_load(db, 4, &b, &e), 0);
	assert_true(b.over);
	assert_int_equal(back_load(db, 99, &b, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
}

/* Since when a watch covers the logs. */
static void
covered(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		from, logs, at = 1790000000LL * 1000000;

	(void)state;
	NEED_DB();
	/* nothing was read: from then on */
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == at && logs == 0);
	sql("update tree_head set first_seen = to_timestamp(1790000100), "
	    "last_seen = to_timestamp(1790000100);"
	    "update log set added_at = to_timestamp(1780000000)");
	proven(300000, 300000);
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == at && logs == 1);
	sql("insert into backfill (log_ref, since, size_from, size_to, "
	    "again, step, cut, state, actor, added_at) values (1, "
	    "to_timestamp(1700000000), 5000, 300000, true, 1024, 0, 'done', "
	    "'x', to_timestamp(1790000200))");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == 1700000000LL * 1000000 && logs == 1);
	/* a watch that came later gains nothing by it */
	assert_int_equal(back_covered(db, at + 300 * 1000000LL, &from, &logs,
	    &e), 0);
	assert_true(from == at + 300 * 1000000LL && logs == 1);
	sql("insert into backfill (log_ref, size_from, size_to, again, step, "
	    "cut, state, actor, added_at) values (1, 0, 300000, true, 1024, "
	    "0, 'open', 'x', to_timestamp(1790000200))");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == 1700000000LL * 1000000);
	sql("update backfill set state = 'done'");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == INT64_MIN && logs == 0);
	/* not for a watch that came later */
	assert_int_equal(back_covered(db, at + 300 * 1000000LL, &from, &logs,
	    &e), 0);
	assert_true(from == at + 300 * 1000000LL && logs == 1);
	/* two may have read it together */
	sql("update backfill set size_to = 299999 where size_from = 0");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == INT64_MIN && logs == 0);
	sql("update backfill set size_to = 4999 where size_from = 0");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == 1700000000LL * 1000000 && logs == 1);
	/* not what leaves out some that was there then */
	sql("update backfill set size_to = 299999");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == at && logs == 1);
	/* a log that came behind the watch is read from its beginning */
	sql("truncate backfill cascade; update log set "
	    "added_at = to_timestamp(1790000050);"
	    "insert into coverage_day (log_ref, day, size_from, size_to, "
	    "root_hash, head_id, verified_at) values (1, '2026-01-01', 0, 5, "
	    "'', 1, now())");
	assert_int_equal(back_covered(db, at, &from, &logs, &e), 0);
	assert_true(from == INT64_MIN && logs == 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(boundaries),
		cmocka_unit_test_setup(joins, back_clear),
		cmocka_unit_test_setup(cutting, back_clear),
		cmocka_unit_test_setup(watches, back_clear),
		cmocka_unit_test_setup(dates, back_clear),
		cmocka_unit_test_setup(sharing, back_clear),
		cmocka_unit_test_setup(window, back_clear),
		cmocka_unit_test_setup(loading, back_clear),
		cmocka_unit_test_setup(covered, back_clear),
	};
	int	rc;

	db = testdb_open();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	if (db != NULL)
		(void)sql_end(0);
	return rc;
}
