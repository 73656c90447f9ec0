/*
 * What drives a flow, with a talk and a place that this program plays: what
 * is sent when, whose an answer is, what is placed and taken away.
 */
#include "tests/unit/auditor/driving.h"

static void
straight(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED };
	struct challenge_hit		hit = { CHALLENGE_HTTP, TOKEN,
					    "192.0.2.1", 1, 0 };
	struct challenge_hit		other = { CHALLENGE_HTTP, "x",
					    "192.0.2.1", 1, 0 };

	(void)state;
	start();
	step(&t[0]);
	/* an answer to somebody else's, and one twice */
	assert_int_equal(answer(&t[0], 5), 0);
	assert_int_equal(answer(&t[0], 1001), 0);
	assert_int_equal(d.nfly, 0);
	step(&t[1]);
	assert_int_equal(put, 1);
	assert_string_equal(said, "a.example: http-01");
	step(&t[2]);
	/* the CA is given time, until it was seen */
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(sent, 3);
	acme_drive_hit(&d, &other);
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(sent, 3);
	acme_drive_hit(&d, &hit);
	step(&t[3]);
	assert_int_equal(dropped, 1);
	assert_int_equal(flow_events(d.flow), FLOW_FINALIZE);
	acme_drive_end(&d);
}

/* Anybody may fetch it as often as they want: the CA is not asked for that. */
static void
flooded(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };
	static const struct line	wait = { ACME_AUTHZ_GET, "/z/1", "",
	    200, PENDING, NULL, NULL, NULL };
	static const struct line	told = { ACME_AUTHZ_GET, "/z/1", "",
	    200, PENDING, NULL, "30", NULL };
	struct challenge_hit		hit = { CHALLENGE_HTTP, TOKEN,
					    "192.0.2.1", 1, 0 };
	size_t				i;

	(void)state;
	start();
	want.poll_us = 1000 * CLK_SEC;
	acme_drive_end(&d);
	d.flow = script_flow();
	for (i = 0; i < 3; i++)
		step(&t[i]);
	for (i = 0; i < 100; i++) {
		acme_drive_hit(&d, &hit);
		assert_int_equal(acme_drive_send(&d, NULL), 0);
		if (d.nfly != 0)
			assert_int_equal(answer(&wait, 1000 + sent), 1);
	}
	assert_in_range(sent, 4, 10);
	acme_drive_end(&d);
	/* nor sooner than it has said */
	start();
	for (i = 0; i < 3; i++)
		step(&t[i]);
	acme_drive_hit(&d, &hit);
	step(&told);
	acme_drive_hit(&d, &hit);
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(d.nfly, 0);
	acme_drive_end(&d);
}

