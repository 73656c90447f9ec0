#include "tests/unit/acme/cm.h"

#include "acme/problem.h"

#define U "urn:ietf:params:acme:error:"

static struct problem	 p;
static struct buf	 said;

/* Read an answer, and say it. */
static void
take(long status, const char *body, const char *retry)
{
	struct acme_reply	r = { .status = status, .retry_after = retry };

	problem_free(&p);
	buf_reset(&said);
	r.body = SPAN_STR(body);
	problem_read(&p, &r, NOW);
	problem_say(&p, &said);
}

static int
end(void **state)
{
	(void)state;
	problem_free(&p);
	buf_free(&said);
	said = (struct buf)BUF_INIT;
	return 0;
}

static void
types(void **state)
{
	static const struct {
		const char		*name;
		enum problem_type	 type;
		enum problem_when	 when;
	} t[] = {
		{ "accountDoesNotExist", PROBLEM_ACCOUNT_UNKNOWN,
		    PROBLEM_NEVER },
		{ "alreadyRevoked", PROBLEM_ALREADY_REVOKED, PROBLEM_NEVER },
		{ "badCSR", PROBLEM_BAD_CSR, PROBLEM_NEVER },
		{ "badNonce", PROBLEM_BAD_NONCE, PROBLEM_NOW },
		{ "badPublicKey", PROBLEM_BAD_PUBLIC_KEY, PROBLEM_NEVER },
		{ "badRevocationReason", PROBLEM_BAD_REASON, PROBLEM_NEVER },
		{ "badSignatureAlgorithm", PROBLEM_BAD_ALGORITHM,
		    PROBLEM_NEVER },
		{ "caa", PROBLEM_CAA, PROBLEM_LATER },
		{ "compound", PROBLEM_COMPOUND, PROBLEM_NEVER },
		{ "connection", PROBLEM_CONNECTION, PROBLEM_LATER },
		{ "dns", PROBLEM_DNS, PROBLEM_LATER },
		{ "externalAccountRequired", PROBLEM_EAB_REQUIRED,
		    PROBLEM_NEVER },
		{ "incorrectResponse", PROBLEM_INCORRECT_RESPONSE,
		    PROBLEM_LATER },
		{ "invalidContact", PROBLEM_INVALID_CONTACT, PROBLEM_NEVER },
		{ "malformed", PROBLEM_MALFORMED, PROBLEM_NEVER },
		{ "orderNotReady", PROBLEM_ORDER_NOT_READY, PROBLEM_NOW },
		{ "rateLimited", PROBLEM_RATE_LIMITED, PROBLEM_LATER },
		{ "rejectedIdentifier", PROBLEM_REJECTED_IDENTIFIER,
		    PROBLEM_NEVER },
		{ "serverInternal", PROBLEM_SERVER_INTERNAL, PROBLEM_LATER },
		{ "tls", PROBLEM_TLS, PROBLEM_LATER },
		{ "unauthorized", PROBLEM_UNAUTHORIZED, PROBLEM_LATER },
		{ "unsupportedContact", PROBLEM_UNSUPPORTED_CONTACT,
		    PROBLEM_NEVER },
		{ "unsupportedIdentifier", PROBLEM_UNSUPPORTED_IDENTIFIER,
		    PROBLEM_NEVER },
		{ "userActionRequired", PROBLEM_USER_ACTION, PROBLEM_NEVER },
		{ "agreementRequired", PROBLEM_USER_ACTION, PROBLEM_NEVER },
		{ "alreadyReplaced", PROBLEM_ALREADY_REPLACED, PROBLEM_NOW },
		{ "invalidProfile", PROBLEM_INVALID_PROFILE, PROBLEM_NEVER },
	};
	char	*body;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		body = mem_printf("{\"type\":\"" U "%s\"}", t[i].name);
		take(400, body, NULL);
		assert_int_equal(p.type, t[i].type);
		assert_int_equal(problem_when(&p), t[i].when);
		has(buf_text(&said), "the CA ");
		has(buf_text(&said), "; ");
		free(body);
	}
	/* the whole URN counts */
	assert_int_equal(problem_type("badNonce"), PROBLEM_OTHER);
	assert_int_equal(problem_type("urn:acme:error:badNonce"),
	    PROBLEM_OTHER);
	assert_int_equal(problem_type(U "badNonces"), PROBLEM_OTHER);
	assert_int_equal(problem_type(U "BadNonce"), PROBLEM_OTHER);
	assert_int_equal(problem_type(NULL), PROBLEM_OTHER);
}

