#ifndef TESTS_UNIT_AUDITOR_SIGN_ACME_FIXTURE_H
#define TESTS_UNIT_AUDITOR_SIGN_ACME_FIXTURE_H

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

/* A sign process with keys, and what is signed, read again. */

#define HOSTS	"ca.example other.example"
#define URL	"https://ca.example/acme/do"
#define KID	"https://ca.example/acme/acct/1"
#define NONCE	"oFvnlFP1wIhRlYS2jTaXbA"
#define MACKEY	"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUA"

static const uint8_t	authority[SIGN_AUTHORITY] = "0123456789abcdef";
static const uint8_t	another[SIGN_AUTHORITY] = "0123456789abcdeg";

static struct sign_acme	*a;
static struct sign_store *store;	/* a second look at the same keys */

static inline struct sign_acme *
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

static inline int
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

static inline int
stop(void **state)
{
	sign_acme_free(a);
	sign_store_free(store);
	return teardown(state);
}

static inline EVP_PKEY *
key_of(enum sign_place place, const char *id, int next)
{
	struct sign_name	 k = { place, id, next };
	EVP_PKEY		*key = sign_store_get(store, k, NULL);

	assert_non_null(key);
	return key;
}

/* r and s of ES256 and ES384 as DER, for OpenSSL. */
static inline int
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

static inline json_t *
unwrapped(const json_t *o, const char *name, struct buf *raw)
{
	const char	*s = json_string_value(json_object_get(o, name));

	buf_reset(raw);
	assert_non_null(s);
	assert_int_equal(enc_unb64url(s, strlen(s), raw), 0);
	return json_loads(buf_text(raw), JSON_DECODE_ANY, NULL);
}

/* Is it what was asked for, and signed by this key? */
static inline void
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

static inline void
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

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

#endif
