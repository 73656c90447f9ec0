#include "ctlog/merkle.h"

#include <string.h>

#include "base/sha.h"

/* The largest perfect subtree that starts at ${at} and ends by ${to}. */
static unsigned
step_level(uint64_t at, uint64_t to)
{
	unsigned	align, fit;

	fit = 63 - (unsigned)__builtin_clzll(to - at);
	if (at == 0)
		return fit;
	align = (unsigned)__builtin_ctzll(at);
	return align < fit ? align : fit;
}

void
merkle_start(struct merkle_range *r, uint64_t from)
{
	r->from = r->to = from;
	r->n = 0;
}

void
merkle_path_start(struct merkle_path *p, uint64_t index)
{
	p->index = p->from = p->to = index;
	p->n = 0;
}

unsigned
merkle_count(uint64_t from, uint64_t to)
{
	unsigned	n;

	for (n = 0; from < to; n++)
		from += 1ULL << step_level(from, to);
	return n;
}

/*
 * The subtrees [a, b) and [b, c) with the hashes ${l} and ${r} become one:
 * each path whose subtree is one of them takes the other's hash.
 */
static void
paths_merge(struct merkle_path *paths, size_t npaths, const uint64_t at[3],
    const uint8_t *l, const uint8_t *r)
{
	struct merkle_path	*p;

	for (p = paths; npaths > 0; p++, npaths--) {
		if (p->from == p->to || p->n >= MERKLE_PROOF)
			continue;
		if (p->from == at[0] && p->to == at[1]) {
			memcpy(p->hash[p->n++], r, SHA_LEN);
			p->to = at[2];
		} else if (p->from == at[1] && p->to == at[2]) {
			memcpy(p->hash[p->n++], l, SHA_LEN);
			p->from = at[0];
		}
	}
}

/* Append the perfect subtree of ${level} at r->to. */
static void
push(struct merkle_range *r, unsigned level, const uint8_t hash[SHA_LEN],
    struct merkle_path *paths, size_t npaths)
{
	uint64_t	start = r->to, half;
	uint64_t	at[3];
	uint8_t		h[SHA_LEN];

	memcpy(h, hash, sizeof(h));
	r->to += 1ULL << level;
	/*
	 * The last node of a range is the sibling whenever the whole sibling
	 * is inside the range: the cover is the coarsest one.
	 */
	for (; start >> level & 1; level++) {
		half = 1ULL << level;
		if (start - r->from < half)
			break;
		at[0] = start - half;
		at[1] = start;
		at[2] = start + half;
		r->n--;
		if (npaths > 0)
			paths_merge(paths, npaths, at, r->hash[r->n], h);
		sha_node(h, r->hash[r->n], h);
		start -= half;
	}
	memcpy(r->hash[r->n++], h, SHA_LEN);
}

/* A path whose leaf is among the next ${n} begins with that leaf. */
static void
paths_begin(struct merkle_path *paths, size_t npaths, uint64_t at, size_t n)
{
	for (; npaths > 0; paths++, npaths--)
		if (paths->from == paths->to && paths->n == 0 &&
		    paths->index >= at && paths->index - at < n)
			paths->to = paths->from + 1;
}

void
merkle_leaf(struct merkle_range *r, const uint8_t hash[32])
{
	push(r, 0, hash, NULL, 0);
}

/* One level up inside an aligned block: paths take their siblings. */
static void
paths_fold(struct merkle_path *paths, size_t npaths, uint64_t base,
    unsigned level, uint8_t (*hash)[SHA_LEN])
{
	uint64_t	k, span = 1ULL << level;

	for (; npaths > 0; paths++, npaths--) {
		if (paths->from == paths->to || paths->from < base ||
		    paths->to - paths->from != span ||
		    paths->n >= MERKLE_PROOF)
			continue;
		k = (paths->from - base) >> level;
		memcpy(paths->hash[paths->n++], hash[k ^ 1], SHA_LEN);
		if (k & 1)
			paths->from -= span;
		else
			paths->to += span;
	}
}

void
merkle_leaves(struct merkle_range *r, uint8_t (*hashes)[32], size_t n,
    struct merkle_path *paths, size_t npaths)
{
	unsigned	level, l;
	size_t		width;

	while (n > 0) {
		level = r->to == 0 ? 8 : (unsigned)__builtin_ctzll(r->to);
		if (level > 8)
			level = 8;
		while (((size_t)1 << level) > n)
			level--;
		width = (size_t)1 << level;
		paths_begin(paths, npaths, r->to, width);
		for (l = 0; l < level; l++) {
			paths_fold(paths, npaths, r->to, l, hashes);
			sha_nodes(hashes,
			    (const uint8_t (*)[SHA_LEN])hashes,
			    width >> (l + 1));
		}
		push(r, level, hashes[0], paths, npaths);
		hashes += width;
		n -= width;
	}
}

