#include "tests/unit/auditor/sign_acme_fixture.h"

static void
wrap(struct buf *out, const char *before, struct span der, const char *after)
{
	buf_str(out, before);
	enc_b64url(out, der.p, der.n);
	buf_str(out, after);
}

/* {"csr"} for one name; ${tail} bytes more than there are. */
static void
csr_by(EVP_PKEY *key, int tail, struct buf *out)
{
	const char *const	name = "example.com";
	struct san		names = SAN_INIT;
	struct buf		der = BUF_INIT;

	assert_int_equal(san_of(&name, 1, &names, NULL), 0);
	assert_int_equal(csr_make(key, &names, &der, NULL), 0);
	if (tail == 1)
		buf_u8(&der, 0);
	else if (tail == 2)
		der.p[der.n - 1] ^= 1;	/* its signature */
	wrap(out, "{\"csr\":\"", buf_bytes(&der), "\"}");
	san_free(&names);
	buf_free(&der);
}

/* {"certificate","reason"}, signed by its own key. */
static void
cert_by(EVP_PKEY *key, const char *reason, struct buf *out)
{
	X509	*x = X509_new();
	uint8_t	*der = NULL;
	int	 n;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	n = i2d_X509(x, &der);
	assert_true(n > 0);
	wrap(out, "{\"certificate\":\"", (struct span){ der, (size_t)n },
	    "\"");
	buf_fmt(out, "%s}", reason);
	OPENSSL_free(der);
	X509_free(x);
}

/* newAccount with an external binding. */
static void
bound(const char *account, const char *url, struct buf *out)
{
	struct sign_bind	b = { account, HOSTS, url, "HS256", "kid-1",
	    MACKEY };

	buf_str(out, "{\"externalAccountBinding\":");
	assert_int_equal(sign_acme_bind(a, &b, out, NULL), 0);
	buf_str(out, "}");
}

/* A payload as it stands, or "@WHAT", which is made of keys. */
static void
payload_of(const char *text, struct buf *out)
{
	static const struct {
		const char	*name;
		enum sign_place	 place;
		const char	*id;
		int		 arg;
		const char	*reason;
	} made[] = {
		{ "@csr-c1", SIGN_CERT, "c1", 0, NULL },
		{ "@csr-c2", SIGN_CERT, "c2", 0, NULL },
		{ "@csr-a1", SIGN_ACCOUNT, "a1", 0, NULL },
		{ "@csr-a2", SIGN_ACCOUNT, "a2", 0, NULL },
		{ "@csr-long", SIGN_CERT, "c1", 1, NULL },
		{ "@csr-broken", SIGN_CERT, "c1", 2, NULL },
		{ "@cert-c1", SIGN_CERT, "c1", 0, "" },
		{ "@cert-c2", SIGN_CERT, "c2", 0, ",\"reason\":1" },
		{ "@cert-c1-9", SIGN_CERT, "c1", 0, ",\"reason\":9" },
		{ "@cert-c1-7", SIGN_CERT, "c1", 0, ",\"reason\":7" },
		{ "@cert-c1-11", SIGN_CERT, "c1", 0, ",\"reason\":11" },
		{ "@cert-c1-minus", SIGN_CERT, "c1", 0, ",\"reason\":-1" },
		{ "@cert-c1-more", SIGN_CERT, "c1", 0, ",\"x\":1" },
	};
	EVP_PKEY	*key;
	size_t		 i;

	if (text[0] != '@') {
		buf_str(out, text);
		return;
	}
	if (strcmp(text, "@bound-a1") == 0)
		bound("a1", URL, out);
	else if (strcmp(text, "@bound-a2") == 0)
		bound("a2", URL, out);
	else if (strcmp(text, "@bound-other") == 0)
		bound("a1", URL "/other", out);
	else {
		for (i = 0; strcmp(made[i].name, text) != 0; i++)
			;
		key = key_of(made[i].place, made[i].id, 0);
		if (made[i].reason == NULL)
			csr_by(key, made[i].arg, out);
		else
			cert_by(key, made[i].reason, out);
		EVP_PKEY_free(key);
	}
}

#define NO	ERR_VERIFY
#define ID(type, value) "{\"identifiers\":[{\"type\":\"" type \
	"\",\"value\":\"" value "\"}]}"
