#include "tests/unit/acme/script.h"

/* --- the straight way --- */

static void
straight(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL, L_VALID, L_CERT, L_END };
	struct flow			*f;

	(void)state;
	script_want();
	f = script_flow();
	script_play(f, t);
	assert_int_equal(flow_events(f), FLOW_DONE);
	assert_int_equal(flow_chains(f), 1);
	assert_int_equal(flow_chain(f, 0).n, strlen(PEM));
	assert_int_equal(flow_chain(f, 1).n, 0);
	assert_string_equal(flow_order(f), CA "/o/1");
	assert_true(flow_maybe_issued(f));
	assert_string_equal(flow_why(f), "");
	assert_null(flow_problem(f));
	flow_free(f);
}

/* Reused authorizations are not challenged; nor is what is ready or valid. */
static void
shortcuts(void **state)
{
	static const struct line	proved[] = { L_NEW, L_PROVED,
	    L_FINAL, L_VALID, L_CERT, L_END };
	static const struct line	ready[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201,
	    ORDER("ready", ""), "/o/1", NULL, NULL },
	    { ACME_FINALIZE, "/f/1", CSR, 200, VALID, NULL, NULL, NULL },
	    L_CERT, L_END };
	static const struct line	processing[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201,
	    ORDER("processing", ""), "/o/1", NULL, NULL }, L_VALID, L_CERT,
	    L_END };
	static const struct line	valid[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 201, VALID, "/o/1",
	    NULL, NULL }, L_CERT, L_END };

	(void)state;
	script_want();
	script_done(script_flow(), proved);
	script_done(script_flow(), ready);
	script_done(script_flow(), processing);
	script_done(script_flow(), valid);
}

/* What is to be placed, and what is taken away again. */
static void
places(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ, L_CHALL,
	    L_PROVED, L_FINAL, L_VALID, L_CERT };
	struct flow			*f;
	struct flow_place		 p;
	struct acme_ask			 ask;
	uint32_t			 id;

	(void)state;
	script_want();
	f = script_flow();
	assert_int_equal(flow_places(f), 0);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	script_answer(f, id, &t[0]);
	assert_int_equal(flow_events(f), 0);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	script_answer(f, id, &t[1]);
	assert_int_equal(flow_events(f), FLOW_PLACE);
	assert_int_equal(flow_ask(f, now, &id, &ask), 0);
	assert_int_equal(flow_places(f), 1);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_WANTED);
	assert_int_equal(p.type, CHALLENGE_HTTP_01);
	assert_string_equal(p.token, TOKEN);
	assert_string_equal(p.ident.text, "a.example");
	assert_string_equal(p.authz, CA "/z/1");
	flow_placed(f, 0, now);
	assert_int_equal(flow_events(f), 0);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	assert_int_equal(ask.purpose, ACME_CHALLENGE);
	script_answer(f, id, &t[2]);
	/* not before some time has passed, or somebody has seen the CA */
	assert_int_equal(flow_ask(f, now, &id, &ask), 0);
	assert_true(flow_when(f) > now);
	flow_hurry(f, now);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	script_answer(f, id, &t[3]);
	/* it is ready when all are valid: nobody need ask */
	assert_int_equal(flow_events(f), FLOW_REMOVE | FLOW_FINALIZE);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_REMOVE);
	assert_string_equal(p.token, TOKEN);
	flow_removed(f, 0);
	assert_int_equal(flow_events(f), FLOW_FINALIZE);
	assert_int_equal(flow_ask(f, now, &id, &ask), 0);
	assert_false(flow_maybe_issued(f));
	assert_int_equal(flow_finalize(f, "not base64", now, NULL), -1);
	assert_int_equal(flow_events(f), FLOW_FINALIZE);
	assert_int_equal(flow_finalize(f, CSR, now, NULL), 0);
	assert_false(flow_maybe_issued(f));
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	assert_true(flow_maybe_issued(f));
	flow_free(f);
}

/* A challenge that cannot be placed: the next type, then none. */
static void
declined(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	struct flow			*f;
	struct flow_place		 p;
	struct acme_ask			 ask;
	uint32_t			 id;

	(void)state;
	script_want();
	f = script_flow();
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	script_answer(f, id, &t[0]);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	script_answer(f, id, &t[1]);
	flow_not_placed(f, 0, "port 80 is taken", now);
	flow_place(f, 0, &p);
	assert_int_equal(p.state, FLOW_PLACE_WANTED);
	assert_int_equal(p.type, CHALLENGE_DNS_01);
	flow_not_placed(f, 0, "the server refused the key", now);
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	assert_int_equal(ask.purpose, ACME_AUTHZ_CLOSE);
	script_answer(f, id, &(struct line)L_CLOSE);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	has(flow_why(f), "a.example");
	has(flow_why(f), "the server refused the key");
	flow_free(f);
}

