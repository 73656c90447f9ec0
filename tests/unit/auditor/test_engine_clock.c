#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "auditor/role/engine.h"
#include "auditor/role/engine_clock.h"
#include "base/clk.h"
#include "tests/unit/testdb.h"

#define HOUR	(3600 * CLK_SEC)

/* Within half an hour of this machine's clock? */
static int
ours(void)
{
	int64_t	now = (int64_t)time(NULL) * CLK_SEC, have = clk_wall();

	return have > now - HOUR / 2 && have < now + HOUR / 2;
}

/* Who is an hour off goes by the database's clock, once it is asked. */
static void
asked(void **state)
{
	struct engine	en;
	struct db	*db = testdb_empty();

	(void)state;
	if (db == NULL)
		return;
	memset(&en, 0, sizeof(en));
	en.db = db;
	engine_clock_heard(clk_wall() - HOUR);
	assert_false(ours());
	engine_clock_ask(&en);
	assert_true(ours());
	engine_clock_heard(clk_wall() + HOUR);
	assert_false(ours());
	/* who does not answer changes nothing */
	assert_int_equal(db_begin(db, NULL), 0);
	assert_int_equal(db_script(db, "select no_such_thing", NULL), -1);
	engine_clock_ask(&en);
	assert_false(ours());
	db_rollback(db);
	engine_clock_ask(&en);
	assert_true(ours());
	testdb_close(db);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