/* RFC 8555 6.7.1 */
static void
subproblems(void **state)
{
	(void)state;
	take(403, "{\"type\": \"" U "malformed\","
	    "\"detail\": \"Some of the identifiers requested were rejected\","
	    "\"subproblems\": [{\"type\": \"" U "malformed\","
	    "\"detail\": \"Invalid underscore in DNS name \\\"_ex.com\\\"\","
	    "\"identifier\": {\"type\": \"dns\", \"value\": \"_ex.com\"}},"
	    "{\"type\": \"" U "rejectedIdentifier\","
	    "\"detail\": \"This CA will not issue for \\\"example.net\\\"\","
	    "\"identifier\": {\"type\": \"dns\", \"value\": \"example.net\"}"
	    "}]}", NULL);
	assert_int_equal(p.nsubs, 2);
	assert_int_equal(p.sub[0].type, PROBLEM_MALFORMED);
	assert_int_equal(p.sub[1].type, PROBLEM_REJECTED_IDENTIFIER);
	assert_string_equal(p.sub[1].ident, "example.net");
	has(buf_text(&said), "Some of the identifiers");
	has(buf_text(&said), "for \"_ex.com\" (malformed): \"Invalid");
	has(buf_text(&said), "for \"example.net\" (rejectedIdentifier)");
}

/*
 * What a person reads of each: what the CA refused, its own words for each
 * name, and what to do.
 */
static void
sentences(void **state)
{
	static const struct {
		const char	*name;
		const char	*head, *fix;
	} t[] = {
		{ "rateLimited", "the CA limits the rate", "wait; do not try "
		    "more often, not before 2026-05-28T20:28:40Z" },
		{ "rejectedIdentifier", "the CA will not issue for a name",
		    "order without it" },
		{ "caa", "the CA is forbidden to issue by CAA records", "add "
		    "this CA to the CAA records of the name" },
		{ "unauthorized", "the CA says that we are not authorized",
		    "see whether the challenge can be seen from outside, and "
		    "whether the account is valid" },
		{ "userActionRequired", "the CA wants a person to act",
		    "agree to its terms, or do what its page says, at "
		    "\"https://ca.example/terms\"" },
		{ "connection", "the CA could not connect to the name",
		    "its port 80 (http-01) or 443 (tls-alpn-01) must be "
		    "reachable from everywhere" },
		{ "dns", "the CA had no useful answer from DNS", "see whether "
		    "all name servers of the name answer" },
		{ "tls", "the CA had an error of TLS with the name", "see "
		    "what answers on its port 443" },
		{ "incorrectResponse", "the CA did not find what the "
		    "challenge asks for", "see whether the name leads to this "
		    "server, and what answers" },
	};
	struct buf	body = BUF_INIT, want = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&body);
		buf_fmt(&body, "{\"type\":\"" U "%s\",\"detail\":\"no: two "
		    "names\",\"instance\":\"https://ca.example/terms\","
		    "\"subproblems\":[{\"type\":\"" U "%s\",\"detail\":\"no "
		    "a\",\"identifier\":{\"type\":\"dns\",\"value\":"
		    "\"a.example\"}},{\"type\":\"" U "malformed\",\"detail\":"
		    "\"no b\",\"identifier\":{\"type\":\"dns\",\"value\":"
		    "\"b.example\"}}]}", t[i].name, t[i].name);
		take(strcmp(t[i].name, "rateLimited") == 0 ? 429 : 403,
		    buf_text(&body), strcmp(t[i].name, "rateLimited") == 0 ?
		    "120" : NULL);
		buf_reset(&want);
		buf_fmt(&want, "%s (%s): \"no: two names\"; for \"a.example\" "
		    "(%s): \"no a\"; for \"b.example\" (malformed): \"no "
		    "b\"; %s", t[i].head, t[i].name, t[i].name, t[i].fix);
		assert_string_equal(buf_text(&said), buf_text(&want));
	}
	buf_free(&body);
	buf_free(&want);
}