int
merkle_join(struct merkle_range *left, const struct merkle_range *right,
    struct merkle_path *paths, size_t npaths)
{
	unsigned	i, level;

	if (left->to != right->from)
		return -1;
	for (i = 0; left->to < right->to; i++) {
		level = step_level(left->to, right->to);
		push(left, level, right->hash[i], paths, npaths);
	}
	return 0;
}

int
merkle_root(const struct merkle_range *r, uint8_t out[32],
    struct merkle_path *paths, size_t npaths)
{
	uint64_t	at[3];
	unsigned	i;

	if (r->from != 0)
		return -1;
	if (r->n == 0) {
		sha_256(out, "", 0);
		return 0;
	}
	memcpy(out, r->hash[r->n - 1], SHA_LEN);
	at[2] = r->to;
	at[1] = at[2] - (at[2] & -at[2]);
	for (i = r->n - 1; i > 0; i--) {
		/* The next node to the left: the lowest bit that is set. */
		at[0] = at[1] - (at[1] & -at[1]);
		if (npaths > 0)
			paths_merge(paths, npaths, at, r->hash[i - 1], out);
		sha_node(out, r->hash[i - 1], out);
		at[1] = at[0];
	}
	return 0;
}

void
merkle_put(struct buf *b, const struct merkle_range *r)
{
	buf_u64(b, r->from);
	buf_u64(b, r->to);
	buf_u8(b, (uint8_t)r->n);
	buf_add(b, r->hash, (size_t)r->n * SHA_LEN);
}

int
merkle_get(struct cur *c, struct merkle_range *out)
{
	struct cur	d = *c;
	uint8_t		n;

	if (cur_u64(&d, &out->from) == -1 || cur_u64(&d, &out->to) == -1 ||
	    cur_u8(&d, &n) == -1)
		return -1;
	if (out->from > out->to || out->to >> 63 != 0 ||
	    n != merkle_count(out->from, out->to) ||
	    cur_copy(&d, out->hash, (size_t)n * SHA_LEN) == -1)
		return -1;
	out->n = n;
	*c = d;
	return 0;
}

