#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/alert/schedule.h"
#include "base/clk.h"
#include "tests/unit/auditor/outbox_fixture.h"

static const struct outbox_result bad = { 0, 500, 0, -1, "HTTP 500", "no" };
static const struct outbox_result gone = { 0, 410, 1, -1, "HTTP 410", NULL };

static int64_t
state_is(const char *state)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "select count(*) from delivery where "
	    "state = '%s'", state);
	return number(sql);
}

static void
test_deliver(void **state)
{
	struct finding f = a_finding("aa");
	struct outbox_item *it, *none;
	struct message m = MESSAGE_INIT;
	struct outbox_answer a;
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	n = claim(&it, 10);
	assert_int_equal(n, 1);
	assert_int_equal(it->attempts, 1);
	assert_string_equal(it->channel->conf.name, "soc");
	/* It is ours alone. */
	assert_int_equal(claim(&none, 10), 0);
	outbox_item_free(none, 0);
	OK(outbox_message(db, it, &m, e));
	assert_string_equal(m.event, "opened");
	assert_int_equal(json_array_size(m.findings), 1);
	assert_int_equal(m.more, 0);
	message_free(&m);
	OK(outbox_finish(db, it, &good, NULL, e));
	OK(outbox_answer(db, it->id, &a, e));
	assert_true(a.finished && a.ok);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.reply, "thanks");
	assert_int_equal(number("select (last_ok_at is not null)::int from "
	    "channel"), 1);
	outbox_item_free(it, n);
	assert_int_equal(claim(&it, 10), 0);
	outbox_item_free(it, 0);
}

/* The holder dies between sending and finishing: the same id again. */
static void
test_crash(void **state)
{
	struct finding f = a_finding("aa");
	struct outbox_item *a, *b;
	int stale;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	assert_int_equal(claim(&a, 1), 1);
	run("update delivery set lease_until = now() - interval '1 s'");
	assert_int_equal(claim(&b, 1), 1);
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->webhook_id, b->webhook_id);
	assert_true(b->token > a->token);
	/* The first one wakes up: nothing of it counts. */
	OK(outbox_finish(db, a, &bad, &stale, e));
	assert_int_equal(stale, 1);
	assert_int_equal(state_is("sending"), 1);
	assert_int_equal(number("select count(*) from channel where "
	    "failing_since is not null"), 0);
	OK(outbox_finish(db, b, &good, &stale, e));
	assert_int_equal(stale, 0);
	OK(outbox_finish(db, a, &gone, &stale, e));
	assert_int_equal(stale, 1);
	OK(outbox_finish(db, b, &bad, &stale, e));
	assert_int_equal(stale, 1);
	assert_int_equal(state_is("delivered"), 1);
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'active'"), 1);
	outbox_item_free(a, 1);
	outbox_item_free(b, 1);
}