/* When nothing may be sent, nothing is asked of the flow. */
static void
stopped(void **state)
{
	static const struct line	new = L_NEW;
	struct err			e = ERR_INIT;

	(void)state;
	start();
	ready = 0;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(saved, 0);
	assert_int_equal(acme_drive_when(&d), now + 7 * CLK_SEC);
	ready = 1;
	step(&new);
	/* not stored: not sent */
	save_fails = 1;
	assert_int_equal(acme_drive_send(&d, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_int_equal(sent, 1);
	acme_drive_end(&d);
	/* our own process refuses; the CA is away */
	start();
	refuse = ERR_PERM;
	err_clear(&e);
	assert_int_equal(acme_drive_send(&d, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	acme_drive_end(&d);
	start();
	refuse = ERR_NET;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(d.nfly, 0);
	assert_true(acme_drive_when(&d) > now);
	acme_drive_end(&d);
}

/* Until a process that places has said its word. */
static void
settle(void)
{
	struct pollfd	p[4];
	int		i;

	for (i = 0; i < 600 && acme_drive_busy(&d); i++) {
		(void)poll(p, acme_drive_polls(&d, p, 4), 100);
		acme_drive_place(&d);
		if ((flow_events(d.flow) & FLOW_PLACE) == 0)
			return;
	}
}

/* The first type cannot be placed, the next one takes time. */
static void
deferred(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	static const struct line	chall = { ACME_CHALLENGE,
	    "/h/dns-01", "{}", 200, CHALL("dns-01", "pending"), NULL, NULL,
	    NULL };

	(void)state;
	start();
	put_fails = 1;
	step(&t[0]);
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	put_fails = 1;
	assert_int_equal(answer(&t[1], 1000 + sent), 1);
	/* only what is placed here fails: the process is forked before */
	acme_drive_place(&d);
	assert_int_equal(put, 1);
	assert_true(acme_drive_busy(&d));
	assert_int_equal(busy, 1);
	settle();
	/* there it failed, too, and nothing is left */
	assert_int_equal(acme_drive_busy(&d), 0);
	assert_int_equal(busy, 0);
	has(flow_why(d.flow), "no place");
	acme_drive_end(&d);
	start();
	want.prefer = (const enum challenge_type[]){ CHALLENGE_DNS_01 };
	want.nprefer = 1;
	acme_drive_end(&d);
	d.flow = script_flow();
	step(&t[0]);
	step(&t[1]);
	assert_int_equal(put, 0);
	settle();
	step(&chall);
	assert_int_equal(busy, 0);
	acme_drive_unplace(&d);
	assert_int_equal(acme_drive_busy(&d), 0);
	assert_string_equal(said, "a.example: dns-01");
	acme_drive_end(&d);
}

/* Placed by dns-01, and the CA told: as far as the last answer. */
static void
in_dns(void)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	static const struct line	chall = { ACME_CHALLENGE,
	    "/h/dns-01", "{}", 200, CHALL("dns-01", "pending"), NULL, NULL,
	    NULL };

	start();
	want.prefer = (const enum challenge_type[]){ CHALLENGE_DNS_01 };
	want.nprefer = 1;
	acme_drive_end(&d);
	d.flow = script_flow();
	step(&t[0]);
	step(&t[1]);
	settle();
	step(&chall);
	assert_true(acme_drive_busy(&d));
}

/* An order that is over holds nothing up, whatever is placed for it. */
static void
over(void **state)
{
	int	i;

	(void)state;
	/* by our own fault: it stays, and nobody waits for it */
	in_dns();
	acme_drive_over(&d, 0);
	assert_false(acme_drive_busy(&d));
	acme_drive_end(&d);
	/* it is done: it is taken away */
	in_dns();
	acme_drive_over(&d, 1);
	assert_true(acme_drive_busy(&d));
	for (i = 0; i < 600 && acme_drive_busy(&d); i++) {
		acme_drive_place(&d);
		(void)poll(NULL, 0, 10);
	}
	assert_false(acme_drive_busy(&d));
	acme_drive_end(&d);
}

/*
 * An order that was gone on with is made anew while a process has something
 * placed, and the CA refuses: that process ends although no place is left.
 */
static void
anew(void **state)
{
	static const struct line	t[] = {
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("pending", ""), NULL,
	    NULL, NULL }, L_AUTHZ,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("invalid",
	    CHALL("dns-01", "invalid")), NULL, NULL, NULL },
	    { ACME_ORDER_NEW, "/new-order", "a.example", 403,
	    PROBLEM("rejectedIdentifier"), NULL, NULL, NULL } };
	struct flow_resume		how = { &pin, 0, 0 };
	struct buf			saved_flow = BUF_INIT;
	int				i;

	(void)state;
	in_dns();
	flow_save(d.flow, &saved_flow);
	acme_drive_end(&d);
	how.now = now = clk_wall();
	how.deadline = now + 3600 * CLK_SEC;
	d.flow = flow_load(buf_bytes(&saved_flow), &how, NULL);
	buf_free(&saved_flow);
	assert_non_null(d.flow);
	step(&t[0]);
	step(&t[1]);
	settle();
	assert_true(acme_drive_busy(&d));
	step(&t[2]);
	step(&t[3]);
	has(flow_why(d.flow), "because");
	for (i = 0; i < 600 && acme_drive_busy(&d); i++) {
		acme_drive_place(&d);
		(void)poll(NULL, 0, 10);
	}
	assert_false(acme_drive_busy(&d));
	assert_int_equal(flow_events(d.flow), FLOW_FAILED);
	acme_drive_end(&d);
}

/* That a process of ours has died is no reason to try another type. */
static void
died(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	struct err			e = ERR_INIT;

	(void)state;
	start();
	step(&t[0]);
	put_fails = 2;
	step(&t[1]);
	assert_int_equal(put, 1);
	assert_int_equal(flow_events(d.flow), FLOW_PLACE);
	assert_int_equal(acme_drive_send(&d, &e), -1);
	assert_int_equal(e.code, ERR_TEMP);
	assert_int_equal(sent, 2);
	acme_drive_end(&d);
}

/* What cannot be taken away is told, and stops nothing. */
static void
sticks(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };

	(void)state;
	start();
	step(&t[0]);
	step(&t[1]);
	step(&t[2]);
	drop_fails = 1;
	flow_stop(d.flow, "enough", now);
	acme_drive_place(&d);
	has(said, "what was placed for http-01 is still there: it sticks");
	assert_int_equal(flow_events(d.flow) & FLOW_REMOVE, 0);
	acme_drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(straight),
		cmocka_unit_test(flooded),
		cmocka_unit_test(stopped),
		cmocka_unit_test(deferred),
		cmocka_unit_test(over),
		cmocka_unit_test(anew),
		cmocka_unit_test(died),
		cmocka_unit_test(sticks),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
