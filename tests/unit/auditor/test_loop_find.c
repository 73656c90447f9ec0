#include "tests/unit/auditor/loop_fixture.h"

/* --- not logged ----------------------------------------------------------- */

static void
not_logged(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}')");
	sweep();
	is(FINDINGS, "");
	/* both were read, but not as far as the SCT and the MMD */
	sql("select read_to(1, '2 days 1 minute'), read_to(2, '2 days 1 "
	    "minute')");
	sweep();
	is(FINDINGS, "");
	sql("select read_to(1, '47 hours'), read_to(2, '47 hours')");
	sweep();
	sweep();
	is(FINDINGS, LOGGED "open high mail," LOGGED "open high web");
	is(EVENTS, "opened,opened");
	is("select (subject = encode(hash('11'), 'hex')) || ' ' || name || ' ' "
	    "|| watch || ' ' || (detail->>'absent_from') from finding where "
	    "owner = 'web'", "true a.example .example [\"log one\", "
	    "\"log two\"]");
	is("select detail->'names'->>0 || (detail->>'serial') from finding "
	    "where owner = 'mail'", "a.example01");
	/* it appears */
	sql("insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, tbs_sha256) values (1, 7, 0, 'precert', '', '', "
	    "hash('11'))");
	sweep();
	sweep();
	is(FINDINGS, LOGGED "resolved high mail," LOGGED "resolved high web");
	is(EVENTS, "opened,opened,resolved,resolved");
}

/* Where the CA does not log, nothing is expected. */
static void
no_ct(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update acme_order set expectation = null");
	sweep();
	is(FINDINGS, "");
	sql("update acme_order set expectation = 1");
	sweep();
	is(EVENTS, "opened,opened");
}

/* A log that is not read holds it back, but not for ever. */
static void
one_log(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour');"
	    "update acme_promise set timestamp_ms = " AGO("47 hours"));
	sweep();
	is(FINDINGS, "");
	/* nor does one that we do not follow */
	sql("update log set watched = false where id = 2");
	sweep();
	is(EVENTS, "opened,opened");
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour');"
	    "update acme_promise set timestamp_ms = " AGO("49 hours"));
	sweep();
	is(EVENTS, "opened,opened");
	is("select detail->>'absent_from' from finding where owner = "
	    "'web'", "[\"log one\"]");
	/* none that promised it is read at all */
	(void)clear(state);
	sql("select ours('11', '{a.example}')");
	sweep();
	is(FINDINGS, "");
}

/* Reading began after the SCT: it may lie below. */
static void
began_late(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '2 days 23 hours'), "
	    "read_to(2, '2 days 23 hours'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update log_range set size_from = 100");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set timestamp_ms = " AGO("73 hours")
	    " where tree_size = 100");
	sweep();
	is(EVENTS, "opened,opened");
}

/* A head that contradicts another, or is not signed, says nothing. */
static void
bad_heads(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update tree_head set verdict = "
	    "'bad_signature'");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set verdict = 'valid', consistency = "
	    "'conflict'");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set consistency = 'proved'");
	sweep();
	is(EVENTS, "opened,opened");
	/* a head that we have, and have not read */
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update log_range set size_to = 99");
	sweep();
	is(FINDINGS, "");
}

/* Who would have seen it: entries are kept where a watch matches. */
static void
watched(void **state)
{
	static const struct {
		const char	*names, *pattern, *exclude, *events;
	} rows[] = {
		{ "{*.c.test}", "c.test", "{}", "opened" },
		{ "{*.c.test}", ".c.test", "{}", "opened" },
		{ "{*.c.test}", "*.c.test", "{}", "opened" },
		{ "{w.c.test}", "*.c.test", "{}", "opened" },
		{ "{w.c.test}", ".c.test", "{}", "opened" },
		{ "{w.c.test}", ".", "{}", "opened" },
		{ "{x.test,w.c.test}", "w.c.test", "{}", "opened" },
		{ "{w.c.test}", "c.test", "{}", "" },
		{ "{wc.test}", ".c.test", "{}", "" },
		{ "{w.c.test}", ".c.test", "{w.c.test}", "" },
		{ "{v.w.c.test}", ".c.test", "{.w.c.test}", "" },
		{ "{v.w.c.test}", ".c.test", "{x.c.test}", "opened" },
	};
	char	*text;
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)clear(state);
		text = mem_printf("update watch set removed_at = now(); "
		    "insert into watch (pattern, exclude, origin, added_at) "
		    "values ('%s', '%s', 'cli', now() - interval '9 days'); "
		    "select ours('11', '%s'), read_to(1, '1 hour'), "
		    "read_to(2, '1 hour')", rows[i].pattern, rows[i].exclude,
		    rows[i].names);
		sql(text);
		free(text);
		sweep();
		is(EVENTS, rows[i].events);
	}
	/* a watch that came after the SCT */
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update watch set added_at = now() - "
	    "interval '2 days'");
	sweep();
	is(FINDINGS, "");
}

static void
expired(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour')");
	sweep();
	sql("update acme_received set not_after = now()");
	sweep();
	sweep();
	is(EVENTS, "opened,opened,resolved,resolved");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(not_logged, clear),
		cmocka_unit_test_setup(no_ct, clear),
		cmocka_unit_test_setup(one_log, clear),
		cmocka_unit_test_setup(began_late, clear),
		cmocka_unit_test_setup(bad_heads, clear),
		cmocka_unit_test_setup(watched, clear),
		cmocka_unit_test_setup(expired, clear),
	};

	return SQL_TESTS(tests);
}