/* RFC 8555 6.6 and 7.3.3 */
static void
wait_and_act(void **state)
{
	(void)state;
	take(429, "{\"type\":\"" U "rateLimited\",\"detail\":\"too many\"}",
	    "120");
	assert_int_equal(p.retry_at, NOW + 120 * CLK_SEC);
	assert_int_equal(problem_when(&p), PROBLEM_LATER);
	has(buf_text(&said), "not before 2026-05-28T20:28:40Z");
	take(403, "{\"type\":\"" U "userActionRequired\",\"detail\":\"Terms "
	    "of service have changed\","
	    "\"instance\":\"https://example.com/tos\"}", NULL);
	assert_int_equal(problem_when(&p), PROBLEM_NEVER);
	has(buf_text(&said), "at \"https://example.com/tos\"");
	take(503, "", "Thu, 28 May 2026 20:27:40 GMT");
	assert_int_equal(p.retry_at, NOW + 60 * CLK_SEC);
	take(503, "", "soon");
	assert_int_equal(p.retry_at, 0);
}

/* Whatever comes is a problem. */
static void
none(void **state)
{
	static const struct {
		long			 status;
		const char		*body;
		enum problem_type	 type;
		enum problem_when	 when;
	} t[] = {
		{ 500, "<html>", PROBLEM_OTHER, PROBLEM_LATER },
		{ 503, "", PROBLEM_OTHER, PROBLEM_LATER },
		{ 429, "slow down", PROBLEM_RATE_LIMITED, PROBLEM_LATER },
		{ 408, "{}", PROBLEM_OTHER, PROBLEM_LATER },
		{ 404, "[]", PROBLEM_OTHER, PROBLEM_NEVER },
		{ 302, "{\"type\":7,\"detail\":[],\"subproblems\":{}}",
		    PROBLEM_OTHER, PROBLEM_NEVER },
		{ 400, "{\"type\":null,\"subproblems\":[1,null,{}]}",
		    PROBLEM_OTHER, PROBLEM_NEVER },
		{ 500, "{\"type\":\"" U "malformed\"}", PROBLEM_MALFORMED,
		    PROBLEM_LATER },
		{ 403, "{\"type\":\"urn:x:paused\",\"retry_at\":99,"
		    "\"more\":5}", PROBLEM_OTHER, PROBLEM_NEVER },
	};
	struct acme_reply	r = { .status = 0, .why = "no route" };
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		take(t[i].status, t[i].body, NULL);
		assert_int_equal(p.type, t[i].type);
		assert_int_equal(p.status, t[i].status);
		assert_int_equal(problem_when(&p), t[i].when);
		assert_int_equal(p.retry_at, 0);
		assert_int_equal(p.more, 0);
	}
	has(buf_text(&said), "urn:x:paused");
	problem_free(&p);
	buf_reset(&said);
	problem_read(&p, &r, NOW);
	problem_say(&p, &said);
	assert_int_equal(problem_when(&p), PROBLEM_LATER);
	has(buf_text(&said), "did not answer: \"no route\"");
}