static void
test_release(void **state)
{
	struct finding f = a_finding("aa");
	struct outbox_item *a, *b;
	size_t n;
	int stale;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	assert_int_equal(claim(&a, 1), 1);
	OK(outbox_release(db, "h:2", &n, e));
	assert_int_equal(n, 0);
	OK(outbox_release(db, "h:1", &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(claim(&b, 1), 1);
	OK(outbox_finish(db, a, &good, &stale, e));
	assert_int_equal(stale, 1);
	outbox_item_free(a, 1);
	outbox_item_free(b, 1);
}

/* Ten attempts on the published schedule, then the channel is disabled. */
static void
test_schedule(void **state)
{
	static const int64_t waits[] = { 5, 300, 1800, 7200, 18000, 36000,
		50400, 72000, 86400 };
	struct finding f = a_finding("aa");
	int64_t s;
	size_t i;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("other", "slack");
	add_route(1, "{\"kind\": [\"certificate.unexpected\"]}", "{soc}",
	    NULL);
	add_route(2, "{}", "{soc,other}", NULL);
	opened(&f, 1);
	for (i = 0; i < 9; i++) {
		assert_int_equal(attempt(&bad), 1);
		s = number("select extract(epoch from due_at - now())::bigint "
		    "from delivery where channel = 'soc'");
		assert_in_range(s + 2, waits[i], waits[i] + waits[i] / 10 + 4);
		assert_int_equal(attempt(&bad), 0);	/* not due */
		run("update delivery set due_at = now() where "
		    "channel = 'soc'");
	}
	assert_int_equal(state_is("dead"), 0);
	assert_int_equal(attempt(&bad), 1);
	assert_int_equal(number("select count(*) from delivery where state = "
	    "'dead' and channel = 'soc' and attempts = 10"), 1);
	assert_int_equal(number("select count(*) from channel where name = "
	    "'soc' and state = 'disabled'"), 1);
	/* The owner hears of it, and not through the dead channel. */
	assert_int_equal(number("select count(*) from finding where kind = "
	    "'channel.failed' and severity = 'high' and state = 'open'"), 1);
	assert_int_equal(pending("other"), 1);
	assert_int_equal(number("select count(*) from delivery where channel "
	    "= 'soc'"), 1);
	/* What comes now is kept for a replay, and another channel hears. */
	f.subject = "ab";
	opened(&f, 1);
	assert_int_equal(number("select count(*) from delivery where channel "
	    "= 'soc' and state = 'dead'"), 2);
	assert_int_equal(pending("other"), 2);
}

static void
test_gone(void **state)
{
	struct finding f = a_finding("aa");
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("other", "slack");
	add_route(1, "{\"kind\": [\"certificate.unexpected\"]}", "{soc}",
	    NULL);
	add_route(2, "{}", "{soc}", NULL);
	opened(&f, 1);
	f.subject = "ab";
	opened(&f, 1);
	assert_int_equal(attempt(&gone), 1);
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'disabled'"), 1);
	assert_int_equal(number("select count(*) from delivery where channel "
	    "= 'soc' and state = 'dead'"), 2);
	/* Its only route leads through itself: the others hear of it. */
	assert_int_equal(pending("other"), 1);
	/* A replay switches it on again, with the same ids, in order. */
	struct outbox_replay r = { INT64_MIN, 0, 1 };
	OK(outbox_replay(db, "soc", &r, &n, e));
	assert_int_equal(n, 2);
	assert_int_equal(pending("soc"), 2);
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(number("select count(*) from finding where kind = "
	    "'channel.failed' and state = 'resolved'"), 1);
	FAILS(ERR_NOENT, outbox_replay(db, "nobody", &r, &n, e));
}

static void
test_failing_half_an_hour(void **state)
{
	struct finding f = a_finding("aa");

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("other", "slack");
	add_route(1, "{}", "{soc}", NULL);
	opened(&f, 1);
	assert_int_equal(attempt(&bad), 1);
	OK(outbox_failing(db, e));
	assert_int_equal(number("select count(*) from finding where kind = "
	    "'channel.failed'"), 0);
	run("update channel set failing_since = now() - interval '29 min' "
	    "where name = 'soc'");
	OK(outbox_failing(db, e));
	assert_int_equal(number("select count(*) from finding where kind = "
	    "'channel.failed'"), 0);
	run("update channel set failing_since = now() - interval '31 min' "
	    "where name = 'soc'");
	OK(outbox_failing(db, e));
	OK(outbox_failing(db, e));
	assert_int_equal(number("select count(*) from finding_event v join "
	    "finding f on f.id = v.finding_id where kind = "
	    "'channel.failed'"), 1);
	assert_int_equal(pending("other"), 1);
	/* It works again: resolved, and those hear who heard. */
	run("update delivery set due_at = now() where channel = 'soc'");
	run("update delivery set due_at = now() + interval '1 h' where "
	    "channel = 'other'");
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(number("select count(*) from finding where kind = "
	    "'channel.failed' and state = 'resolved'"), 1);
	assert_int_equal(pending("other"), 2);
	assert_int_equal(number("select count(*) from channel where "
	    "failing_since is not null"), 0);
}

static void
test_retry_after(void **state)
{
	struct outbox_result r = { 0, 429, 0, 900, "HTTP 429", NULL };
	struct finding f = a_finding("aa");
	int64_t s;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	assert_int_equal(attempt(&r), 1);
	s = number("select extract(epoch from due_at - now())::bigint from "
	    "delivery");
	assert_in_range(s, 895, 901);
}

/* A finding's messages to one channel stay in order; others pass. */
static void
test_order(void **state)
{
	struct finding f = a_finding("log1"), g = a_finding("log2");
	struct outbox_item *it;
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	f.kind = g.kind = "log.stale";
	opened(&f, 1);
	OK(finding_resolve(db, "log.stale", "log1", "team-b", "fine", e));
	opened(&g, 1);
	n = claim(&it, 10);
	assert_int_equal(n, 2);		/* opened log1, opened log2 */
	OK(outbox_finish(db, &it[0], &bad, NULL, e));
	OK(outbox_finish(db, &it[1], &good, NULL, e));
	outbox_item_free(it, n);
	assert_int_equal(attempt(&good), 0);	/* resolved waits */
	hurry();
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(attempt(&good), 0);
	assert_int_equal(state_is("delivered"), 3);
}

/* A channel that hangs has at most four under way and stops no other. */
static void
test_per_channel(void **state)
{
	struct finding f = a_finding("");
	struct outbox_item *it;
	char subject[16];
	size_t i, n, dead, alive;

	(void)state;
	empty();
	add_channel("dead", "webhook");
	add_channel("alive", "slack");
	for (i = 0; i < 10; i++) {
		snprintf(subject, sizeof(subject), "s%zu", i);
		f.subject = subject;
		opened(&f, 1);
	}
	run("update delivery set due_at = due_at - interval '1 h' where "
	    "channel = 'dead'");
	n = claim(&it, 64);
	assert_int_equal(n, 8);
	for (i = dead = alive = 0; i < n; i++)
		if (strcmp(it[i].channel->conf.name, "dead") == 0)
			dead++;
		else {
			OK(outbox_finish(db, &it[i], &good, NULL, e));
			alive++;
		}
	outbox_item_free(it, n);
	assert_int_equal(dead, OUTBOX_FLIGHT);
	assert_int_equal(alive, OUTBOX_FLIGHT);
	n = claim(&it, 64);
	assert_int_equal(n, 4);
	for (i = 0; i < n; i++)
		assert_string_equal(it[i].channel->conf.name, "alive");
	outbox_item_free(it, n);
}

static void
test_tests(void **state)
{
	struct outbox_answer a;
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("other", "slack");
	run("update channel set state = 'disabled' where name = 'soc'");
	OK(outbox_post(db, "soc", "test", "{}", &id, e));
	OK(outbox_answer(db, id, &a, e));
	assert_false(a.finished);
	/* A test is tried once, says what came, and opens no finding. */
	assert_int_equal(attempt(&bad), 1);
	OK(outbox_answer(db, id, &a, e));
	assert_true(a.finished && !a.ok);
	assert_int_equal(a.status, 500);
	assert_string_equal(a.error, "HTTP 500");
	assert_string_equal(a.reply, "no");
	assert_int_equal(number("select count(*) from finding"), 0);
	OK(outbox_post(db, "soc", "test", "{}", &id, e));
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'active'"), 2);
	FAILS(ERR_NOENT, outbox_answer(db, 999999, &a, e));
}

static void
test_only(void **state)
{
	struct finding f = a_finding("aa");
	struct outbox_ask ask = { .holder = "h:1", .max = 10 };
	struct outbox_item *it;
	int64_t id;
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	OK(outbox_post(db, "soc", "test", "{}", &id, e));
	ask.only = id;
	OK(outbox_claim(db, &ask, &it, &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(it->id, id);
	outbox_item_free(it, n);
}

static void
test_replay(void **state)
{
	struct finding f = a_finding("a");
	struct outbox_replay since = { INT64_MIN, 0, 0 };
	struct outbox_replay one = { INT64_MIN, 0, 0 };
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	f.subject = "b";
	opened(&f, 1);
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(attempt(&good), 1);
	since.since = clk_wall() - 3600 * CLK_SEC;
	OK(outbox_replay(db, "soc", &since, &n, e));
	assert_int_equal(n, 2);
	assert_int_equal(attempt(&good), 1);
	assert_int_equal(attempt(&good), 1);
	since.since = clk_wall() + 3600 * CLK_SEC;
	OK(outbox_replay(db, "soc", &since, &n, e));
	assert_int_equal(n, 0);
	one.delivery = number("select min(id) from delivery");
	OK(outbox_replay(db, "soc", &one, &n, e));
	assert_int_equal(n, 1);
	assert_int_equal(number("select count(distinct webhook_id) from "
	    "delivery"), 2);
	one.delivery = 999999;
	FAILS(ERR_NOENT, outbox_replay(db, "soc", &one, &n, e));
}

static void
test_look(void **state)
{
	struct finding f = a_finding("a");
	struct outbox_state s;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	OK(outbox_look(db, &s, e));
	assert_int_equal(s.pending, 0);
	assert_int_equal(s.wait, -1);
	opened(&f, 1);
	OK(outbox_look(db, &s, e));
	assert_int_equal(s.pending, 1);
	assert_int_equal(s.fresh, 1);
	assert_int_equal(s.wait, 0);
	assert_int_equal(attempt(&bad), 1);
	OK(outbox_look(db, &s, e));
	assert_int_equal(s.pending, 1);
	assert_int_equal(s.fresh, 0);
	assert_true(s.wait > 0 && s.wait < 6 * CLK_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deliver),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_failing_half_an_hour),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_per_channel),
		cmocka_unit_test(test_tests),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_look),
	};

	return SQL_TESTS(tests);
}
