#include <openssl/bn.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/weak.h"
#include "pki/weak_rsa.h"

/*
 * Batch GCD.  Of all moduli N1, N2, ... with the product P, the sum S of all
 * P/Nk is built in a tree, and taken modulo each Nk in the tree again.  All
 * terms but one are multiples of Nk: what remains is the product of all other
 * moduli modulo this one, and shares with it what they share.
 *
 * OpenSSL divides long numbers in quadratic time, but multiplies them in
 * less; so long ones are reduced by multiplying with a reciprocal.
 */

/* Doublings of the number of leaves: 2^32 moduli would be too many. */
#define LEVELS	33

/* Distinct moduli, and which key has which. */
struct moduli {
	BIGNUM	**v;
	size_t	  n;
	size_t	 *of;		/* by key: index in v, or NONE */
	uint64_t  bits;
};
#define NONE	SIZE_MAX

struct tree {
	BIGNUM	**level[LEVELS];	/* products; [0]: of struct moduli */
	size_t	  n[LEVELS];
	int	  top;
	BIGNUM	**sum;			/* of one level; NULL: no memory */
	size_t	  nsum;
	BN_CTX	 *ctx;
};

/* Moduli that are longer (bits) are divided by with a reciprocal. */
#define LONG_BITS	16384
/* Bits of a reciprocal that a division begins with, and that one loses. */
#define RECIP_BITS	2048
#define GUARD_BITS	16

/* A modulus on its way to being sorted. */
struct item {
	BIGNUM	*v;
	size_t	 key;
};

static int
compare(const void *a, const void *b)
{
	return BN_cmp(((const struct item *)a)->v,
	    ((const struct item *)b)->v);
}

/* Sort and drop doubles: one key under two certificates shares nothing. */
static void
distinct(struct item *item, size_t n, struct moduli *m)
{
	size_t	i;

	if (n != 0)
		qsort(item, n, sizeof(*item), compare);
	for (i = 0; i < n; i++) {
		if (m->n != 0 && BN_cmp(m->v[m->n - 1], item[i].v) == 0) {
			BN_free(item[i].v);
		} else {
			m->bits += (uint64_t)BN_num_bits(item[i].v);
			m->v[m->n++] = item[i].v;
		}
		m->of[item[i].key] = m->n - 1;
	}
}

static int
collect(const struct span *spki, size_t n, struct moduli *m, struct err *e)
{
	struct item	*item = mem_array(n, sizeof(*item));
	struct weak_rsa	 k;
	size_t		 i, used = 0;
	int		 ok = 1;

	m->v = mem_array(n, sizeof(*m->v));
	m->of = mem_array(n, sizeof(*m->of));
	for (i = 0; i < n; i++) {
		m->of[i] = NONE;
		if (!weak_rsa_read(spki[i], &k) || k.bits < 2 ||
		    k.bits > LIMIT_RSA_BITS)
			continue;
		item[used].key = i;
		item[used].v = BN_bin2bn(k.n.p, (int)k.n.n, NULL);
		if (item[used].v == NULL)
			ok = 0;
		else
			used++;
	}
	distinct(item, used, m);
	free(item);
	if (!ok)
		return err_set(e, ERR_SYS, "no memory for moduli");
	if (m->bits > LIMIT_WEAK_BITS)
		return err_set(e, ERR_LIMIT, "RSA moduli of %llu bits in all, "
		    "more than %u are not searched for shared factors",
		    (unsigned long long)m->bits, LIMIT_WEAK_BITS);
	return 0;
}

static void
drop(BIGNUM **v, size_t n)
{
	size_t	i;

	for (i = 0; v != NULL && i < n; i++)
		BN_free(v[i]);
	free(v);
}

static BIGNUM **
numbers(size_t n)
{
	BIGNUM	**v = mem_array(n, sizeof(*v));
	size_t	  i;

	for (i = 0; i < n; i++)
		if ((v[i] = BN_new()) == NULL) {
			drop(v, n);
			return NULL;
		}
	return v;
}

/*
 * r = a * b.  OpenSSL is fast only for factors of the same length; the
 * shorter one is made as long where that pays.
 */
static int
mul(BIGNUM *r, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx)
{
	const BIGNUM	*lo = b, *hi = a;
	BIGNUM		*t;
	int		 n, shift, ok;

	if (BN_num_bits(a) < BN_num_bits(b)) {
		lo = a;
		hi = b;
	}
	n = BN_num_bits(hi);
	shift = n - BN_num_bits(lo) < n / 4 ? n - BN_num_bits(lo) : 0;
	BN_CTX_start(ctx);
	t = BN_CTX_get(ctx);
	ok = t != NULL && BN_lshift(t, lo, shift) && BN_mul(r, hi, t, ctx) &&
	    BN_rshift(r, r, shift);
	BN_CTX_end(ctx);
	return ok;
}

