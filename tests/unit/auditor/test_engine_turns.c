/* More logs are behind than are read at once: each has its turn. */
#include "auditor/role/engine_claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/engine_role.h"
#include "auditor/role/lists.h"
#include "auditor/role/tail.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/sql.h"

#define LOGS	(LIMIT_TAILS + 60)
#define ROUNDS	12

static struct conf	conf;
static struct engine	en;
static int		turns[LOGS + 1];	/* that each log had */
static int		yields[LOGS + 1];	/* that were cut short */
static int		waits[LOGS + 1];	/* looks since it was last read */

/* --- who reads a log, without end: this program --------------------------------- */

struct tail *
tail_new(struct engine *e, int log_ref, struct err *why)
{
	struct tail	*t = mem_zero(sizeof(*t));

	(void)why;
	t->en = e;
	t->log.id = log_ref;
	return t;
}

void
tail_free(struct tail *t)
{
	lease_free(&t->lease);
	free(t);
}

void
tail_take(struct tail *t, struct lease *l)
{
	t->lease = *l;
	memset(l, 0, sizeof(*l));
	t->leased = 1;
	t->turned = clk_mono();
}

void
tail_begin(struct tail *t, struct lease *l)
{
	tail_take(t, l);
	t->state = TAIL_READ;
	turns[t->log.id]++;
	waits[t->log.id] = 0;
}

void
tail_yield(struct tail *t, int rest_s)
{
	assert_true(rest_s > 0);
	assert_int_equal(lease_done(t->en->db, &t->lease, rest_s, NULL), 0);
	lease_free(&t->lease);
	t->leased = 0;
	yields[t->log.id]++;
	assert_true(clk_mono() - t->turned >= 60 * CLK_SEC);
}

int
tail_over(const struct tail *t)
{
	(void)t;
	return 0;
}

void
tail_end(struct tail *t, const char *why)
{
	(void)t;
	fail_msg("%s", why);
}

void
tail_end_said(struct tail *t, const char *why)
{
	tail_end(t, why);
}

void
tail_held(struct tail *t, const char *why)
{
	tail_end(t, why);
}

void
tail_fault(struct tail *t, const struct err *e)
{
	tail_end(t, e->msg);
}

void
tail_refused(struct tail *t, const struct fetch_done *d, char *why, size_t n)
{
	(void)d;
	(void)n;
	tail_end(t, why);
}

int
tail_need_arena(struct tail *t, struct err *e)
{
	tail_end(t, e->msg);
	return -1;
}

void
tail_get(struct tail *t, const struct http_req *req)
{
	tail_end(t, req->url);
}

void
tail_give(struct tail *t)
{
	(void)t;
}

int
tail_fetched(struct tail *t, const struct fetch_done *d)
{
	(void)t;
	(void)d;
	return 0;
}

void
tail_restart(struct tail *t)
{
	(void)t;
}

void
tail_turn(struct tail *t)
{
	(void)t;
}

/* --- the engine ---------------------------------------------------------------- */

static int
begin(void **state)
{
	char	text[200];

	(void)state;
	sql("truncate work, worker;"
	    "insert into worker (id, host, pid, version, schema_version, roles,"
	    " instance) values ('here:0', 'here', 1, '', 5, '{ingest}', "
	    "'one')");
	(void)snprintf(text, sizeof(text), "insert into work (kind, subject) "
	    "select 'tail', i::text from generate_series(1, %d) i",
	    (int)LOGS);
	sql(text);
	memset(turns, 0, sizeof(turns));
	memset(yields, 0, sizeof(yields));
	memset(waits, 0, sizeof(waits));
	conf.worker_lease = 30;
	memset(&en, 0, sizeof(en));
	en.conf = &conf;
	en.db = db;
	en.roles = ROLE_INGEST;
	(void)snprintf(en.holder, sizeof(en.holder), "here:0");
	(void)snprintf(en.instance, sizeof(en.instance), "one");
	en.lists = lists_new(&en);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	while (en.ntails != 0)
		tail_free(en.tails[--en.ntails]);
	free(en.tails);
	lists_free(en.lists);
	return 0;
}

