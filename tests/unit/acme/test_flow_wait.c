/* An order that takes its time, or stops. */
#include "tests/unit/acme/script.h"

/* --- waiting --- */

static void
waiting(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, PENDING, NULL, "30", NULL },
	    L_PROVED, L_EARLY,
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("pending", ""), NULL,
	    NULL, NULL }, L_PROVED, L_READY,
	    { ACME_FINALIZE, "/f/1", CSR, 200, ORDER("processing", ""), NULL,
	    "3", NULL },
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("processing", ""), NULL,
	    "20", NULL }, L_VALID, L_CERT, L_END };
	static const struct line	slow[] = { L_NEW, L_AUTHZ, L_CHALL,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, PENDING, NULL, "86400", NULL },
	    /* once more, just before the end */
	    { ACME_AUTHZ_GET, "/z/1", "", 200, PENDING, NULL, "86400", NULL },
	    L_CLOSE, L_END };

	(void)state;
	script_want();
	script_done(script_flow(), t);
	assert_true(now >= NOW + 53 * CLK_SEC);
	script_want();
	script_fails(script_flow(), slow, "time it had");
	assert_true(now >= want.deadline);
}

/* The server fails: read first, then go on. */
static void
failing(void **state)
{
#define GET(s, b) { ACME_ORDER_GET, "/o/1", "", s, b, NULL, NULL, NULL }
	static const struct line	t[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 0, NULL, NULL, NULL,
	    NULL },
	    { ACME_ORDER_NEW, "/new-order", "a.example", 503, "busy", NULL,
	    "5", NULL }, L_NEW,
	    { ACME_AUTHZ_GET, "/z/1", "", 500, "", NULL, NULL, NULL }, L_AUTHZ,
	    { ACME_CHALLENGE, "/h/http-01", "{}", 0, NULL, NULL, NULL, NULL },
	    /* still pending: it never heard of it */
	    L_AUTHZ, L_CHALL, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 0, NULL, NULL, NULL, NULL },
	    /* still ready: once more */
	    GET(502, ""), GET(0, NULL), L_READY,
	    { ACME_FINALIZE, "/f/1", CSR, 429, PROBLEM("rateLimited"), NULL,
	    "7", NULL }, L_READY,
	    { ACME_FINALIZE, "/f/1", CSR, 500, "", NULL, NULL, NULL },
	    /* it came through */
	    GET(200, ORDER("processing", "")), L_VALID,
	    { ACME_CERTIFICATE, "/c/1", "", 0, NULL, NULL, NULL, NULL },
	    L_CERT, L_END };
	/* an earlier one came through, the CA says so */
	static const struct line	early[] = { L_NEW, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 0, NULL, NULL, NULL, NULL }, L_READY,
	    { ACME_FINALIZE, "/f/1", CSR, 403, PROBLEM("orderNotReady"), NULL,
	    NULL, NULL }, L_VALID, L_CERT, L_END };

	(void)state;
	script_want();
	script_done(script_flow(), t);
	script_done(script_flow(), early);
}

/* A server that fails now and then, for long: what counts is in a row. */
static void
unsteady(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED };
	static const struct line	work = { ACME_ORDER_GET, "/o/1", "",
	    200, ORDER("processing", ""), NULL, NULL, NULL };
	static const struct line	busy = { ACME_ORDER_GET, "/o/1", "",
	    503, "", NULL, NULL, NULL };
	static const struct line	final = L_FINAL, end[] = { L_VALID,
	    L_CERT, L_END };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i;

	(void)state;
	script_want();
	f = script_flow();
	for (i = 0; i < 3; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, i < 2 ? &t[i] : &final);
	}
	for (i = 0; i < 4 * LIMIT_ACME_TRIES; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_ORDER_GET);
		script_answer(f, id, i % 2 != 0 ? &busy : &work);
	}
	script_done(f, end);
}

/* A limit longer than there is time: at once, and until when. */
static void
limited(void **state)
{
	static const struct line	t[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 429,
	    PROBLEM("rateLimited"), NULL, "7200", NULL }, L_END };
	struct flow	*f;
	int64_t		 when;

	(void)state;
	script_want();
	f = script_flow();
	script_play(f, t);
	assert_int_equal(flow_again(f, &when), PROBLEM_LATER);
	assert_int_equal(when, NOW + 7200 * CLK_SEC);
	has(flow_why(f), "not before");
	flow_free(f);
}

