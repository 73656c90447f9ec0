#include "tests/unit/acme/cm.h"

#include "tests/unit/acme/script.h"

/* A CA that is away, or never comes to an end: orders that are not over. */

#define L_PENDING { ACME_ORDER_GET, "/o/1", "", 200, ORDER("pending", ""), \
	NULL, NULL, NULL }
#define L_INVALID { ACME_ORDER_GET, "/o/1", "", 200, ORDER("invalid", \
	",\"error\":" PROBLEM("connection")), NULL, NULL, NULL }
#define L_REFUSED { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("invalid", \
	CHALL("http-01", "invalid")), NULL, NULL, NULL }

static struct buf	saved;

/* Play ${n} lines, storing before each request as is the caller's duty. */
static struct flow *
play(struct flow *f, const struct line *l, size_t n)
{
	struct acme_ask	 ask;
	uint32_t	 id;
	size_t		 i;

	for (i = 0; i < n; i++) {
		if (!script_ask(f, &id, &ask))
			fail_msg("line %zu: nothing is asked: %s", i,
			    flow_why(f));
		if (ask.purpose != l[i].purpose)
			fail_msg("line %zu: asked %d %s", i, ask.purpose,
			    ask.url);
		buf_reset(&saved);
		flow_save(f, &saved);
		script_answer(f, id, &l[i]);
	}
	return f;
}

/* Every answer is lost from here on, until it gives up; how many were. */
static unsigned
outage(struct flow *f, long status)
{
	const struct line	 lost = { 0, NULL, NULL, status, "", NULL,
				    NULL, NULL };
	struct acme_ask		 ask;
	uint32_t		 id;
	unsigned		 n;

	for (n = 0; script_ask(f, &id, &ask); n++) {
		/* nobody is told to deactivate what is to be gone on with */
		assert_int_not_equal(ask.purpose, ACME_AUTHZ_CLOSE);
		buf_reset(&saved);
		flow_save(f, &saved);
		script_answer(f, id, &lost);
	}
	return n;
}

static struct flow *
again(void)
{
	struct flow_resume	 how = { &pin, now, now + 3600 * CLK_SEC };
	struct err		 e = ERR_INIT;
	struct flow		*f = flow_load(buf_bytes(&saved), &how, &e);

	if (f == NULL)
		fail_msg("%s", e.msg);
	return f;
}

/* Away at any moment after the order was made: the next one goes on. */
static void
away(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL, L_VALID };
	static const struct line	pending[] = { L_PENDING, L_AUTHZ,
	    L_CHALL, L_PROVED, L_FINAL, L_VALID, L_CERT, L_END };
	/* the CA may have been told to look: is it valid by now? */
	static const struct line	told[] = { L_PENDING, L_AUTHZ, L_AUTHZ,
	    L_CHALL, L_PROVED, L_FINAL, L_VALID, L_CERT, L_END };
	static const struct line	ready[] = { L_READY, L_FINAL, L_VALID,
	    L_CERT, L_END };
	static const struct line	made[] = { L_VALID, L_CERT, L_END };
	static const long		status[] = { 0, 503, 429 };
	struct flow			*f;
	size_t				 n, k;
	int64_t				 when;

	(void)state;
	for (k = 0; k < sizeof(status) / sizeof(status[0]); k++)
		for (n = 1; n <= sizeof(t) / sizeof(t[0]); n++) {
			script_want();
			want.deadline = NOW + 86400 * CLK_SEC;
			f = play(script_flow(), t, n);
			assert_true(outage(f, status[k]) > 1);
			assert_true(flow_unfinished(f));
			assert_int_equal(flow_again(f, &when), PROBLEM_LATER);
			has(flow_why(f), "giving up");
			flow_free(f);
			script_done(again(), n < 2 ? pending : n < 4 ? told :
			    n < 5 ? ready : made);
		}
}

/* Nothing was ordered, or it is over: the next one is a new one. */
static void
over(void **state)
{
	static const struct line	refused[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 403,
	    PROBLEM("rejectedIdentifier"), NULL, NULL, NULL }, L_END };
	static const struct line	invalid[] = { L_NEW, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 403, PROBLEM("badCSR"), NULL, NULL,
	    NULL }, L_END };
	struct flow	*f;

	(void)state;
	script_want();
	f = script_flow();
	assert_true(outage(f, 0) > 1);
	assert_false(flow_unfinished(f));
	flow_free(f);
	f = script_flow();
	script_play(f, refused);
	assert_false(flow_unfinished(f));
	flow_free(f);
	script_want();
	f = script_flow();
	script_play(f, invalid);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	assert_false(flow_unfinished(f));
	flow_free(f);
}

/* For ever `processing`: not over, as long as it is young. */
static void
endless(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED,
	    L_FINAL };
	static const struct line	work = { ACME_ORDER_GET, "/o/1", "",
	    200, ORDER("processing", ""), NULL, NULL, NULL };
	static const struct line	end[] = { L_VALID, L_CERT, L_END };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	unsigned	 rounds, n;

	(void)state;
	script_want();
	f = play(script_flow(), t, 3);
	for (rounds = 0;; rounds++) {
		for (n = 0; script_ask(f, &id, &ask); n++) {
			assert_int_equal(ask.purpose, ACME_ORDER_GET);
			buf_reset(&saved);
			flow_save(f, &saved);
			script_answer(f, id, &work);
		}
		assert_true(n < 3600);
		has(flow_why(f), "a certificate may exist");
		if (!flow_unfinished(f))
			break;
		flow_free(f);
		f = again();
		assert_true(rounds < 30);
	}
	/* an hour each, a day in sum */
	assert_in_range(rounds, 22, 24);
	assert_true(flow_maybe_issued(f));
	assert_int_equal(flow_reopen(f, now + 3600 * CLK_SEC, now), 0);
	script_done(f, end);
}