static size_t
reading(void)
{
	size_t	i, n = 0;

	for (i = 0; i < en.ntails; i++)
		n += en.tails[i]->leased != 0;
	return n;
}

/* So many seconds pass, with heartbeats. */
static void
pass(int s)
{
	char	text[300];
	size_t	i;

	for (i = 0; i < en.ntails; i++) {
		en.tails[i]->turned -= s * CLK_SEC;
		/* any is far from its last commit, or just behind it */
		en.tails[i]->fresh = (i * 7919 + (size_t)s) % 1009;
	}
	(void)snprintf(text, sizeof(text), "update work set due_at = due_at - "
	    "%d * interval '1 s'", s);
	sql(text);
	for (i = 1; i <= LOGS; i++)
		waits[i]++;
	for (i = 0; i < en.ntails; i++)
		if (en.tails[i]->leased)
			waits[en.tails[i]->log.id] = 0;
}

/* Claims, as long as there are any at once. */
static void
look(void)
{
	do {
		en.claim_at = 0;
		en.share_at = INT64_MAX;
		engine_claim(&en, clk_mono());
		assert_in_range(reading(), 1, LIMIT_TAILS);
	} while (en.claim_at <= clk_mono());
}

/*
 * None waits for more than a turn, all have as many, all that is read at once is
 * in use, and no turn ends before its time.
 */
static void
all(void **state)
{
	int	k, few = ROUNDS * 6, many = 0;
	size_t	i;

	(void)state;
	look();
	assert_int_equal(reading(), LIMIT_TAILS);
	for (k = 0; k < ROUNDS * 6; k++) {
		pass(11);
		look();
		assert_int_equal(reading(), LIMIT_TAILS);
		for (i = 1; i <= LOGS; i++)
			assert_in_range(waits[i], 0, 6);
	}
	for (i = 1; i <= LOGS; i++) {
		if (turns[i] < few)
			few = turns[i];
		if (turns[i] > many)
			many = turns[i];
	}
	/* a turn lasts for 66 s, and the next one comes after 11 to 66 */
	assert_in_range(few, ROUNDS / 2, ROUNDS);
	assert_in_range(many, few, few + 2);
}

/* One waits: one place is made for it, and the next when that one wants it. */
static void
one(void **state)
{
	size_t	i;
	int	n = 0, k;

	(void)state;
	sql("delete from work where subject::int > 201");
	look();
	assert_int_equal(turns[201], 0);
	pass(61);
	for (k = 1; k <= 5; k++) {
		look();
		for (i = 1, n = 0; i <= 201; i++)
			n += yields[i];
		assert_int_equal(n, k);
		pass(11);
	}
	assert_int_equal(turns[201], 1);
}

/* Nobody waits: who reads goes on for as long as there is something. */
static void
alone(void **state)
{
	size_t	i;

	(void)state;
	sql("delete from work where subject::int > 200");
	look();
	pass(3600);
	look();
	for (i = 1; i <= LIMIT_TAILS; i++) {
		assert_int_equal(turns[i], 1);
		assert_int_equal(yields[i], 0);
	}
}

/* --once: what is read is read to its end. */
static void
once(void **state)
{
	size_t	i;

	(void)state;
	en.once = ENGINE_ONCE;
	look();
	pass(3600);
	look();
	for (i = 1; i <= LOGS; i++) {
		assert_int_equal(turns[i], i <= LIMIT_TAILS);
		assert_int_equal(yields[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(all, begin, end),
		cmocka_unit_test_setup_teardown(one, begin, end),
		cmocka_unit_test_setup_teardown(alone, begin, end),
		cmocka_unit_test_setup_teardown(once, begin, end),
	};

	return SQL_TESTS(tests);
}
