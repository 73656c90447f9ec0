/* The database's clock goes back: what was planned is as near as it was. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/db/setback.h"
#include "auditor/log_fault.h"
#include "base/clk.h"
#include "tests/unit/auditor/lease_fixture.h"

#define LEASE	30
#define HOUR	3600

/*
 * What two workers wrote before the clock went back by ${s} seconds: all of it
 * lies so much further ahead.  w2 is dead since a minute; log 1 is due in a
 * minute, 2 is being read by w1, 3 was by w2, 4 is over.
 */
static void
world(int s)
{
	char	sql[2400];

	(void)snprintf(sql, sizeof(sql),
	    "insert into worker (id, host, pid, version, schema_version, "
	    "roles, lease_s, instance, started_at, last_seen) values "
	    "('w1', 'h', 1, '', 5, '{ingest}', 30, 'w1', "
	    "now() + (%d - 100) * interval '1 s', now() + %d * interval '1 s'),"
	    " ('w2', 'h', 2, '', 5, '{ingest}', 30, 'w2', "
	    "now() + (%d - 100) * interval '1 s', "
	    "now() + (%d - 60) * interval '1 s');"
	    "insert into work (kind, subject, holder, lease_until, due_at, "
	    "token) values "
	    "('tail', '1', null, null, now() + (%d + 60) * interval '1 s', 7), "
	    "('tail', '2', 'w1', now() + (%d + 30) * interval '1 s', "
	    "now() + (%d - 20) * interval '1 s', 7), "
	    "('tail', '3', 'w2', now() + (%d - 30) * interval '1 s', "
	    "now() + (%d - 90) * interval '1 s', 7), "
	    "('tail', '4', null, null, now() - interval '1 day', 7);"
	    "insert into delivery (channel, webhook_id, events, state, "
	    "holder, lease_until, due_at) values ('c', gen_random_uuid(), "
	    "'{}', 'pending', null, null, now() + (%d + 20) * "
	    "interval '1 s'), ('c', gen_random_uuid(), '{}', 'sending', 'w2', "
	    "now() + (%d + 40) * interval '1 s', now() - interval '1 hour');"
	    "insert into ask_rate (kind, subject, per_second, hold_until) "
	    "values ('log', '1', 1, now() + (%d + 40) * interval '1 s'), "
	    "('log', '2', 1, null)", s, s, s, s, s, s, s, s, s, s, s, s);
	testdb_run(a, sql);
}

static int
begin(void **state)
{
	(void)setup(state);
	if (a != NULL)
		testdb_run(a, "truncate ask_rate, issuance, acme_account, "
		    "managed_certificate, acme_order cascade");
	return 0;
}

static int64_t
mend(struct db *d)
{
	struct err	e = ERR_INIT;
	int64_t		us;

	if (setback_mend(d, LEASE, &us, &e) == -1)
		fail_msg("%s", e.msg);
	return us;
}

/* How many seconds from now is that? */
static int
in(const char *column, const char *where)
{
	char	sql[300];

	(void)snprintf(sql, sizeof(sql), "select ceil(extract(epoch from %s - "
	    "now()))::bigint from %s", column, where);
	return (int)testdb_int(a, sql);
}

/* By an hour: all is as far away as it was before, and once only. */
static void
test_back(void **state)
{
	struct lease	l[4];
	int64_t		us;
	size_t		i, n;

	(void)state;
	NEED_DB();
	world(HOUR);
	assert_int_equal(claim(a, "w1", 4, l), 1);	/* log 4 */
	lease_free(&l[0]);
	testdb_run(a, "insert into acme_account (directory, url, key_id, "
	    "thumbprint) values ('https://ca/', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory, next_at, hook_at) values ('a.example', '{a.example}', "
	    "'cli', 'p256', 'https://ca/', now() + interval '62 minutes', "
	    "now() - interval '1 day');"
	    "insert into acme_order (managed_id, account_id, url, state, "
	    "holder, held_until) select max(m.id), max(a.id), 'o', 'open', "
	    "'a:1', now() + interval '1 hour' from managed_certificate m, "
	    "acme_account a");
	us = mend(a);
	assert_in_range(us, (HOUR - 5) * (int64_t)CLK_SEC,
	    HOUR * (int64_t)CLK_SEC);
	assert_int_equal(mend(b), 0);
	assert_in_range(in("due_at", "work where subject = '1'"), 55, 65);
	assert_in_range(in("due_at", "delivery where state = 'pending'"), 15,
	    25);
	assert_in_range(in("hold_until", "ask_rate where subject = '1'"), 35,
	    45);
	assert_int_equal(testdb_int(a, "select count(*) from ask_rate where "
	    "hold_until is null"), 1);
	/* nobody was seen in the future, and who was dead is */
	assert_int_equal(testdb_int(a, "select count(*) from worker where "
	    "last_seen > now() or started_at > now()"), 0);
	assert_int_equal(testdb_int(a, "select count(*) from worker where "
	    "last_seen < now() - interval '50 s'"), 1);
	/* what a living one has it keeps, what a dead one had ends */
	assert_in_range(in("lease_until", "work where subject = '2'"), 25, 30);
	assert_in_range(in("lease_until", "work where subject = '3'"), 0, 30);
	assert_int_equal(testdb_int(a, "select count(*) from work where "
	    "token = 7"), 3);
	assert_in_range(in("lease_until", "delivery where state = 'sending'"),
	    30, 90);
	/* as is an order that somebody drives */
	assert_in_range(in("held_until", "acme_order"), 30, 60);
	/* and one that has failed is tried again when it was to be */
	assert_in_range(in("next_at", "managed_certificate"), 115, 125);
	assert_in_range(-in("hook_at", "managed_certificate"), 86300, 86500);
	testdb_run(a, "update work set due_at = due_at - interval '65 s'");
	n = claim(a, "w1", 4, l);
	assert_int_equal(n, 1);
	assert_string_equal(l[0].subject, "1");
	for (i = 0; i < n; i++)
		lease_free(&l[i]);
}