/* One pair: *v = a * b, *s = sa * b + sb * a. */
static int
pair(BIGNUM **v, BIGNUM **s, BIGNUM *const *ab, BIGNUM *const *sums,
    BN_CTX *ctx)
{
	BIGNUM	*t;
	int	 ok;

	BN_CTX_start(ctx);
	t = BN_CTX_get(ctx);
	ok = t != NULL && mul(*v, ab[0], ab[1], ctx) &&
	    mul(t, sums[0], ab[1], ctx) &&
	    mul(*s, sums[1], ab[0], ctx) && BN_add(*s, *s, t);
	BN_CTX_end(ctx);
	return ok;
}

/* The next level up; a node without a partner goes up as it is. */
static int
grow(struct tree *t)
{
	BIGNUM	**from = t->level[t->top], **v, **s;
	size_t	  i, n = t->n[t->top], half = (n + 1) / 2;
	int	  ok;

	v = numbers(half);
	s = numbers(half);
	ok = v != NULL && s != NULL;
	for (i = 0; ok && i < n; i += 2)
		ok = i + 1 == n ? BN_copy(v[i / 2], from[i]) != NULL &&
		    BN_copy(s[i / 2], t->sum[i]) != NULL :
		    pair(&v[i / 2], &s[i / 2], from + i, t->sum + i, t->ctx);
	drop(t->sum, n);
	t->sum = s;
	t->nsum = t->n[++t->top] = half;
	t->level[t->top] = v;
	return ok;
}

/*
 * *out is nearly 2^(2n) / v for a v of n bits: Newton, with twice as many
 * bits in each step (x' = 2x - x * x * v).  Factors of like length are what
 * OpenSSL multiplies fast, so the steps are counted from the end.
 */
static int
reciprocal(BIGNUM *out, const BIGNUM *v, BN_CTX *ctx)
{
	BIGNUM	*t, *top;
	int	 step[32], k = 0, n = BN_num_bits(v), p, q, ok = 0;

	for (p = n; p > RECIP_BITS; p = p / 2 + GUARD_BITS)
		step[k++] = p;
	BN_CTX_start(ctx);
	t = BN_CTX_get(ctx);
	top = BN_CTX_get(ctx);
	if (top == NULL || !BN_rshift(top, v, n - p))
		goto out;
	BN_zero(t);
	if (!BN_set_bit(t, 2 * p) || !BN_div(out, NULL, t, top, ctx))
		goto out;
	for (; k > 0; p = q) {
		q = step[--k];
		if (!BN_rshift(top, v, n - q) ||
		    !mul(t, out, out, ctx) || !mul(t, t, top, ctx) ||
		    !BN_rshift(t, t, 2 * p) ||
		    !BN_lshift(out, out, q - p + 1) || !BN_sub(out, out, t))
			goto out;
	}
	ok = 1;
out:
	BN_CTX_end(ctx);
	return ok;
}

/* out = a mod v; fast for an a that is about twice as long (Barrett). */
static int
reduce(BIGNUM *out, const BIGNUM *a, const BIGNUM *v, BN_CTX *ctx)
{
	BIGNUM	*x, *q;
	int	 n = BN_num_bits(v), ok = 0;

	if (n < LONG_BITS || BN_num_bits(a) > 2 * n + n / 16)
		return BN_nnmod(out, a, v, ctx);
	BN_CTX_start(ctx);
	x = BN_CTX_get(ctx);
	q = BN_CTX_get(ctx);
	if (q == NULL || !reciprocal(x, v, ctx) ||
	    !BN_rshift(q, a, n - 1) || !mul(q, q, x, ctx) ||
	    !BN_rshift(q, q, n + 1) || !mul(q, q, v, ctx) ||
	    !BN_sub(out, a, q))
		goto out;
	/* What is left is a few times v, too much or too little. */
	ok = BN_nnmod(out, out, v, ctx);
out:
	BN_CTX_end(ctx);
	return ok;
}

/* One level down: 1; 0 when memory ran out. */
static int
down(struct tree *t, int level)
{
	size_t	  i, n = t->n[level];
	BIGNUM	**out = numbers(n);
	int	  ok = out != NULL;

	for (i = 0; ok && i < n; i++)
		ok = reduce(out[i], t->sum[i / 2], t->level[level][i],
		    t->ctx);
	drop(t->sum, t->nsum);
	t->sum = out;
	t->nsum = n;
	return ok;
}

/* --- greatest common divisors ------------------------------------------------ */

/*
 * BN_gcd() takes the same time whatever the numbers are, which is many times
 * the time that public numbers need.
 */
#define LIMBS	(LIMIT_RSA_BITS / 64)

/* A number, the lowest limb first; n counts those that are used. */
struct limbs {
	uint64_t	w[LIMBS];
	size_t		n;
};

static void
trim(struct limbs *a)
{
	while (a->n > 0 && a->w[a->n - 1] == 0)
		a->n--;
}

