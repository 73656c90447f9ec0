/* takes: 9 */
#include "tests/unit/pki/weak_fixture.h"

static enum weak
judge(const struct buf *spki, const struct weak_list *l)
{
	char		why[200];
	enum weak	w = weak_key(buf_bytes(spki), l, why, sizeof(why));

	if (w != WEAK_NO)
		assert_true(why[0] != '\0');
	return w;
}

/* The same of a modulus and a small exponent. */
static enum weak
judge_rsa(const BIGNUM *n, unsigned long e)
{
	BIGNUM		*ebn = BN_new();
	struct buf	 b = BUF_INIT;
	enum weak	 w;

	(void)BN_set_word(ebn, e);
	rsa_spki(n, ebn, &b);
	w = judge(&b, NULL);
	BN_free(ebn);
	buf_free(&b);
	return w;
}

static int
has_small_factor(const BIGNUM *v)
{
	unsigned	p;

	for (p = 2; p < 752; p++)
		if (BN_mod_word(v, p) == 0)
			return 1;
	return 0;
}

/* A modulus of so many bits with nothing odd about it. */
static BIGNUM *
modulus(int bits)
{
	BIGNUM	*n = BN_new();

	do
		assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE,
		    BN_RAND_BOTTOM_ODD), 1);
	while (has_small_factor(n));
	return n;
}

/* Keys as they should be. */
static void
test_good(void **state)
{
	static const char *const curves[] = { "P-224", "P-256", "P-384",
	    "P-521", "secp256k1", "brainpoolP256r1" };
	struct buf	b = BUF_INIT;
	EVP_PKEY	*key;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		key = EVP_EC_gen(curves[i]);
		assert_non_null(key);
		spki_of(key, &b);
		assert_int_equal(judge(&b, NULL), WEAK_NO);
		EVP_PKEY_free(key);
	}
	for (i = 0; i < 2; i++) {
		key = EVP_RSA_gen(2048);
		spki_of(key, &b);
		assert_int_equal(judge(&b, NULL), WEAK_NO);
		EVP_PKEY_free(key);
	}
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	spki_of(key, &b);
	assert_int_equal(judge(&b, NULL), WEAK_NO);
	EVP_PKEY_free(key);
	buf_free(&b);
}

static void
test_size(void **state)
{
	static const struct {
		int		bits;
		enum weak	want;
	} t[] = {
		{ 32, WEAK_SIZE }, { 511, WEAK_SIZE }, { 512, WEAK_SIZE },
		{ 1024, WEAK_SIZE }, { 2047, WEAK_SIZE }, { 2048, WEAK_NO },
		{ 4096, WEAK_NO }, { LIMIT_RSA_BITS, WEAK_NO },
		{ LIMIT_RSA_BITS + 1, WEAK_NO },
	};
	struct buf	b = BUF_INIT;
	BIGNUM		*n, *e = BN_new();
	char		why[200];
	EVP_PKEY	*key;
	size_t		i;

	(void)state;
	(void)BN_set_word(e, 65537);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = modulus(t[i].bits);
		rsa_spki(n, e, &b);
		assert_int_equal(weak_key(buf_bytes(&b), NULL, why,
		    sizeof(why)), t[i].want);
		/* what is not judged says so */
		assert_int_equal(strncmp(why, "not judged", 10) == 0,
		    t[i].bits > LIMIT_RSA_BITS);
		BN_free(n);
	}
	key = EVP_EC_gen("P-192");
	assert_non_null(key);
	spki_of(key, &b);
	assert_int_equal(judge(&b, NULL), WEAK_SIZE);
	EVP_PKEY_free(key);
	/* a curve in words instead of by name, and one over GF(2^m) */
	key = EVP_EC_gen("P-256");
	(void)EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
	    OSSL_PKEY_EC_ENCODING_EXPLICIT);
	spki_of(key, &b);
	assert_true(b.n > 150);
	assert_int_equal(judge(&b, NULL), WEAK_SIZE);
	EVP_PKEY_free(key);
	key = EVP_EC_gen("sect283k1");
	assert_non_null(key);
	spki_of(key, &b);
	assert_int_equal(judge(&b, NULL), WEAK_SIZE);
	EVP_PKEY_free(key);
	BN_free(e);
	buf_free(&b);
}

