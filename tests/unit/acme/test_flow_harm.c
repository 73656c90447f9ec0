/* An order at a CA that says too much, or means harm. */
#include "tests/unit/acme/script.h"

/* finalize is sent so often, and nonces are tried so often. */
static void
caps(void **state)
{
	static const struct line	begin[] = { L_NEW, L_PROVED,
	    L_END };
	static const struct line	ready = L_READY;
	static const struct line	lost = { ACME_FINALIZE, "/f/1", CSR, 0,
	    NULL, NULL, NULL, NULL };
	static const struct line	nonce = { ACME_ORDER_NEW,
	    "/new-order", "", 400, PROBLEM("badNonce"), NULL, NULL, NULL };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i;

	(void)state;
	script_want();
	f = script_flow();
	for (i = 0; begin[i].purpose != 0; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &begin[i]);
	}
	/* what was refused for its nonce does not count */
	for (i = 0; i < LIMIT_ACME_FINALIZE; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_FINALIZE);
		assert_true(flow_maybe_issued(f));
		script_answer(f, id, &nonce);
		assert_false(flow_maybe_issued(f));
	}
	for (i = 0; i < LIMIT_ACME_FINALIZE; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_FINALIZE);
		script_answer(f, id, &lost);
		assert_int_equal(script_ask(f, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_ORDER_GET);
		script_answer(f, id, &ready);
	}
	assert_int_equal(script_ask(f, &id, &ask), 0);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	assert_true(flow_maybe_issued(f));
	flow_free(f);
	f = script_flow();
	for (i = 0; i < LIMIT_ACME_NONCE_TRIES; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &nonce);
	}
	assert_int_equal(script_ask(f, &id, &ask), 0);
	has(flow_why(f), "nonce");
	flow_free(f);
	f = script_flow();
	for (i = 0; i < LIMIT_ACME_TRIES; i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &lost);
	}
	assert_int_equal(script_ask(f, &id, &ask), 0);
	has(flow_why(f), "did not answer");
	flow_free(f);
}

/* --- chains --- */

static void
chains(void **state)
{
#define ALT(n) "<" CA "/c/" n ">;rel=\"alternate\"\n"
	static const struct line	t[] = { L_NEW, L_PROVED,
	    L_FINAL, L_VALID,
	    { ACME_CERTIFICATE, "/c/1", "", 200, PEM, NULL, NULL,
	    ALT("2") ALT("3") ALT("4") "<https://x.example/>;rel=alternate" },
	    { ACME_CERTIFICATE, "/c/2", "", 200, PEM "2\n", NULL, NULL, NULL },
	    /* one that is not to be had is not missed */
	    { ACME_CERTIFICATE, "/c/3", "", 500, "", NULL, NULL, NULL },
	    { ACME_CERTIFICATE, "/c/3", "", 0, NULL, NULL, NULL, NULL },
	    { ACME_CERTIFICATE, "/c/3", "", 0, NULL, NULL, NULL, NULL },
	    { ACME_CERTIFICATE, "/c/3", "", 0, NULL, NULL, NULL, NULL },
	    { ACME_CERTIFICATE, "/c/4", "", 200, "<html>", NULL, NULL, NULL },
	    L_END };
	static const struct line	no_pem[] = { L_NEW, L_PROVED,
	    L_FINAL, L_VALID, { ACME_CERTIFICATE, "/c/1", "", 200,
	    "-----BEGIN CERTIFICATE-----\x1b[2J", NULL, NULL, NULL }, L_END };
	struct buf	 b = BUF_INIT;
	struct line	 big[] = { L_NEW, L_PROVED, L_FINAL, L_VALID,
			    L_CERT, L_END };
	struct flow	*f;

	(void)state;
	script_want();
	want.alternates = 1;
	f = script_flow();
	script_play(f, t);
	assert_int_equal(flow_events(f), FLOW_DONE);
	assert_int_equal(flow_chains(f), 2);
	assert_int_equal(flow_chain(f, 1).n, strlen(PEM) + 2);
	assert_int_equal(flow_picked(f), 0);
	flow_free(f);
	script_fails(script_flow(), no_pem, "no PEM");
	buf_str(&b, PEM);
	while (b.n < LIMIT_ACME_PEM)
		buf_u8(&b, '\n');
	big[4].body = buf_text(&b);
	script_done(script_flow(), big);
	buf_u8(&b, '\n');
	big[4].body = buf_text(&b);
	script_fails(script_flow(), big, "at most");
	buf_free(&b);
}

