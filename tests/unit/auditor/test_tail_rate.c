#include "auditor/role/back.h"
#include "auditor/role/tail.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clk.h"
#include "tests/unit/testdb.h"

/* Two workers on one database, each with tails of logs 1, 2 (of one operator)
   and 3 (of another). */
static struct db	*db;
static struct conf	 conf;
static struct engine	 en[2];
static struct tail	 tail[2][3];

#define NEED_DB()	do { if (db == NULL) return; } while (0)

static int
setup(void **state)
{
	static char	 ops[2][8] = { "Big", "Small" };
	static char	 url[] = "https://log.example/";
	size_t		 i, k;

	(void)state;
	if (db == NULL)
		return 0;
	testdb_run(db, "truncate ask_rate, ask_worker");
	memset(&conf, 0, sizeof(conf));
	conf.poll = 60;
	for (i = 0; i < 2; i++) {
		memset(&en[i], 0, sizeof(en[i]));
		en[i].conf = &conf;
		en[i].db = db;
		(void)snprintf(en[i].holder, sizeof(en[i].holder), "h:%zu", i);
		for (k = 0; k < 3; k++) {
			memset(&tail[i][k], 0, sizeof(tail[i][k]));
			tail[i][k].en = &en[i];
			tail[i][k].log.id = (int)k + 1;
			tail[i][k].log.operator = ops[k == 2];
			tail[i][k].log.read_url = url;
			tail[i][k].log.description = url;
		}
	}
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	tail_rate_free(&en[0]);
	tail_rate_free(&en[1]);
	return 0;
}

static void
begin(size_t worker)
{
	size_t	k;

	for (k = 0; k < 3; k++)
		tail_rate_begin(&tail[worker][k]);
}

/* Ask for pages until the next would have to wait; how many that were. */
static int
drain(struct tail *t)
{
	struct fetch_get	g = { 0 };
	int			n = 0;

	while (tail_rate_wait(t) == 0) {
		tail_rate_take(t, &g);
		n++;
	}
	assert_string_equal(g.source, "");
	return n;
}

/* History leaves some for tails, and all of it while one waits. */
static void
history_comes_last(void **state)
{
	struct fetch_get	g = { 0 };
	int			n = 0;

	(void)state;
	NEED_DB();
	begin(0);
	while (tail_rate_wait_back(&tail[0][0]) == 0) {
		tail_rate_take_back(&tail[0][0], &g);
		n++;
	}
	assert_true(n >= 4 && n <= 10);
	/* the tail of the same log need not wait */
	assert_int_equal(tail_rate_wait(&tail[0][0]), 0);
	assert_true(drain(&tail[0][0]) >= 1);
	/* now it waits: so does history of another log of the operator */
	assert_true(tail_rate_wait_back(&tail[0][1]) > 0);
	assert_int_equal(tail_rate_wait_back(&tail[0][2]), 0);
}

/* A page is refused: the operator is held, heads and others are not. */
static void
heads_have_their_own(void **state)
{
	struct fetch_done	d = { 0 };
	struct fetch_get	g = { 0 };

	(void)state;
	NEED_DB();
	begin(0);
	tail_rate_429(&tail[0][0], &d, 500, 0);
	assert_true(tail_rate_wait(&tail[0][0]) > 400 * CLK_SEC);
	assert_true(tail_rate_wait(&tail[0][1]) > 400 * CLK_SEC);
	assert_int_equal(tail_rate_wait(&tail[0][2]), 0);
	assert_int_equal(tail_rate_wait_head(&tail[0][0]), 0);
	tail_rate_take_head(&tail[0][0], &g);
	/* the other worker knows it, before it asks for anything */
	begin(1);
	assert_true(tail_rate_hold(&tail[1][0]) > 400 * CLK_SEC);
	assert_true(tail_rate_hold(&tail[1][1]) > 400 * CLK_SEC);
	assert_int_equal(tail_rate_hold(&tail[1][2]), 0);
	assert_int_equal(tail_rate_wait_head(&tail[1][0]), 0);
	assert_true(tail_rate_all(&tail[1][0]) < 11);
	/* a head is refused: that log's head waits, for both */
	tail_rate_429(&tail[0][2], &d, 700, 1);
	assert_true(tail_rate_wait_head(&tail[0][2]) > 600 * CLK_SEC);
	tail_rate_turn(&en[1], clk_mono());
	assert_true(tail_rate_wait_head(&tail[1][2]) > 600 * CLK_SEC);
	assert_int_equal(tail_rate_wait_head(&tail[1][0]), 0);
}

