#include "auditor/blind_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/blind_fixture.h"

/* Whose logs they are: each browser has a list of its own. */

/*
 * said(SOURCE, WHAT): a list of that browser, just looked at, with the logs of
 * WHAT ("LOG OPERATOR STATE DAYS, ..."), one of them tiled.
 */
static const char lists[] =
    "create or replace function said(src text, what text) returns void "
    "language sql as $$ insert into log_list (source, sha256, body, verified) "
    "select src, sha256(what::bytea), convert_to(jsonb_build_object("
    "'operators', jsonb_agg(jsonb_build_object('name', split_part(x, ' ', 2), "
    "'logs', case when id = 3 then '[]' else one end, 'tiled_logs', case when "
    "id = 3 then one end)))::text, 'UTF8'), true from "
    "(select x, id, jsonb_build_array(jsonb_build_object('log_id', encode("
    "hash('0' || id), 'base64'), 'state', jsonb_build_object("
    "split_part(x, ' ', 3), jsonb_build_object('timestamp', to_char(now() at "
    "time zone 'UTC' - split_part(x, ' ', 4)::int * interval '1 day', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))))) as one from (select x, "
    "split_part(x, ' ', 1)::int as id from unnest(string_to_array(what, "
    "', ')) x) y) z $$;";

/* A browser counts the logs of its list, as its list has them. */
static void
own_lists(void **state)
{
	static const char chrome[] = "select said('chrome', '1 one usable 9, "
	    "2 two usable 9, 3 three usable 9')";
	static const struct {
		const char	*apple, *want;
	} t[] = {
		/* nothing was heard of Apple: Chrome's word for both */
		{ "select 1", "Chrome and Apple" },
		{ "select said('apple', '1 one usable 9, 2 two usable 9')",
		  "Chrome and Apple" },
		/* it has not got one of them */
		{ "select said('apple', '1 one usable 9, 3 three usable 9')",
		  "Chrome" },
		{ "select said('apple', '1 one usable 9, 2 two pending 1')",
		  "Chrome" },
		/* it took none of what was logged since */
		{ "select said('apple', '1 one usable 9, 2 two retired 1')",
		  "Chrome" },
		{ "select said('apple', '1 one usable 9, 2 two retired 0')",
		  "Chrome and Apple" },
		/* to it they are of one operator */
		{ "select said('apple', '1 both usable 9, 2 both usable 9')",
		  "Chrome" },
		/* a list of long ago, and one that came after it */
		{ "select said('apple', '1 one usable 9'); update log_list set "
		  "checked_at = now() - interval '8 days' where source = "
		  "'apple'", "Chrome and Apple" },
		{ "select said('apple', '1 one usable 9, 2 two usable 9'); "
		  "update log_list set checked_at = now() - interval '1 hour' "
		  "where source = 'apple'; select said('apple', "
		  "'1 one usable 9')", "Chrome" },
		/* a file stands for both */
		{ "select said('apple', '1 one usable 9'); update log set "
		  "list_source = 'file' where id = 4", "Chrome and Apple" },
	};
	size_t	i;

	sql(lists);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)clear(state);
		sql("update log set list_source = 'chrome'; truncate log_list; "
		    "select behind(1, '3 hours'), behind(2, '2 hours')");
		sql(chrome);
		sql(t[i].apple);
		sweep(0);
		is("select coalesce(substring(reason from 'satisfies (.*) "
		    "could'), '') from finding", t[i].want);
	}
	/* one that only the other has */
	(void)clear(state);
	sql("update log set list_source = 'chrome'; truncate log_list; select "
	    "behind(1, '3 hours'), behind(3, '2 hours'), said('chrome', "
	    "'1 one usable 9'), said('apple', '3 three usable 9')");
	sweep(0);
	is(FINDINGS, "");
	sql("select said('apple', '1 one usable 9, 3 three usable 9')");
	sweep(0);
	is(FINDINGS, "coverage.blind open medium log 1+log 3");
	sql("truncate log_list");
}

/* Over for one browser, which the other still counts: and it is away. */
static void
over_for_one(void **state)
{
	sql(lists);
	sql("update log set list_source = 'chrome'; truncate log_list; select "
	    "behind(1, '3 hours'), said('chrome', '1 one usable 9, 2 two "
	    "retired 2'), said('apple', '1 one usable 9, 2 two usable 9');"
	    "update log set state = 'retired', state_at = now() - interval "
	    "'2 days' where id = 2; update log_health set head_at = now() - "
	    "interval '2 hours', failing_since = now() where log_ref = 2");
	sweep(0);
	is("select reason like 'for 2 h a certificate that satisfies Apple "
	    "could%' from finding", "t");
	is(FINDINGS, "coverage.blind open medium log 1+log 2");
	/* over for both: it is named no more, either */
	(void)clear(state);
	sql("truncate log_list; select behind(1, '3 hours'), said('chrome', "
	    "'1 one usable 9, 2 two readonly 2'), said('apple', '1 one usable "
	    "9, 2 two readonly 2, 3 three usable 9'), behind(3, '2 hours');"
	    "update log set list_source = 'chrome', state = 'readonly', "
	    "state_at = now() - interval '2 days' where id = 2; update "
	    "log_health set head_at = now() - interval '2 hours', "
	    "failing_since = now() where log_ref = 2");
	/* whatever our own clock says: all other times are the database's */
	clk_fix(clk_wall() - 3 * 86400 * CLK_SEC);
	sweep(0);
	clk_fix(0);
	is(FINDINGS, "coverage.blind open medium log 1+log 3");
	sql("truncate log_list");
}

/* No SCT of a test log counts, whoever lists it. */
static void
test_logs(void **state)
{
	static const char *const	source[] = { "chrome", "file" };
	char				*text;
	size_t				 i;

	sql(lists);
	for (i = 0; i < 2; i++) {
		(void)clear(state);
		text = mem_printf("update log set list_source = '%s'; "
		    "truncate log_list; select behind(1, '3 hours'), "
		    "behind(2, '2 hours'), said('apple', '1 one usable 9'), "
		    "said('%s', '1 one usable 9, 2 two usable 9')", source[i], source[i]);
		sql(text);
		free(text);
		sql("update log_list set body = convert_to(replace("
		    "convert_from(body, 'UTF8'), '\"state\"', "
		    "'\"log_type\": \"test\", \"state\"'), 'UTF8')");
		sweep(0);
		is(FINDINGS, "");
		sql("update log_list set body = convert_to(replace("
		    "convert_from(body, 'UTF8'), '\"test\"', '\"prod\"'), "
		    "'UTF8')");
		sweep(0);
		is(FINDINGS, "coverage.blind open medium log 1+log 2");
	}
	sql("truncate log_list");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(own_lists, clear),
		cmocka_unit_test_setup(over_for_one, clear),
		cmocka_unit_test_setup(test_logs, clear),
	};

	return SQL_TESTS(tests);
}