static void
nothing_fits(void **state)
{
	static const struct line	t[] = { L_NEW,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("pending",
	    CHALL("tls-alpn-01", "pending") ",{\"type\":\"new-01\"}"), NULL,
	    NULL, NULL }, L_CLOSE, L_END };
	static const char *const	wild[] = { "*.example" };
	static const char *const	addr[] = { "192.0.2.1" };
	static const enum challenge_type http[] = { CHALLENGE_HTTP_01 };
	static const enum challenge_type dns[] = { CHALLENGE_DNS_01 };
	struct err			e = ERR_INIT;

	(void)state;
	script_want();
	script_fails(script_flow(), t, "offers tls-alpn-01; we have http-01, "
	    "dns-01");
	/* it is known before anything is asked */
	want.names = wild;
	want.prefer = http;
	want.nprefer = 1;
	assert_null(flow_start(&dir, &pin, &want, &e));
	assert_int_equal(e.code, ERR_CONF);
	has(e.msg, "*.example");
	want.names = addr;
	want.prefer = dns;
	err_clear(&e);
	assert_null(flow_start(&dir, &pin, &want, &e));
	assert_int_equal(e.code, ERR_CONF);
}

/* --- refusals --- */

static void
refused(void **state)
{
	static const struct line	rejected[] = {
	    { ACME_ORDER_NEW, "/new-order", "a.example", 400,
	    PROBLEM("rejectedIdentifier"), NULL, NULL, NULL }, L_END };
	static const struct line	invalid[] = { L_NEW, L_AUTHZ, L_CHALL,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("invalid",
	    "{\"type\":\"http-01\",\"status\":\"invalid\",\"url\":\"" CA
	    "/h/http-01\",\"token\":\"" TOKEN "\",\"error\":"
	    PROBLEM("connection") "}"), NULL, NULL, NULL }, L_END };
	static const struct line	caa[] = { L_NEW, L_PROVED,
	    L_FINAL, { ACME_ORDER_GET, "/o/1", "", 200, ORDER("invalid",
	    ",\"error\":" PROBLEM("caa")), NULL, NULL, NULL }, L_END };
	static const struct line	csr[] = { L_NEW, L_PROVED,
	    { ACME_FINALIZE, "/f/1", CSR, 400, PROBLEM("badCSR"), NULL, NULL,
	    NULL }, L_END };
	static const struct line	gone[] = { L_NEW,
	    { ACME_AUTHZ_GET, "/z/1", "", 404, PROBLEM("malformed"), NULL,
	    NULL, NULL }, L_END };
	static const struct line	moved[] = { L_NEW,
	    { ACME_AUTHZ_GET, "/z/1", "", 302, "", "/elsewhere", NULL,
	    NULL }, L_END };
	int64_t		 when;
	struct flow	*f;

	(void)state;
	script_want();
	f = script_flow();
	script_play(f, rejected);
	assert_int_equal(flow_problem(f)->type, PROBLEM_REJECTED_IDENTIFIER);
	assert_int_equal(flow_again(f, &when), PROBLEM_NEVER);
	has(flow_why(f), "order without it");
	has(flow_why(f), "because");
	flow_free(f);
	f = script_flow();
	script_play(f, invalid);
	assert_int_equal(flow_problem(f)->type, PROBLEM_CONNECTION);
	assert_int_equal(flow_again(f, &when), PROBLEM_LATER);
	has(flow_why(f), "a.example: ");
	assert_false(flow_maybe_issued(f));
	flow_free(f);
	f = script_flow();
	script_play(f, caa);
	assert_int_equal(flow_problem(f)->type, PROBLEM_CAA);
	assert_true(flow_maybe_issued(f));
	flow_free(f);
	f = script_flow();
	script_play(f, csr);
	assert_int_equal(flow_problem(f)->type, PROBLEM_BAD_CSR);
	assert_false(flow_maybe_issued(f));
	flow_free(f);
	script_fails(script_flow(), gone, "cannot be read");
	script_fails(script_flow(), moved, "status 302");
}