/* A clock that goes on, or back by less than anybody would notice. */
static void
test_on(void **state)
{
	static const int	steps[] = { -HOUR, 0, 1 };
	size_t			i;

	(void)state;
	NEED_DB();
	assert_int_equal(mend(a), 0);	/* nobody was ever here */
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		testdb_run(a, "truncate work, worker, delivery, ask_rate");
		world(steps[i]);
		testdb_run(a, "create temporary table was as select * from "
		    "work");
		assert_int_equal(mend(a), 0);
		assert_int_equal(testdb_int(a, "select count(*) from work "
		    "join was using (id, due_at, token)"), 4);
		testdb_run(a, "drop table was");
	}
}

/* All had ended in order: what they polled last tells. */
static void
test_polled(void **state)
{
	(void)state;
	NEED_DB();
	world(HOUR);
	testdb_run(a, "truncate worker;"
	    "insert into operator (name) values ('o');"
	    "insert into log (log_id, key, description, operator_id, url, "
	    "read_url, protocol, mmd, state, list_source, first_list) select "
	    "'x', 'k', 'd', id, 'u', 'u', 'rfc6962', 1, 'usable', 'file', true "
	    "from operator;"
	    "insert into log_health (log_ref, polled_at, caught_up_at) select "
	    "id, now() + interval '59 minutes', null from log");
	assert_in_range(mend(a), 58 * 60 * (int64_t)CLK_SEC,
	    59 * 60 * (int64_t)CLK_SEC);
	assert_int_equal(mend(a), 0);
	assert_int_equal(testdb_int(a, "select count(*) from log_health where "
	    "polled_at between now() - interval '5 s' and now() and "
	    "caught_up_at is null"), 1);
	assert_in_range(in("due_at", "work where subject = '1'"), 115, 125);
	testdb_run(a, "truncate operator cascade");
}

/* A hold is over so long after the first sight as it was to be. */
static void
test_hold(void **state)
{
	(void)state;
	NEED_DB();
	world(HOUR);
	testdb_run(a, "insert into issuance (tbs_sha256, issuer_spki_sha256, "
	    "serial, spki_sha256, names, not_before, not_after, first_seen, "
	    "hold_until) select sha256(i::text::bytea), 'i', i::text, 's', "
	    "'{}', now(), now(), now() + x * interval '1 s', now() + y * "
	    "interval '1 s' from (values (1, 3540, 4140), (2, -60, 540), "
	    "(3, 3540, null)) v (i, x, y)");
	assert_true(mend(a) > 0);
	assert_in_range(in("hold_until", "issuance where serial = '1'"), 535,
	    545);
	assert_in_range(-in("first_seen", "issuance where serial = '1'"), 55,
	    65);
	/* one of after the step, and one that was decided about */
	assert_in_range(in("hold_until", "issuance where serial = '2'"), 535,
	    540);
	assert_in_range(in("first_seen", "issuance where serial = '3'"), 3530,
	    3540);
}

static void *
mend_aside(void *us)
{
	struct err	e = ERR_INIT;

	if (setback_mend(a, LEASE, us, &e) == -1)
		*(int64_t *)us = -1;
	return NULL;
}

/*
 * Who does a piece of work has its row, and then wants what is about its log, or
 * is told of it: whoever mends waits for him with nothing of that in his hands.
 * One accuses a log meanwhile, which is no reason to wait for either.
 */
static void
test_beside(void **state)
{
	static const char	waiting[] = "select count(*) from pg_locks "
				    "where not granted and database is "
				    "distinct from 0";
	struct err	e = ERR_INIT;
	pthread_t	t;
	int64_t		us = 0;
	int		i;

	(void)state;
	NEED_DB();
	world(HOUR);
	assert_int_equal(db_begin(b, &e), 0);
	testdb_run(b, "set local lock_timeout = '5s'");
	testdb_run(b, "select from work where subject = '2' for update");
	assert_int_equal(pthread_create(&t, NULL, mend_aside, &us), 0);
	for (i = 0; i < 500 && testdb_int(b, waiting) == 0; i++)
		(void)usleep(10000);
	assert_int_not_equal(testdb_int(b, waiting), 0);
	if (log_fault_lock(b, &e) == -1 || db_query(b, NULL, &e, "select from "
	    "ask_rate order by subject for update nowait", "") == -1 ||
	    db_query(b, NULL, &e, "select from delivery order by id for update "
	    "nowait", "") == -1 || db_commit(b, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(us > 0);
	assert_in_range(in("due_at", "work where subject = '1'"), 55, 65);
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(test_back, begin),
		cmocka_unit_test_setup(test_on, begin),
		cmocka_unit_test_setup(test_polled, begin),
		cmocka_unit_test_setup(test_hold, begin),
		cmocka_unit_test_setup(test_beside, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return lease_main(run);
}
