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
		cmocka_unit_test(straight),
		cmocka_unit_test(shortcuts),
		cmocka_unit_test(places),
		cmocka_unit_test(declined),
		cmocka_unit_test(nothing_fits),
		cmocka_unit_test(refused),
		cmocka_unit_test(why),
		cmocka_unit_test(replaces),
		cmocka_unit_test(profiles),
		cmocka_unit_test(waiting),
		cmocka_unit_test(failing),
		cmocka_unit_test(unsteady),
		cmocka_unit_test(limited),
		cmocka_unit_test(limited_unsaid),
		cmocka_unit_test(polls),
		cmocka_unit_test(caps),
		cmocka_unit_test(chains),
		cmocka_unit_test(hostile),
		cmocka_unit_test(stopped),
		cmocka_unit_test(reopened),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
