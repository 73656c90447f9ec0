#ifndef TESTS_UNIT_ACME_JWS_FIXTURE_H
#define TESTS_UNIT_ACME_JWS_FIXTURE_H

#include "tests/unit/acme/acme_fixture.h"

#include <jansson.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "acme/jws.h"
#include "acme/pkey.h"
#include "base/enc.h"
#include "base/limit.h"

/* JWS, read and verified without what made them. */

#define URL	"https://ca.example/acme/new-order?x=1"
#define KID	"https://ca.example/acme/acct/17"

static inline void
unb64(const char *s, struct buf *out)
{
	buf_reset(out);
	if (enc_unb64url(s, strlen(s), out) == -1)
		fail_msg("no base64url: %s", s);
}

static inline BIGNUM *
number(const char *s)
{
	struct buf	b = BUF_INIT;
	BIGNUM		*bn;

	unb64(s, &b);
	bn = BN_bin2bn(b.p, (int)b.n, NULL);
	buf_free(&b);
	return bn;
}

static inline EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM	*params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX	*ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY	*key = NULL;

	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY,
	    params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static inline EVP_PKEY *
rsa_of(const char *n, const char *e)
{
	OSSL_PARAM_BLD	*bld = OSSL_PARAM_BLD_new();
	BIGNUM		*a = number(n), *b = number(e);
	EVP_PKEY	*key;

	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, a);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, b);
	key = from_params("RSA", bld);
	BN_free(a);
	BN_free(b);
	return key;
}

static inline EVP_PKEY *
ec_of(const char *crv, const char *x, const char *y)
{
	OSSL_PARAM_BLD	*bld = OSSL_PARAM_BLD_new();
	struct buf	 point = BUF_INIT, v = BUF_INIT;
	EVP_PKEY	*key;

	buf_u8(&point, 4);
	unb64(x, &v);
	buf_add(&point, v.p, v.n);
	unb64(y, &v);
	buf_add(&point, v.p, v.n);
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, crv,
	    0);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    point.p, point.n);
	key = from_params("EC", bld);
	buf_free(&point);
	buf_free(&v);
	return key;
}

/* Does OpenSSL take a signature as JWS has it (RFC 7518, 3.3 and 3.4)? */
static inline int
verify(EVP_PKEY *key, const char *alg, const char *in, const char *sig64)
{
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	struct buf	 sig = BUF_INIT;
	ECDSA_SIG	*rs = NULL;
	uint8_t		*der = NULL;
	size_t		 w = strcmp(alg, "ES384") == 0 ? 48 : 32;
	int		 n, ok;

	unb64(sig64, &sig);
	if (alg[0] == 'E') {
		assert_int_equal(sig.n, 2 * w);
		rs = ECDSA_SIG_new();
		ECDSA_SIG_set0(rs, BN_bin2bn(sig.p, (int)w, NULL),
		    BN_bin2bn(sig.p + w, (int)w, NULL));
		n = i2d_ECDSA_SIG(rs, &der);
		buf_reset(&sig);
		buf_add(&sig, der, (size_t)n);
	} else
		assert_string_equal(alg, "RS256");
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, w == 48 ?
	    EVP_sha384() : EVP_sha256(), NULL, key), 1);
	ok = EVP_DigestVerify(ctx, sig.p, sig.n, (const uint8_t *)in,
	    strlen(in)) == 1;
	ECDSA_SIG_free(rs);
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	buf_free(&sig);
	return ok;
}

/* A member, which must be a string. */
static inline const char *
text(const json_t *o, const char *name)
{
	const char	*s = json_string_value(json_object_get(o, name));

	if (s == NULL)
		fail_msg("no member %s", name);
	return s;
}

/* base64url of JSON. */
static inline json_t *
inside(const char *s)
{
	struct buf	b = BUF_INIT;
	json_t		*o;

	unb64(s, &b);
	o = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	if (o == NULL)
		fail_msg("no JSON: %s", buf_text(&b));
	buf_free(&b);
	return o;
}

static inline json_t *
parse(const struct buf *b)
{
	json_t	*o = json_loadb((const char *)b->p, b->n,
	    JSON_REJECT_DUPLICATES, NULL);

	if (o == NULL)
		fail_msg("no JSON: %s", buf_text(b));
	assert_int_equal(json_object_size(o), 3);
	return o;
}

static inline char *
input(const json_t *o)
{
	char	*s = NULL;

	assert_true(asprintf(&s, "%s.%s", text(o, "protected"),
	    text(o, "payload")) > 0);
	return s;
}

/* A key from its JWK, as a CA makes it. */
static inline EVP_PKEY *
from_jwk(const json_t *j)
{
	assert_non_null(j);
	if (strcmp(text(j, "kty"), "RSA") == 0)
		return rsa_of(text(j, "n"), text(j, "e"));
	return ec_of(text(j, "crv"), text(j, "x"), text(j, "y"));
}

#endif