#define ORDER(more) "{\"identifiers\":[{\"type\":\"dns\",\"value\":" \
	"\"example.com\"}]," more "}"

static const struct row rows[] = {
	/* what is not signed at all */
	{ ACME_DIRECTORY, AUTH, "", NULL, NULL, NULL, NO },
	{ ACME_NONCE, AUTH, "", NULL, NULL, NULL, NO },
	{ ACME_RENEWAL_INFO, AUTH, "", NULL, NULL, NULL, NO },
	{ (enum acme_purpose)0, AUTH, "", NULL, NULL, NULL, NO },
	{ (enum acme_purpose)17, AUTH, "", NULL, NULL, NULL, NO },
	{ (enum acme_purpose)255, AUTH, "{}", NULL, NULL, NULL, NO },
	/* newAccount */
	{ ACME_ACCOUNT_NEW, 0, "{}", NULL, NULL, NULL, 0 },
	{ ACME_ACCOUNT_NEW, 0, "{\"termsOfServiceAgreed\":true,"
	    "\"contact\":[\"mailto:ops@example.org\"]}", NULL, NULL, NULL, 0 },
	{ ACME_ACCOUNT_NEW, 0, "{\"onlyReturnExisting\":true}", NULL, NULL,
	    NULL, 0 },
	{ ACME_ACCOUNT_NEW, 0, "{\"contact\":[]}", NULL, NULL, NULL, 0 },
	{ ACME_ACCOUNT_NEW, 0, "@bound-a1", NULL, NULL, NULL, 0 },
	{ ACME_ACCOUNT_NEW, 0, "@bound-a2", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "@bound-other", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "[]", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{} {}", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"onlyReturnExisting\":1}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"status\":\"deactivated\"}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"contact\":\"mailto:a@b.example\"}", NULL,
	    NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"contact\":[\"a@b.example\"]}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"contact\":[\"mailto:a@b.example\\n\"]}",
	    NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"contact\":[],\"contact\":[]}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{\"externalAccountBinding\":{}}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_NEW, 0, "{}", NULL, KID, NULL, NO },
	/* the account itself */
	{ ACME_ACCOUNT_GET, 0, "", KID, NULL, NULL, 0 },
	{ ACME_ACCOUNT_GET, 0, "{\"contact\":[\"mailto:a@b.example\"]}", KID,
	    NULL, NULL, 0 },
	{ ACME_ACCOUNT_GET, 0, "", NULL, NULL, NULL, NO },
	{ ACME_ACCOUNT_GET, 0, "{}", KID, NULL, NULL, NO },
	{ ACME_ACCOUNT_GET, AUTH, "{\"status\":\"deactivated\"}", KID, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_GET, 0, "", KID, "", NULL, NO },
	{ ACME_ACCOUNT_CLOSE, AUTH, "{\"status\":\"deactivated\"}", KID, NULL,
	    NULL, 0 },
	{ ACME_ACCOUNT_CLOSE, 0, "{\"status\":\"deactivated\"}", KID, NULL,
	    NULL, ERR_PERM },
	{ ACME_ACCOUNT_CLOSE, WRONG, "{\"status\":\"deactivated\"}", KID, NULL,
	    NULL, ERR_PERM },
	{ ACME_ACCOUNT_CLOSE, AUTH, "{\"status\":\"valid\"}", KID, NULL, NULL,
	    NO },
	{ ACME_ACCOUNT_CLOSE, AUTH, "{\"status\":\"deactivated\"}", NULL, NULL,
	    NULL, NO },
	{ ACME_ACCOUNT_CLOSE, AUTH, "", KID, NULL, NULL, NO },
	/* newOrder */
	{ ACME_ORDER_NEW, 0, ID("dns", "example.com"), NULL, NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ID("dns", "*.example.com"), NULL, NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ID("ip", "192.0.2.1"), NULL, NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ID("ip", "2001:db8::1"), NULL, NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ORDER("\"profile\":\"shortlived\","
	    "\"replaces\":\"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE\""), NULL,
	    NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ORDER("\"notBefore\":\"2026-12-01T00:00:00Z\","
	    "\"notAfter\":\"2026-12-08T00:00:00Z\""), NULL, NULL, NULL, 0 },
	{ ACME_ORDER_NEW, 0, ID("dns", "Example.com"), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ID("dns", "192.0.2.1"), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ID("ip", "example.com"), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ID("ip", "2001:DB8::1"), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ID("email", "a@example.com"), NULL, NULL, NULL,
	    NO },
	{ ACME_ORDER_NEW, 0, ID("dns", "a b.example"), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ID("dns", ""), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, "{\"identifiers\":[]}", NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, "{\"identifiers\":{}}", NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, "{\"identifiers\":[{\"type\":\"dns\",\"value\":"
	    "\"example.com\",\"x\":1}]}", NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, "{}", NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"csr\":\"AAAA\""), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"notAfter\":\"tomorrow\""), NULL, NULL,
	    NULL, NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"notAfter\":\"2026-12-08T00:00:00+01\""),
	    NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"profile\":\"\""), NULL, NULL, NULL, NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"replaces\":\"AAAA\""), NULL, NULL, NULL,
	    NO },
	{ ACME_ORDER_NEW, 0, ORDER("\"replaces\":\".AAAA\""), NULL, NULL,
	    NULL, NO },
	/* POST-as-GET, and the empty object */
	{ ACME_ORDER_GET, 0, "", NULL, NULL, NULL, 0 },
	{ ACME_ORDER_GET, 0, "{}", NULL, NULL, NULL, NO },
	{ ACME_AUTHZ_GET, 0, "", NULL, NULL, NULL, 0 },
	{ ACME_AUTHZ_GET, AUTH, "{\"status\":\"deactivated\"}", NULL, NULL,
	    NULL, NO },
	{ ACME_CERTIFICATE, 0, "", NULL, NULL, NULL, 0 },
	{ ACME_CERTIFICATE, 0, " ", NULL, NULL, NULL, NO },
	{ ACME_CHALLENGE, 0, "{}", NULL, NULL, NULL, 0 },
	{ ACME_CHALLENGE, 0, "", NULL, NULL, NULL, NO },
	{ ACME_CHALLENGE, 0, "{\"keyAuthorization\":\"x\"}", NULL, NULL, NULL,
	    NO },
	{ ACME_AUTHZ_CLOSE, 0, "{\"status\":\"deactivated\"}", NULL, NULL,
	    NULL, 0 },
	{ ACME_AUTHZ_CLOSE, 0, "{\"status\":\"revoked\"}", NULL, NULL, NULL,
	    NO },
	{ ACME_AUTHZ_CLOSE, 0, "{\"status\":\"deactivated\"}", NULL, "", NULL,
	    NO },
	/* finalize */
	{ ACME_FINALIZE, 0, "@csr-c1", NULL, NULL, "c1", 0 },
	{ ACME_FINALIZE, 0, "@csr-c2", NULL, NULL, "c2", 0 },
	{ ACME_FINALIZE, 0, "@csr-c1", NULL, NULL, "c2", NO },
	{ ACME_FINALIZE, 0, "@csr-c1", NULL, NULL, "c3", ERR_NOENT },
	{ ACME_FINALIZE, 0, "@csr-c1", NULL, NULL, "../c1", ERR_USAGE },
	{ ACME_FINALIZE, 0, "@csr-c1", NULL, NULL, NULL, ERR_PERM },
	{ ACME_FINALIZE, AUTH, "@csr-c1", NULL, NULL, NULL, 0 },
	{ ACME_FINALIZE, AUTH, "@csr-a1", NULL, NULL, NULL, NO },
	{ ACME_FINALIZE, AUTH, "@csr-a2", NULL, NULL, NULL, NO },
	{ ACME_FINALIZE, AUTH, "@csr-a2", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "@csr-long", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "@csr-broken", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "{\"csr\":\"\"}", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "{\"csr\":\"AA==\"}", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "{\"csr\":\"MAA\"}", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "{\"csr\":7}", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "{}", NULL, NULL, "c1", NO },
	{ ACME_FINALIZE, 0, "@cert-c1", NULL, NULL, "c1", NO },
	/* revokeCert */
	{ ACME_REVOKE, AUTH, "@cert-c1", NULL, NULL, NULL, 0 },
	{ ACME_REVOKE, AUTH, "@cert-c1-9", NULL, NULL, NULL, 0 },
	{ ACME_REVOKE, 0, "@cert-c1", NULL, NULL, NULL, ERR_PERM },
	{ ACME_REVOKE, WRONG, "@cert-c1", NULL, NULL, NULL, ERR_PERM },
	{ ACME_REVOKE, AUTH, "@cert-c1-7", NULL, NULL, NULL, NO },
	{ ACME_REVOKE, AUTH, "@cert-c1-11", NULL, NULL, NULL, NO },
	{ ACME_REVOKE, AUTH, "@cert-c1-minus", NULL, NULL, NULL, NO },
	{ ACME_REVOKE, AUTH, "@cert-c1-more", NULL, NULL, NULL, NO },
	{ ACME_REVOKE, AUTH, "@csr-c1", NULL, NULL, NULL, NO },
	{ ACME_REVOKE, AUTH, "{\"certificate\":\"MAA\"}", NULL, NULL, NULL,
	    NO },
	{ ACME_REVOKE, AUTH, "@cert-c1", NULL, "", NULL, NO },
	{ ACME_REVOKE_KEY, AUTH, "@cert-c1", NULL, NULL, "c1", 0 },
	{ ACME_REVOKE_KEY, AUTH, "@cert-c2", NULL, NULL, "c2", 0 },
	{ ACME_REVOKE_KEY, 0, "@cert-c1", NULL, NULL, "c1", ERR_PERM },
	{ ACME_REVOKE_KEY, AUTH, "@cert-c1", NULL, NULL, "c2", NO },
	{ ACME_REVOKE_KEY, AUTH, "@cert-c1", NULL, KID, "c1", NO },
	{ ACME_REVOKE_KEY, AUTH, "@cert-c1", NULL, NULL, NULL, ERR_USAGE },
	/* where it goes */
	{ ACME_ORDER_GET, 0, "", "https://other.example/1", NULL, NULL, 0 },
	{ ACME_ORDER_GET, 0, "", "https://ca.example:14000/1", NULL, NULL, 0 },
	{ ACME_ORDER_GET, 0, "", "https://third.example/1", NULL, NULL, NO },
	{ ACME_ORDER_GET, 0, "", "http://ca.example/1", NULL, NULL, NO },
	{ ACME_ORDER_GET, 0, "", "https://ca.example@third.example/1", NULL,
	    NULL, NO },
	{ ACME_ORDER_GET, 0, "", "https://ca.example.third.example/", NULL,
	    NULL, NO },
	{ ACME_ORDER_GET, 0, "", "https://ca.example/\"x", NULL, NULL, NO },
	{ ACME_ORDER_GET, 0, "", "", NULL, NULL, NO },
	{ ACME_ORDER_GET, 0, "", NULL, "https://third.example/1", NULL, NO },
	{ ACME_ORDER_GET, 0, "", NULL, "1", NULL, NO },
};

