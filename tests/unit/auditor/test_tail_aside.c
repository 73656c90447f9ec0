#include "tests/unit/auditor/tail_fixture.h"

/*
 * A tail that waits for a page of a tree of 300, whose first 200 entries are
 * proven: what it says of heads that the log shows meanwhile, and when its
 * pages have failed.
 */

static int
setup(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	if (tail_leased(3600, "extract(epoch from now()) * 1000 - 60000")
	    == -1)
		return -1;
	sql("insert into log_health (log_ref, head_id, head_size, head_ms) "
	    "select 1, 1, 300, timestamp_ms from tree_head");
	log_row_free(&t.log);
	if (log_load(db, 1, &t.log, &e) == -1)
		return -1;
	t.last = &t.pages;
	t.turned = clk_mono();
	t.state = TAIL_READ;
	t.head.tree_size = t.target = 300;
	t.head.timestamp_ms = (uint64_t)t.log.head_ms;
	t.have_range = t.shown = 1;
	t.done.to = t.now.to = 200;
	tail_rate_begin(&t);
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	tail_rate_free(&en);
	buf_free(&t.head_raw);
	lease_free(&t.lease);
	log_row_free(&t.log);
	return 0;
}

/* The judge says that a head of ${size}, ${age} seconds old, is valid. */
static void
say(uint64_t size, int64_t age, void (*to)(struct tail *,
    const struct judge_reply *, struct cur *))
{
	struct judge_reply	r = { .ok = 1 };
	struct judge_head	h = { .tree_size = size };
	struct buf		b = BUF_INIT;
	struct cur		c;

	h.timestamp_ms = (uint64_t)(clk_wall() / 1000 - age * 1000);
	memset(h.root, (int)(size & 0xff), sizeof(h.root));
	judge_head_pack(&b, &h);
	buf_vec32(&b, "raw", 3);
	buf_u32(&b, 0);
	c = cur_span(buf_bytes(&b));
	to(&t, &r, &c);
	buf_free(&b);
}

/* What is read, and by which head it will be proven, stays as it was. */
static void
same(void)
{
	assert_true(t.leased && t.state == TAIL_READ);
	assert_true(t.head_id == 1 && t.head.tree_size == 300);
	assert_true(t.target == 300 && t.done.to == 200);
}

static void
larger(void **state)
{
	(void)state;
	say(400, 0, tail_aside_judged);
	same();
	is("select concat_ws(' ', tree_size, consistency, "
	    "encode(raw, 'escape')) from tree_head where id = 2",
	    "400 pending raw");
	is("select concat_ws(' ', head_id, head_size) from log_health",
	    "2 400");
	assert_int_equal(number("select count(*) from finding"), 0);
	/* it was told once, and a smaller one after it is no newer */
	say(350, 0, tail_aside_judged);
	same();
	is("select concat_ws(' ', head_id, head_size) from log_health",
	    "2 400");
	assert_int_equal(number("select count(*) from tree_head"), 3);
	assert_int_equal(number("select count(*) from finding"), 0);
}

static const char	found[] = "select string_agg(concat_ws(' ', kind, "
    "detail->>'what', detail->>'head_id'), ', ' order by kind) from finding";

static void
of_another_tree(void **state)
{
	(void)state;
	say(300, 0, tail_aside_judged);
	same();
	is(found, "log.misbehaved fork 2");
	assert_int_equal(en.wrong, 1);
}

/* Behind an entry with a changed bit, which somebody looks at. */
static void
beside(void **state)
{
	(void)state;
	sql("insert into finding (kind, subject, dedupe_key, severity, state, "
	    "detail) select 'log.misbehaved', s, 'log.misbehaved|' || s || '|',"
	    " 'critical', 'acked', '{\"what\": \"flip\", \"flips\": "
	    "[{\"index\": 8}]}' from (select encode(log_id, 'base64') as s "
	    "from log) l");
	say(300, 0, tail_aside_judged);
	is(found, "log.misbehaved fork 2");
	is("select concat_ws(' ', state, (select count(*) from finding_event "
	    "where event = 'opened'), detail->'flips'->0->>'index', "
	    "detail->'faults'->0->>'other_id') from finding", "open 1 8 1");
	say(300, 0, tail_aside_judged);
	assert_int_equal(number("select count(*) from finding_event"), 1);
}

static void
dated(void **state)
{
	(void)state;
	say(310, -3600, tail_aside_judged);
	same();
	is(found, "log.misbehaved timestamp 2");
	/* held against the one before, which was seen aside, too */
	sql("truncate finding cascade");
	say(320, 0, tail_aside_judged);
	is(found, "log.misbehaved timestamp 3");
}

static void
old(void **state)
{
	(void)state;
	t.log.head_ms = 0;
	say(310, 5 * 3600, tail_aside_judged);
	same();
	is("select string_agg(concat_ws(' ', kind, state), ',') from finding",
	    "log.stale open");
	say(320, 0, tail_aside_judged);
	is("select string_agg(concat_ws(' ', kind, state), ',') from finding",
	    "log.stale resolved");
}

