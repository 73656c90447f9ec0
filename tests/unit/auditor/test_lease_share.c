/* Who gets which part of what is due, and how that comes back after an outage. */
#include "auditor/db/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/testdb.h"

#define LEASE	30

static struct db	*db;

#define NEED_DB()	do { if (db == NULL) return; } while (0)

/* Worker w${i}, which enters now. */
static void
enter(int i)
{
	static const char *const ingest[] = { "ingest" };
	struct lease_worker	 w;
	struct err		 e = ERR_INIT;
	char			 id[16];

	(void)snprintf(id, sizeof(id), "w%d", i);
	memset(&w, 0, sizeof(w));
	w.id = w.instance = id;
	w.host = "h";
	w.place = "here";
	w.pid = 100;
	w.lease_s = LEASE;
	w.roles = (struct db_strs){ ingest, 1 };
	if (lease_enter(db, &w, &e) == -1)
		fail_msg("%s", e.msg);
}

/* How many w${i} gets, which was away for so long until now. */
static int
claim(int i, int64_t away_s)
{
	static const char *const kinds[] = { "tail" };
	char			 id[16];
	struct lease_ask	 ask = { .holder = id, .instance = id,
	    .kinds = { kinds, 1 }, .max = LIMIT_LEASES, .lease_s = LEASE,
	    .share = "ingest", .away_s = away_s };
	struct lease		 l[LIMIT_LEASES];
	struct err		 e = ERR_INIT;
	size_t			 n, k;

	(void)snprintf(id, sizeof(id), "w%d", i);
	if (lease_claim(db, &ask, l, &n, &e) == -1)
		fail_msg("%s", e.msg);
	for (k = 0; k < n; k++)
		lease_free(&l[k]);
	return (int)n;
}

