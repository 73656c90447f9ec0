/* Keys whose moduli have a factor in common. */
#include "tests/unit/pki/weak_fixture.h"

/* Primes of 256 bits make moduli; some share one. */
static void
test_shared(void **state)
{
	enum { N = 150, PRIMES = 260 };
	BIGNUM		*prime[PRIMES], *e = BN_new(), *n[N], *g = BN_new();
	struct buf	 spki[N];
	struct span	 in[N];
	uint8_t		 bad[N], want[N] = { 0 };
	size_t		 i, k, size;
	long		 count = 0;
	EVP_PKEY	*ec = EVP_EC_gen("P-256");

	(void)state;
	(void)BN_set_word(e, 65537);
	for (i = 0; i < PRIMES; i++) {
		prime[i] = BN_new();
		assert_int_equal(BN_generate_prime_ex(prime[i], 256, 0, NULL,
		    NULL, NULL), 1);
	}
	for (i = 0; i < N; i++) {
		n[i] = BN_new();
		spki[i] = (struct buf)BUF_INIT;
		/* some primes come again; 10 and 11 are the same key */
		k = i == 11 ? 10 : i;
		(void)BN_mul(n[i], prime[k < 130 ? 2 * k : 2 * (k - 130)],
		    prime[k < 130 ? 2 * k + 1 : (k * 7) % PRIMES], ctx);
		rsa_spki(n[i], e, &spki[i]);
		in[i] = buf_bytes(&spki[i]);
	}
	/* what pairs say */
	for (size = 0; size <= N; size += size < 6 ? 1 : 48) {
		memset(want, 0, sizeof(want));
		for (count = 0, i = 0; i < size; i++) {
			for (k = 0; k < size; k++)
				if (BN_cmp(n[i], n[k]) != 0 &&
				    BN_gcd(g, n[i], n[k], ctx) &&
				    !BN_is_one(g))
					want[i] = 1;
			count += want[i];
		}
		memset(bad, 7, sizeof(bad));
		assert_int_equal(weak_shared(in, size, 2, bad, NULL), count);
		assert_memory_equal(bad, want, size);
	}
	assert_true(count >= 5);
	/* other keys and rubbish are passed over */
	spki_of(ec, &spki[3]);
	in[3] = buf_bytes(&spki[3]);
	in[4] = (struct span){ (const uint8_t *)"0", 1 };
	want[3] = want[4] = 0;
	assert_true(weak_shared(in, N, 2, bad, NULL) > 0);
	assert_int_equal(bad[3], 0);
	assert_int_equal(bad[4], 0);
	EVP_PKEY_free(ec);
	for (i = 0; i < PRIMES; i++)
		BN_free(prime[i]);
	for (i = 0; i < N; i++) {
		BN_free(n[i]);
		buf_free(&spki[i]);
	}
	BN_free(e);
	BN_free(g);
}

/*
 * So many bits that products are reduced by reciprocals: of random numbers
 * nearly all share a small factor; so each is a prime of two fixed ones times
 * a power of another, or shares nothing.
 */
static void
test_shared_long(void **state)
{
	enum { N = 301 };
	BIGNUM		*p = BN_new(), *q = BN_new(), *e = BN_new(),
	    *v = BN_new();
	struct buf	 spki[N];
	struct span	 in[N];
	uint8_t		 bad[N];
	int		 i;

	(void)state;
	(void)BN_set_word(e, 3);
	assert_int_equal(BN_generate_prime_ex(p, 128, 0, NULL, NULL, NULL),
	    1);
	for (i = 0; i < N; i++) {
		/* q^16 with q of 64 to 100 bits, and p in two of them */
		assert_int_equal(BN_generate_prime_ex(q, 64 + i % 37, 0, NULL,
		    NULL, NULL), 1);
		(void)BN_copy(v, q);
		while (BN_num_bits(v) < 1000)
			(void)BN_mul(v, v, q, ctx);
		if (i == 7 || i == 299)
			(void)BN_mul(v, v, p, ctx);
		spki[i] = (struct buf)BUF_INIT;
		rsa_spki(v, e, &spki[i]);
		in[i] = buf_bytes(&spki[i]);
	}
	assert_int_equal(weak_shared(in, N, 2, bad, NULL), 2);
	assert_int_equal(bad[7] + bad[299], 2);
	assert_int_equal(weak_shared(in, N - 2, 2, bad, NULL), 0);
	/* what they share has 128 bits */
	assert_int_equal(weak_shared(in, N, 128, bad, NULL), 2);
	assert_int_equal(weak_shared(in, N, 129, bad, NULL), 0);
	for (i = 0; i < N; i++)
		buf_free(&spki[i]);
	BN_free(p);
	BN_free(q);
	BN_free(e);
	BN_free(v);
}

