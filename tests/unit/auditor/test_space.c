#include "auditor/role/space.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/db/cost_store.h"
#include "auditor/db/rate_store.h"
#include "tests/unit/testdb.h"

static struct db	*db;

#define NEED_DB()	do { if (db == NULL) return; } while (0)

static const char *
judged(double mb, double mb_day, int was)
{
	static char	why[200];
	const char	*s = space_judge(mb * 1e6, mb_day * 1e6, was, why,
			    sizeof(why));

	if (s != NULL)
		assert_non_null(strstr(why, "make room"));
	return s == NULL ? "" : s;
}

/* Little room, or room for few days, and no flapping at the edge. */
static void
test_judge(void **state)
{
	(void)state;
	assert_string_equal(judged(50000, 0, 0), "");
	assert_string_equal(judged(1001, 0, 0), "");
	assert_string_equal(judged(999, 0, 0), "high");
	assert_string_equal(judged(199, 0, 0), "critical");
	assert_string_equal(judged(1100, 0, 1), "medium");
	assert_string_equal(judged(1300, 0, 1), "");
	assert_string_equal(judged(50000, 10000, 0), "");
	assert_string_equal(judged(50000, 17000, 0), "medium");
	assert_string_equal(judged(50000, 15000, 1), "medium");
	assert_string_equal(judged(50000, 12000, 1), "");
	assert_string_equal(judged(100, 17000, 0), "critical");
}

static void
near(double have, double want)
{
	double	d = have > want ? have - want : want - have;

	assert_true(d <= want / 1000);
}

static void
wire(int log_ref, uint64_t bytes, uint64_t entries)
{
	struct rate_wire	w = { bytes, entries, 7.5 };
	struct err		e = ERR_INIT;

	assert_int_equal(rate_store_wire(db, log_ref, &w, &e), 0);
}

/* What logs cost, from what was measured of each. */
static void
test_cost(void **state)
{
	struct cost	c;
	struct err	e = ERR_INIT;
	int		i;

	(void)state;
	NEED_DB();
	assert_int_equal(cost_store_now(db, &c, &e), 0);
	assert_int_equal(c.logs[0] + c.logs[1], 0);
	assert_int_equal(c.entries, 0);
	assert_true(c.growth.bytes_day == 0);
	testdb_run(db, "insert into operator (name) values ('Op');"
	    "insert into log (log_id, description, operator_id, protocol, url,"
	    " read_url, hybrid, key, mmd, state, list_source, first_list)"
	    " select sha256(n::text::bytea), 'l' || n,"
	    " (select id from operator),"
	    " case when n = 1 then 'static' else 'rfc6962' end,"
	    " 'https://l' || n || '.example/', 'https://l' || n ||"
	    " '.example/', n = 2, 'k', 60,"
	    " case when n = 5 then 'readonly' else 'usable' end, 'chrome',"
	    " true from generate_series(1, 5) n;"
	    "insert into log_health (log_ref, growth_per_second)"
	    " select id, case when description <> 'l4' then 10 end from log");
	assert_int_equal(cost_store_now(db, &c, &e), 0);
	assert_int_equal(c.logs[1], 2);
	assert_int_equal(c.logs[0], 2);
	assert_int_equal(c.growing[1], 2);
	assert_int_equal(c.growing[0], 1);
	near(c.entries_day[1], 2 * 864000);
	near(c.entries_day[0], 864000);
	assert_true(c.wire[0] == 0 && c.wire[1] == 0);
	/* so few say nothing; more do; what is long ago counts less */
	for (i = 1; i <= 2; i++)
		wire(i, 6000 * 650, 6000);
	wire(3, 999 * 9, 999);
	assert_int_equal(cost_store_now(db, &c, &e), 0);
	near(c.wire[1], 650);
	assert_true(c.wire[0] == 0);
	wire(3, 20000000, 20000000);
	wire(3, 30000000, 10000000);
	assert_int_equal(testdb_int(db, "select count(*) from log_health"
	    " where rate = 7.5"), 3);
	assert_int_equal(testdb_int(db, "select wire_entries from log_health"
	    " where log_ref = 3"), 20000999 / 2 + 10000000);
	/* a day later, it knows its own growth */
	testdb_run(db, "update log set added_at = now() - interval '2 days'");
	assert_int_equal(cost_store_now(db, &c, &e), 0);
	assert_true(c.growth.size > 1000000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_cost),
	};
	int			rc;

	db = testdb_open();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
