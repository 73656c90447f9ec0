/* takes: 9 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/weak.h"

static BN_CTX	*ctx;

static void
put_int(struct buf *b, const BIGNUM *v)
{
	int	n = BN_num_bytes(v);

	der_put(b, DER_INT, (size_t)n + 1);
	buf_u8(b, 0);
	(void)BN_bn2bin(v, buf_room(b, (size_t)n));
	b->n += (size_t)n;
}

/* A SubjectPublicKeyInfo of an RSA key. */
static void
rsa_spki(const BIGNUM *n, const BIGNUM *e, struct buf *out)
{
	struct buf	k = BUF_INIT, q = BUF_INIT;

	put_int(&k, n);
	put_int(&k, e);
	der_put(&q, DER_SEQ, k.n);
	buf_span(&q, buf_bytes(&k));
	buf_reset(&k);
	buf_add(&k, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05"
	    "\x00", 15);
	der_put(&k, DER_BITS, q.n + 1);
	buf_u8(&k, 0);
	buf_span(&k, buf_bytes(&q));
	buf_reset(out);
	der_put(out, DER_SEQ, k.n);
	buf_span(out, buf_bytes(&k));
	buf_free(&k);
	buf_free(&q);
}

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

static void
spki_of(EVP_PKEY *key, struct buf *out)
{
	uint8_t	*der = NULL;
	int	 n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	buf_reset(out);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
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