static void
test_table(void **state)
{
	struct buf		 payload = BUF_INIT, out = BUF_INIT;
	struct err		 e;
	struct sign_ask		 ask;
	EVP_PKEY		*key;
	size_t			 i;
	int			 bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask_of(&rows[i], &ask);
		buf_reset(&payload);
		buf_reset(&out);
		payload_of(rows[i].payload, &payload);
		ask.payload = buf_bytes(&payload);
		memset(&e, 0, sizeof(e));
		if ((sign_acme_ask(a, &ask, &out, &e) == 0) !=
		    (rows[i].want == ERR_NONE) || e.code != rows[i].want) {
			print_message("row %zu, purpose %u: %s (%s)\n", i,
			    (unsigned)ask.purpose, e.msg, rows[i].payload);
			bad++;
			continue;
		}
		if (e.code != ERR_NONE) {
			assert_int_equal(out.n, 0);
			continue;
		}
		key = ask.purpose == ACME_REVOKE_KEY ?
		    key_of(SIGN_CERT, ask.cert, 0) :
		    key_of(SIGN_ACCOUNT, "a1", 0);
		check_jws(&out, &ask, key);
		EVP_PKEY_free(key);
	}
	assert_int_equal(bad, 0);
	buf_free(&payload);
	buf_free(&out);
}