/* One from the future makes none of later days fresh. */
static void
old_behind_future(void **state)
{
	(void)state;
	say(310, -24 * 3600, tail_aside_judged);
	is(found, "log.misbehaved timestamp 2");
	say(320, 5 * 3600, tail_aside_judged);
	is("select string_agg(concat_ws(' ', kind, state), ',' order by kind) "
	    "from finding", "log.misbehaved open,log.stale open");
	say(330, 0, tail_aside_judged);
	is("select state from finding where kind = 'log.stale'", "resolved");
}

/* A signature that is wrong once may be an accident. */
static void
wrong_signature(void **state)
{
	struct judge_reply	r = { .code = ERR_VERIFY, .msg = "wrong" };
	struct cur		c = { 0 };

	(void)state;
	tail_aside_judged(&t, &r, &c);
	assert_int_equal(number("select count(*) from finding"), 0);
	assert_true(t.aside.at <= clk_mono());
	tail_aside_judged(&t, &r, &c);
	same();
	is(found, "log.misbehaved signature 1");
	assert_int_equal(number("select count(*) from tree_head"), 1);
}

/* Who has lost the lease says nothing. */
static void
lost(void **state)
{
	(void)state;
	sql("update work set token = token + 1, holder = 'h:1'");
	say(300, 0, tail_aside_judged);
	assert_int_equal(t.leased, 0);
	assert_int_equal(number("select count(*) from tree_head"), 1);
	assert_int_equal(number("select count(*) from finding"), 0);
}

/* A head is not proven: one refusal, or a log that is busy, says nothing. */
static void
refuses(void **state)
{
	static const struct {
		int64_t			since;
		enum tail_audit_how	how;
		int64_t			findings;
	} c[] = {
		{ 0, AUDIT_REFUSED, 0 },
		{ 59 * 60, AUDIT_REFUSED, 0 },
		{ 61 * 60, AUDIT_BUSY, 0 },
		{ 61 * 60, AUDIT_AWAY, 0 },
		{ 61 * 60, AUDIT_REFUSED, 1 },
	};
	size_t	i;

	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		if (i != 0) {
			(void)clean(state);
			assert_int_equal(setup(state), 0);
		}
		sql("update tree_head set first_seen = now() - "
		    "interval '25 hours'");
		t.state = TAIL_AUDIT;
		t.small.id = 1;
		t.unproven = c[i].since != 0;
		t.unproven_at = clk_mono() - c[i].since * CLK_SEC;
		tail_audit_failed(&t, "400", c[i].how);
		assert_int_equal(number("select count(*) from finding where "
		    "severity = 'medium'"), c[i].findings);
	}
}

/* When the log is due again, in seconds, rounded up. */
static const char	due[] = "select ceil(extract(epoch from due_at - "
    "now()))::int from work";

/* Pages that fail keep pages waiting; heads are asked for as ever. */
static void
pages_fail(void **state)
{
	struct lease_ask	ask = { .holder = "h:0", .max = 1,
	    .lease_s = 60 };
	struct err		e = ERR_INIT;
	size_t			n = 0, i;

	(void)state;
	for (i = 0; i < 6; i++) {
		t.shown = 1;
		tail_end(&t, "no page");
		assert_int_equal(t.leased, 0);
		assert_true(number(due) <= 60);
		sql("update work set due_at = now()");
		assert_int_equal(lease_claim(db, &ask, &t.lease, &n, &e), 0);
		t.leased = 1;
	}
	is("select concat_ws(' ', failing_since is not null, last_error) "
	    "from log_health", "t no page");
	assert_true(t.ill_until > clk_mono() + 400 * CLK_SEC);
	t.state = TAIL_HEAD;
	say(400, 0, tail_head_judged);
	/* stored, and nothing was asked for: the failure stands */
	assert_true(t.leased == 0 && t.pages == NULL);
	assert_true(number(due) <= 60);
	is("select concat_ws(' ', failing_since is not null, head_size) "
	    "from log_health", "t 400");
}

/* A head that cannot be had is what backs off. */
static void
no_head(void **state)
{
	(void)state;
	t.shown = 0;
	t.lease.attempts = 6;
	tail_end(&t, "no head");
	assert_true(number(due) > 400);
	assert_int_equal(t.ill_until, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(larger, setup, clean),
		cmocka_unit_test_setup_teardown(of_another_tree, setup, clean),
		cmocka_unit_test_setup_teardown(beside, setup, clean),
		cmocka_unit_test_setup_teardown(dated, setup, clean),
		cmocka_unit_test_setup_teardown(old, setup, clean),
		cmocka_unit_test_setup_teardown(old_behind_future, setup,
		    clean),
		cmocka_unit_test_setup_teardown(wrong_signature, setup, clean),
		cmocka_unit_test_setup_teardown(lost, setup, clean),
		cmocka_unit_test_setup_teardown(pages_fail, setup, clean),
		cmocka_unit_test_setup_teardown(refuses, setup, clean),
		cmocka_unit_test_setup_teardown(no_head, setup, clean),
	};

	return SQL_TESTS(tests);
}
