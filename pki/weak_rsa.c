#include "pki/weak_rsa.h"

#include <openssl/bn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limit.h"
#include "pki/der.h"

#define OID_RSA		"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_RSA_PSS	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"

#define BITS_MIN	2048	/* BR 6.1.5 */
#define BITS_TINY	64	/* not worth a closer look */
#define EXP_BITS	256	/* BR 6.1.6 */
#define SMALL_END	752	/* BR 6.1.6: no factor below */
#define ROCA_END	168
#define ROUNDS		100	/* BR 6.1.1.3 */

/* An INTEGER without leading zeros. */
static int
number(struct cur *c, struct span *out)
{
	struct der	d;

	if (der_want(c, DER_INT, &d) == -1)
		return -1;
	while (d.body.n != 0 && d.body.p[0] == 0) {
		d.body.p++;
		d.body.n--;
	}
	*out = d.body;
	return 0;
}

static int
bit_length(struct span v)
{
	int	bits;

	if (v.n == 0)
		return 0;
	if (v.n > INT_MAX / 8)
		return INT_MAX;
	bits = (int)v.n * 8;
	while (v.p[0] >> ((bits - 1) % 8) == 0)
		bits--;
	return bits;
}

int
weak_rsa_read(struct span spki, struct weak_rsa *out)
{
	struct span	body;
	struct cur	c, in;
	struct der	alg, oid, key;

	if (der_only(spki, DER_SEQ, &body) == -1)
		return 0;
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &alg) == -1 ||
	    der_want(&c, DER_BITS, &key) == -1 || cur_left(&c) != 0 ||
	    key.body.n < 1)
		return 0;
	in = cur_span(alg.body);
	if (der_want(&in, DER_OID, &oid) == -1 || oid.body.n != 9 ||
	    (memcmp(oid.body.p, OID_RSA, 9) != 0 &&
	    memcmp(oid.body.p, OID_RSA_PSS, 9) != 0))
		return 0;
	if (der_only((struct span){ key.body.p + 1, key.body.n - 1 }, DER_SEQ,
	    &body) == -1)
		return 0;
	in = cur_span(body);
	if (number(&in, &out->n) == -1 || number(&in, &out->e) == -1 ||
	    cur_left(&in) != 0)
		return 0;
	out->bits = bit_length(out->n);
	return 1;
}

/*
 * CVE-2017-15361: primes of the form k * M + (65537^a mod M), where M is a
 * product of small primes.  Then the modulus is a power of 65537 for each of
 * them, which 1 of 2^27 other moduli is.
 */
static int
is_roca(const BIGNUM *n)
{
	unsigned	p, d, r, x;

	for (p = 3; p < ROCA_END; p += 2) {
		for (d = 3; d * d <= p && p % d != 0; d += 2)
			;
		if (d * d <= p)
			continue;
		r = (unsigned)BN_mod_word(n, p);
		for (x = 65537 % p; x != r && x != 1; x = x * 65537 % p)
			;
		if (x != r)
			return 0;
	}
	return 1;
}

/* The smallest prime factor below SMALL_END, or 0. */
static unsigned
small_factor(const BIGNUM *n)
{
	unsigned	p;

	for (p = 2; p < SMALL_END; p++)
		if (BN_mod_word(n, p) == 0)
			return p;
	return 0;
}

/*
 * The square root, rounded down: Newton, from above.  1; 0 when OpenSSL has
 * no memory.
 */
static int
root(BIGNUM *out, const BIGNUM *v, BN_CTX *ctx)
{
	BIGNUM	*y;
	int	 ok = 0;

	BN_CTX_start(ctx);
	y = BN_CTX_get(ctx);
	BN_zero(out);
	if (y == NULL || !BN_set_bit(out, BN_num_bits(v) / 2 + 1))
		goto out;
	for (;;) {
		if (!BN_div(y, NULL, v, out, ctx) || !BN_add(y, y, out) ||
		    !BN_rshift1(y, y))
			goto out;
		if (BN_cmp(y, out) >= 0)
			break;
		if (BN_copy(out, y) == NULL)
			goto out;
	}
	ok = 1;
out:
	BN_CTX_end(ctx);
	return ok;
}

