#include "tests/unit/auditor/tail_fixture.h"

/*
 * A tail whose lease another worker has: what it still wants to say is about
 * what was true when it slept, and changes nothing.
 */

static int
setup(void **state)
{
	(void)state;
	if (tail_leased(1, "5") == -1)
		return -1;
	t.head.tree_size = 300;
	t.head.timestamp_ms = 5;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	lease_free(&t.lease);
	log_row_free(&t.log);
	watch_base_free(t.en->base);
	t.en->base = NULL;
	return 0;
}

/* Everything that a tail says outside of its commits. */
static void
say(void)
{
	struct fetch_done	d = { .id = 7, .failure = FETCH_OK,
	    .status = 200 };

	t.log.failing_since = INT64_MIN;
	tail_health(&t, NULL);
	tail_fresh(&t);
	t.log.failing_since = clk_wall() - 86400 * CLK_SEC;
	tail_health(&t, "no answer");
	tail_misbehaved(&t, "root", "it is wrong");
	tail_head_mark(&t, 1, "conflict");
	t.hybrid_fetch = d.id;
	assert_int_equal(tail_hybrid_fetched(&t, &d), 1);
}

static const char	said[] = "select concat_ws(' ', (select string_agg("
    "kind, ' ' order by kind) from finding), (select last_error from "
    "log_health), (select consistency from tree_head), (select hybrid from "
    "log))";

static void
ours(void **state)
{
	(void)state;
	say();
	is(said, "log.misbehaved log.stale log.unreachable no answer "
	    "conflict t");
}

static void
lost(void **state)
{
	(void)state;
	sql("update work set token = token + 1, holder = 'h:1'");
	say();
	is(said, "pending");
}

/* Ten leases later, and nobody has taken it. */
static void
over(void **state)
{
	(void)state;
	sql("update work set lease_until = now() - interval '10 minutes'");
	say();
	is(said, "pending");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ours, setup, clean),
		cmocka_unit_test_setup_teardown(lost, setup, clean),
		cmocka_unit_test_setup_teardown(over, setup, clean),
	};

	return SQL_TESTS(tests);
}