/* An order that is invalid without a reason: its authorizations know. */
static void
why(void **state)
{
#define INVALID { ACME_ORDER_GET, "/o/1", "", 200, ORDER("invalid", ""), \
	NULL, NULL, NULL }
	static const struct line	known[] = { L_NEW, L_PROVED, L_EARLY, INVALID,
	    { ACME_AUTHZ_GET, "/z/1", "", 200, AUTHZ("invalid",
	    "{\"type\":\"dns-01\",\"status\":\"invalid\",\"url\":\"" CA
	    "/h/dns-01\",\"token\":\"" TOKEN "\",\"error\":"
	    PROBLEM("dns") "}"), NULL, NULL, NULL }, L_END };
	static const struct line	unknown[] = { L_NEW, L_PROVED, L_EARLY, INVALID,
	    L_PROVED, L_END };
	static const struct line	lost[] = { L_NEW, L_PROVED, L_EARLY, INVALID,
	    { ACME_AUTHZ_GET, "/z/1", "", 404, "", NULL, NULL, NULL },
	    L_END };

	(void)state;
	script_want();
	script_fails(script_flow(), known, "(dns): \"because\"");
	script_fails(script_flow(), unknown, "not why");
	script_fails(script_flow(), lost, "not why");
}

/* RFC 9773 5: once more without it, and only once. */
static void
replaces(void **state)
{
	static const struct {
		long		 status;
		const char	*body;
		int		 again;
	} t[] = {
		{ 409, PROBLEM("alreadyReplaced"), 1 },
		{ 409, "", 1 },
		{ 404, PROBLEM("malformed"), 1 },
		{ 400, PROBLEM("malformed"), 1 },
		{ 403, PROBLEM("unauthorized"), 1 },
		{ 400, PROBLEM("rejectedIdentifier"), 0 },
		{ 403, PROBLEM("userActionRequired"), 0 },
	};
	struct line	l[3] = { L_NEW, L_NEW, L_END };
	struct flow	*f;
	struct acme_ask	 ask;
	uint32_t	 id;
	size_t		 i;

	(void)state;
	script_want();
	want.replaces = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		f = script_flow();
		assert_int_equal(flow_ask(f, now, &id, &ask), 1);
		has(ask.payload, "\"replaces\":\"aYhba4dGQEHhs3uEe6CuLN4");
		l[0].status = t[i].status;
		l[0].body = t[i].body;
		l[0].location = NULL;
		script_answer(f, id, &l[0]);
		assert_int_equal(flow_ask(f, now, &id, &ask), t[i].again);
		if (t[i].again) {
			has_not(ask.payload, "replaces");
			/* the same again is its end */
			script_answer(f, id, &l[0]);
			assert_int_equal(flow_ask(f, now, &id, &ask), 0);
		}
		assert_int_equal(flow_events(f), FLOW_FAILED);
		flow_free(f);
	}
	/* what is none is not sent */
	want.replaces = "no certID";
	assert_null(flow_start(&dir, &pin, &want, NULL));
	want.replaces = ".AA";
	assert_null(flow_start(&dir, &pin, &want, NULL));
	/* a CA without renewal information is not told */
	free(dir.renewal_info);
	dir.renewal_info = NULL;
	f = script_flow();
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	has_not(ask.payload, "replaces");
	flow_free(f);
	dir.renewal_info = mem_str(CA "/r");
}

static void
profiles(void **state)
{
	static const struct line	l[] = { { ACME_ORDER_NEW,
	    "/new-order", "\"profile\":\"short\"", 400,
	    PROBLEM("invalidProfile"), NULL, NULL, NULL }, L_NEW, L_PROVED,
	    L_FINAL, L_VALID, L_CERT, L_END };
	static const struct line	first[] = { { ACME_ORDER_NEW,
	    "/new-order", "\"profile\":\"short\"", 400,
	    PROBLEM("invalidProfile"), NULL, NULL, NULL }, L_END };
	static const struct line	ignored[] = { L_NEW, L_END };
	static const struct line	kept[] = { { ACME_ORDER_NEW,
	    "/new-order", "\"profile\":\"short\"", 201, ORDER("ready",
	    ",\"profile\":\"short\""), "/o/1", NULL, NULL }, L_FINAL,
	    L_VALID, L_CERT, L_END };
	struct err	 e = ERR_INIT;
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;

	(void)state;
	script_want();
	want.profile = "short";
	script_done(script_flow(), l);
	want.profile_required = 1;
	script_fails(script_flow(), first, "invalidProfile");
	script_fails(script_flow(), ignored, "profile short is required");
	script_done(script_flow(), kept);
	want.profile = "long";
	assert_null(flow_start(&dir, &pin, &want, &e));
	assert_int_equal(e.code, ERR_CONF);
	has(e.msg, "long");
	want.profile_required = 0;
	f = script_flow();
	assert_int_equal(flow_ask(f, now, &id, &ask), 1);
	has_not(ask.payload, "profile");
	flow_free(f);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(straight),
		cmocka_unit_test(shortcuts),
		cmocka_unit_test(places),
		cmocka_unit_test(declined),
		cmocka_unit_test(nothing_fits),
		cmocka_unit_test(refused),
		cmocka_unit_test(why),
		cmocka_unit_test(replaces),
		cmocka_unit_test(profiles)
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
