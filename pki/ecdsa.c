/* The tables of a group, and what a point is in Jacobian coordinates. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pki/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { WIDTH = 48 };	/* bytes of a coordinate, and of the order */

struct ecdsa {
	EC_GROUP	*key;		/* its generator is the key */
	EC_POINT	*sum, *part;
};

/* With tables of multiples of the base point: made once, never freed. */
static EC_GROUP	*curve;
static BN_CTX	*bn;

static int
curve_made(void)
{
	if (curve != NULL)
		return 1;
	if (bn == NULL && (bn = BN_CTX_new()) == NULL)
		return 0;
	if ((curve = EC_GROUP_new_by_curve_name(NID_secp384r1)) != NULL &&
	    EC_GROUP_precompute_mult(curve, bn) == 1)
		return 1;
	EC_GROUP_free(curve);
	curve = NULL;
	return 0;
}

/* Fill ${k}: 1, or 0 when OpenSSL cannot. */
static int
tables(struct ecdsa *k, const uint8_t *pub, size_t n)
{
	return (k->key = EC_GROUP_dup(curve)) != NULL &&
	    (k->sum = EC_POINT_new(k->key)) != NULL &&
	    (k->part = EC_POINT_new(k->key)) != NULL &&
	    EC_POINT_oct2point(k->key, k->part, pub, n, bn) == 1 &&
	    EC_POINT_is_at_infinity(k->key, k->part) == 0 &&
	    EC_GROUP_set_generator(k->key, k->part,
	    EC_GROUP_get0_order(curve), BN_value_one()) == 1 &&
	    EC_GROUP_precompute_mult(k->key, bn) == 1;
}

struct ecdsa *
ecdsa_new(EVP_PKEY *key)
{
	struct ecdsa	*k;
	uint8_t		 pub[1 + 2 * WIDTH];
	char		 name[80];
	size_t		 n;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1 ||
	    strcmp(name, SN_secp384r1) != 0 ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, pub,
	    sizeof(pub), &n) != 1 || !curve_made()) {
		ERR_clear_error();
		return NULL;
	}
	k = mem_zero(sizeof(*k));
	if (tables(k, pub, n))
		return k;
	ERR_clear_error();
	ecdsa_free(k);
	return NULL;
}

void
ecdsa_free(struct ecdsa *k)
{
	if (k == NULL)
		return;
	EC_POINT_free(k->sum);
	EC_POINT_free(k->part);
	EC_GROUP_free(k->key);
	free(k);
}

/* The two numbers, when they are in range and the DER is the only one. */
static ECDSA_SIG *
sig_read(struct span sig)
{
	const uint8_t	*p = sig.p;
	const BIGNUM	*n = EC_GROUP_get0_order(curve), *r, *s;
	uint8_t		*again = NULL;
	ECDSA_SIG	*v;
	int		 len;

	if (sig.n > INT_MAX ||
	    (v = d2i_ECDSA_SIG(NULL, &p, (long)sig.n)) == NULL)
		return NULL;
	ECDSA_SIG_get0(v, &r, &s);
	len = i2d_ECDSA_SIG(v, &again);
	if (len < 0 || (size_t)len != sig.n ||
	    memcmp(again, sig.p, sig.n) != 0 ||
	    BN_is_zero(r) || BN_is_negative(r) || BN_ucmp(r, n) >= 0 ||
	    BN_is_zero(s) || BN_is_negative(s) || BN_ucmp(s, n) >= 0) {
		ECDSA_SIG_free(v);
		v = NULL;
	}
	OPENSSL_free(again);
	return v;
}

/*
 * sum = u1 times the base point + u2 times the key.  EC_POINT_mul() with a
 * generator alone is a ladder for secrets, which uses no table: hence each
 * time another point once, the base point itself at first.  1, or 0 when
 * OpenSSL cannot.
 */
static int
add(struct ecdsa *k, BIGNUM *u1, const BIGNUM *u2)
{
	const BIGNUM	*one = BN_value_one();

	return BN_mod_sub(u1, u1, one, EC_GROUP_get0_order(curve), bn) == 1 &&
	    EC_POINT_mul(curve, k->part, u1,
	    EC_GROUP_get0_generator(curve), one, bn) == 1 &&
	    EC_POINT_mul(k->key, k->sum, u2, k->part, one, bn) == 1;
}

/*
 * Is the affine x, modulo the order, ${r}?  x is X/Z^2: rather than to divide,
 * each x below the prime that it can be is multiplied.
 */
static int
is_x(const struct ecdsa *k, const BIGNUM *r)
{
	const BIGNUM	*p = EC_GROUP_get0_field(k->key);
	BIGNUM		*x = BN_CTX_get(bn), *z = BN_CTX_get(bn);
	BIGNUM		*may = BN_CTX_get(bn), *is = BN_CTX_get(bn);

	if (EC_POINT_is_at_infinity(k->key, k->sum) == 1)
		return 0;
	if (is == NULL || BN_copy(may, r) == NULL ||
	    EC_POINT_get_Jprojective_coordinates_GFp(k->key, k->sum, x, NULL,
	    z, bn) != 1 || BN_mod_sqr(z, z, p, bn) != 1)
		return -1;
	while (BN_ucmp(may, p) < 0) {
		if (BN_mod_mul(is, may, z, p, bn) != 1)
			return -1;
		if (BN_cmp(is, x) == 0)
			return 1;
		if (BN_add(may, may, EC_GROUP_get0_order(curve)) != 1)
			return -1;
	}
	return 0;
}

int
ecdsa_verify(struct ecdsa *k, struct span sig, const uint8_t *digest, size_t n)
{
	const BIGNUM	*order = EC_GROUP_get0_order(curve);
	ECDSA_SIG	*v;
	BIGNUM		*u1, *u2, *w;
	int		 r = -1;

	if ((v = sig_read(sig)) == NULL) {
		ERR_clear_error();
		return 0;
	}
	BN_CTX_start(bn);
	u1 = BN_CTX_get(bn);
	u2 = BN_CTX_get(bn);
	w = BN_CTX_get(bn);
	/* the leftmost bits of a digest that is longer than the order */
	if (w != NULL &&
	    BN_bin2bn(digest, n < WIDTH ? (int)n : WIDTH, u1) != NULL &&
	    BN_mod_inverse(w, ECDSA_SIG_get0_s(v), order, bn) != NULL &&
	    BN_mod_mul(u1, u1, w, order, bn) == 1 &&
	    BN_mod_mul(u2, ECDSA_SIG_get0_r(v), w, order, bn) == 1 &&
	    add(k, u1, u2))
		r = is_x(k, ECDSA_SIG_get0_r(v));
	BN_CTX_end(bn);
	ECDSA_SIG_free(v);
	if (r == -1)
		ERR_clear_error();
	return r;
}
