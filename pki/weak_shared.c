#include <openssl/bn.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/weak.h"
#include "pki/weak_rsa.h"

/*
 * Batch GCD.  A tree of products over the moduli is built from below; then
 * for each node the product of everything outside of it is taken modulo the
 * node, from above.  At a leaf that is the product of all other moduli modulo
 * this one, and shares with it what they share.
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
	BIGNUM	**level[LEVELS];	/* [0]: leaves, of struct moduli */
	size_t	  n[LEVELS];
	int	  top;
	BN_CTX	 *ctx;
};

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

/* The next level up: products of pairs; one without a partner goes up. */
static int
grow(struct tree *t)
{
	BIGNUM	**from = t->level[t->top], **to;
	size_t	  i, n = t->n[t->top];

	t->top++;
	t->n[t->top] = (n + 1) / 2;
	to = t->level[t->top] = mem_array((n + 1) / 2, sizeof(*to));
	for (i = 0; i < n; i += 2) {
		if ((to[i / 2] = BN_new()) == NULL)
			return 0;
		if (i + 1 == n ? BN_copy(to[i / 2], from[i]) == NULL :
		    !BN_mul(to[i / 2], from[i], from[i + 1], t->ctx))
			return 0;
	}
	return 1;
}

/*
 * What is outside of a node: what is outside of its parent, times its
 * sibling, modulo itself.
 */
static int
outside(BIGNUM *out, const BIGNUM *parent, const BIGNUM *node,
    const BIGNUM *sibling, BN_CTX *ctx)
{
	BIGNUM	*s;
	int	 ok;

	BN_CTX_start(ctx);
	s = BN_CTX_get(ctx);
	ok = s != NULL && BN_nnmod(out, parent, node, ctx) &&
	    (sibling == NULL || (BN_nnmod(s, sibling, node, ctx) &&
	    BN_mod_mul(out, out, s, node, ctx)));
	BN_CTX_end(ctx);
	return ok;
}

static void
drop(BIGNUM **v, size_t n)
{
	size_t	i;

	for (i = 0; v != NULL && i < n; i++)
		BN_free(v[i]);
	free(v);
}

/* One level down from ${r}, which is freed; NULL when memory ran out. */
static BIGNUM **
down(const struct tree *t, int level, BIGNUM **r)
{
	BIGNUM	**v = t->level[level], **out;
	size_t	  i, n = t->n[level];
	int	  ok = 1;

	out = mem_array(n, sizeof(*out));
	for (i = 0; i < n && ok; i++)
		ok = (out[i] = BN_new()) != NULL && outside(out[i], r[i / 2],
		    v[i], (i ^ 1) < n ? v[i ^ 1] : NULL, t->ctx);
	drop(r, t->n[level + 1]);
	if (ok)
		return out;
	drop(out, n);
	return NULL;
}

/* Mark the moduli that share something.  1; 0 when memory ran out. */
static int
search(struct tree *t, uint8_t *shares)
{
	BIGNUM	**r, *g = BN_new();
	size_t	  i, nr = 1;
	int	  level, ok = g != NULL;

	while (ok && t->n[t->top] > 1)
		ok = grow(t);
	r = mem_array(1, sizeof(*r));
	ok = ok && (r[0] = BN_new()) != NULL && BN_one(r[0]);
	for (level = t->top - 1; ok && level >= 0; level--) {
		ok = (r = down(t, level, r)) != NULL;
		nr = t->n[level];
	}
	for (i = 0; ok && i < t->n[0]; i++) {
		ok = BN_gcd(g, r[i], t->level[0][i], t->ctx);
		shares[i] = ok && !BN_is_one(g);
	}
	drop(r, nr);
	BN_free(g);
	return ok;
}

long
weak_shared(const struct span *spki, size_t n, uint8_t *bad, struct err *e)
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
	if (m.n > 1 && (t.ctx == NULL || !search(&t, shares))) {
		(void)err_set(e, ERR_SYS, "no memory for products");
		goto out;
	}
	for (count = 0, i = 0; i < n; i++) {
		bad[i] = m.of[i] != NONE && shares[m.of[i]];
		count += bad[i];
	}
out:
	for (; t.top > 0; t.top--)
		drop(t.level[t.top], t.n[t.top]);
	BN_CTX_free(t.ctx);
	drop(m.v, m.n);
	free(m.of);
	free(shares);
	return count;
}