/* What the table leaves out: nonces, hosts, http, who is no operator. */
static void
test_frame(void **state)
{
	static const struct row	get = { ACME_ORDER_GET, 0, "", NULL, NULL,
	    NULL, 0 };
	static const struct row	revoke = { ACME_REVOKE, AUTH, "", NULL, NULL,
	    NULL, 0 };
	struct buf		out = BUF_INIT, many = BUF_INIT, p = BUF_INIT;
	struct err		e = ERR_INIT;
	struct sign_acme	*it;
	struct sign_ask		ask;
	unsigned		i;

	(void)state;
	ask_of(&get, &ask);
	ask.nonce = "";
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	ask.nonce = "a\"b";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.nonce = NONCE;
	ask.hosts = "";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.account = "a9";
	ask.hosts = HOSTS;
	err_clear(&e);
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	ask.account = "a1";
	ask.next = 1;	/* there is none */
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.next = 0;
	/* hosts: at the limit, and one more */
	for (i = 1; i < LIMIT_SIGN_HOSTS; i++)
		buf_fmt(&many, "h%u.example ", i);
	buf_str(&many, "ca.example");
	ask.hosts = buf_text(&many);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	buf_str(&many, " more.example");
	ask.hosts = buf_text(&many);
	err_clear(&e);
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* plain http only where set-up allows it */
	it = opened(0, 1);
	ask.hosts = HOSTS;
	ask.url = "http://ca.example:14000/1";
	assert_int_equal(sign_acme_ask(it, &ask, &out, NULL), 0);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	/* the daemon has no authority, whatever comes */
	ask_of(&revoke, &ask);
	payload_of("@cert-c1", &p);
	ask.payload = buf_bytes(&p);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	err_clear(&e);
	assert_int_equal(sign_acme_ask(it, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	memset(&ask.authority, 0, sizeof(ask.authority));
	assert_int_equal(sign_acme_ask(it, &ask, &out, NULL), -1);
	sign_acme_free(it);
	buf_free(&many);
	buf_free(&out);
	buf_free(&p);
}

/* Lists at their limits, and one more. */
static void
test_limits(void **state)
{
	static const struct row	order = { ACME_ORDER_NEW, 0, "", NULL, NULL,
	    NULL, 0 };
	static const struct row	new = { ACME_ACCOUNT_NEW, 0, "", NULL, NULL,
	    NULL, 0 };
	struct buf		p = BUF_INIT, out = BUF_INIT;
	struct err		e = ERR_INIT;
	struct sign_ask		ask;
	unsigned		i, n;

	(void)state;
	for (n = LIMIT_SAN_NAMES; n <= LIMIT_SAN_NAMES + 1; n++) {
		buf_reset(&p);
		buf_str(&p, "{\"identifiers\":[");
		for (i = 0; i < n; i++)
			buf_fmt(&p, "%s{\"type\":\"dns\",\"value\":"
			    "\"n%u.example\"}", i == 0 ? "" : ",", i);
		buf_str(&p, "]}");
		ask_of(&order, &ask);
		ask.payload = buf_bytes(&p);
		assert_int_equal(sign_acme_ask(a, &ask, &out, NULL),
		    n == LIMIT_SAN_NAMES ? 0 : -1);
	}
	for (n = LIMIT_ACME_CONTACTS; n <= LIMIT_ACME_CONTACTS + 1; n++) {
		buf_reset(&p);
		buf_str(&p, "{\"contact\":[");
		for (i = 0; i < n; i++)
			buf_fmt(&p, "%s\"mailto:n%u@example.org\"",
			    i == 0 ? "" : ",", i);
		buf_str(&p, "]}");
		ask_of(&new, &ask);
		ask.payload = buf_bytes(&p);
		assert_int_equal(sign_acme_ask(a, &ask, &out, NULL),
		    n == LIMIT_ACME_CONTACTS ? 0 : -1);
	}
	buf_reset(&p);
	buf_str(&p, "{}");
	while (p.n < LIMIT_SIGN_BODY)
		buf_u8(&p, ' ');
	ask.payload = buf_bytes(&p);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	buf_u8(&p, ' ');
	ask.payload = buf_bytes(&p);
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&p);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_table), T(test_frame), T(test_limits)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
