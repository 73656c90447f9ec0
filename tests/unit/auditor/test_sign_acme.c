#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "acme/csr.h"
#include "acme/jws.h"
#include "acme/pkey.h"
#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/sign_fixture.h"

#define HOSTS	"ca.example other.example"
#define URL	"https://ca.example/acme/do"
#define KID	"https://ca.example/acme/acct/1"
#define NONCE	"oFvnlFP1wIhRlYS2jTaXbA"
#define MACKEY	"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUA"

static const uint8_t	authority[SIGN_AUTHORITY] = "0123456789abcdef";
static const uint8_t	another[SIGN_AUTHORITY] = "0123456789abcdeg";

static struct sign_acme	*a;
static struct sign_store *store;	/* a second look at the same keys */

static struct sign_acme *
opened(int operator, int http)
{
	struct sign_setup	 x = { dir, NULL, dir, { authority, 0 }, http };
	struct err		 e = ERR_INIT;
	struct sign_acme	*it;

	x.authority.n = operator ? SIGN_AUTHORITY : 0;
	it = sign_acme_new(&x, &e);
	if (it == NULL)
		fail_msg("%s", e.msg);
	return it;
}

static int
start(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		spki[32];

	if (setup(state) == -1)
		return -1;
	a = opened(1, 0);
	store = sign_store_open(dir, NULL, NULL);
	if (store == NULL ||
	    sign_acme_account(a, "a1", "p256", &b, NULL) == -1 ||
	    sign_acme_account(a, "a2", "rsa2048", &b, NULL) == -1 ||
	    sign_acme_cert(a, "c1", "p256", spki, NULL) == -1 ||
	    sign_acme_cert(a, "c2", "p384", spki, NULL) == -1)
		return -1;
	buf_free(&b);
	return 0;
}

static int
stop(void **state)
{
	sign_acme_free(a);
	sign_store_free(store);
	return teardown(state);
}

static EVP_PKEY *
key_of(enum sign_place place, const char *id, int next)
{
	struct sign_name	 k = { place, id, next };
	EVP_PKEY		*key = sign_store_get(store, k, NULL);

	assert_non_null(key);
	return key;
}

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