/* Pairs of any shape: even ones, and such that differ in high limbs only. */
static void
test_shared_pairs(void **state)
{
	static const char *const	pairs[][2] = {
		{ "F", "5000000000000000000000000000000F" },
		{ "D", "5000000000000000000000000000000F" },
		{ "F", "F0000000000000000F" }, { "11", "F0000000000000000F" },
		{ "2", "4" }, { "2", "F" }, { "6", "9" }, { "6", "23" },
		{ "F0000000000000000000000000000000", "2" },
		{ "F0000000000000000000000000000000", "5" },
		{ "10000000000000001", "20000000000000002" },
		{ "FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFD" },
		{ "FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" }
	};
	BIGNUM		*n[2] = { NULL, NULL }, *e = BN_new(), *g = BN_new();
	struct buf	 spki[2] = { BUF_INIT, BUF_INIT };
	struct span	 in[2];
	uint8_t		 bad[2];
	size_t		 i, k;

	(void)state;
	(void)BN_set_word(e, 3);
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		for (k = 0; k < 2; k++) {
			assert_true(BN_hex2bn(&n[k], pairs[i][k]) > 0);
			buf_reset(&spki[k]);
			rsa_spki(n[k], e, &spki[k]);
			in[k] = buf_bytes(&spki[k]);
		}
		assert_int_equal(BN_gcd(g, n[0], n[1], ctx), 1);
		assert_int_equal(weak_shared(in, 2, 2, bad, NULL),
		    BN_is_one(g) ? 0 : 2);
	}
	for (k = 0; k < 2; k++) {
		BN_free(n[k]);
		buf_free(&spki[k]);
	}
	BN_free(e);
	BN_free(g);
}

static void
test_shared_limit(void **state)
{
	enum { N = LIMIT_WEAK_BITS / 512 };
	struct span	*in = mem_array(N + 1, sizeof(*in));
	struct buf	*spki = mem_array(N + 1, sizeof(*spki));
	uint8_t		*bad = mem_array(N + 1, 1);
	BIGNUM		*e = BN_new(), *v = BN_new();
	struct err	 err = ERR_INIT;
	size_t		 i;

	(void)state;
	(void)BN_set_word(e, 3);
	for (i = 0; i <= N; i++) {
		assert_int_equal(BN_rand(v, i < N ? 512 : 2, 1, 1), 1);
		rsa_spki(v, e, &spki[i]);
		in[i] = buf_bytes(&spki[i]);
	}
	assert_int_equal(weak_shared(in, N + 1, 2, bad, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	/* one more that is there already does not count */
	in[N] = in[0];
	assert_true(weak_shared(in, N + 1, 2, bad, NULL) > 0);
	assert_int_equal(bad[N], bad[0]);
	for (i = 0; i <= N; i++)
		buf_free(&spki[i]);
	BN_free(e);
	BN_free(v);
	free(in);
	free(spki);
	free(bad);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_shared_long),
		cmocka_unit_test(test_shared_pairs),
		cmocka_unit_test(test_shared_limit),
	};
	int	rc;

	ctx = BN_CTX_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	BN_CTX_free(ctx);
	return rc;
}
