#ifndef TESTS_UNIT_PKI_MADE_RSA_H
#define TESTS_UNIT_PKI_MADE_RSA_H

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdlib.h>

/* An RSA key with an exponent of so many bits, which OpenSSL would not make. */
static inline EVP_PKEY *
made_rsa(unsigned bits, int exponent)
{
	BN_CTX		*ctx = BN_CTX_new();
	BIGNUM		*p = BN_new(), *q = BN_new(), *n = BN_new(),
			*phi = BN_new(), *e = BN_new(), *d = NULL;
	OSSL_PARAM_BLD	*b = OSSL_PARAM_BLD_new();
	OSSL_PARAM	*params;
	EVP_PKEY_CTX	*c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY	*key = NULL;

	if (!BN_generate_prime_ex(p, (int)bits / 2, 0, NULL, NULL, NULL) ||
	    !BN_generate_prime_ex(q, (int)bits / 2, 0, NULL, NULL, NULL) ||
	    !BN_mul(n, p, q, ctx) || !BN_sub_word(p, 1) ||
	    !BN_sub_word(q, 1) || !BN_mul(phi, p, q, ctx))
		abort();
	do {
		if (!BN_rand(e, exponent, BN_RAND_TOP_ONE,
		    BN_RAND_BOTTOM_ODD))
			abort();
		d = BN_mod_inverse(NULL, e, phi, ctx);
	} while (d == NULL);
	if (!OSSL_PARAM_BLD_push_BN(b, "n", n) ||
	    !OSSL_PARAM_BLD_push_BN(b, "e", e) ||
	    !OSSL_PARAM_BLD_push_BN(b, "d", d) ||
	    (params = OSSL_PARAM_BLD_to_param(b)) == NULL ||
	    EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, &key,
	    EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(c);
	BN_CTX_free(ctx);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(phi);
	BN_free(e);
	BN_free(d);
	ERR_clear_error();
	return key;
}

#endif
