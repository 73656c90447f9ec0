#include "auditor/db/log_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/sha.h"
#include "tests/unit/auditor/sql.h"

static int
clear(void **state)
{
	(void)state;
	sql("truncate log_list, log, operator, tree_head, log_range, "
	    "log_health, coverage_day, consistency, work restart identity "
	    "cascade");
	sql("insert into work (kind, subject) values ('loglist', 'main'), "
	    "('loglist', 'apple')");
	return 0;
}

/* Log ${name}: its name is its key as well. */
static struct loglist_log
log_named(const char *name)
{
	static char		texts[16][80];
	static int		n;
	struct loglist_log	l;

	memset(&l, 0, sizeof(l));
	l.operator = (char *)(uintptr_t)"Op";
	l.description = (char *)(uintptr_t)name;
	l.key = (uint8_t *)(uintptr_t)name;
	l.nkey = strlen(name);
	sha_256(l.log_id, name, strlen(name));
	l.mmd = 86400;
	(void)snprintf(texts[n % 16], 80, "https://%s.example/", name);
	l.url = l.submit_url = texts[n++ % 16];
	l.state = LOGLIST_USABLE;
	return l;
}

/* A list of the logs named (a letter each) at time ${at}; its outcome. */
static int
store(const char *source, const char *names, int64_t at, int *changed,
    struct err *e)
{
	static const char *const name[] = { "a", "b", "c", "d" };
	struct loglist_log	 l[8];
	struct loglist		 list;
	struct log_list_in	 in = { .source = source, .verified = 1,
	    .list = &list };
	struct buf		 body = BUF_INIT;
	size_t			 i;
	int			 rc;

	memset(&list, 0, sizeof(list));
	buf_fmt(&body, "{\"at\": %lld, \"operators\": [{\"name\": \"Op\", "
	    "\"logs\": [", (long long)at);
	for (i = 0; names[i] != '\0'; i++) {
		l[i] = log_named(name[names[i] - 'a']);
		buf_fmt(&body, "%s{\"log_id\": \"", i == 0 ? "" : ", ");
		enc_b64(&body, l[i].log_id, 32);
		buf_str(&body, "\"}");
	}
	buf_str(&body, "]}]}");
	list.version = (char *)(uintptr_t)"1";
	list.timestamp = at;
	list.nlogs = i;
	list.logs = l;
	in.body = buf_bytes(&body);
	err_clear(e);
	rc = log_list_store(db, &in, clk_wall(), changed, e);
	buf_free(&body);
	return rc;
}

/* The logs that have work, as letters. */
static const char *
read_now(void)
{
	static char	 out[16];
	struct err	 e = ERR_INIT;
	struct db_res	*r;

	if (db_query(db, &r, &e, "select coalesce(string_agg(l.description, "
	    "'' order by l.description), '') from work w join log l on "
	    "w.subject = l.id::text where w.kind = 'tail'", "") == -1)
		fail_msg("%s", e.msg);
	(void)snprintf(out, sizeof(out), "%s", db_text(r, 0, 0));
	db_free(r);
	return out;
}

/* What comes and goes, list after list. */
static void
lists(void **state)
{
	static const struct {
		const char	*source, *logs;
		int64_t		 at;
		int		 rc, changed;
		const char	*read;
		const char	*of_b;	/* whose word about b counts */
	} t[] = {
		{ "chrome", "ab", 1000, 0, 1, "ab", "chrome" },
		{ "chrome", "ab", 1000, 0, 0, "ab", "chrome" },
		/* Apple may add logs */
		{ "apple", "bc", 500, 0, 1, "abc", "chrome" },
		{ "chrome", "abd", 2000, 0, 1, "abcd", "chrome" },
		/* older than the one held */
		{ "chrome", "a", 1500, -1, 0, "abcd", "chrome" },
		/* b is Chrome's: when Chrome drops it, Apple has it still */
		{ "chrome", "ad", 3000, 0, 1, "abcd", "apple" },
		{ "chrome", "ad", 3000, 0, 0, "abcd", "apple" },
		{ "apple", "bc", 500, 0, 0, "abcd", "apple" },
		{ "apple", "c", 600, 0, 1, "acd", "apple" },
		{ "chrome", "ad", 3000, 0, 0, "acd", "apple" },
		/* from now on a file: what only browsers list goes */
		{ "file", "ab", 10, 0, 1, "ab", "file" },
		{ "chrome", "acd", 4000, 0, 1, "acd", "file" },
	};
	struct err	e = ERR_INIT;
	size_t		i;
	int		changed;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		/* newest is what was seen last */
		sql("update log_list set checked_at = checked_at - "
		    "interval '1 minute'");
		if (store(t[i].source, t[i].logs, t[i].at, &changed, &e) !=
		    t[i].rc)
			fail_msg("list %zu: %s", i, e.msg);
		if (t[i].rc == -1)
			assert_int_equal(e.code, ERR_VERIFY);
		if (changed != t[i].changed)
			fail_msg("list %zu changed: %d", i, changed);
		if (strcmp(read_now(), t[i].read) != 0)
			fail_msg("list %zu: reads %s", i, read_now());
		is("select list_source from log where description = 'b'",
		    t[i].of_b);
	}
	/* a log keeps its row and its key whatever lists say */
	assert_int_equal(number("select count(*) from log"), 4);
}

