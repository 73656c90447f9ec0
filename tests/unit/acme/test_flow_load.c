#include "tests/unit/acme/script.h"

/* Storing a flow, and what comes back. */

static struct buf	saved;

static int
end(void **state)
{
	(void)state;
	buf_free(&saved);
	saved = (struct buf)BUF_INIT;
	return 0;
}

static struct flow *
load(struct err *e)
{
	struct flow_resume	how = { &pin, now, 0 };

	return flow_load(buf_bytes(&saved), &how, e);
}

/* Store, forget, load. */
static struct flow *
again(struct flow *f)
{
	struct err	e = ERR_INIT;

	buf_reset(&saved);
	flow_save(f, &saved);
	flow_free(f);
	f = load(&e);
	if (f == NULL)
		fail_msg("%s: %s", e.msg, buf_text(&saved));
	return f;
}

/* Play ${n} lines. */
static struct flow *
played(const struct line *l, size_t n)
{
	struct flow	*f = script_flow();
	struct acme_ask	 ask;
	uint32_t	 id;
	size_t		 i;

	for (i = 0; i < n; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_equal(ask.purpose, l[i].purpose);
		script_answer(f, id, &l[i]);
	}
	return f;
}

/* The same, then load. */
static struct flow *
after(const struct line *l, size_t n)
{
	return again(played(l, n));
}

/* What is stored, is stored the same when it was loaded. */
static void
stable(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL, L_VALID, L_CERT };
	struct flow	*f;
	char		*first;
	size_t		 n;

	(void)state;
	script_want();
	want.profile = "short";
	want.replaces = "a.b";
	want.not_after = NOW + 86400 * CLK_SEC;
	for (n = 0; n <= sizeof(t) / sizeof(t[0]); n++) {
		f = again(after(t, n));
		first = mem_str(buf_text(&saved));
		f = again(f);
		assert_string_equal(buf_text(&saved), first);
		flow_free(f);
		free(first);
	}
}

/* The order comes first, and what was placed is wanted again. */
static void
resumed(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };
	static const struct line	rest[] = {
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("pending", ""), NULL,
	    NULL, NULL }, L_AUTHZ,
	    /* it was told before: is it valid by now? */
	    L_AUTHZ, L_CHALL, L_PROVED, L_FINAL, L_VALID, L_CERT,
	    L_END };
	static const struct line	valid[] = {
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("pending", ""), NULL,
	    NULL, NULL }, L_PROVED, L_FINAL, L_VALID, L_CERT,
	    L_END };
	static const struct line	invalid[] = {
	    { ACME_ORDER_GET, "/o/1", "", 200, ORDER("invalid", ",\"error\":"
	    PROBLEM("caa")), NULL, NULL, NULL }, L_CLOSE, L_END };
	struct flow_place	 p;
	struct flow		*f;

	(void)state;
	script_want();
	f = after(t, 3);
	assert_int_equal(flow_events(f), 0);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_NONE);
	script_done(f, rest);
	script_done(after(t, 3), valid);
	/* what may have been placed is taken away when it fails at once */
	f = after(t, 3);
	assert_int_equal(flow_events(f), 0);
	script_play(f, invalid);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_REMOVED);
	assert_string_equal(p.token, TOKEN);
	flow_free(f);
	/* also when it died twice */
	f = again(after(t, 3));
	script_play(f, invalid);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_REMOVED);
	flow_free(f);
}

