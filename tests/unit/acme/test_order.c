#include "tests/unit/acme/cm.h"

#include "acme/authz.h"
#include "acme/doc.h"
#include "acme/order.h"

static struct url_pin		pin;
static struct order_ident	ids[LIMIT_ACME_NAMES];
static struct order_want	want;

/* What was ordered. */
static void
ordered(const char *const *names, size_t n)
{
	size_t	i;

	memset(&want, 0, sizeof(want));
	for (i = 0; i < n; i++)
		assert_int_equal(order_ident(names[i], &ids[i], NULL), 0);
	want.ident = ids;
	want.n = n;
}

static int
begin(void **state)
{
	(void)state;
	return url_pin(&pin, "https://example.com/acme/directory", 0, NULL);
}

static void
identifiers(void **state)
{
	static const struct {
		const char	*in, *out;
		int		 ip;
	} t[] = {
		{ "Example.COM.", "example.com", 0 },
		{ "*.Example.com", "*.example.com", 0 },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", 0 },
		{ "_x.example.com", "_x.example.com", 0 },
		{ "192.0.2.1", "192.0.2.1", 1 },
		{ "2001:DB8:0:0::1", "2001:db8::1", 1 },
		{ "[2001:db8::1]", "2001:db8::1", 1 },
	};
	static const char *const bad[] = { "", ".", "*", "*.", "*.*.a",
		"a.*.b", "a b", "1.2.3", "1.2.3.4.5", "*.1.2.3.4", "::g",
		"example.com\n", "a/b", "https://example.com" };
	struct order_ident	 id;
	char			 text[ORDER_TEXT];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(order_ident(t[i].in, &id, NULL), 0);
		assert_string_equal(order_text(&id, text), t[i].out);
		assert_int_equal(id.ip, t[i].ip);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (order_ident(bad[i], &id, NULL) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
payloads(void **state)
{
	static const char *const names[] = { "www.example.org", "*.example.org",
				    "192.0.2.7" };
	struct err		 e = ERR_INIT;
	struct buf		 b = BUF_INIT;
	char			*s;

	(void)state;
	ordered(names, 3);
	s = order_new(&want);
	assert_string_equal(s, "{\"identifiers\":["
	    "{\"type\":\"dns\",\"value\":\"www.example.org\"},"
	    "{\"type\":\"dns\",\"value\":\"*.example.org\"},"
	    "{\"type\":\"ip\",\"value\":\"192.0.2.7\"}]}");
	free(s);
	want.n = 1;
	want.profile = "shortlived";
	want.replaces = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
	want.not_after = NOW;
	s = order_new(&want);
	assert_string_equal(s, "{\"identifiers\":["
	    "{\"type\":\"dns\",\"value\":\"www.example.org\"}],"
	    "\"notAfter\":\"2026-05-28T20:26:40Z\","
	    "\"profile\":\"shortlived\","
	    "\"replaces\":\"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE\"}");
	free(s);
	s = order_finalize("MIIBPTCBxAIBADBFMQ", NULL);
	assert_string_equal(s, "{\"csr\":\"MIIBPTCBxAIBADBFMQ\"}");
	free(s);
	assert_null(order_finalize("", NULL));
	assert_null(order_finalize("MII=", &e));
	assert_int_equal(e.code, ERR_FORMAT);
	while (b.n < LIMIT_ACME_CSR)
		buf_u8(&b, 'M');
	s = order_finalize(buf_text(&b), NULL);
	assert_non_null(s);
	free(s);
	buf_u8(&b, 'M');
	err_clear(&e);
	assert_null(order_finalize(buf_text(&b), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

/* RFC 8555 7.1.3 */
#define ORDER_A								\
	"\"expires\": \"2016-01-20T14:09:07.99Z\","			\
	"\"notBefore\": \"2016-01-01T00:00:00Z\","			\
	"\"notAfter\": \"2016-01-08T00:00:00Z\","			\
	"\"authorizations\": [\"https://example.com/acme/authz/PAn\","	\
	"\"https://example.com/acme/authz/r4H\"]"
#define ORDER_I	",\"identifiers\": ["					\
	"{ \"type\": \"dns\", \"value\": \"www.example.org\" },"	\
	"{ \"type\": \"dns\", \"value\": \"Example.ORG\" }]"
#define ORDER_F	",\"finalize\": \"https://example.com/acme/order/TOl/finalize\""
#define ORDER_C	",\"certificate\": \"https://example.com/acme/cert/mAt\""

static void
order(void **state)
{
	static const char *const names[] = { "example.org",
				    "www.example.org" };
	struct order		 o;
	int64_t			 t;

	(void)state;
	ordered(names, 2);
	assert_int_equal(order_read(&o, SPAN_STR("{\"status\": \"valid\","
	    ORDER_A ORDER_I ORDER_F ORDER_C ",\"profile\":\"p\",\"new\":[7]}"),
	    &want, &pin, NULL), 0);
	assert_int_equal(o.status, ORDER_VALID);
	assert_int_equal(o.nauthz, 2);
	assert_string_equal(o.authz[1], "https://example.com/acme/authz/r4H");
	assert_string_equal(o.finalize,
	    "https://example.com/acme/order/TOl/finalize");
	assert_string_equal(o.certificate,
	    "https://example.com/acme/cert/mAt");
	assert_string_equal(o.profile, "p");
	assert_int_equal(clk_parse("2016-01-20T14:09:07.99Z", &t), 0);
	assert_int_equal(o.expires, t);
	assert_false(o.failed);
	order_free(&o);
	assert_int_equal(order_read(&o, SPAN_STR("{\"status\": \"invalid\","
	    ORDER_A ORDER_I ORDER_F ",\"error\":{\"type\":"
	    "\"urn:ietf:params:acme:error:caa\"}}"), &want, &pin, NULL), 0);
	assert_true(o.failed);
	assert_int_equal(o.error.type, PROBLEM_CAA);
	order_free(&o);
}

static void
order_bad(void **state)
{
	static const char *const names[] = { "example.org",
				    "www.example.org" };
	static const struct {
		const char	*body, *say;
	} t[] = {
		{ "{\"status\":\"valid\"," ORDER_A ORDER_I ORDER_F "}",
		    "certificate" },
		{ "{\"status\":\"done\"," ORDER_A ORDER_I ORDER_F "}",
		    "status" },
		{ "{" ORDER_A ORDER_I ORDER_F "}", "status" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_I "}", "finalize" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_F "}", "left out" },
		{ "{\"status\":\"ready\"" ORDER_I ORDER_F "}",
		    "authorizations" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_F
		    ",\"identifiers\":[{\"type\":\"dns\",\"value\":"
		    "\"example.org\"}]}", "left out www.example.org" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_F
		    ",\"identifiers\":[{\"type\":\"dns\",\"value\":"
		    "\"example.org\"},{\"type\":\"dns\",\"value\":"
		    "\"www.example.org\"},{\"type\":\"dns\",\"value\":"
		    "\"*.example.org\"}]}", "added *.example.org" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_F
		    ",\"identifiers\":[{\"type\":\"email\",\"value\":"
		    "\"example.org\"}]}", "identifier" },
		{ "{\"status\":\"ready\"" ORDER_I ORDER_F
		    ",\"authorizations\":[\"https://example.com/a\","
		    "\"https://example.com/a\"]}", "twice" },
		{ "{\"status\":\"ready\"" ORDER_I ORDER_F
		    ",\"authorizations\":[\"https://evil.example/a\"]}",
		    "evil.example" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_I
		    ",\"finalize\":\"http://example.com/f\"}", "https" },
		{ "{\"status\":\"ready\"," ORDER_A ORDER_I ORDER_F
		    ",\"profile\":1}", "profile" },
	};
	struct order		 o;
	struct err		 e;
	size_t			 i;

	(void)state;
	ordered(names, 2);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		assert_int_equal(order_read(&o, SPAN_STR(t[i].body), &want,
		    &pin, &e), -1);
		has(e.msg, "order: ");
		has(e.msg, t[i].say);
		order_free(&o);
	}
}

/* An order with ${n} identifiers and ${a} authorizations. */
static enum err_code
sized(size_t n, size_t a)
{
	struct buf	b = BUF_INIT;
	struct order	o;
	struct err	e = ERR_INIT;
	size_t		i;

	buf_str(&b, "{\"status\":\"pending\",\"identifiers\":[");
	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s{\"type\":\"dns\",\"value\":\"%zu.example\"}",
		    i != 0 ? "," : "", i % LIMIT_ACME_NAMES);
	buf_str(&b, "],\"authorizations\":[");
	for (i = 0; i < a; i++)
		buf_fmt(&b, "%s\"https://example.com/%zu\"", i != 0 ? "," :
		    "", i);
	buf_str(&b, "]" ORDER_F "}");
	(void)order_read(&o, buf_bytes(&b), &want, &pin, &e);
	order_free(&o);
	buf_free(&b);
	return e.code;
}

static void
order_limits(void **state)
{
	const char	*names[LIMIT_ACME_NAMES];
	char		 text[LIMIT_ACME_NAMES][16];
	size_t		 i;

	(void)state;
	for (i = 0; i < LIMIT_ACME_NAMES; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zu.example", i);
		names[i] = text[i];
	}
	ordered(names, LIMIT_ACME_NAMES);
	assert_int_equal(sized(LIMIT_ACME_NAMES, LIMIT_ACME_NAMES), ERR_NONE);
	assert_int_equal(sized(LIMIT_ACME_NAMES + 1, 1), ERR_LIMIT);
	assert_int_equal(sized(LIMIT_ACME_NAMES, LIMIT_ACME_NAMES + 1),
	    ERR_LIMIT);
}

/* --- authorizations --- */

/* RFC 8555 7.1.4, 8.3 and 8.4, and what else is offered today */
#define AUTHZ								\
	"{\"status\": \"pending\","					\
	"\"expires\": \"2015-03-01T14:09:07.99Z\","			\
	"\"identifier\": {\"type\": \"dns\","				\
	"\"value\": \"www.Example.org\"},"				\
	"\"challenges\": ["						\
	"{\"url\": \"https://example.com/acme/chall/prV_B7yEyA4\","	\
	"\"type\": \"http-01\", \"status\": \"pending\","		\
	"\"token\": \"DGyRejmCefe7v4NfDGDKfA\"},"			\
	"{\"type\": \"dns-persist-01\", \"status\": \"pending\","	\
	"\"url\": \"https://example.com/acme/chall/p\","		\
	"\"accounturi\": \"https://example.com/acme/acct/1\","		\
	"\"issuer-domain-names\": [\"ca.example\",\"b.example\"]},"	\
	"{\"type\": \"post-quantum-99\", \"url\": 7},"			\
	"{\"type\": \"tkauth-01\", \"tkauth-type\": \"atc\","		\
	"\"url\": \"https://elsewhere.example/\", \"status\": \"?\","	\
	"\"token\": \"../../etc\"}, {}, 7,"				\
	"{\"type\": \"dns-01\", \"status\": \"processing\","		\
	"\"url\": \"https://example.com/acme/chall/Rg5\","		\
	"\"token\": \"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA\"}]}"

static void
authz(void **state)
{
	static const char *const names[] = { "www.example.org" };
	const struct challenge	*c;
	struct authz		 a;

	(void)state;
	ordered(names, 1);
	assert_int_equal(authz_read(&a, SPAN_STR(AUTHZ), &want, &pin, NULL),
	    0);
	assert_int_equal(a.status, AUTHZ_PENDING);
	assert_string_equal(a.ident.text, "www.example.org");
	assert_int_equal(a.nchallenges, 3);
	assert_int_equal(a.skipped, 4);
	c = authz_challenge(&a, CHALLENGE_HTTP_01);
	assert_non_null(c);
	assert_string_equal(c->token, "DGyRejmCefe7v4NfDGDKfA");
	assert_string_equal(c->url,
	    "https://example.com/acme/chall/prV_B7yEyA4");
	assert_int_equal(c->status, CHALLENGE_PENDING);
	c = authz_challenge(&a, CHALLENGE_DNS_PERSIST_01);
	assert_non_null(c);
	assert_null(c->token);
	assert_string_equal(c->account, "https://example.com/acme/acct/1");
	assert_int_equal(c->nissuers, 2);
	assert_string_equal(c->issuers[1], "b.example");
	c = authz_challenge(&a, CHALLENGE_DNS_01);
	assert_int_equal(c->status, CHALLENGE_PROCESSING);
	assert_null(authz_challenge(&a, CHALLENGE_TLS_ALPN_01));
	assert_null(authz_error(&a));
	authz_free(&a);
}

static void
wildcards(void **state)
{
	static const char *const both[] = { "example.org", "*.example.org" };
	static const char *const wild[] = { "*.example.org" };
	static const char *const plain[] = { "example.org" };
#define ID "{\"status\":\"valid\",\"identifier\":{\"type\":\"dns\","	\
	"\"value\":\"example.org\"}"
	static const struct {
		const char *const	*names;
		size_t			 n;
		const char		*body;
		int			 rc, wildcard;
	} t[] = {
		{ both, 2, ID ",\"wildcard\":true}", 0, 1 },
		{ both, 2, ID "}", 0, 0 },
		{ both, 2, ID ",\"wildcard\":false}", 0, 0 },
		{ wild, 1, ID ",\"wildcard\":true}", 0, 1 },
		{ wild, 1, ID "}", 0, 1 },
		{ plain, 1, ID ",\"wildcard\":true}", -1, 0 },
		{ plain, 1, ID ",\"wildcard\":\"no\"}", -1, 0 },
	};
	struct authz		 a;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ordered(t[i].names, t[i].n);
		assert_int_equal(authz_read(&a, SPAN_STR(t[i].body), &want,
		    &pin, NULL), t[i].rc);
		if (t[i].rc == 0)
			assert_int_equal(a.ident.wildcard, t[i].wildcard);
		authz_free(&a);
	}
}

/* One challenge in an authorization of www.example.org. */
static enum err_code
one(const char *challenge)
{
	struct authz	a;
	struct err	e = ERR_INIT;
	char		*body;

	body = mem_printf("{\"status\":\"pending\",\"identifier\":{\"type\":"
	    "\"dns\",\"value\":\"www.example.org\"},\"challenges\":[%s]}",
	    challenge);
	(void)authz_read(&a, SPAN_STR(body), &want, &pin, &e);
	authz_free(&a);
	free(body);
	return e.code;
}

#define CH(type) "{\"type\":\"" type "\",\"status\":\"pending\","	\
	"\"url\":\"https://example.com/c\""
#define T22 "\"token\":\"DGyRejmCefe7v4NfDGDKfA\""

static void
authz_bad(void **state)
{
	static const char *const names[] = { "www.example.org" };
	static const struct {
		const char	*challenge;
		enum err_code	 code;
	} t[] = {
		{ CH("http-01") "," T22 "}", ERR_NONE },
		{ CH("http-01") "}", ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"short\"}", ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"DGyRejmCefe7v4NfDGDKf\"}",
		    ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"../DGyRejmCefe7v4NfDGDKfA\"}",
		    ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"$(id)DGyRejmCefe7v4NfDGDKf\"}",
		    ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"DGyRejmCefe7v4NfDGDKfA\\n\"}",
		    ERR_FORMAT },
		{ CH("http-01") ",\"token\":\"DGyRejmCefe7v4NfDGDKfA==\"}",
		    ERR_FORMAT },
		{ CH("dns-01") ",\"token\":12}", ERR_FORMAT },
		{ CH("dns-persist-01") "}", ERR_FORMAT },
		{ CH("dns-persist-01") ",\"issuer-domain-names\":[]}",
		    ERR_FORMAT },
		{ CH("dns-persist-01") ",\"issuer-domain-names\":[\"a\"]}",
		    ERR_NONE },
		{ CH("dns-persist-01") ",\"issuer-domain-names\":[\"a\",\"a\","
		    "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}",
		    ERR_NONE },
		{ CH("dns-persist-01") ",\"issuer-domain-names\":[\"a\",\"a\","
		    "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}",
		    ERR_LIMIT },
		{ "{\"type\":\"http-01\",\"status\":\"pending\"," T22 "}",
		    ERR_FORMAT },
		{ "{\"type\":\"http-01\",\"status\":\"pending\"," T22
		    ",\"url\":\"https://evil.example/\"}", ERR_PERM },
		{ "{\"type\":\"http-01\",\"status\":\"new\"," T22
		    ",\"url\":\"https://example.com/\"}", ERR_FORMAT },
		{ "{\"type\":\"HTTP-01\"}", ERR_NONE },
		{ CH("http-01") "," T22 "}," CH("http-01") "}", ERR_NONE },
	};
	struct authz		 a;
	struct err		 e = ERR_INIT;
	size_t			 i;

	(void)state;
	ordered(names, 1);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (one(t[i].challenge) != t[i].code)
			fail_msg("%zu: %s", i, t[i].challenge);
	assert_int_equal(authz_read(&a, SPAN_STR("{\"status\":\"valid\","
	    "\"identifier\":{\"type\":\"dns\",\"value\":\"example.org\"}}"),
	    &want, &pin, &e), -1);
	has(e.msg, "example.org was not ordered");
	authz_free(&a);
}

static void
authz_limits(void **state)
{
	static const char *const names[] = { "www.example.org" };
	struct buf		 b = BUF_INIT;
	size_t			 n, i;

	(void)state;
	ordered(names, 1);
	for (n = LIMIT_ACME_CHALLENGES; n <= LIMIT_ACME_CHALLENGES + 1; n++) {
		buf_reset(&b);
		for (i = 0; i < n; i++)
			buf_fmt(&b, "%s{\"type\":\"x-%zu\"}", i != 0 ? "," :
			    "", i);
		assert_int_equal(one(buf_text(&b)), n > LIMIT_ACME_CHALLENGES
		    ? ERR_LIMIT : ERR_NONE);
	}
	for (n = LIMIT_ACME_TOKEN; n <= LIMIT_ACME_TOKEN + 1; n++) {
		buf_reset(&b);
		buf_str(&b, CH("http-01") ",\"token\":\"");
		for (i = 0; i < n; i++)
			buf_u8(&b, 'x');
		buf_str(&b, "\"}");
		assert_int_equal(one(buf_text(&b)), n > LIMIT_ACME_TOKEN ?
		    ERR_FORMAT : ERR_NONE);
	}
	buf_free(&b);
}

/* RFC 8555 8.2: why it is invalid. */
static void
authz_why(void **state)
{
	static const char *const names[] = { "127.0.0.1" };
	struct authz		 a;

	(void)state;
	ordered(names, 1);
	assert_int_equal(authz_read(&a, SPAN_STR("{\"status\":\"invalid\","
	    "\"identifier\":{\"type\":\"ip\",\"value\":\"127.0.0.1\"},"
	    "\"challenges\":[" CH("http-01") "," T22 "}," CH("tls-alpn-01")
	    "," T22 ",\"error\":{\"type\":\"urn:ietf:params:acme:error:"
	    "unauthorized\",\"detail\":\"no\"}}]}"), &want, &pin, NULL), 0);
	assert_int_equal(a.status, AUTHZ_INVALID);
	assert_non_null(authz_error(&a));
	assert_string_equal(authz_error(&a)->detail, "no");
	authz_free(&a);
}

static void
fits(void **state)
{
	static const struct {
		const char	*name;
		int		 http, dns, alpn, account, persist;
	} t[] = {
		{ "example.org", 1, 1, 1, 1, 1 },
		{ "*.example.org", 0, 1, 0, 1, 1 },
		{ "192.0.2.1", 1, 0, 1, 0, 0 },
	};
	struct order_ident	 id;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(order_ident(t[i].name, &id, NULL), 0);
		assert_int_equal(challenge_fits(CHALLENGE_HTTP_01, &id),
		    t[i].http);
		assert_int_equal(challenge_fits(CHALLENGE_DNS_01, &id),
		    t[i].dns);
		assert_int_equal(challenge_fits(CHALLENGE_TLS_ALPN_01, &id),
		    t[i].alpn);
		assert_int_equal(challenge_fits(CHALLENGE_DNS_ACCOUNT_01,
		    &id), t[i].account);
		assert_int_equal(challenge_fits(CHALLENGE_DNS_PERSIST_01,
		    &id), t[i].persist);
	}
	for (i = 1; i < CHALLENGE_MAX; i++)
		assert_int_equal(challenge_of(challenge_name(
		    (enum challenge_type)i)), i);
	assert_int_equal(challenge_of("http-02"), 0);
	assert_null(challenge_name(0));
	assert_null(challenge_name(CHALLENGE_MAX));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(identifiers),
		cmocka_unit_test(payloads),
		cmocka_unit_test(order),
		cmocka_unit_test(order_bad),
		cmocka_unit_test(order_limits),
		cmocka_unit_test(authz),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(authz_bad),
		cmocka_unit_test(authz_limits),
		cmocka_unit_test(authz_why),
		cmocka_unit_test(fits),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