/* r and s of ES256 and ES384 as DER, for OpenSSL. */
static int
es_verify(EVP_PKEY *key, const struct buf *sig, struct span in)
{
	size_t		 w = sig->n / 2;
	ECDSA_SIG	*v = ECDSA_SIG_new();
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	uint8_t		*der = NULL;
	int		 n, ok;

	ECDSA_SIG_set0(v, BN_bin2bn(sig->p, (int)w, NULL),
	    BN_bin2bn(sig->p + w, (int)w, NULL));
	n = i2d_ECDSA_SIG(v, &der);
	ok = EVP_DigestVerifyInit(ctx, NULL, w == 32 ? EVP_sha256() :
	    EVP_sha384(), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, der, (size_t)n, in.p, in.n) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(v);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static json_t *
unwrapped(const json_t *o, const char *name, struct buf *raw)
{
	const char	*s = json_string_value(json_object_get(o, name));

	buf_reset(raw);
	assert_non_null(s);
	assert_int_equal(enc_unb64url(s, strlen(s), raw), 0);
	return json_loads(buf_text(raw), JSON_DECODE_ANY, NULL);
}

/* Is it what was asked for, and signed by this key? */
static void
check_jws(const struct buf *out, const struct sign_ask *ask, EVP_PKEY *key)
{
	json_t		*o = json_loads(buf_text(out), 0, NULL), *head;
	struct buf	 raw = BUF_INIT, in = BUF_INIT;

	assert_int_equal(json_object_size(o), 3);
	head = unwrapped(o, "protected", &raw);
	assert_int_equal(json_object_size(head), 4);
	assert_string_equal(json_string_value(json_object_get(head, "url")),
	    ask->url);
	assert_string_equal(json_string_value(json_object_get(head, "nonce")),
	    NONCE);
	if (ask->kid[0] != '\0')
		assert_string_equal(json_string_value(json_object_get(head,
		    "kid")), ask->kid);
	else
		assert_true(json_is_object(json_object_get(head, "jwk")));
	json_decref(head);
	json_decref(unwrapped(o, "payload", &raw));
	assert_int_equal(raw.n, ask->payload.n);
	if (raw.n != 0)
		assert_memory_equal(raw.p, ask->payload.p, raw.n);
	buf_fmt(&in, "%s.%s", json_string_value(json_object_get(o,
	    "protected")), json_string_value(json_object_get(o, "payload")));
	json_decref(unwrapped(o, "signature", &raw));
	assert_true(es_verify(key, &raw, buf_bytes(&in)));
	json_decref(o);
	buf_free(&raw);
	buf_free(&in);
}

#define AUTH	1	/* the operator's authority comes with it */
#define WRONG	2	/* another's */

struct row {
	enum acme_purpose	 purpose;
	int			 flags;
	const char		*payload;
	const char		*url;	/* NULL: URL */
	const char		*kid;	/* NULL: KID, or none where the key
					   itself is sent */
	const char		*cert;	/* NULL: "" */
	enum err_code		 want;
};

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
ask_of(const struct row *r, struct sign_ask *ask)
{
	int	jwk = r->purpose == ACME_ACCOUNT_NEW ||
	    r->purpose == ACME_REVOKE_KEY;

	memset(ask, 0, sizeof(*ask));
	ask->purpose = r->purpose;
	ask->account = r->purpose == ACME_REVOKE_KEY ? "" : "a1";
	ask->cert = r->cert == NULL ? "" : r->cert;
	ask->hosts = HOSTS;
	ask->url = r->url == NULL ? URL : r->url;
	ask->nonce = NONCE;
	ask->kid = r->kid != NULL ? r->kid : jwk ? "" : KID;
	ask->authority.p = r->flags == WRONG ? another : authority;
	ask->authority.n = r->flags == 0 ? 0 : SIGN_AUTHORITY;
}

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

static void
test_rollover(void **state)
{
	const struct span	mine = { authority, SIGN_AUTHORITY };
	struct sign_roll	roll = { "a1", "p384", HOSTS, URL, KID, mine };
	struct buf		inner = BUF_INIT, out = BUF_INIT, b = BUF_INIT;
	struct err		e = ERR_INIT;
	struct sign_ask		ask;
	const struct row	change = { ACME_KEY_CHANGE, AUTH, "", NULL,
	    NULL, NULL, 0 };
	EVP_PKEY		*old, *next, *now;

	(void)state;
	/* not without authority, not for other hosts, not for nobody */
	roll.authority.n = 0;
	assert_int_equal(sign_acme_roll(a, &roll, &inner, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	roll.authority = mine;
	roll.url = "https://third.example/";
	assert_int_equal(sign_acme_roll(a, &roll, &inner, NULL), -1);
	roll.url = URL;
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY);
	assert_int_equal(sign_acme_roll(a, &roll, &inner, NULL), 0);
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY |
	    SIGN_HAS_NEXT);
	old = key_of(SIGN_ACCOUNT, "a1", 0);
	next = key_of(SIGN_ACCOUNT, "a1", 1);
	ask_of(&change, &ask);
	ask.payload = buf_bytes(&inner);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	check_jws(&out, &ask, old);
	/* again, as after badNonce, and with another inner one of ours */
	buf_reset(&out);
	assert_int_equal(sign_acme_roll(a, &roll, &b, NULL), 0);
	ask.payload = buf_bytes(&b);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	/* not without authority, for another URL or account, by the next */
	ask.authority.n = 0;
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.authority = mine;
	ask.url = URL "/2";
	err_clear(&e);
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	ask.url = URL;
	ask.kid = KID "0";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.kid = KID;
	ask.next = 1;
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.next = 0;
	ask.account = "a2";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	/* the next key may look whether the CA knows it */
	ask.purpose = ACME_ACCOUNT_NEW;
	ask.account = "a1";
	ask.kid = "";
	ask.next = 1;
	ask.payload = SPAN_STR("{\"onlyReturnExisting\":true}");
	buf_reset(&out);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	check_jws(&out, &ask, next);
	/* it is committed */
	assert_int_equal(sign_acme_rolled(a, "a1", 1, (struct span){
	    another, SIGN_AUTHORITY }, NULL), -1);
	assert_int_equal(sign_acme_rolled(a, "a1", 1, mine, NULL), 0);
	now = key_of(SIGN_ACCOUNT, "a1", 0);
	assert_int_equal(EVP_PKEY_eq(now, next), 1);
	err_clear(&e);
	assert_int_equal(sign_acme_rolled(a, "a1", 1, mine, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	/* and one that is given up */
	assert_int_equal(sign_acme_roll(a, &roll, &b, NULL), 0);
	assert_int_equal(sign_acme_rolled(a, "a1", 0, mine, NULL), 0);
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY);
	EVP_PKEY_free(old);
	EVP_PKEY_free(next);
	EVP_PKEY_free(now);
	buf_free(&inner);
	buf_free(&out);
	buf_free(&b);
}

static void
test_bind(void **state)
{
	struct sign_bind	b = { "a1", HOSTS, URL, "HS256", "kid-1",
	    MACKEY };
	struct buf		out = BUF_INIT;

	(void)state;
	b.url = "https://third.example/";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.url = URL;
	b.alg = "none";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.alg = "HS256";
	b.key = "!";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.key = MACKEY;
	b.account = "none";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	assert_int_equal(out.n, 0);
	b.account = "a2";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), 0);
	buf_free(&out);
}