/* More than may be read, or may not be asked: not asked for minutes. */
static void
hopeless(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED,
	    L_FINAL, L_VALID };
	struct acme_reply	 r = { .why = "too_large: 5\x1b MB",
				    .final = 1 };
	struct acme_ask		 ask;
	struct flow		*f;
	uint32_t		 id;
	size_t			 n;

	(void)state;
	for (n = 0; n <= sizeof(t) / sizeof(t[0]); n++) {
		script_want();
		f = play(script_flow(), t, n);
		assert_int_equal(script_ask(f, &id, &ask), 1);
		flow_reply(f, id, &r, now);
		if (n == 2) {	/* of finalize: what came of it? */
			assert_int_equal(script_ask(f, &id, &ask), 1);
			assert_int_equal(ask.purpose, ACME_ORDER_GET);
			flow_reply(f, id, &r, now);
		}
		while (script_ask(f, &id, &ask)) {
			assert_int_equal(ask.purpose, ACME_AUTHZ_CLOSE);
			flow_reply(f, id, &r, now);
		}
		assert_int_equal(flow_events(f), FLOW_FAILED);
		has(flow_why(f), "cannot be used: too_large: 5\\x1b MB");
		assert_int_equal(flow_unfinished(f), n >= 2);
		flow_free(f);
	}
}

/* What was stored after the end can be gone on with, too. */
static void
reopened(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	static const struct line	end[] = { L_READY, L_FINAL, L_VALID,
	    L_CERT, L_END };
	struct flow	*f;

	(void)state;
	script_want();
	f = play(script_flow(), t, 2);
	(void)outage(f, 0);
	buf_reset(&saved);
	flow_save(f, &saved);
	flow_free(f);
	f = again();
	assert_true(flow_unfinished(f));
	assert_false(flow_maybe_issued(f));
	assert_int_equal(flow_reopen(f, now + 3600 * CLK_SEC, now), 0);
	assert_false(flow_unfinished(f));
	assert_int_equal(flow_reopen(f, now, now), -1);
	script_done(f, end);
}

/* Of an order that was gone on with nothing is left when another is made. */
static void
anew(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };
	static const struct line	gone = { ACME_ORDER_GET, "/o/1", "",
	    404, PROBLEM("malformed"), NULL, NULL, NULL };
	static const struct line	first[][3] = {
	    { L_INVALID, L_END }, { gone, L_END },
	    { L_PENDING, L_REFUSED, L_END } };
	static const struct line	rest[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL, L_VALID, L_CERT, L_END };
	struct flow_place	 p;
	struct flow		*f;
	size_t			 i, n;

	(void)state;
	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		script_want();
		flow_free(play(script_flow(), t, 3));
		f = play(again(), first[i], first[i][1].purpose == 0 ? 1 : 2);
		/* what the dead process has placed goes first */
		assert_int_equal(flow_events(f), FLOW_REMOVE);
		flow_place(f, 0, &p);
		assert_string_equal(p.token, TOKEN);
		/* a death in between changes nothing */
		buf_reset(&saved);
		flow_save(f, &saved);
		flow_free(f);
		f = again();
		assert_int_equal(flow_events(f), FLOW_REMOVE);
		flow_removed(f, 0);
		n = flow_places(f);
		assert_int_equal(n, 0);
		script_done(f, rest);
	}
}

/* It is not ordered anew where that would not help, or could be too much. */
static void
not_anew(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL };
	/* we have told the CA to look in this life */
	static const struct line	mine[] = { L_PENDING, L_AUTHZ, L_AUTHZ,
	    L_CHALL, L_REFUSED, L_END };
	static const struct line	final[] = { L_INVALID, L_END };
	static const struct line	twice[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_REFUSED, L_END };
	struct flow_resume	 how = { &pin, 0, 0 };
	struct flow		*f;

	(void)state;
	script_want();
	flow_free(play(script_flow(), t, 3));
	script_fails(again(), mine, "authorization is invalid");
	/* a certificate may exist */
	script_want();
	flow_free(play(script_flow(), t, 5));
	script_fails(again(), final, "made the order invalid");
	/* the second one fails, too */
	script_want();
	flow_free(play(script_flow(), t, 3));
	f = play(again(), final, 1);
	flow_removed(f, 0);
	script_fails(f, twice, "authorization is invalid");
	/* nobody took away what was placed, until there is no time */
	script_want();
	flow_free(play(script_flow(), t, 3));
	f = play(again(), final, 1);
	buf_reset(&saved);
	flow_save(f, &saved);
	assert_int_equal(flow_when(f), now + 3600 * CLK_SEC);
	flow_free(f);
	how.now = now;
	how.deadline = now;
	f = flow_load(buf_bytes(&saved), &how, NULL);
	script_fails(f, (const struct line[]){ L_END }, "order again");
}

static int
end(void **state)
{
	buf_free(&saved);
	return script_end(state);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(away),
		cmocka_unit_test(over),
		cmocka_unit_test(endless),
		cmocka_unit_test(hopeless),
		cmocka_unit_test(reopened),
		cmocka_unit_test(anew),
		cmocka_unit_test(not_anew),
	};

	return cmocka_run_group_tests(tests, script_begin, end);
}