/* Its heads are refused: its own pages wait, those of other logs do not. */
static void
refused_heads(void **state)
{
	struct fetch_done	d = { 0 };

	(void)state;
	NEED_DB();
	begin(0);
	tail_rate_429(&tail[0][0], &d, -1, 1);
	assert_true(tail_rate_wait(&tail[0][0]) > 0);
	assert_int_equal(tail_rate_wait(&tail[0][1]), 0);
	/* it names no time: when to ask again is the polls' matter */
	assert_int_equal(tail_rate_wait_head(&tail[0][0]), 0);
	tail_rate_429(&tail[0][0], &d, 500, 1);
	assert_true(tail_rate_wait_head(&tail[0][0]) > 400 * CLK_SEC);
	assert_true(tail_rate_wait(&tail[0][0]) > 400 * CLK_SEC);
	assert_int_equal(tail_rate_wait(&tail[0][1]), 0);
	assert_int_equal(tail_rate_wait_head(&tail[0][1]), 0);
	begin(1);
	assert_int_equal(tail_rate_wait(&tail[1][1]), 0);
}

/* Requests of a log and of its history are two parties, others' are others. */
static void
parties(void **state)
{
	static struct back	b;
	struct fetch_get	g[3] = { { 0 } };

	(void)state;
	NEED_DB();
	begin(0);
	tail_rate_take(&tail[0][0], &g[0]);
	tail_rate_take(&tail[0][1], &g[1]);
	tail[0][1].back = &b;
	tail_rate_take_back(&tail[0][1], &g[2]);
	assert_int_not_equal(g[0].party, 0);
	assert_int_not_equal(g[0].party, g[1].party);
	assert_int_not_equal(g[1].party, g[2].party);
	assert_int_not_equal(g[0].party, g[2].party);
}

/* Two workers ask as often together as one does alone. */
static void
split(void **state)
{
	double	alone;

	(void)state;
	NEED_DB();
	begin(0);
	alone = tail[0][0].rate[0]->rate.per_sec;
	begin(1);
	tail_rate_turn(&en[0], clk_mono());
	assert_true(tail[0][0].rate[0]->rate.per_sec * 2 == alone);
	assert_true(tail[1][0].rate[0]->rate.per_sec * 2 == alone);
	assert_true(tail_rate_all(&tail[1][0]) == alone);
	/* one ends: the other has it all */
	tail_rate_free(&en[1]);
	en[0].rates_at = 0;
	tail_rate_turn(&en[0], clk_mono());
	assert_true(tail[0][0].rate[0]->rate.per_sec == alone);
}

/* An address each: buckets apart, and one that is not here is left out. */
static void
addresses(void **state)
{
	static char	*v[] = { (char *)"127.0.0.2", (char *)"192.0.2.77",
			     (char *)"127.0.0.3" };
	struct fetch_get	g = { 0 };
	struct fetch_done	d = { 0 };
	const char		*first;

	(void)state;
	NEED_DB();
	conf.source_addresses.v = v;
	conf.source_addresses.n = 3;
	begin(0);
	assert_int_equal(tail[0][0].nsources, 2);
	tail_rate_take(&tail[0][0], &g);
	first = g.source;
	tail_rate_take(&tail[0][0], &g);
	assert_string_not_equal(g.source, first);
	/* one is refused: the other goes on */
	d.tag = g.tag;
	tail_rate_429(&tail[0][0], &d, 500, 0);
	assert_int_equal(tail_rate_wait(&tail[0][0]), 0);
	assert_int_equal(tail_rate_hold(&tail[0][0]), 0);
	tail_rate_take(&tail[0][0], &g);
	assert_string_equal(g.source, first);
	d.tag = g.tag;
	tail_rate_429(&tail[0][0], &d, 300, 0);
	assert_true(tail_rate_hold(&tail[0][0]) > 200 * CLK_SEC &&
	    tail_rate_hold(&tail[0][0]) <= 300 * CLK_SEC);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(history_comes_last, setup,
		    clean),
		cmocka_unit_test_setup_teardown(heads_have_their_own, setup,
		    clean),
		cmocka_unit_test_setup_teardown(refused_heads, setup, clean),
		cmocka_unit_test_setup_teardown(parties, setup, clean),
		cmocka_unit_test_setup_teardown(split, setup, clean),
		cmocka_unit_test_setup_teardown(addresses, setup, clean),
	};
	int			rc;

	db = testdb_open();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