/* One that says nothing of time is not tried for long. */
static void
limited_unsaid(void **state)
{
#define SLOW { ACME_ORDER_NEW, "/new-order", "a.example", 429, "", NULL, \
	NULL, NULL }
	static const struct line	t[] = { SLOW, SLOW, SLOW, L_END };

	(void)state;
	script_want();
	script_fails(script_flow(), t, "rateLimited");
}

/* A CA that lets us wait for ever, by looks. */
static void
polls(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };
	static const struct line	close = L_CLOSE, look = L_AUTHZ;
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i;

	(void)state;
	script_want();
	want.deadline = INT64_MAX;
	f = script_flow();
	for (i = 0; i < 3 + LIMIT_ACME_POLLS; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_not_equal(ask.purpose, ACME_AUTHZ_CLOSE);
		script_answer(f, id, i < 3 ? &t[i] : &look);
	}
	assert_int_equal(script_ask(f, &id, &ask), 1);
	assert_int_equal(ask.purpose, ACME_AUTHZ_CLOSE);
	script_answer(f, id, &close);
	script_fails(f, (const struct line[]){ L_END }, "did not change");
}

/* Giving up, and answers that nobody waits for. */
static void
stopped(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_CLOSE, L_END };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id, old;
	size_t		 i;

	(void)state;
	script_want();
	f = script_flow();
	for (i = 0; i < 3; i++) {
		assert_int_equal(script_ask(f, &old, &ask), 1);
		script_answer(f, old, &t[i]);
	}
	script_answer(f, old, &t[0]);
	script_answer(f, 0, &t[0]);
	flow_stop(f, "the operator said so", now);
	assert_int_equal(flow_events(f), FLOW_REMOVE);
	assert_int_equal(script_ask(f, &id, &ask), 1);
	assert_int_equal(ask.purpose, ACME_AUTHZ_CLOSE);
	has(ask.payload, "deactivated");
	script_answer(f, id, &t[3]);
	assert_int_equal(script_ask(f, &id, &ask), 0);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	assert_string_equal(flow_why(f), "the operator said so");
	flow_free(f);
	/* when the CA is away, cleaning ends all the same */
	f = script_flow();
	for (i = 0; i < 3; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &t[i]);
	}
	flow_stop(f, "x", now);
	while (script_ask(f, &id, &ask))
		script_answer(f, id, &(struct line){ .status = 0 });
	assert_int_equal(flow_events(f), FLOW_FAILED);
	flow_free(f);
}

/* A certificate that came too late is fetched later. */
static void
reopened(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED,
	    L_FINAL, { ACME_ORDER_GET, "/o/1", "", 200,
	    ORDER("processing", ""), NULL, "86400", NULL },
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("processing", ""), NULL,
	    "86400", NULL }, L_END };
	static const struct line	rest[] = { L_VALID, L_CERT, L_END };
	static const struct line	csr[] = { L_NEW, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 400, PROBLEM("badCSR"), NULL, NULL,
	    NULL }, L_END };
	struct flow	*f;

	(void)state;
	script_want();
	f = script_flow();
	assert_int_equal(flow_reopen(f, INT64_MAX, now), -1);
	script_play(f, t);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	has(flow_why(f), "a certificate may exist");
	assert_int_equal(flow_reopen(f, now + CLK_SEC, now), 0);
	assert_string_equal(flow_why(f), "");
	script_done(f, rest);
	script_want();
	f = script_flow();
	script_play(f, csr);
	assert_int_equal(flow_reopen(f, INT64_MAX, now), -1);
	flow_free(f);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(waiting),
		cmocka_unit_test(failing),
		cmocka_unit_test(unsteady),
		cmocka_unit_test(limited),
		cmocka_unit_test(limited_unsaid),
		cmocka_unit_test(polls),
		cmocka_unit_test(stopped),
		cmocka_unit_test(reopened)
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