/* What was to be finalized is what will be: the CSR is not asked for anew. */
static void
finalized(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED };
	static const struct line	ready = L_READY;
	static const struct line	rest[] = { L_VALID, L_CERT, L_END };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	int		 sent;

	(void)state;
	for (sent = 0; sent < 2; sent++) {
		script_want();
		f = played(t, 2);
		assert_int_equal(flow_events(f) & FLOW_FINALIZE,
		    FLOW_FINALIZE);
		assert_int_equal(flow_finalize(f, CSR, now, NULL), 0);
		if (sent)
			assert_int_equal(flow_ask(f, now, &id, &ask), 1);
		f = again(f);
		assert_int_equal(flow_maybe_issued(f), sent);
		assert_int_equal(flow_ask(f, now, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_ORDER_GET);
		script_answer(f, id, &ready);
		assert_int_equal(flow_events(f) & FLOW_FINALIZE, 0);
		assert_int_equal(flow_ask(f, now, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_FINALIZE);
		assert_string_equal(ask.payload, "{\"csr\":\"" CSR "\"}");
		script_answer(f, id, &(struct line){ .status = 0 });
		script_done(f, rest);
	}
}

/* Ends stay ends, with all that was said. */
static void
ended(void **state)
{
	static const struct line	t[] = { L_NEW, L_PROVED,
	    L_FINAL, L_VALID, { ACME_CERTIFICATE, "/c/1", "", 200, PEM, NULL,
	    NULL, "<" CA "/c/2>;rel=\"alternate\"" },
	    { ACME_CERTIFICATE, "/c/2", "", 200, PEM "2\n", NULL, NULL,
	    NULL } };
	static const struct line	no[] = { { ACME_ORDER_NEW,
	    "/new-order", "a.example", 429, PROBLEM("rateLimited"), NULL,
	    "7200", NULL } };
	static const struct line	cleaning[] = { L_NEW, L_AUTHZ };
	static const struct line	close[] = { L_CLOSE, L_END };
	struct flow	*f;
	char		*why;
	int64_t		 when;

	(void)state;
	script_want();
	want.alternates = 1;
	f = after(t, 6);
	assert_int_equal(flow_events(f), FLOW_PICK);
	assert_int_equal(flow_chains(f), 2);
	assert_int_equal(flow_when(f), INT64_MAX);
	flow_pick(f, 2);
	assert_int_equal(flow_events(f), FLOW_PICK);
	flow_pick(f, 1);
	f = again(f);
	assert_int_equal(flow_events(f), FLOW_DONE);
	assert_int_equal(flow_picked(f), 1);
	assert_int_equal(flow_chain(f, 1).n, strlen(PEM) + 2);
	flow_free(f);
	f = script_flow();
	script_play(f, (const struct line[]){ no[0], L_END });
	why = mem_str(flow_why(f));
	f = again(f);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	assert_string_equal(flow_why(f), why);
	assert_int_equal(flow_again(f, &when), PROBLEM_LATER);
	assert_int_equal(when, now + 7200 * CLK_SEC);
	assert_int_equal(flow_problem(f)->type, PROBLEM_RATE_LIMITED);
	flow_free(f);
	free(why);
	/* cleaning goes on */
	f = played(cleaning, 2);
	flow_stop(f, "enough", now);
	f = again(f);
	assert_int_equal(flow_events(f), FLOW_REMOVE);
	script_fails(f, close, "enough");
}

/* What a hook says may be anything; it is stored and shown as text. */
static void
said_by_hook(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	struct buf	 b = BUF_INIT;
	struct flow	*f;

	(void)state;
	script_want();
	buf_str(&b, "\x1b]0;\xff\n");
	while (b.n < 5000)
		buf_u8(&b, 0xe2);
	f = again(played(t, 2));
	flow_free(f);
	f = played(t, 2);
	flow_not_placed(f, 0, buf_text(&b), now);
	f = again(f);
	flow_free(f);
	f = played(t, 2);
	flow_not_placed(f, 0, buf_text(&b), now);
	flow_not_placed(f, 0, buf_text(&b), now);
	f = again(f);
	has(flow_why(f), "\\x1b]0;\\xff\\x0a");
	flow_free(f);
	f = played(t, 2);
	flow_stop(f, buf_text(&b), now);
	f = again(f);
	has(flow_why(f), "\\x1b]0;\\xff\\x0a");
	flow_free(f);
	buf_free(&b);
}

/* A new deadline, and one that is over. */
static void
deadline(void **state)
{
	static const struct line	t[] = { L_NEW };
	static const struct line	rest[] = { L_READY, L_FINAL, L_VALID,
	    L_CERT, L_END };
	struct flow_resume	 how = { &pin, 0, 0 };
	struct flow		*f;

	(void)state;
	script_want();
	flow_free(after(t, 1));
	how.now = now = want.deadline + 86400 * CLK_SEC;
	how.deadline = now + 3600 * CLK_SEC;
	f = flow_load(buf_bytes(&saved), &how, NULL);
	assert_non_null(f);
	script_done(f, rest);
	how.deadline = 0;
	f = flow_load(buf_bytes(&saved), &how, NULL);
	assert_non_null(f);
	script_fails(f, (const struct line[]){ L_END }, "time it had");
}

/* Replace a part of what was stored. */
static struct err
spoilt(const char *from, const char *to)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	const char	*at = strstr(buf_text(&saved), from);
	struct flow_resume how = { &pin, now, 0 };
	struct flow	*f;

	if (at == NULL)
		fail_msg("%s is not in %s", from, buf_text(&saved));
	buf_add(&b, saved.p, (size_t)(at - buf_text(&saved)));
	buf_str(&b, to);
	buf_str(&b, at + strlen(from));
	f = flow_load(buf_bytes(&b), &how, &e);
	if (f != NULL)
		fail_msg("taken: %s for %s", to, from);
	flow_free(f);
	buf_free(&b);
	return e;
}

