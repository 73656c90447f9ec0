#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "tests/rig/lib/weakkey.h"

enum { PRIME_BITS = 1024, ROCA_PRIMES = 126 };

static void
must(int ok)
{
	if (!ok)
		abort();
}

/* The smallest prime from ${n} on that suits exponent 65537. */
static void
next_prime(BIGNUM *n, BN_CTX *c)
{
	if (!BN_is_odd(n))
		must(BN_add_word(n, 1));
	while (BN_check_prime(n, c, NULL) != 1 ||
	    BN_mod_word(n, 65537) == 1)
		must(BN_add_word(n, 2));
}

/* The rest of the key: CRT parameters and the private exponent. */
static void
complete(BIGNUM *v[8], BN_CTX *c)
{
	BIGNUM *p1 = BN_dup(v[3]), *q1 = BN_dup(v[4]), *phi = BN_new();

	must(p1 != NULL && q1 != NULL && phi != NULL &&
	    BN_sub_word(p1, 1) && BN_sub_word(q1, 1) &&
	    BN_mul(v[0], v[3], v[4], c) && BN_set_word(v[1], 65537) &&
	    BN_mul(phi, p1, q1, c) &&
	    BN_mod_inverse(v[2], v[1], phi, c) != NULL &&
	    BN_mod(v[5], v[2], p1, c) && BN_mod(v[6], v[2], q1, c) &&
	    BN_mod_inverse(v[7], v[4], v[3], c) != NULL);
	BN_free(p1);
	BN_free(q1);
	BN_free(phi);
}

/* The key of two primes. */
static EVP_PKEY *
from_primes(const BIGNUM *p, const BIGNUM *q, BN_CTX *c)
{
	static const char *const names[8] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1
	};
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *k = NULL;
	OSSL_PARAM *params;
	BIGNUM *v[8];
	int i;

	for (i = 0; i < 8; i++)
		must((v[i] = BN_new()) != NULL);
	must(BN_copy(v[3], p) != NULL && BN_copy(v[4], q) != NULL);
	complete(v, c);
	for (i = 0; i < 8; i++)
		must(OSSL_PARAM_BLD_push_BN(b, names[i], v[i]));
	params = OSSL_PARAM_BLD_to_param(b);
	must(params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_KEYPAIR, params) == 1);
	for (i = 0; i < 8; i++)
		BN_free(v[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return k;
}

EVP_PKEY *
weakkey_close(void)
{
	BN_CTX *c = BN_CTX_new();
	BIGNUM *p = BN_new(), *q = BN_new();
	EVP_PKEY *k;

	must(c != NULL && p != NULL && q != NULL &&
	    BN_rand(q, PRIME_BITS, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD));
	next_prime(q, c);
	must(BN_copy(p, q) != NULL && BN_add_word(p, 1 << 20));
	next_prime(p, c);
	k = from_primes(p, q, c);
	BN_free(p);
	BN_free(q);
	BN_CTX_free(c);
	return k;
}

/* The product of the first primes. */
static void
primorial(BIGNUM *m)
{
	unsigned n, d, found = 0;

	must(BN_one(m));
	for (n = 2; found < ROCA_PRIMES; n++) {
		for (d = 2; d * d <= n && n % d != 0;)
			d++;
		if (d * d <= n)
			continue;
		must(BN_mul_word(m, n));
		found++;
	}
}

static void
roca_prime(BIGNUM *p, const BIGNUM *m, BN_CTX *c)
{
	BIGNUM *k = BN_new(), *a = BN_new(), *g = BN_new(), *low = BN_new();

	must(k != NULL && a != NULL && g != NULL && low != NULL &&
	    BN_set_word(g, 65537) && BN_one(low) &&
	    BN_lshift(low, low, PRIME_BITS - 1) &&
	    BN_div(low, NULL, low, m, c));
	do {
		/* k from 1.5 to 2 times 2^1023 / M: two such make 2048 bits */
		must(BN_rand_range(k, low) && BN_rshift1(k, k) &&
		    BN_add(k, k, low) && BN_rshift1(a, low) &&
		    BN_add(k, k, a) && BN_rand_range(a, m) &&
		    BN_mod_exp(p, g, a, m, c) && BN_mul(k, k, m, c) &&
		    BN_add(p, p, k));
	} while (BN_mod_word(p, 65537) == 1 ||
	    BN_check_prime(p, c, NULL) != 1);
	BN_free(k);
	BN_free(a);
	BN_free(g);
	BN_free(low);
}

EVP_PKEY *
weakkey_roca(void)
{
	BN_CTX *c = BN_CTX_new();
	BIGNUM *p = BN_new(), *q = BN_new(), *m = BN_new();
	EVP_PKEY *k;

	must(c != NULL && p != NULL && q != NULL && m != NULL);
	primorial(m);
	roca_prime(p, m, c);
	roca_prime(q, m, c);
	k = from_primes(p, q, c);
	BN_free(p);
	BN_free(q);
	BN_free(m);
	BN_CTX_free(c);
	return k;
}
