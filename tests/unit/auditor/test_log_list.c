#include "auditor/db/log_list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/log_list_fixture.h"

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

/* Of a log that nobody reads any more nobody can say that it is well again. */
static void
unsaid_again(void **state)
{
	static const char	found[] = "select string_agg(concat_ws(':', "
	    "kind, subject, state), ' ' order by kind, subject) from finding";
	struct err		e = ERR_INIT;
	int			changed;

	(void)state;
	sql("truncate finding cascade");
	assert_int_equal(store("chrome", "ab", 1000, &changed, &e), 0);
	sql("insert into finding (kind, subject, dedupe_key, severity, state) "
	    "select kind, encode(log_id, 'base64'), kind || '|' || replace("
	    "encode(log_id, 'base64'), '|', '') || '|', 'medium', s from log, "
	    "(values ('log.stale', 'open'), ('log.unreachable', 'acked'), "
	    "('log.misbehaved', 'open')) k (kind, s)");
	assert_int_equal(store("chrome", "ab", 2000, &changed, &e), 0);
	assert_int_equal(number("select count(*) from finding where state = "
	    "'resolved'"), 0);
	assert_int_equal(store("chrome", "b", 3000, &changed, &e), 0);
	sql("update finding f set subject = l.description from log l where "
	    "f.subject = encode(l.log_id, 'base64')");
	is(found, "log.misbehaved:a:open log.misbehaved:b:open "
	    "log.stale:a:resolved log.stale:b:open "
	    "log.unreachable:a:resolved log.unreachable:b:acked");
	sql("truncate finding cascade");
}

/* Where each row is, who wrote it, and who locked it. */
static char *
rows(void)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r = NULL;
	char		*s;

	if (db_query(db, &r, &e, "select string_agg(x, ' ' order by x) from "
	    "(select concat_ws(':', 'log', id, ctid, xmin, xmax) from log "
	    "union all select concat_ws(':', 'operator', id, ctid, xmin, xmax)"
	    " from operator union all select concat_ws(':', 'work', id, ctid, "
	    "xmin, xmax) from work) r (x)", "") == -1)
		fail_msg("%s", e.msg);
	s = mem_str(db_text(r, 0, 0));
	db_free(r);
	return s;
}

/* Each hour two lists that have not changed: nothing is written of logs. */
static void
unchanged(void **state)
{
	struct err	 e = ERR_INIT;
	int		 changed;
	char		*before, *after;

	(void)state;
	assert_int_equal(store("chrome", "abc", 1000, &changed, &e), 0);
	assert_int_equal(store("apple", "abd", 500, &changed, &e), 0);
	sql("update log_list set checked_at = now() - interval '1 hour'");
	before = rows();
	assert_int_equal(store("chrome", "abc", 1000, &changed, &e), 0);
	assert_int_equal(store("apple", "abd", 500, &changed, &e), 0);
	assert_int_equal(changed, 0);
	after = rows();
	assert_string_equal(after, before);
	/* it was looked at */
	assert_int_equal(number("select count(*) from log_list where "
	    "checked_at > now() - interval '1 minute'"), 2);
	free(after);
	/* a newer version that says the same, but of one */
	assert_int_equal(store("chrome", "bc", 2000, &changed, &e), 0);
	assert_int_equal(changed, 1);
	assert_string_equal(read_now(), "abcd");
	is("select list_source from log where description = 'a'", "apple");
	free(before);
	before = rows();
	assert_int_equal(store("chrome", "bc", 3000, &changed, &e), 0);
	assert_int_equal(changed, 1);
	after = rows();
	assert_string_equal(after, before);
	free(before);
	free(after);
}

/* What is new about a log is written, whatever it is. */
static void
news(void **state)
{
	static const char *const	was[] = { "mmd = 1", "url = 'x'",
	    "read_url = 'x'", "state = 'pending'", "state_at = now()",
	    "interval_from = now()", "interval_to = now()", "final_size = 1",
	    "final_size = null", "final_root = ''", "watched = false",
	    "listed = false" };
	struct err			e = ERR_INIT;
	size_t				i;
	int				changed;
	char				text[80];

	(void)state;
	final_size = 3000000000;
	assert_int_equal(store("chrome", "ab", 1000, &changed, &e), 0);
	assert_int_equal(store("apple", "c", 1000, &changed, &e), 0);
	is("select string_agg(final_size::text, ' ') from log",
	    "3000000000 3000000000 3000000000");
	sql("create temp table was as select * from log");
	for (i = 0; i < sizeof(was) / sizeof(was[0]); i++) {
		(void)snprintf(text, sizeof(text), "update log set %s where "
		    "description = 'a'", was[i]);
		sql(text);
		assert_int_equal(store("chrome", "ab", 1000, &changed, &e), 0);
		if (number("select count(*) from (select * from log except "
		    "select * from was) x") != 0)
			fail_msg("%s", was[i]);
	}
	sql("drop table was");
	final_size = 0;
}

/* A browser's list, a file, and both again as they were. */
static void
there_and_back(void **state)
{
	struct err	e = ERR_INIT;
	int		i, changed;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(store("chrome", "ab", 1000, &changed, &e), 0);
		assert_string_equal(read_now(), "ab");
		assert_int_equal(store("file", "bc", 10, &changed, &e), 0);
		assert_string_equal(read_now(), "bc");
	}
}

/* A retired log is read for as long as its certificates may be valid. */
static void
retired(void **state)
{
	struct err	 e = ERR_INIT;
	int		 changed;
	char		*before, *after;

	(void)state;
	retired_end = clk_wall() + 3600 * CLK_SEC;
	assert_int_equal(store("file", "ab", 10, &changed, &e), 0);
	assert_int_equal(store("file", "ab", 10, &changed, &e), 0);
	assert_string_equal(read_now(), "ab");
	/* the list is the same, its time is over */
	later = 7200 * CLK_SEC;
	assert_int_equal(store("file", "ab", 10, &changed, &e), 0);
	assert_int_equal(changed, 0);
	assert_string_equal(read_now(), "");
	is("select string_agg(watched::text, ' ') from log", "false false");
	/* and that is said once */
	before = rows();
	assert_int_equal(store("file", "ab", 10, &changed, &e), 0);
	after = rows();
	assert_string_equal(after, before);
	free(before);
	free(after);
	later = retired_end = 0;
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

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(lists, clear),
		cmocka_unit_test_setup(handed, clear),
		cmocka_unit_test_setup(forgotten, clear),
		cmocka_unit_test_setup(together, clear),
		cmocka_unit_test_setup(unchanged, clear),
		cmocka_unit_test_setup(news, clear),
		cmocka_unit_test_setup(there_and_back, clear),
		cmocka_unit_test_setup(retired, clear),
		cmocka_unit_test_setup(unsaid_again, clear),
		cmocka_unit_test_setup(first, clear),
	};

	return SQL_TESTS(t);
}
