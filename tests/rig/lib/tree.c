#include <string.h>

#include <openssl/sha.h>

#include "tests/rig/lib/tree.h"

static void
node(const uint8_t *l, const uint8_t *r, uint8_t *out)
{
	uint8_t b[1 + 2 * TREE_HASH];

	b[0] = 1;
	memcpy(b + 1, l, TREE_HASH);
	memcpy(b + 1 + TREE_HASH, r, TREE_HASH);
	SHA256(b, sizeof(b), out);
}

void
tree_leaf(const void *p, size_t n, uint8_t *out)
{
	struct buf b = BUF_INIT;

	buf_u8(&b, 0);
	buf_add(&b, p, n);
	SHA256(b.p, b.n, out);
	buf_free(&b);
}

const uint8_t *
tree_at(const struct tree *t, unsigned level, uint64_t index)
{
	return t->level[level].p + index * TREE_HASH;
}

void
tree_add(struct tree *t, const uint8_t *leaf)
{
	uint8_t h[TREE_HASH];
	unsigned l;
	uint64_t i = t->n++;

	memcpy(h, leaf, sizeof(h));
	for (l = 0; ; l++, i >>= 1) {
		buf_add(&t->level[l], h, sizeof(h));
		if ((i & 1) == 0)
			break;
		node(tree_at(t, l, i - 1), tree_at(t, l, i), h);
	}
}

void
tree_cut(struct tree *t, uint64_t n)
{
	unsigned l;

	if (n >= t->n)
		return;
	t->n = n;
	for (l = 0; l < TREE_LEVELS; l++)
		if (t->level[l].n > (n >> l) * TREE_HASH)
			t->level[l].n = (n >> l) * TREE_HASH;
}

/* The largest power of two below ${n}, n > 1. */
static uint64_t
split(uint64_t n)
{
	uint64_t k = 1;

	while (k << 1 < n)
		k <<= 1;
	return k;
}

/* MTH(D[a:b]), where a is a multiple of the largest power of two in b - a. */
static void
hash(const struct tree *t, uint64_t a, uint64_t b, uint8_t *out)
{
	uint8_t l[TREE_HASH], r[TREE_HASH];
	uint64_t k, n = b - a;
	unsigned level = 0;

	if ((n & (n - 1)) == 0) {
		while ((uint64_t)1 << level < n)
			level++;
		memcpy(out, tree_at(t, level, a >> level), TREE_HASH);
		return;
	}
	k = split(n);
	hash(t, a, a + k, l);
	hash(t, a + k, b, r);
	node(l, r, out);
}

void
tree_root(const struct tree *t, uint64_t n, uint8_t *out)
{
	if (n == 0)
		SHA256(NULL, 0, out);
	else
		hash(t, 0, n, out);
}

static void
add_hash(const struct tree *t, uint64_t a, uint64_t b, struct buf *out)
{
	uint8_t h[TREE_HASH];

	hash(t, a, b, h);
	buf_add(out, h, sizeof(h));
}

/* PATH(m, D[a:b]), m counted from a. */
static void
path(const struct tree *t, uint64_t m, uint64_t a, uint64_t b,
    struct buf *out)
{
	uint64_t k;

	if (b - a <= 1)
		return;
	k = split(b - a);
	if (m < k) {
		path(t, m, a, a + k, out);
		add_hash(t, a + k, b, out);
	} else {
		path(t, m - k, a + k, b, out);
		add_hash(t, a, a + k, out);
	}
}

void
tree_path(const struct tree *t, uint64_t m, uint64_t n, struct buf *out)
{
	path(t, m, 0, n, out);
}

/* SUBPROOF(m, D[a:b], whole). */
static void
subproof(const struct tree *t, uint64_t m, const uint64_t *r, int whole,
    struct buf *out)
{
	uint64_t a = r[0], b = r[1], k;
	uint64_t left[2], right[2];

	if (m == b - a) {
		if (!whole)
			add_hash(t, a, b, out);
		return;
	}
	k = split(b - a);
	left[0] = a;
	left[1] = right[0] = a + k;
	right[1] = b;
	if (m <= k) {
		subproof(t, m, left, whole, out);
		add_hash(t, a + k, b, out);
	} else {
		subproof(t, m - k, right, 0, out);
		add_hash(t, a, a + k, out);
	}
}

void
tree_consistency(const struct tree *t, uint64_t m, uint64_t n,
    struct buf *out)
{
	uint64_t all[2] = { 0, n };

	subproof(t, m, all, 1, out);
}

void
tree_free(struct tree *t)
{
	unsigned l;

	for (l = 0; l < TREE_LEVELS; l++)
		buf_free(&t->level[l]);
	t->n = 0;
}
