/*
 * P-384 signatures by tables: what OpenSSL makes is good, for each length of
 * digest; nothing else is, not one bit off, no other DER of the same numbers;
 * a key of another kind has no tables.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <stdlib.h>
#include <string.h>

#include "pki/ecdsa.h"

enum { SIG_MAX = 200 };

/* The digest may be of any length: no name of one is given. */
static size_t
sign(EVP_PKEY *key, const uint8_t *h, size_t n, uint8_t sig[SIG_MAX])
{
	EVP_PKEY_CTX	*ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t		 len = SIG_MAX;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, h, n), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static void
random_bytes(uint8_t *p, size_t n)
{
	assert_int_equal(RAND_bytes(p, (int)n), 1);
}

static void
good(void **state)
{
	static const size_t	lengths[] = { 20, 28, 32, 48, 64 };
	EVP_PKEY		*key;
	struct ecdsa		*k;
	uint8_t			 h[64], sig[SIG_MAX];
	size_t			 i, j, n;

	(void)state;
	for (i = 0; i < 5; i++) {
		key = EVP_EC_gen("P-384");
		k = ecdsa_new(key);
		assert_non_null(k);
		for (j = 0; j < 25; j++) {
			random_bytes(h, sizeof(h));
			n = sign(key, h, lengths[j % 5], sig);
			assert_int_equal(ecdsa_verify(k, (struct span){ sig, n },
			    h, lengths[j % 5]), 1);
		}
		ecdsa_free(k);
		EVP_PKEY_free(key);
	}
}

/* Digests whose number is 0, 1, the order and around it. */
static void
edges(void **state)
{
	const EC_GROUP	*g = EC_GROUP_new_by_curve_name(NID_secp384r1);
	EVP_PKEY	*key = EVP_EC_gen("P-384");
	struct ecdsa	*k = ecdsa_new(key);
	uint8_t		 h[48], sig[SIG_MAX];
	BIGNUM		*v = BN_new();
	size_t		 n;
	int		 i;

	(void)state;
	for (i = -3; i <= 3; i++) {
		memset(h, 0, sizeof(h));
		if (i >= 0) {
			h[47] = (uint8_t)i;
			n = sign(key, h, sizeof(h), sig);
			assert_int_equal(ecdsa_verify(k,
			    (struct span){ sig, n }, h, sizeof(h)), 1);
		}
		BN_copy(v, EC_GROUP_get0_order(g));
		assert_int_equal(i < 0 ? BN_sub_word(v, (BN_ULONG)-i) :
		    BN_add_word(v, (BN_ULONG)i), 1);
		assert_int_equal(BN_bn2binpad(v, h, 48), 48);
		n = sign(key, h, sizeof(h), sig);
		assert_int_equal(ecdsa_verify(k, (struct span){ sig, n }, h,
		    sizeof(h)), 1);
	}
	BN_free(v);
	ecdsa_free(k);
	EVP_PKEY_free(key);
	EC_GROUP_free((EC_GROUP *)(uintptr_t)g);
}

static void
nothing_else(void **state)
{
	EVP_PKEY	*key = EVP_EC_gen("P-384"), *other = EVP_EC_gen("P-384");
	struct ecdsa	*k = ecdsa_new(key), *o = ecdsa_new(other);
	uint8_t		 h[48], sig[SIG_MAX];
	size_t		 i, n;

	(void)state;
	random_bytes(h, sizeof(h));
	n = sign(key, h, sizeof(h), sig);
	assert_int_equal(ecdsa_verify(k, (struct span){ sig, n }, h, 48), 1);
	assert_int_equal(ecdsa_verify(o, (struct span){ sig, n }, h, 48), 0);
	for (i = 0; i < n * 8; i++) {
		sig[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(ecdsa_verify(k, (struct span){ sig, n }, h,
		    48), 0);
		sig[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (i = 0; i < 48 * 8; i++) {
		h[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(ecdsa_verify(k, (struct span){ sig, n }, h,
		    48), 0);
		h[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (i = 0; i < n; i++)
		assert_int_equal(ecdsa_verify(k, (struct span){ sig, i }, h,
		    48), 0);
	sig[n] = 0;	/* a byte too many, and a length of two bytes */
	assert_int_equal(ecdsa_verify(k, (struct span){ sig, n + 1 }, h, 48), 0);
	memmove(sig + 2, sig + 1, n - 1);
	sig[1] = 0x81;
	assert_int_equal(ecdsa_verify(k, (struct span){ sig, n + 1 }, h, 48), 0);
	ecdsa_free(k);
	ecdsa_free(o);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* 0, the order and more, negative: as r and as s, in good DER. */
static void
numbers(void **state)
{
	static const uint8_t	zero[] = { 0x30, 6, 2, 1, 0, 2, 1, 0 };
	static const uint8_t	minus[] = { 0x30, 6, 2, 1, 0xff, 2, 1, 0xff };
	static const uint8_t	one[] = { 0x30, 6, 2, 1, 1, 2, 1, 1 };
	EC_GROUP	*g = EC_GROUP_new_by_curve_name(NID_secp384r1);
	EVP_PKEY	*key = EVP_EC_gen("P-384");
	struct ecdsa	*k = ecdsa_new(key);
	uint8_t		 h[48] = { 0 }, sig[SIG_MAX], *p;
	ECDSA_SIG	*v;
	BIGNUM		*r, *s;
	const BIGNUM	*r0, *s0;
	const uint8_t	*q;
	size_t		 n;
	int		 i, len;

	(void)state;
	assert_int_equal(ecdsa_verify(k, (struct span){ zero, 8 }, h, 48), 0);
	assert_int_equal(ecdsa_verify(k, (struct span){ minus, 8 }, h, 48), 0);
	assert_int_equal(ecdsa_verify(k, (struct span){ one, 8 }, h, 48), 0);
	assert_int_equal(ecdsa_verify(k, (struct span){ NULL, 0 }, h, 48), 0);
	/* the same numbers but for a multiple of the order */
	random_bytes(h, sizeof(h));
	n = sign(key, h, sizeof(h), sig);
	for (i = 0; i < 2; i++) {
		q = sig;
		v = d2i_ECDSA_SIG(NULL, &q, (long)n);
		ECDSA_SIG_get0(v, &r0, &s0);
		r = BN_dup(r0);
		s = BN_dup(s0);
		BN_add(i == 0 ? r : s, i == 0 ? r : s,
		    EC_GROUP_get0_order(g));
		assert_int_equal(ECDSA_SIG_set0(v, r, s), 1);
		p = NULL;
		len = i2d_ECDSA_SIG(v, &p);
		assert_true(len > 0);
		assert_int_equal(ecdsa_verify(k, (struct span){ p,
		    (size_t)len }, h, 48), 0);
		OPENSSL_free(p);
		ECDSA_SIG_free(v);
	}
	ecdsa_free(k);
	EVP_PKEY_free(key);
	EC_GROUP_free(g);
}

static void
other_kinds(void **state)
{
	static const char	*curves[] = { "P-256", "P-521", "secp256k1" };
	EVP_PKEY		*key;
	size_t			 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		key = EVP_EC_gen(curves[i]);
		assert_null(ecdsa_new(key));
		EVP_PKEY_free(key);
	}
	key = EVP_RSA_gen(2048);
	assert_null(ecdsa_new(key));
	EVP_PKEY_free(key);
	ecdsa_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(edges),
		cmocka_unit_test(nothing_else),
		cmocka_unit_test(numbers),
		cmocka_unit_test(other_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