/* --- a CA that means harm --- */

static void
hostile(void **state)
{
	static const struct line	other_host[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201,
	    ORDER("pending", ""), ".evil.example/o/1", NULL, NULL }, L_END };
	static const struct line	no_url[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201,
	    ORDER("pending", ""), NULL, NULL, NULL }, L_END };
	static const struct line	other_name[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201,
	    "{\"status\":\"ready\",\"identifiers\":[{\"type\":\"dns\","
	    "\"value\":\"b.example\"}],\"authorizations\":[\"" CA "/z/1\"],"
	    "\"finalize\":\"" CA "/f/1\"}", "/o/1", NULL, NULL }, L_END };
	static const struct line	token[] = { L_NEW, L_AUTHZ, L_CHALL,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("pending",
	    "{\"type\":\"http-01\",\"status\":\"pending\",\"url\":\"" CA
	    "/h/http-01\",\"token\":\"DGyRejmCefe7v4NfDGDKfB\"}"), NULL, NULL,
	    NULL }, L_CLOSE, L_END };
	static const struct line	path[] = { L_NEW,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("pending",
	    "{\"type\":\"http-01\",\"status\":\"pending\",\"url\":\"" CA
	    "/h\",\"token\":\"../../../../etc/cron.d/x00\"}"), NULL, NULL,
	    NULL }, L_END };
	static const struct line	swapped[] = { L_NEW, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 200,
	    "{\"status\":\"pending\",\"identifiers\":[{\"type\":\"dns\","
	    "\"value\":\"a.example\"}],\"authorizations\":[\"" CA "/z/2\"],"
	    "\"finalize\":\"" CA "/f/1\"}", NULL, NULL, NULL }, L_END };

	(void)state;
	script_want();
	script_fails(script_flow(), other_host, "ca.example.evil.example");
	script_fails(script_flow(), no_url, "Location");
	script_fails(script_flow(), other_name, "b.example, which was not");
	script_fails(script_flow(), token, "changed the token");
	script_fails(script_flow(), path, "token");
	script_fails(script_flow(), swapped, "changed its authorizations");
}

/* The number of names, and names that come twice. */
static void
names(void **state)
{
	const char	*v[LIMIT_ACME_NAMES + 1];
	char		 text[LIMIT_ACME_NAMES + 1][16];
	struct err	 e = ERR_INIT;
	struct flow	*f;
	size_t		 i, n;

	(void)state;
	script_want();
	for (i = 0; i <= LIMIT_ACME_NAMES; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zu.example", i);
		v[i] = text[i];
	}
	want.names = v;
	want.nnames = LIMIT_ACME_NAMES;
	f = script_flow();
	(void)flow_idents(f, &n);
	assert_int_equal(n, LIMIT_ACME_NAMES);
	flow_free(f);
	want.nnames++;
	assert_null(flow_start(&dir, &pin, &want, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	want.nnames = 0;
	assert_null(flow_start(&dir, &pin, &want, NULL));
	v[0] = "A.example.";
	v[1] = "a.EXAMPLE";
	v[2] = "*.a.example";
	want.nnames = 2;
	f = script_flow();
	assert_string_equal(flow_idents(f, &n)[0].text, "a.example");
	assert_int_equal(n, 1);
	flow_free(f);
	v[1] = "not a name";
	err_clear(&e);
	assert_null(flow_start(&dir, &pin, &want, &e));
	has(e.msg, "name 2");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(caps),
		cmocka_unit_test(chains),
		cmocka_unit_test(hostile),
		cmocka_unit_test(names)
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
