#ifndef TESTS_UNIT_AUDITOR_SQL_H
#define TESTS_UNIT_AUDITOR_SQL_H

/* Tests that have one connection, db; after cmocka.h. */

#include "tests/unit/testdb.h"

static struct db	*db;

/*
 * main() of a program whose tests all need it: without a server nothing runs.
 */
#define SQL_TESTS(tests) ((db = testdb_open()) == NULL ? 0 :		\
	sql_end(cmocka_run_group_tests(tests, NULL, NULL)))

static inline int
sql_end(int rc)
{
	testdb_close(db);
	db = NULL;
	return rc;
}

static inline void
sql(const char *text)
{
	testdb_run(db, text);
}

static inline int64_t
number(const char *query)
{
	return testdb_int(db, query);
}

/* The first cell of a query, as text, is that; null is "". */
static inline void
is(const char *query, const char *want)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	if (db_query(db, &r, &e, query, "") == -1)
		fail_msg("%s: %s", query, e.msg);
	if (strcmp(db_text(r, 0, 0), want) != 0)
		fail_msg("%s: %s, not %s", query, db_text(r, 0, 0), want);
	db_free(r);
}

#endif
