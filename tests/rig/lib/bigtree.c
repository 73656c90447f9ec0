/* The one-shot functions of OpenSSL 3 are several times slower. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <sys/mman.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/bigtree.h"

enum { BITS = 8, WIDTH = 1 << BITS };

int
bigtree_open(struct bigtree *t, uint64_t max, struct err *e)
{
	t->max = max;
	t->leaf = mmap(NULL, max * BIGTREE_HASH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->leaf == MAP_FAILED)
		return err_set(e, ERR_SYS, "no room for %llu hashes",
		    (unsigned long long)max);
	return 0;
}

void
bigtree_leaf(const uint8_t *p, size_t n, uint8_t *out)
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, p, n);
	SHA256_Final(out, &c);
}

static void
node(const uint8_t *l, const uint8_t *r, uint8_t *out)
{
	uint8_t b[1 + 2 * BIGTREE_HASH];

	b[0] = 1;
	memcpy(b + 1, l, BIGTREE_HASH);
	memcpy(b + 1 + BIGTREE_HASH, r, BIGTREE_HASH);
	bigtree_leaf(b, sizeof(b), out);
}

const uint8_t *
bigtree_tile(const struct bigtree *t, unsigned level)
{
	return level == 0 ? t->leaf : t->up[level].p;
}

/* The hash over leaves [i << level, (i + 1) << level). */
static void
hash_at(const struct bigtree *t, unsigned level, uint64_t i, uint8_t *out)
{
	uint8_t h[WIDTH][BIGTREE_HASH];
	unsigned up = level % BITS, k, n = 1u << up;

	memcpy(h, bigtree_tile(t, level / BITS) + (i << up) * BIGTREE_HASH,
	    (size_t)n * BIGTREE_HASH);
	for (; n > 1; n /= 2)
		for (k = 0; k < n / 2; k++)
			node(h[k * 2], h[k * 2 + 1], h[k]);
	memcpy(out, h[0], BIGTREE_HASH);
}

/* One hash of the next tile level out of 256 of this one. */
static void
fold(const uint8_t *from, uint8_t *out)
{
	uint8_t h[WIDTH][BIGTREE_HASH];
	unsigned n, k;

	memcpy(h, from, sizeof(h));
	for (n = WIDTH; n > 1; n /= 2)
		for (k = 0; k < n / 2; k++)
			node(h[k * 2], h[k * 2 + 1], h[k]);
	memcpy(out, h[0], BIGTREE_HASH);
}

void
bigtree_grow(struct bigtree *t, uint64_t n)
{
	uint8_t h[BIGTREE_HASH];
	uint64_t i;
	unsigned l;

	t->n = n;
	for (l = 1; l < BIGTREE_TILES; l++)
		for (i = t->up[l].n / BIGTREE_HASH; i < n >> (BITS * l); i++) {
			fold(bigtree_tile(t, l - 1) +
			    i * WIDTH * BIGTREE_HASH, h);
			buf_add(&t->up[l], h, sizeof(h));
		}
}

/* The largest power of two below ${n}, n > 1. */
static uint64_t
split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* MTH(D[a:b]), where a is a multiple of the largest power of two in b - a. */
static void
hash(const struct bigtree *t, uint64_t a, uint64_t b, uint8_t *out)
{
	uint8_t l[BIGTREE_HASH], r[BIGTREE_HASH];
	uint64_t k, n = b - a;
	unsigned level;

	if ((n & (n - 1)) == 0) {
		level = (unsigned)__builtin_ctzll(n);
		hash_at(t, level, a >> level, out);
		return;
	}
	k = split(n);
	hash(t, a, a + k, l);
	hash(t, a + k, b, r);
	node(l, r, out);
}

void
bigtree_root(const struct bigtree *t, uint64_t n, uint8_t *out)
{
	if (n == 0)
		bigtree_leaf((const uint8_t *)"", 0, out);
	else
		hash(t, 0, n, out);
}

/* PATH(m, D[a:b]), 2.1.1: the sibling comes last. */
static void
path(const struct bigtree *t, uint64_t m, uint64_t a, uint64_t b,
    struct buf *out)
{
	uint8_t h[BIGTREE_HASH];
	uint64_t k;

	if (b - a <= 1)
		return;
	k = a + split(b - a);
	if (m < k) {
		path(t, m, a, k, out);
		hash(t, k, b, h);
	} else {
		path(t, m, k, b, out);
		hash(t, a, k, h);
	}
	buf_add(out, h, sizeof(h));
}

void
bigtree_path(const struct bigtree *t, uint64_t m, uint64_t n, struct buf *out)
{
	path(t, m, 0, n, out);
}

/* SUBPROOF(m, D[a:b], whole), 2.1.2. */
static void
subproof(const struct bigtree *t, uint64_t m, uint64_t a, uint64_t b,
    int whole, struct buf *out)
{
	uint8_t h[BIGTREE_HASH];
	uint64_t k;

	if (m == b) {
		if (!whole) {
			hash(t, a, b, h);
			buf_add(out, h, sizeof(h));
		}
		return;
	}
	k = a + split(b - a);
	if (m <= k) {
		subproof(t, m, a, k, whole, out);
		hash(t, k, b, h);
	} else {
		subproof(t, m, k, b, 0, out);
		hash(t, a, k, h);
	}
	buf_add(out, h, sizeof(h));
}

void
bigtree_consistency(const struct bigtree *t, uint64_t m, uint64_t n,
    struct buf *out)
{
	subproof(t, m, 0, n, 1, out);
}

/* --- from hash to index ------------------------------------------------------ */

static uint64_t
slot_of(const struct bigtree *t, const uint8_t *h)
{
	uint64_t v;

	memcpy(&v, h, sizeof(v));
	return v & (t->nslot - 1);
}

/* A slot holds an index and one, 0 for none. */
static void
index_all(struct bigtree *t)
{
	uint64_t s;

	if (t->nslot < t->n * 2) {
		free(t->slot);
		t->nslot = 1 << 16;
		while (t->nslot < t->n * 3)
			t->nslot *= 2;
		t->slot = mem_array(t->nslot, sizeof(*t->slot));
		t->found = 0;
	}
	for (; t->found < t->n; t->found++) {
		s = slot_of(t, t->leaf + t->found * BIGTREE_HASH);
		while (t->slot[s] != 0)
			s = (s + 1) & (t->nslot - 1);
		t->slot[s] = (uint32_t)t->found + 1;
	}
}

int64_t
bigtree_find(struct bigtree *t, const uint8_t *h)
{
	uint64_t s, i;

	index_all(t);
	for (s = slot_of(t, h); t->slot[s] != 0;
	    s = (s + 1) & (t->nslot - 1)) {
		i = t->slot[s] - 1;
		if (memcmp(t->leaf + i * BIGTREE_HASH, h,
		    BIGTREE_HASH) == 0)
			return (int64_t)i;
	}
	return -1;
}
