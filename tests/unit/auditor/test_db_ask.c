#include "auditor/db/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/testdb.h"

/* Results of a pipeline that are kept. */

/* The next answer is a row with ${want}. */
static void
answer(struct db *db, int64_t want)
{
	struct db_res	*r = db_answer(db);

	assert_non_null(r);
	assert_int_equal(db_rows(r), 1);
	assert_int_equal(db_int(r, 0, 0), want);
	db_free(r);
}

static void
ask(struct db *db, int64_t n)
{
	struct err	e = ERR_INIT;

	if (db_ask(db, &e, "select $1", "i", n) == -1)
		fail_msg("%s", e.msg);
}

/* In their order, between others, whoever waits for the pipeline. */
static void
test_order(void **state)
{
	struct db	*db = testdb_open();
	struct err	 e = ERR_INIT;
	int64_t		 i;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(db_ask(db, &e, "select 1", ""), -1);
	err_clear(&e);
	assert_int_equal(db_begin(db, &e), 0);
	assert_null(db_answer(db));
	ask(db, 1);
	assert_null(db_answer(db));
	assert_int_equal(db_push(db, &e, "select 5", ""), 0);
	ask(db, 2);
	assert_int_equal(testdb_int(db, "select 6"), 6);
	ask(db, 3);
	answer(db, 1);
	assert_int_equal(db_sync(db, &e), 0);
	answer(db, 2);
	answer(db, 3);
	assert_null(db_answer(db));
	/* more of them than the pipeline takes at once */
	for (i = 0; i < LIMIT_DB_PIPELINE + 10; i++)
		ask(db, i);
	assert_int_equal(db_sync(db, &e), 0);
	for (i = 0; i < LIMIT_DB_PIPELINE + 10; i++)
		answer(db, i);
	assert_int_equal(db_commit(db, &e), 0);
	testdb_close(db);
}

/* Behind an error there is none; nor is there one of another transaction. */
static void
test_ends(void **state)
{
	struct db	*db = testdb_open();
	struct err	 e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return;
	assert_int_equal(db_begin(db, &e), 0);
	ask(db, 1);
	assert_int_equal(db_push(db, &e, "nonsense", ""), 0);
	ask(db, 2);
	assert_int_equal(db_sync(db, &e), -1);
	err_clear(&e);
	answer(db, 1);
	assert_null(db_answer(db));
	db_rollback(db);
	assert_int_equal(db_begin(db, &e), 0);
	ask(db, 3);
	assert_int_equal(db_commit(db, &e), 0);
	assert_null(db_answer(db));
	assert_int_equal(db_begin(db, &e), 0);
	ask(db, 4);
	db_rollback(db);
	assert_int_equal(db_begin(db, &e), 0);
	ask(db, 5);
	assert_int_equal(db_sync(db, &e), 0);
	answer(db, 5);
	db_rollback(db);
	testdb_close(db);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