/* Nothing of the CA reaches a terminal as it is. */
static void
hostile(void **state)
{
	struct buf	b = BUF_INIT;
	size_t		n, i;

	(void)state;
	take(400, "{\"type\":\"" U "dns\",\"detail\":\"a\\u001b[2Jb\\nc"
	    "\\u202e\",\"subproblems\":[{\"identifier\":{\"value\":"
	    "\"\\u0007%s%n\"}}]}", NULL);
	for (i = 0; i < said.n; i++)
		assert_true(said.p[i] >= ' ' && said.p[i] < 0x7f);
	has(buf_text(&said), "\\x1b[2J");
	has(buf_text(&said), "%s%n");
	for (n = LIMIT_ACME_DETAIL; n <= LIMIT_ACME_DETAIL + 1; n++) {
		buf_reset(&b);
		buf_str(&b, "{\"detail\":\"");
		for (i = 0; i < n; i++)
			buf_u8(&b, 'A');
		buf_str(&b, "\"}");
		take(400, buf_text(&b), NULL);
		assert_true(said.n < LIMIT_ACME_DETAIL + 200);
		has(buf_text(&said), n > LIMIT_ACME_DETAIL ? "AAA...\"" :
		    "AAA\"");
	}
	buf_free(&b);
}

static void
limits(void **state)
{
	struct buf	b = BUF_INIT;
	size_t		n, i;

	(void)state;
	for (n = LIMIT_ACME_SUBPROBLEMS; n <= LIMIT_ACME_SUBPROBLEMS + 1;
	    n++) {
		buf_reset(&b);
		buf_str(&b, "{\"subproblems\":[{}");
		for (i = 1; i < n; i++)
			buf_str(&b, ",{}");
		buf_str(&b, "]}");
		take(400, buf_text(&b), NULL);
		assert_int_equal(p.nsubs, LIMIT_ACME_SUBPROBLEMS);
		assert_int_equal(p.more, n - LIMIT_ACME_SUBPROBLEMS);
	}
	has(buf_text(&said), "and 91 more");
	/* a body that is too long is no document */
	buf_reset(&b);
	buf_str(&b, "{\"type\":\"" U "dns\"");
	while (b.n < LIMIT_ACME_PROBLEM - 1)
		buf_u8(&b, ' ');
	buf_u8(&b, '}');
	take(400, buf_text(&b), NULL);
	assert_int_equal(p.type, PROBLEM_DNS);
	buf_u8(&b, ' ');
	take(400, buf_text(&b), NULL);
	assert_int_equal(p.type, PROBLEM_OTHER);
	buf_free(&b);
}

/* Stored and back. */
static void
stored(void **state)
{
	struct problem	q;
	struct buf	again = BUF_INIT;
	json_t		*o;

	(void)state;
	take(429, "{\"type\":\"" U "rateLimited\",\"detail\":\"x\","
	    "\"instance\":\"https://a/\",\"subproblems\":[{\"type\":\"" U
	    "caa\",\"detail\":\"y\",\"identifier\":{\"type\":\"dns\","
	    "\"value\":\"z\"}},{}]}", "7");
	p.more = 3;
	buf_reset(&said);
	problem_say(&p, &said);
	o = problem_json(&p);
	problem_load(&q, o);
	json_decref(o);
	problem_say(&q, &again);
	assert_string_equal(buf_text(&again), buf_text(&said));
	assert_int_equal(q.retry_at, NOW + 7 * CLK_SEC);
	assert_int_equal(q.more, 3);
	assert_int_equal(q.status, 429);
	problem_free(&q);
	buf_free(&again);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_teardown(types, end),
		cmocka_unit_test_teardown(subproblems, end),
		cmocka_unit_test_teardown(sentences, end),
		cmocka_unit_test_teardown(wait_and_act, end),
		cmocka_unit_test_teardown(none, end),
		cmocka_unit_test_teardown(hostile, end),
		cmocka_unit_test_teardown(limits, end),
		cmocka_unit_test_teardown(stored, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