static void
test_exponent(void **state)
{
	static const struct {
		const char	*hex;
		enum weak	 want;
	} t[] = {
		{ "0", WEAK_EXPONENT }, { "1", WEAK_EXPONENT },
		{ "2", WEAK_EXPONENT }, { "10000", WEAK_EXPONENT },
		{ "3", WEAK_NO }, { "11", WEAK_NO }, { "10001", WEAK_NO },
		{ "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		    "ffffffff", WEAK_NO },
		{ "10000000000000000000000000000000000000000000000000000000"
		    "000000001", WEAK_EXPONENT },
	};
	BIGNUM		*n = modulus(2048), *e = NULL;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_true(BN_hex2bn(&e, t[i].hex) > 0);
		rsa_spki(n, e, &b);
		assert_int_equal(judge(&b, NULL), t[i].want);
	}
	BN_free(n);
	BN_free(e);
	buf_free(&b);
}

/* A prime as the library made them: k * M + (65537^a mod M). */
static BIGNUM *
roca_prime(const BIGNUM *m, int bits)
{
	BIGNUM	*p = BN_new(), *g = BN_new(), *a = BN_new(), *k = BN_new();

	(void)BN_set_word(g, 65537);
	do {
		assert_int_equal(BN_rand(a, 61, -1, 0), 1);
		assert_int_equal(BN_mod_exp(p, g, a, m, ctx), 1);
		assert_int_equal(BN_rand(k, bits - BN_num_bits(m),
		    BN_RAND_TOP_TWO, 0), 1);
		assert_int_equal(BN_mul(k, k, m, ctx), 1);
		assert_int_equal(BN_add(p, p, k), 1);
	} while (BN_check_prime(p, ctx, NULL) != 1);
	BN_free(g);
	BN_free(a);
	BN_free(k);
	return p;
}

static void
test_roca(void **state)
{
	/* The largest prime in M, by the size of the modulus. */
	static const struct {
		int		bits;
		unsigned	last;
	} t[] = { { 512, 167 }, { 1024, 353 }, { 2048, 701 } };
	BIGNUM		*m = BN_new(), *n = BN_new(), *p, *q;
	unsigned	 v, d;
	size_t		 i;
	int		 k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)BN_one(m);
		for (v = 2; v <= t[i].last; v++) {
			for (d = 2; d * d <= v && v % d != 0; d++)
				;
			if (d * d > v)
				(void)BN_mul_word(m, v);
		}
		for (k = 0; k < 3; k++) {
			p = roca_prime(m, t[i].bits / 2);
			q = roca_prime(m, t[i].bits / 2);
			(void)BN_mul(n, p, q, ctx);
			assert_int_equal(judge_rsa(n, 65537), WEAK_ROCA);
			BN_free(p);
			BN_free(q);
			/* one residue more, and it is another key */
			(void)BN_add(n, n, m);
			(void)BN_add_word(n, 2 * 3 * 5 * 7 * 2);
			assert_int_not_equal(judge_rsa(n, 65537), WEAK_ROCA);
		}
	}
	/* no key is called so for nothing: 1 of 2^27 would be */
	for (i = 0; i < 2000; i++) {
		p = modulus(2048);
		assert_int_equal(judge_rsa(p, 65537), WEAK_NO);
		BN_free(p);
	}
	BN_free(m);
	BN_free(n);
}

/*
 * n = a^2 - b^2 that Fermat finds in round ${r}: a lies r - 1 above the root
 * of n, rounded up, for b^2 near 2 a (r - 1/2).
 */
static BIGNUM *
fermat(int r)
{
	BIGNUM	*n = BN_new(), *a = modulus(1025), *b = BN_new(),
	    *lo = BN_new(), *hi = BN_new(), *sq = BN_new(), *want = BN_new();

	(void)BN_copy(want, a);
	(void)BN_mul_word(want, (BN_ULONG)(2 * r - 1));
	/* b = the root of that */
	(void)BN_zero(lo);
	(void)BN_set_bit(hi, 700);
	for (;;) {
		(void)BN_add(b, lo, hi);
		(void)BN_rshift1(b, b);
		if (BN_cmp(b, lo) == 0)
			break;
		(void)BN_sqr(sq, b, ctx);
		(void)BN_copy(BN_cmp(sq, want) > 0 ? hi : lo, b);
	}
	do {
		(void)BN_sub_word(b, 1);
		(void)BN_sqr(sq, b, ctx);
		(void)BN_sqr(n, a, ctx);
		(void)BN_sub(n, n, sq);
	} while (has_small_factor(n));
	BN_free(a);
	BN_free(b);
	BN_free(lo);
	BN_free(hi);
	BN_free(sq);
	BN_free(want);
	return n;
}

