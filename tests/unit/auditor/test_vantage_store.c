#include "auditor/db/vantage_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "auditor/db/incl_store.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"

/* What others saw, and what witnesses say. */

static int
clear(void **state)
{
	(void)state;
	sql("truncate log, operator, tree_head, vantage, vantage_head, "
	    "cosignature, work restart identity cascade");
	sql("insert into operator (name) values ('Op')");
	sql("insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) "
	    "select sha256('x'), 1, 'x', 'static', 'u', 'u', 'k', 60, "
	    "'usable', 'file', true");
	return 0;
}

static struct head_in
head(uint64_t size)
{
	static uint8_t	root[32] = { 5 };
	struct head_in	h = { .log_ref = 1, .tree_size = size,
	    .timestamp_ms = 1000 + size, .root = root, .checkpoint = 1,
	    .raw = SPAN_STR("raw"), .verdict = "valid" };

	return h;
}

/* A head that the log never showed us bounds nothing of ours. */
static void
told(void **state)
{
	struct head_in		h = head(7), ours = head(5);
	struct incl_head	newest;
	struct err		e = ERR_INIT;
	int64_t			id, mine;

	(void)state;
	assert_int_equal(head_store(db, &ours, &mine, &e), 0);
	assert_int_equal(vantage_saw(db, "v", &h, &id, &e), 0);
	assert_true(id != 0 && id != mine);
	is("select told::text from vantage_head", "true");
	assert_int_equal(incl_store_head(db, 1, &newest, &e), 0);
	assert_int_equal(newest.id, mine);
	/* again, and by another */
	assert_int_equal(vantage_saw(db, "v", &h, &id, &e), 0);
	assert_int_equal(vantage_saw(db, "w", &h, &id, &e), 0);
	is("select string_agg(source || told, ' ' order by source) from "
	    "vantage_head", "vtrue wfalse");
	/* now it shows it to us as well */
	assert_int_equal(head_store(db, &h, &mine, &e), 0);
	assert_int_equal(mine, id);
	assert_int_equal(vantage_shown(db, id, &e), 0);
	is("select bool_or(told)::text from vantage_head", "false");
	assert_int_equal(incl_store_head(db, 1, &newest, &e), 0);
	assert_int_equal(newest.size, 7);
	/* one that we had is not told */
	assert_int_equal(vantage_saw(db, "v", &ours, &id, &e), 0);
	is("select bool_or(told)::text from vantage_head", "false");
}

/* So many of one source wait; those that were compared do not count. */
static void
limit(void **state)
{
	struct head_in	h = head(500000);
	struct err	e = ERR_INIT;
	int64_t		id;

	(void)state;
	sql("insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) select 1, n, 'r', n, "
	    "'checkpoint', 'raw', 'valid' from generate_series(1, 1000) n");
	sql("insert into vantage_head (head_id, source, told) select id, "
	    "'v', true from tree_head where id < 1000");
	assert_int_equal(LIMIT_VANTAGE_WAIT, 1000);
	assert_int_equal(vantage_saw(db, "v", &h, &id, &e), 0);
	assert_true(id != 0);
	h = head(500001);
	assert_int_equal(vantage_saw(db, "v", &h, &id, &e), 0);
	assert_true(id == 0);
	is("select count(*)::text from tree_head where tree_size = 500001",
	    "0");
	assert_int_equal(vantage_saw(db, "w", &h, &id, &e), 0);
	assert_true(id != 0);
	sql("update tree_head set consistency = 'proved' where id = 1");
	h = head(500002);
	assert_int_equal(vantage_saw(db, "v", &h, &id, &e), 0);
	assert_true(id != 0);
}

static void
plan(void **state)
{
	struct conf_vantage	v[2] = {
	    { (char *)(uintptr_t)"a", (char *)(uintptr_t)"https://a/", NULL },
	    { (char *)(uintptr_t)"b", NULL, (char *)(uintptr_t)"/b" } };
	struct conf		c;
	struct vantage_said	s = { "a", NULL, "line 3: wrong", 4, 1 };
	struct err		e = ERR_INIT;

	(void)state;
	memset(&c, 0, sizeof(c));
	c.vantage = v;
	c.nvantage = 2;
	assert_int_equal(vantage_plan(db, &c, &e), 0);
	is("select string_agg(name || ' ' || url, ',' order by name) from "
	    "vantage", "a https://a/,b /b");
	is("select string_agg(subject, ',' order by subject) from work where "
	    "kind = 'vantage'", "a,b");
	assert_int_equal(vantage_done(db, &s, &e), 0);
	is("select heads || ' ' || refused || ' ' || last_error from vantage "
	    "where name = 'a'", "4 1 line 3: wrong");
	s.error = "away";
	assert_int_equal(vantage_done(db, &s, &e), 0);
	is("select heads || ' ' || last_error || ' ' || (failing_since is not "
	    "null) from vantage where name = 'a'", "4 away true");
	s.error = NULL;
	s.refusal = "";
	assert_int_equal(vantage_done(db, &s, &e), 0);
	is("select (last_error is null and failing_since is null)::text from "
	    "vantage where name = 'a'", "true");
	c.vantage = &v[1];
	c.nvantage = 1;
	assert_int_equal(vantage_plan(db, &c, &e), 0);
	is("select string_agg(name, ',') from vantage", "b");
	is("select string_agg(subject, ',') from work", "b");
	c.nvantage = 0;
	assert_int_equal(vantage_plan(db, &c, &e), 0);
	is("select count(*)::text from vantage", "0");
}

static void
cosigned(void **state)
{
	struct head_in		h = head(9);
	struct cosigned_in	c = { .witness = "w",
	    .key = (const uint8_t *)"0123456789abcdef0123456789abcdef",
	    .valid = 0, .at = 1700000000, .raw = SPAN_STR("bad") };
	struct err		e = ERR_INIT;
	int			fresh;

	(void)state;
	assert_int_equal(head_store(db, &h, &c.head_id, &e), 0);
	assert_int_equal(cosigned_store(db, &c, &fresh, &e), 0);
	assert_int_equal(fresh, 1);
	assert_int_equal(cosigned_store(db, &c, &fresh, &e), 0);
	assert_int_equal(fresh, 0);
	is("select (not valid and stated_at is null)::text from cosignature",
	    "true");
	c.valid = 1;
	c.raw = SPAN_STR("good");
	assert_int_equal(cosigned_store(db, &c, &fresh, &e), 0);
	assert_int_equal(fresh, 1);
	c.valid = 0;
	c.raw = SPAN_STR("bad");
	assert_int_equal(cosigned_store(db, &c, &fresh, &e), 0);
	assert_int_equal(fresh, 0);
	is("select valid || ' ' || convert_from(raw, 'UTF8') || ' ' || "
	    "extract(epoch from stated_at)::bigint from cosignature",
	    "true good 1700000000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(told, clear),
		cmocka_unit_test_setup(limit, clear),
		cmocka_unit_test_setup(plan, clear),
		cmocka_unit_test_setup(cosigned, clear),
	};

	return SQL_TESTS(tests);
}