static int
load(struct limbs *a, const BIGNUM *v)
{
	uint8_t	b[LIMBS * 8];
	size_t	i, k;

	if (BN_bn2lebinpad(v, b, sizeof(b)) == -1)
		return 0;
	for (i = 0; i < LIMBS; i++)
		for (a->w[i] = 0, k = 8; k > 0; k--)
			a->w[i] = a->w[i] << 8 | b[8 * i + k - 1];
	a->n = LIMBS;
	trim(a);
	return 1;
}

/* Divide a number, which is not 0, by two as long as that goes. */
static void
odd(struct limbs *a)
{
	size_t	skip = 0, i;
	int	bits;

	while (a->w[skip] == 0)
		skip++;
	bits = __builtin_ctzll(a->w[skip]);
	for (i = skip; i < a->n; i++) {
		a->w[i - skip] = a->w[i] >> bits;
		if (bits != 0 && i + 1 < a->n)
			a->w[i - skip] |= a->w[i + 1] << (64 - bits);
	}
	a->n -= skip;
	trim(a);
}

static int
compare_limbs(const struct limbs *a, const struct limbs *b)
{
	size_t	i = a->n;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	while (i > 0 && a->w[i - 1] == b->w[i - 1])
		i--;
	return i == 0 ? 0 : a->w[i - 1] < b->w[i - 1] ? -1 : 1;
}

/* a = a - b, which is less, without the factors of two that appear. */
static void
reduce_odd(struct limbs *a, const struct limbs *b)
{
	uint64_t	was, less, now, low = a->w[0] - b->w[0];
	uint64_t	borrow = a->w[0] < b->w[0];
	int		bits = low != 0 ? __builtin_ctzll(low) : 0;
	size_t		i;

	for (i = 1; i < a->n; i++) {
		was = a->w[i];
		less = i < b->n ? b->w[i] : 0;
		now = was - less - borrow;
		borrow = (was < less) | ((was == less) & borrow);
		/* both are odd: their difference is shifted by a bit or more */
		a->w[i - 1] = bits != 0 ? low >> bits | now << (64 - bits) :
		    low;
		low = now;
	}
	a->w[i - 1] = low >> bits;
	trim(a);
	/* a whole limb was zero: once in 2^64 times */
	if (bits == 0)
		odd(a);
}

/*
 * Has ${p} a factor of so many bits in common with ${q}, which is not 0?  1 or
 * 0; -1: a number is too long.
 */
static int
share(const BIGNUM *p, const BIGNUM *q, size_t bits)
{
	struct limbs	 x, y, *a = &x, *b = &y, *t;
	int		 cmp;

	if (!load(a, p) || !load(b, q))
		return -1;
	if (a->n == 0)
		return (size_t)BN_num_bits(q) >= bits;
	if (bits <= 2 && (a->w[0] & 1) == 0 && (b->w[0] & 1) == 0)
		return 1;
	odd(a);
	odd(b);
	while ((cmp = compare_limbs(a, b)) != 0) {
		if (cmp < 0) {
			t = a;
			a = b;
			b = t;
		}
		reduce_odd(a, b);
	}
	return 64 * a->n - (size_t)__builtin_clzll(a->w[a->n - 1]) >= bits;
}

/* --- the search --------------------------------------------------------------- */

/* Mark the moduli that share something.  1; 0 when memory ran out. */
static int
search(struct tree *t, size_t bits, uint8_t *shares)
{
	size_t	 i;
	int	 level, ok, r;

	t->nsum = t->n[0];
	t->sum = numbers(t->nsum);
	ok = t->sum != NULL;
	for (i = 0; ok && i < t->n[0]; i++)
		ok = BN_one(t->sum[i]);
	while (ok && t->n[t->top] > 1)
		ok = grow(t);
	for (level = t->top - 1; ok && level >= 0; level--)
		ok = down(t, level);
	for (i = 0; ok && i < t->n[0]; i++) {
		r = share(t->sum[i], t->level[0][i], bits);
		ok = r != -1;
		shares[i] = r == 1;
	}
	return ok;
}

long
weak_shared(const struct span *spki, size_t n, size_t bits, uint8_t *bad,
    struct err *e)
{
	struct moduli	m = { NULL, 0, NULL, 0 };
	struct tree	t = { .top = 0 };
	uint8_t		*shares = NULL;
	size_t		 i;
	long		 count = -1;

	if (collect(spki, n, &m, e) == -1)
		goto out;
	shares = mem_array(m.n, 1);
	t.level[0] = m.v;
	t.n[0] = m.n;
	t.ctx = BN_CTX_new();
	if (m.n > 1 && (t.ctx == NULL || !search(&t, bits, shares))) {
		(void)err_set(e, ERR_SYS, "no memory for products");
		goto out;
	}
	for (count = 0, i = 0; i < n; i++) {
		bad[i] = m.of[i] != NONE && shares[m.of[i]];
		count += bad[i];
	}
out:
	drop(t.sum, t.nsum);
	for (; t.top > 0; t.top--)
		drop(t.level[t.top], t.n[t.top]);
	BN_CTX_free(t.ctx);
	drop(m.v, m.n);
	free(m.of);
	free(shares);
	return count;
}