static void
test_close(void **state)
{
	static const struct {
		int		round;
		enum weak	want;
	} t[] = { { 1, WEAK_CLOSE }, { 2, WEAK_CLOSE }, { 50, WEAK_CLOSE },
	    { 100, WEAK_CLOSE }, { 101, WEAK_NO }, { 1000, WEAK_NO } };
	BIGNUM		*n, *p = BN_new(), *q = BN_new();
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = fermat(t[i].round);
		assert_int_equal(judge_rsa(n, 65537), t[i].want);
		BN_free(n);
	}
	/* neighbours, and one prime twice */
	n = BN_new();
	assert_int_equal(BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL),
	    1);
	(void)BN_copy(q, p);
	do
		(void)BN_add_word(q, 2);
	while (BN_check_prime(q, ctx, NULL) != 1);
	(void)BN_mul(n, p, q, ctx);
	assert_int_equal(judge_rsa(n, 3), WEAK_CLOSE);
	(void)BN_sqr(n, p, ctx);
	assert_int_equal(judge_rsa(n, 3), WEAK_CLOSE);
	BN_free(n);
	BN_free(p);
	BN_free(q);
}

static void
test_small_factor(void **state)
{
	static const struct {
		unsigned	p;
		enum weak	want;
	} t[] = { { 2, WEAK_SMALL_FACTOR }, { 3, WEAK_SMALL_FACTOR },
	    { 743, WEAK_SMALL_FACTOR }, { 751, WEAK_SMALL_FACTOR },
	    { 757, WEAK_NO } };
	BIGNUM		*n;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = modulus(2048);
		(void)BN_mul_word(n, t[i].p);
		assert_int_equal(judge_rsa(n, 65537), t[i].want);
		BN_free(n);
	}
}

/* Lists of fingerprints. */
static void
test_debian(void **state)
{
	static const char	text[] = "# openssl-blacklist\n\n"
	    "ffffffffffffffffffff\r\n"
	    /* echo Modulus=C000...0001 | sha1sum | cut -c 21-40 */
	    "eeb3c9c02766b38c3f9d\n"
	    "00000000000000000000";
	static const char *const bad[] = { "0000000000000000000\n",
	    "000000000000000000000\n", "zz000000000000000000\n",
	    "# fine\n 00000000000000000000\n",
	    "0000000000000000000000000000000000000000\n" };
	BIGNUM			*n = BN_new(), *e = BN_new();
	struct weak_list	*l;
	struct buf		 b = BUF_INIT;
	struct err		 err = ERR_INIT;
	size_t			 i;

	(void)state;
	(void)BN_set_word(e, 65537);
	(void)BN_one(n);
	(void)BN_set_bit(n, 2047);
	(void)BN_set_bit(n, 2046);
	rsa_spki(n, e, &b);
	l = weak_list_read(SPAN_STR(text), &err);
	assert_non_null(l);
	assert_int_equal(judge(&b, l), WEAK_DEBIAN);
	assert_int_not_equal(judge(&b, NULL), WEAK_DEBIAN);
	(void)BN_add_word(n, 2);
	rsa_spki(n, e, &b);
	assert_int_not_equal(judge(&b, l), WEAK_DEBIAN);
	weak_list_free(l);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		assert_null(weak_list_read(SPAN_STR(bad[i]), &err));
		assert_int_equal(err.code, ERR_FORMAT);
	}
	assert_non_null(strstr(err.msg, "line 1"));
	l = weak_list_read((struct span){ NULL, 0 }, NULL);
	assert_non_null(l);
	assert_int_not_equal(judge(&b, l), WEAK_DEBIAN);
	weak_list_free(l);
	weak_list_free(NULL);
	BN_free(n);
	BN_free(e);
	buf_free(&b);
}