static void
faulty(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL };
	static const struct {
		const char	*from, *to;
		enum err_code	 code;
	} v[] = {
		{ "\"version\":1", "\"version\":2", ERR_FORMAT },
		{ "\"state\":3", "\"state\":99", ERR_FORMAT },
		{ "\"state\":3", "\"state\":0", ERR_FORMAT },
		{ "\"state\":3", "\"state\":-1", ERR_FORMAT },
		{ "\"state\":3", "\"state\":9", ERR_FORMAT },
		{ "\"state\":3", "\"state\":12", ERR_FORMAT },
		{ "\"state\":3", "\"state\":\"3\"", ERR_FORMAT },
		{ "\"order\":\"" CA "/o/1\",", "", ERR_FORMAT },
		{ "\"order\":\"" CA, "\"order\":\"https://b.example",
		    ERR_PERM },
		{ "\"order\":\"" CA, "\"order\":\"http://ca.example",
		    ERR_PERM },
		{ "\"new_order\":\"" CA "/new-order\",", "", ERR_FORMAT },
		{ "\"new_order\":\"" CA, "\"new_order\":\"", ERR_FORMAT },
		{ "\"names\":[\"a.example\"]", "\"names\":[]", ERR_FORMAT },
		{ "\"names\":[\"a.example\"]", "\"names\":[\"a b\"]",
		    ERR_FORMAT },
		{ "\"names\":[\"a.example\"]",
		    "\"names\":[\"a.example\",\"a.example\"]", ERR_FORMAT },
		{ "\"names\":[\"a.example\"]", "\"names\":[7]", ERR_FORMAT },
		{ "[\"http-01\"", "[\"http-02\"", ERR_FORMAT },
		{ "\"poll\":100000", "\"poll\":0", ERR_FORMAT },
		{ "\"name\":\"a.example\"", "\"name\":\"b.example\"",
		    ERR_FORMAT },
		{ "\"name\":\"a.example\",", "", ERR_FORMAT },
		{ "\"url\":\"" CA, "\"url\":\"https://b.example", ERR_PERM },
		{ "\"token\":\"DG", "\"token\":\"..", ERR_FORMAT },
		{ "\"type\":1", "\"type\":0", ERR_FORMAT },
		{ "\"type\":1", "\"type\":77", ERR_FORMAT },
		{ "\"place\":2", "\"place\":5", ERR_FORMAT },
		{ "\"finalizes\":0", "\"finalizes\":17", ERR_FORMAT },
		{ "\"deadline\":1", "\"deadline\":999999999999", ERR_FORMAT },
		{ "\"maybe\":0", "\"csr\":\"=\",\"maybe\":0", ERR_FORMAT },
		{ "\"chains\":[]", "\"chains\":[7]", ERR_FORMAT },
		{ "\"picked\":0", "\"picked\":9", ERR_FORMAT },
	};
	struct err	e;
	size_t		i, n;

	(void)state;
	script_want();
	flow_free(after(t, 3));
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		e = spoilt(v[i].from, v[i].to);
		if (e.code != v[i].code)
			fail_msg("%s: %s", v[i].to, e.msg);
		has(e.msg, "stored order: ");
	}
	/* cut anywhere */
	n = saved.n;
	for (saved.n = 0; saved.n < n; saved.n++)
		assert_null(load(NULL));
}

static void
limits(void **state)
{
	struct err	 e = ERR_INIT;
	struct flow	*f;

	(void)state;
	script_want();
	flow_free(after(NULL, 0));
	while (saved.n < LIMIT_ACME_STATE)
		buf_str(&saved, " ");
	f = load(&e);
	assert_non_null(f);
	flow_free(f);
	buf_str(&saved, " ");
	assert_null(load(&e));
	assert_int_equal(e.code, ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_teardown(stable, end),
		cmocka_unit_test_teardown(resumed, end),
		cmocka_unit_test_teardown(finalized, end),
		cmocka_unit_test_teardown(ended, end),
		cmocka_unit_test_teardown(said_by_hook, end),
		cmocka_unit_test_teardown(deadline, end),
		cmocka_unit_test_teardown(faulty, end),
		cmocka_unit_test_teardown(limits, end),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