/* What one browser drops is the other's, by its list as it is at hand. */
static void
handed(void **state)
{
	struct err	e = ERR_INIT;
	int		changed;

	(void)state;
	assert_int_equal(store("chrome", "abc", 1000, &changed, &e), 0);
	assert_int_equal(store("apple", "abd", 500, &changed, &e), 0);
	assert_int_equal(store("chrome", "bc", 2000, &changed, &e), 0);
	assert_string_equal(read_now(), "abcd");
	/* what it says of it is known when it is looked at, changed or not */
	sql("update log set mmd = 1, state = 'pending' where "
	    "description = 'a'");
	assert_int_equal(store("apple", "abd", 500, &changed, &e), 0);
	assert_int_equal(changed, 0);
	is("select list_source || ' ' || mmd || ' ' || state from log where "
	    "description = 'a'", "apple 86400 usable");
	/* and the other way round */
	assert_int_equal(store("chrome", "abc", 3000, &changed, &e), 0);
	assert_int_equal(store("apple", "bd", 600, &changed, &e), 0);
	assert_string_equal(read_now(), "abcd");
	/* that neither has is read no longer, whoever looks */
	assert_int_equal(store("chrome", "bc", 4000, &changed, &e), 0);
	assert_string_equal(read_now(), "bcd");
	assert_int_equal(store("apple", "bd", 600, &changed, &e), 0);
	assert_int_equal(store("chrome", "bc", 4000, &changed, &e), 0);
	assert_string_equal(read_now(), "bcd");
	/* a list that nobody has looked at for long has no say */
	sql("update log_list set checked_at = now() - interval '8 days' "
	    "where source = 'apple'");
	assert_int_equal(store("chrome", "c", 5000, &changed, &e), 0);
	assert_string_equal(read_now(), "cd");
}

/* A list that is not asked for any more: nobody would ever say what it drops. */
static void
forgotten(void **state)
{
	struct err	e = ERR_INIT;
	int		changed;

	(void)state;
	assert_int_equal(store("apple", "abd", 500, &changed, &e), 0);
	assert_int_equal(store("chrome", "bc", 1000, &changed, &e), 0);
	is("select string_agg(list_source, ' ' order by description) from log",
	    "apple apple chrome apple");
	assert_int_equal(log_list_forget(db, "apple", &e), 0);
	sql("delete from work where subject = 'apple'");
	assert_string_equal(read_now(), "bc");
	is("select list_source from log where description = 'b'", "chrome");
	/* nor does it take over what the other one drops */
	assert_int_equal(store("chrome", "c", 2000, &changed, &e), 0);
	assert_string_equal(read_now(), "c");
}

/*
 * Two workers with a list each: the second waits for the first, as each would
 * come to rows that the other one has.
 */
static void
together(void **state)
{
	struct db	*one = db, *two = testdb_again();
	struct err	 e = ERR_INIT;
	int		 changed;

	(void)state;
	assert_int_equal(store("chrome", "a", 1000, &changed, &e), 0);
	assert_int_equal(store("apple", "b", 1000, &changed, &e), 0);
	sql("begin");
	assert_int_equal(store("chrome", "a", 2000, &changed, &e), 0);
	db = two;
	sql("set lock_timeout = '100ms'");
	assert_int_equal(store("apple", "b", 2000, &changed, &e), -1);
	db = one;
	sql("commit");
	db = two;
	assert_int_equal(store("apple", "b", 2000, &changed, &e), 0);
	db = one;
	db_close(two);
	assert_string_equal(read_now(), "ab");
}

/* start: now is for the first list, of either browser, in any order. */
static void
first(void **state)
{
	static const struct {
		const char	*source, *logs;
		int		 first;	/* how many logs begin now */
	} t[][3] = {
		{ { "chrome", "ab", 2 }, { "apple", "bc", 3 },
		  { "chrome", "abd", 3 } },
		{ { "apple", "bc", 2 }, { "chrome", "ab", 3 },
		  { "apple", "bcd", 3 } },
		{ { "file", "ab", 2 }, { "file", "abc", 2 },
		  { "chrome", "abd", 2 } },
		{ { "chrome", "ab", 2 }, { "file", "abc", 2 },
		  { "apple", "abd", 2 } },
	};
	struct err	e = ERR_INIT;
	size_t		i, k;
	int		changed;

	(void)state;
	for (i = 0; i < 4; i++) {
		(void)clear(NULL);
		for (k = 0; k < 3; k++) {
			if (store(t[i][k].source, t[i][k].logs,
			    1000 + (int64_t)k, &changed, &e) == -1)
				fail_msg("%s", e.msg);
			if (number("select count(*) from log where first_list")
			    != t[i][k].first)
				fail_msg("case %zu, list %zu", i, k);
		}
	}
}

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
		cmocka_unit_test_setup(lists, clear),
		cmocka_unit_test_setup(handed, clear),
		cmocka_unit_test_setup(forgotten, clear),
		cmocka_unit_test_setup(together, clear),
		cmocka_unit_test_setup(first, clear),
		cmocka_unit_test_setup(row, clear),
		cmocka_unit_test_setup(heads, clear),
		cmocka_unit_test_setup(ranges, clear),
		cmocka_unit_test_setup(days, clear),
		cmocka_unit_test_setup(speed, clear),
	};

	return SQL_TESTS(t);
}