/* Many of them, in any order. */
static void
test_debian_many(void **state)
{
	struct weak_list	*l;
	struct buf		 b = BUF_INIT, text = BUF_INIT;
	struct err		 err = ERR_INIT;
	BIGNUM			*n = BN_new(), *e = BN_new();
	uint8_t			 md[20];
	unsigned		 i;
	char			*hex, *line, print[2 * 20 + 1];

	(void)state;
	(void)BN_set_word(e, 3);
	for (i = 0; i < 1000; i++) {
		(void)BN_set_word(n, 3 + 2 * i);
		(void)BN_set_bit(n, 2047);
		hex = BN_bn2hex(n);
		line = mem_printf("Modulus=%s\n", hex);
		assert_int_equal(EVP_Digest(line, strlen(line), md, NULL,
		    EVP_sha1(), NULL), 1);
		if (i % 2 == 0)
			buf_fmt(&text, "%s\n", enc_hex_to(print, md + 10,
			    10));
		OPENSSL_free(hex);
		free(line);
	}
	l = weak_list_read(buf_bytes(&text), NULL);
	for (i = 0; i < 1000; i++) {
		(void)BN_set_word(n, 3 + 2 * i);
		(void)BN_set_bit(n, 2047);
		rsa_spki(n, e, &b);
		assert_int_equal(judge(&b, l) == WEAK_DEBIAN, i % 2 == 0);
	}
	weak_list_free(l);
	/* as long as may be, and one byte more */
	buf_reset(&text);
	memset(buf_room(&text, LIMIT_WEAK_LIST + 1), '\n',
	    LIMIT_WEAK_LIST + 1);
	l = weak_list_read((struct span){ text.p, LIMIT_WEAK_LIST }, &err);
	assert_non_null(l);
	weak_list_free(l);
	assert_null(weak_list_read((struct span){ text.p, LIMIT_WEAK_LIST +
	    1 }, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	BN_free(n);
	BN_free(e);
	buf_free(&b);
	buf_free(&text);
}

static void
test_point(void **state)
{
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	struct buf	 b = BUF_INIT, in = BUF_INIT;

	(void)state;
	spki_of(key, &b);
	b.p[b.n - 1] ^= 1;
	assert_int_equal(judge(&b, NULL), WEAK_POINT);
	/* cut, and a coordinate beyond the field */
	b.p[b.n - 1] ^= 1;
	memset(b.p + b.n - 64, 0xff, 32);
	assert_int_equal(judge(&b, NULL), WEAK_POINT);
	/* the point at infinity: 00 */
	assert_int_equal(enc_unhex("3019301306072a8648ce3d020106082a8648ce3d"
	    "03010703020000", 54, &in), 0);
	assert_int_equal(judge(&in, NULL), WEAK_POINT);
	/* compressed is fine */
	(void)EVP_PKEY_set_utf8_string_param(key,
	    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
	spki_of(key, &b);
	assert_int_equal(b.n, 59);
	assert_int_equal(judge(&b, NULL), WEAK_NO);
	EVP_PKEY_free(key);
	buf_free(&b);
	buf_free(&in);
}

/* What cannot be read is not called weak, but not judged. */
static void
test_unread(void **state)
{
	struct buf	b = BUF_INIT;
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	char		why[200];
	size_t		i;

	(void)state;
	spki_of(key, &b);
	for (i = 0; i < b.n; i++) {
		assert_int_equal(weak_key((struct span){ b.p, i }, NULL, why,
		    sizeof(why)), WEAK_NO);
		assert_memory_equal(why, "not judged", 10);
	}
	assert_int_equal(weak_key(buf_bytes(&b), NULL, NULL, 0), WEAK_NO);
	for (i = 0; i < WEAK_MAX; i++)
		assert_string_not_equal(weak_name((enum weak)i), "unknown");
	assert_string_equal(weak_name(WEAK_MAX), "unknown");
	EVP_PKEY_free(key);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_exponent),
		cmocka_unit_test(test_roca),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_small_factor),
		cmocka_unit_test(test_debian),
		cmocka_unit_test(test_debian_many),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_unread),
	};
	int	rc;

	ctx = BN_CTX_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	BN_CTX_free(ctx);
	return rc;
}