static void
test_deploy(void **state)
{
	static const struct sign_deploy	plain = { 0600, UINT32_MAX,
	    UINT32_MAX };
	static const uint32_t		modes[] = { 0, 0200, 0604, 0660,
	    0700, 04600, 0620 };
	struct sign_deploy		d = plain;
	struct err			e = ERR_INIT;
	struct buf			text = BUF_INIT;
	EVP_PKEY			*key, *want;
	int				fd;
	size_t				i;

	(void)state;
	mkdir(at("live"), 0750);
	fd = open(at("live"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sign_acme_deploy(a, "none", fd, &d, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		d.mode = modes[i];
		err_clear(&e);
		assert_int_equal(sign_acme_deploy(a, "c1", fd, &d, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	d.mode = 0640;
	d.gid = (uint32_t)getegid();
	assert_int_equal(mode_of("live/key.pem"), 0);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &d, NULL), 0);
	assert_int_equal(mode_of("live/key.pem"), 0640);
	slurp("live/key.pem", &text);
	key = sign_pem_read(buf_bytes(&text), NULL, NULL, NULL);
	want = key_of(SIGN_CERT, "c1", 0);
	assert_int_equal(EVP_PKEY_eq(key, want), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(want);
	mem_wipe(text.p, text.cap);
	/* never over what is there, not even through a link */
	err_clear(&e);
	assert_int_equal(sign_acme_deploy(a, "c2", fd, &d, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	unlink(at("live/key.pem"));
	assert_int_equal(symlink("../leak", at("live/key.pem")), 0);
	assert_int_equal(sign_acme_deploy(a, "c2", fd, &plain, NULL), -1);
	assert_int_equal(mode_of("leak"), 0);
	unlink(at("live/key.pem"));
	/* no folder, none that all may write to, no descriptor */
	chmod(at("live"), 0777);
	err_clear(&e);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &plain, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	close(fd);
	assert_int_equal(sign_acme_deploy(a, "c1", -1, &plain, NULL), -1);
	spit("file", "", 0);
	fd = open(at("file"), O_RDWR | O_CLOEXEC);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &plain, NULL), -1);
	close(fd);
	assert_int_equal(mode_of("live/key.pem"), 0);
	buf_free(&text);
}

/* Import ${file} as ${id}: the code. */
static enum err_code
imported(const char *file, const char *id, uint8_t spki[32])
{
	struct err	e = ERR_INIT;
	int		fd = open(at(file), O_RDONLY | O_CLOEXEC), rc;

	rc = sign_acme_import(a, id, fd, spki, &e);
	assert_int_equal(rc, e.code == ERR_NONE ? 0 : -1);
	close(fd);
	return e.code;
}

static void
test_import(void **state)
{
	struct buf	text = BUF_INIT;
	uint8_t		spki[32], want[32];
	EVP_PKEY	*key;
	int		fds[2];

	(void)state;
	key = pkey_make(PKEY_P256, NULL);
	assert_int_equal(sign_pem_write(key, NULL, &text, NULL), 0);
	spit("own.pem", text.p, text.n);
	assert_int_equal(imported("own.pem", "own", spki), ERR_NONE);
	assert_int_equal(pkey_spki_sha256(key, want, NULL), 0);
	assert_memory_equal(spki, want, 32);
	assert_int_equal(mode_of("keys/cert/own.key"), 0600);
	EVP_PKEY_free(key);
	/* a name that is taken, an account's key, none, another kind */
	assert_int_equal(imported("own.pem", "c1", spki), ERR_USAGE);
	assert_int_equal(imported("own.pem", "../x", spki), ERR_USAGE);
	assert_int_equal(imported("keys/account/a1.key", "own2", spki),
	    ERR_VERIFY);
	spit("none.pem", "nonsense", 8);
	assert_int_equal(imported("none.pem", "own2", spki), ERR_CONF);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	buf_reset(&text);
	assert_int_equal(sign_pem_write(key, NULL, &text, NULL), 0);
	spit("ed.pem", text.p, text.n);
	assert_int_equal(imported("ed.pem", "own2", spki), ERR_CONF);
	EVP_PKEY_free(key);
	assert_int_equal(imported("missing.pem", "own2", spki), ERR_PERM);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sign_acme_import(a, "own2", fds[0], spki, NULL), -1);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(mode_of("keys/cert/own2.key"), 0);
	assert_int_equal(sign_acme_drop(a, "own", NULL), 0);
	assert_int_equal(mode_of("keys/cert/own.key"), 0);
	pkey_wipe(&text);
}

static void
test_setup(void **state)
{
	struct sign_setup	x = { dir, NULL, NULL, { authority, 31 }, 0 };
	struct err		e = ERR_INIT;

	(void)state;
	assert_null(sign_acme_new(&x, &e));
	assert_int_equal(e.code, ERR_USAGE);
	x.authority.n = 0;
	x.deploy = "/nonexistent/live";
	err_clear(&e);
	assert_null(sign_acme_new(&x, &e));
	assert_int_equal(e.code, ERR_SYS);
	assert_non_null(strstr(e.msg, "/nonexistent/live"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_table), T(test_frame), T(test_limits),
		T(test_rollover), T(test_bind), T(test_deploy),
		T(test_import), T(test_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