int
merkle_inclusion(const uint8_t leaf[32], uint64_t index, uint64_t size,
    const uint8_t (*path)[32], size_t n, const uint8_t root[32])
{
	uint64_t	last;
	uint8_t		h[SHA_LEN];
	size_t		i;

	if (index >= size || size >> 63 != 0)
		return -1;
	memcpy(h, leaf, sizeof(h));
	last = size - 1;
	for (i = 0; i < n; i++) {
		if (last == 0)
			return -1;
		if (index & 1 || index == last) {
			sha_node(h, path[i], h);
			while ((index & 1) == 0 && index != 0) {
				index >>= 1;
				last >>= 1;
			}
		} else
			sha_node(h, h, path[i]);
		index >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(h, root, sizeof(h)) == 0 ? 0 : -1;
}

/*
 * The roots that a consistency proof leads to; ${root1} is needed where the
 * proof leaves it out.  -1: it has not the length that it must have.
 */
static int
consistency_roots(uint64_t size1, const uint8_t root1[32], uint64_t size2,
    const uint8_t (*path)[32], size_t n, uint8_t a[32], uint8_t b[32])
{
	uint64_t	first, last;
	size_t		i = 0;

	if (size1 == 0 || size1 >= size2 || size2 >> 63 != 0 || n == 0)
		return -1;
	first = size1 - 1;
	last = size2 - 1;
	while (first & 1) {
		first >>= 1;
		last >>= 1;
	}
	/* A size that is a power of two: the proof leaves its root out. */
	if (first == 0 && root1 == NULL)
		return -1;
	memcpy(a, first == 0 ? root1 : path[i++], SHA_LEN);
	memcpy(b, a, SHA_LEN);
	for (; i < n; i++) {
		if (last == 0)
			return -1;
		if (first & 1 || first == last) {
			sha_node(a, path[i], a);
			sha_node(b, path[i], b);
			while ((first & 1) == 0 && first != 0) {
				first >>= 1;
				last >>= 1;
			}
		} else
			sha_node(b, b, path[i]);
		first >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : -1;
}

int
merkle_consistency(uint64_t size1, const uint8_t root1[32], uint64_t size2,
    const uint8_t root2[32], const uint8_t (*path)[32], size_t n)
{
	uint8_t	a[SHA_LEN], b[SHA_LEN];

	if (size1 == size2 && size2 >> 63 == 0)
		return n == 0 && memcmp(root1, root2, SHA_LEN) == 0 ? 0 : -1;
	return consistency_roots(size1, root1, size2, path, n, a, b) == 0 &&
	    memcmp(a, root1, sizeof(a)) == 0 &&
	    memcmp(b, root2, sizeof(b)) == 0 ? 0 : -1;
}

int
merkle_consistency_old(uint64_t size1, uint64_t size2,
    const uint8_t root2[32], const uint8_t (*path)[32], size_t n,
    uint8_t out[32])
{
	uint8_t	b[SHA_LEN];

	return consistency_roots(size1, NULL, size2, path, n, out, b) == 0 &&
	    memcmp(b, root2, sizeof(b)) == 0 ? 0 : -1;
}

int
merkle_frontier_from_path(const uint8_t leaf[32], uint64_t size,
    const uint8_t (*path)[32], size_t n, struct merkle_range *out)
{
	size_t	i;

	if (size == 0 || size >> 63 != 0 || n != merkle_count(0, size - 1))
		return -1;
	merkle_start(out, 0);
	out->to = size - 1;
	for (i = 0; i < n; i++)
		memcpy(out->hash[i], path[n - 1 - i], SHA_LEN);
	out->n = (unsigned)n;
	merkle_leaf(out, leaf);
	return 0;
}

/* --- where the hashes of a proof are --- */

struct spans {
	uint64_t	from[MERKLE_PROOF], to[MERKLE_PROOF];
	unsigned	n;
};

static void
spans_add(struct spans *s, uint64_t from, uint64_t to)
{
	s->from[s->n] = from;
	s->to[s->n++] = to;
}

/* The subtrees of a proof, top first, as nodes in the order of the proof. */
static int
spans_nodes(const struct spans *s, struct merkle_node *out, size_t max)
{
	uint64_t	at;
	unsigned	i, level;
	int		n = 0;

	for (i = s->n; i-- > 0;)
		for (at = s->from[i]; at < s->to[i]; at += 1ULL << level) {
			if ((size_t)n >= max)
				return -1;
			level = step_level(at, s->to[i]);
			out[n].level = level;
			out[n].index = at >> level;
			out[n++].step = s->n - 1 - i;
		}
	return n;
}

/* Where RFC 6962 2.1 splits [lo, hi): behind the largest power of two. */
static uint64_t
split(uint64_t lo, uint64_t hi)
{
	return lo + (1ULL << (63 - __builtin_clzll(hi - lo - 1)));
}

int
merkle_consistency_nodes(uint64_t size1, uint64_t size2,
    struct merkle_node *out, size_t max)
{
	uint64_t	lo = 0, hi = size2, mid;
	struct spans	s = { .n = 0 };

	if (size1 == 0 || size1 > size2 || size2 >> 63 != 0)
		return -1;
	while (size1 != hi) {
		mid = split(lo, hi);
		if (size1 <= mid) {
			spans_add(&s, mid, hi);
			hi = mid;
		} else {
			spans_add(&s, lo, mid);
			lo = mid;
		}
	}
	if (lo != 0)
		spans_add(&s, lo, hi);
	return spans_nodes(&s, out, max);
}

int
merkle_inclusion_nodes(uint64_t index, uint64_t size,
    struct merkle_node *out, size_t max)
{
	uint64_t	lo = 0, hi = size, mid;
	struct spans	s = { .n = 0 };

	if (index >= size || size >> 63 != 0)
		return -1;
	while (hi - lo > 1) {
		mid = split(lo, hi);
		if (index < mid) {
			spans_add(&s, mid, hi);
			hi = mid;
		} else {
			spans_add(&s, lo, mid);
			lo = mid;
		}
	}
	return spans_nodes(&s, out, max);
}

int
merkle_range_nodes(uint64_t from, uint64_t to, struct merkle_node *out,
    size_t max)
{
	struct spans	s = { .n = 0 };

	if (from > to || to >> 63 != 0)
		return -1;
	spans_add(&s, from, to);
	return spans_nodes(&s, out, max);
}

int
merkle_frontier_from_consistency(uint64_t size1, uint64_t size2,
    const uint8_t (*path)[32], size_t n, struct merkle_range *out)
{
	struct merkle_node	have[MERKLE_NODES], want[MERKLE_NODES];
	int			nhave, nwant, i, k;

	if (size1 >= size2)
		return -1;
	nhave = merkle_consistency_nodes(size1, size2, have, MERKLE_NODES);
	nwant = merkle_range_nodes(0, size1, want, MERKLE_NODES);
	if (nhave <= 0 || nwant <= 0 || have[nhave - 1].step + 1 != n)
		return -1;
	merkle_start(out, 0);
	out->to = size1;
	/* what lies left of size1 is perfect: a step of its own */
	for (k = 0; k < nwant; k++) {
		for (i = 0; i < nhave && (have[i].level != want[k].level ||
		    have[i].index != want[k].index); i++)
			;
		if (i == nhave)
			return -1;
		memcpy(out->hash[k], path[have[i].step], SHA_LEN);
	}
	out->n = (unsigned)nwant;
	return 0;
}