static int
is_square(const BIGNUM *v, BN_CTX *ctx)
{
	BIGNUM	*r;
	int	 yes = 0;
	unsigned m = (unsigned)BN_mod_word(v, 64);

	/* Squares are 0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49, 57 mod 64. */
	if ((0x0202021202030213ull >> m & 1) == 0)
		return 0;
	if (BN_is_zero(v))
		return 1;
	BN_CTX_start(ctx);
	r = BN_CTX_get(ctx);
	if (r != NULL && root(r, v, ctx) && BN_sqr(r, r, ctx))
		yes = BN_cmp(r, v) == 0;
	BN_CTX_end(ctx);
	return yes;
}

/* Fermat: n = a^2 - b^2 with a just above the root of n? */
static int
is_close(const BIGNUM *n)
{
	BN_CTX	*ctx = BN_CTX_new();
	BIGNUM	*a = BN_new(), *b2 = BN_new(), *step = BN_new();
	int	 i, found = 0;

	if (ctx == NULL || a == NULL || b2 == NULL || step == NULL ||
	    !root(a, n, ctx) || !BN_sqr(b2, a, ctx))
		goto out;
	if (BN_cmp(b2, n) < 0 && (!BN_add_word(a, 1) || !BN_sqr(b2, a, ctx)))
		goto out;
	if (!BN_sub(b2, b2, n))
		goto out;
	for (i = 0; i < ROUNDS && !found; i++) {
		found = is_square(b2, ctx);
		/* (a + 1)^2 - n = b2 + 2a + 1 */
		if (!BN_lshift1(step, a) || !BN_add_word(step, 1) ||
		    !BN_add(b2, b2, step) || !BN_add_word(a, 1))
			goto out;
	}
out:
	BN_free(a);
	BN_free(b2);
	BN_free(step);
	BN_CTX_free(ctx);
	return found;
}

/* 1 when it is bad; 3 is allowed (BR 6.1.6). */
static int
bad_exponent(struct span e)
{
	return e.n == 0 || (e.p[e.n - 1] & 1) == 0 ||
	    (e.n == 1 && e.p[0] == 1) || bit_length(e) > EXP_BITS;
}

const char *
weak_rsa_unfit(const struct weak_rsa *k)
{
	if (k->bits > LIMIT_RSA_BITS)
		return "the RSA key has more than 8192 bits";
	return bad_exponent(k->e) ? "the RSA exponent is 1, even or longer "
	    "than 256 bits (BR 6.1.6)" : NULL;
}

/* Factors that can be found by looking at the modulus. */
static enum weak
factors(const BIGNUM *n, char *why, size_t cap)
{
	unsigned	p = small_factor(n);

	if (p != 0) {
		(void)snprintf(why, cap, "the RSA modulus is divisible by %u "
		    "(BR 6.1.6)", p);
		return WEAK_SMALL_FACTOR;
	}
	if (is_roca(n)) {
		(void)snprintf(why, cap, "the RSA modulus has the form of "
		    "ROCA keys (CVE-2017-15361, BR 6.1.1.3)");
		return WEAK_ROCA;
	}
	if (is_close(n)) {
		(void)snprintf(why, cap, "the RSA primes lie so close that %d "
		    "rounds of Fermat find them (BR 6.1.1.3)", ROUNDS);
		return WEAK_CLOSE;
	}
	return WEAK_NO;
}

enum weak
weak_rsa(const struct weak_rsa *k, char *why, size_t cap)
{
	enum weak	w = WEAK_NO;
	BIGNUM		*n;

	if (bad_exponent(k->e)) {
		(void)snprintf(why, cap, "the RSA exponent is 1, even or "
		    "longer than %d bits (BR 6.1.6)", EXP_BITS);
		return WEAK_EXPONENT;
	}
	if (k->bits >= BITS_TINY && (n = BN_bin2bn(k->n.p, (int)k->n.n,
	    NULL)) != NULL) {
		w = factors(n, why, cap);
		BN_free(n);
	}
	if (w == WEAK_NO && k->bits < BITS_MIN) {
		(void)snprintf(why, cap, "an RSA key of %d bits, less than %d "
		    "(BR 6.1.5)", k->bits, BITS_MIN);
		w = WEAK_SIZE;
	}
	return w;
}
