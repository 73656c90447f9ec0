#ifndef TESTS_UNIT_TESTDB_H
#define TESTS_UNIT_TESTDB_H

/*
 * A database for one unit test program, on the server that $CERTVIGIL_TEST_DB
 * names (tests/pg.sh).  Included by one file of a program, after
 * cmocka.h.
 *
 *	struct db *db = testdb_open();		NULL: no server, SKIP printed
 *	...
 *	testdb_close(db);			drops the database
 */

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/db/db.h"
#include "auditor/db/migrate.h"
#include "base/mem.h"

static char	*testdb_name;	/* of the database that is open */
static char	*testdb_info;	/* its connection string, for more of them */

/* Run one statement outside of any database of ours; exits when it fails. */
static void
testdb_admin(const char *verb, const char *name, const char *tail)
{
	struct err	 e = ERR_INIT;
	struct db	*db;
	char		 sql[200];

	(void)snprintf(sql, sizeof(sql), "%s %s%s", verb, name, tail);
	db = db_open(getenv("CERTVIGIL_TEST_DB"), &e);
	if (db == NULL || db_script(db, sql, &e) == -1) {
		(void)fprintf(stderr, "%s: %s\n", sql, e.msg);
		exit(1);
	}
	db_close(db);
}

/* A copy of a database: its connection, or NULL after "SKIP 1 no database". */
static struct db *
testdb_copy(const char *template)
{
	static int	 n;
	const char	*server = getenv("CERTVIGIL_TEST_DB");
	struct err	 e = ERR_INIT;
	struct db	*db;
	char		*tail;

	if (server == NULL || server[0] == '\0') {
		(void)printf("SKIP 1 no database\n");
		return NULL;
	}
	testdb_name = mem_printf("t_%ld_%d", (long)getpid(), n++);
	tail = mem_printf(" template %s", template);
	testdb_admin("create database", testdb_name, tail);
	free(tail);
	/* The last dbname of a connection string counts. */
	testdb_info = mem_printf("%s dbname=%s", server, testdb_name);
	db = db_open(testdb_info, &e);
	if (db == NULL) {
		(void)fprintf(stderr, "%s: %s\n", testdb_name, e.msg);
		exit(1);
	}
	return db;
}

static inline struct db *
testdb_empty(void)
{
	return testdb_copy("template1");
}

/*
 * One with the schema of this program: a copy of $CERTVIGIL_TEST_TEMPLATE, of
 * which it is seen that it is the same, or made.
 */
static inline struct db *
testdb_open(void)
{
	const char	*made = getenv("CERTVIGIL_TEST_TEMPLATE");
	struct db	*db = testdb_copy(made != NULL && made[0] != '\0' ?
			    made : "template1");
	struct err	 e = ERR_INIT;

	if (db != NULL && migrate_up(db, 0, NULL, &e) == -1) {
		(void)fprintf(stderr, "%s: %s\n", testdb_name, e.msg);
		exit(1);
	}
	return db;
}

/* Another connection to the database that is open; exits when it fails. */
static inline struct db *
testdb_again(void)
{
	struct err	 e = ERR_INIT;
	struct db	*db = db_open(testdb_info, &e);

	if (db == NULL) {
		(void)fprintf(stderr, "%s: %s\n", testdb_name, e.msg);
		exit(1);
	}
	return db;
}

/* Run statements; the test fails when one does. */
static inline void
testdb_run(struct db *db, const char *sql)
{
	struct err	e = ERR_INIT;

	if (db_script(db, sql, &e) == -1)
		fail_msg("%s: %s", sql, e.msg);
}

/* The first cell of a query as a number; -1 where there is none, or null. */
static inline int64_t
testdb_int(struct db *db, const char *sql)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r = NULL;
	int64_t		 v;

	if (db_query(db, &r, &e, sql, "") == -1)
		fail_msg("%s: %s", sql, e.msg);
	v = db_null(r, 0, 0) ? -1 : db_int(r, 0, 0);
	db_free(r);
	return v;
}

/* Close it and drop the database; takes NULL. */
static inline void
testdb_close(struct db *db)
{
	if (db == NULL)
		return;
	db_close(db);
	testdb_admin("drop database if exists", testdb_name, " with (force)");
	free(testdb_name);
	free(testdb_info);
	testdb_name = testdb_info = NULL;
}

#endif