static int
excess(int i)
{
	struct err	e = ERR_INIT;
	char		id[16];
	int		n = -1;

	(void)snprintf(id, sizeof(id), "w%d", i);
	if (lease_excess(db, id, "tail", "ingest", &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

/* w${i} gives up ${n}. */
static void
yield(int i, int n)
{
	char	sql[200];

	(void)snprintf(sql, sizeof(sql), "update work set holder = null, "
	    "lease_until = null, due_at = now() where id in (select id from "
	    "work where holder = 'w%d' limit %d)", i, n);
	testdb_run(db, sql);
}

static int
has(int i)
{
	char	sql[120];

	(void)snprintf(sql, sizeof(sql), "select count(*) from work where "
	    "holder = 'w%d' and lease_until >= now()", i);
	return (int)testdb_int(db, sql);
}

/* Logs 1 to n, due since ${ago} seconds. */
static void
logs(int n, int ago)
{
	char	sql[200];

	(void)snprintf(sql, sizeof(sql), "insert into work (kind, subject, "
	    "due_at) select 'tail', i::text, now() - %d * interval '1 s' "
	    "from generate_series(1, %d) i", ago, n);
	testdb_run(db, sql);
}

/* So long passes: all that is a time lies so much further back. */
static void
pass(int s)
{
	char	sql[300];

	(void)snprintf(sql, sizeof(sql), "update work set due_at = due_at - "
	    "%d * interval '1 s', lease_until = lease_until - %d * "
	    "interval '1 s'; update worker set last_seen = last_seen - %d * "
	    "interval '1 s', started_at = started_at - %d * interval '1 s'",
	    s, s, s, s);
	testdb_run(db, sql);
}

static int
setup(void **state)
{
	(void)state;
	if (db != NULL)
		testdb_run(db, "truncate work, worker");
	return 0;
}

/*
 * All were away for an hour, and come back one after the other: the first gets
 * no more than its part, though it sees nobody else, and though all is due for
 * longer than a lease.
 */
static void
test_outage(void **state)
{
	int	i, n = 0;

	(void)state;
	NEED_DB();
	for (i = 1; i <= 10; i++)
		enter(i);
	logs(25, 3600 + LEASE);
	pass(3600);
	for (i = 1; i <= 10; i++) {
		enter(i);
		assert_in_range(claim(i, 3605), 0, 3);
		assert_int_equal(claim(i, 3605), 0);
		n += has(i);
	}
	assert_int_equal(n, 25);
	/* three, three, ..., one, none: handed on at once, and no more */
	for (i = 1, n = 0; i <= 10; i++)
		n += excess(i);
	assert_in_range(n, 1, 3);
}

/*
 * All were held up for a little more than a lease, and none counts as one that
 * slept: what is due for so long is not anybody's.
 */
static void
test_late(void **state)
{
	int	i, n = 0;

	(void)state;
	NEED_DB();
	for (i = 1; i <= 10; i++)
		enter(i);
	logs(25, 0);
	pass(LEASE + 5);
	for (i = 1; i <= 10; i++) {
		assert_in_range(claim(i, LEASE + 6), 0, 3);
		n += has(i);
	}
	assert_int_equal(n, 25);
}

/* Those that never come back cost a moment: then who is there has all. */
static void
test_missing(void **state)
{
	int	i;

	(void)state;
	NEED_DB();
	for (i = 1; i <= 10; i++)
		enter(i);
	logs(25, 3600);
	pass(3600);
	enter(1);
	enter(2);
	assert_int_equal(claim(1, 3605), 3);
	/* one that was dead when they went away has no part in anything */
	testdb_run(db, "update worker set last_seen = last_seen - "
	    "interval '1 hour' where id = 'w10'");
	assert_int_equal(claim(2, 3605), 3);
	assert_int_equal(claim(1, 0), 10);
	assert_int_equal(claim(2, 0), 9);
	assert_int_equal(has(1) + has(2), 25);
}

/* A lone one gets all at once, whatever was. */
static void
test_alone(void **state)
{
	(void)state;
	NEED_DB();
	enter(1);
	logs(25, 3600);
	pass(3600);
	enter(1);
	assert_int_equal(claim(1, 3605), 25);
	assert_int_equal(excess(1), 0);
}

/*
 * What nobody takes for a third of a lease is anybody's who could have seen
 * that: not of one that has come this moment.
 */
static void
test_left(void **state)
{
	(void)state;
	NEED_DB();
	enter(1);
	enter(2);
	logs(10, 0);
	assert_int_equal(claim(1, 0), 5);
	pass(LEASE / 3 - 2);
	assert_int_equal(claim(1, 0), 0);
	enter(3);
	pass(4);
	assert_int_equal(claim(3, 0), 4);
	assert_int_equal(claim(1, 0), 1);
}

/*
 * Leases are long: one that died with none of the logs, or is silent for three
 * heartbeats, has no part in them, though what it has stays its own.
 */
static void
test_long(void **state)
{
	(void)state;
	NEED_DB();
	enter(1);
	enter(2);
	testdb_run(db, "update worker set lease_s = 600");
	logs(10, 0);
	assert_int_equal(claim(2, 0), 5);
	testdb_run(db, "update work set lease_until = now() + "
	    "interval '580 s' where holder = 'w2'; update worker set "
	    "last_seen = now() - interval '31 s' where id = 'w2'");
	assert_int_equal(claim(1, 0), 5);
	assert_int_equal(has(2), 5);
	/* nothing is left to one that does not take it */
	testdb_run(db, "update work set holder = 'w1', "
	    "lease_until = now() + interval '580 s'");
	assert_int_equal(excess(1), 0);
	testdb_run(db, "update worker set last_seen = now()");
	assert_int_equal(excess(1), 1);
}

/* The same of what one leaves that lives: long before a third of a lease. */
static void
test_left_long(void **state)
{
	static const char *const	 kinds[] = { "tail" };
	struct lease_ask		 ask = { .holder = "w1",
	    .instance = "w1", .kinds = { kinds, 1 }, .max = LIMIT_LEASES,
	    .lease_s = 600, .share = "ingest" };
	struct lease			 l[LIMIT_LEASES];
	struct err			 e = ERR_INIT;
	size_t				 n, k;

	(void)state;
	NEED_DB();
	enter(1);
	enter(2);
	logs(10, 0);
	pass(LEASE / 3 + 1);
	testdb_run(db, "update worker set last_seen = now()");
	assert_int_equal(lease_claim(db, &ask, l, &n, &e), 0);
	assert_int_equal(n, 10);
	for (k = 0; k < n; k++)
		lease_free(&l[k]);
}

/* What one had that died is shared by the others, not taken by the first. */
static void
test_died(void **state)
{
	int	i, n = 0;

	(void)state;
	NEED_DB();
	for (i = 1; i <= 4; i++)
		enter(i);
	logs(20, 0);
	for (i = 1; i <= 4; i++)
		assert_int_equal(claim(i, 0), 5);
	pass(LEASE + 1);
	testdb_run(db, "update worker set last_seen = now() where id <> 'w4';"
	    "update work set lease_until = now() + interval '30 s' where "
	    "holder <> 'w4'");
	for (i = 1; i <= 3; i++) {
		assert_in_range(claim(i, 0), 1, 2);
		n += has(i);
	}
	assert_int_equal(n, 20);
	for (i = 1; i <= 3; i++)
		assert_int_equal(excess(i), 0);
	/* what those leave who do not take theirs is anybody's */
	testdb_run(db, "update work set lease_until = now() - interval '1 s' "
	    "where holder = 'w3'");
	assert_int_equal(claim(1, 0), 0);
	testdb_run(db, "update work set lease_until = now() - interval '11 s' "
	    "where holder = 'w3'");
	assert_in_range(claim(1, 0), 6, 7);
}

/*
 * What one has too many is given up at once, when the others have shown that
 * they take something, and then everybody has its part, and nothing moves.
 */
static void
test_excess(void **state)
{
	int	i, k, n, moves = 0;

	(void)state;
	NEED_DB();
	enter(1);
	logs(20, 0);
	assert_int_equal(claim(1, 0), 20);
	for (i = 2; i <= 4; i++)
		enter(i);
	/* one each: nobody knows whether they read */
	assert_int_equal(excess(1), 3);
	yield(1, 3);
	/* and nothing more while that is free */
	assert_int_equal(excess(1), 0);
	testdb_run(db, "with x as (select id, row_number() over () as k from "
	    "work where holder is null) update work w set holder = 'w' || "
	    "k + 1, lease_until = now() + interval '30 s' from x "
	    "where x.id = w.id");
	/* all of the rest */
	assert_int_equal(excess(1), 12);
	yield(1, 12);
	for (i = 1; i <= 4; i++)
		(void)claim(i, 0);
	for (i = 1; i <= 4; i++)
		assert_int_equal(has(i), 5);
	/* at rest, and when one log more or less is there: nothing moves */
	for (k = 0; k < 6; k++) {
		for (i = 1; i <= 4; i++)
			assert_int_equal(excess(i), 0);
		testdb_run(db, "insert into work (kind, subject) select "
		    "'tail', count(*) + 1 from work");
		for (i = 1; i <= 4; i++)
			(void)claim(i, 0);
		for (i = 1, n = 0; i <= 4; i++)
			n += has(i);
		assert_int_equal(n, 21 + k);
	}
	/* 20, and 1 each: everybody computes the same, none gives too much */
	testdb_run(db, "truncate work");
	logs(22, 0);
	testdb_run(db, "update work set holder = 'w' || greatest(1, "
	    "subject::int - 18), lease_until = now() + interval '30 s'");
	for (k = 0; k < 5; k++)
		for (i = 1; i <= 4; i++) {
			n = excess(i);
			moves += n;
			yield(i, n);
			for (n = 4; n >= 1; n--)
				(void)claim(n, 0);
		}
	for (i = 1, n = 0; i <= 4; i++) {
		assert_in_range(has(i), 5, 6);
		n += has(i);
	}
	assert_int_equal(n, 22);
	assert_in_range(moves, 13, 14);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_outage, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_missing, setup),
		cmocka_unit_test_setup(test_alone, setup),
		cmocka_unit_test_setup(test_left, setup),
		cmocka_unit_test_setup(test_long, setup),
		cmocka_unit_test_setup(test_left_long, setup),
		cmocka_unit_test_setup(test_died, setup),
		cmocka_unit_test_setup(test_excess, setup),
	};
	int	ret;

	db = testdb_open();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return ret;
}
