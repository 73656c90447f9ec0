#ifndef CTLOG_MERKLE_H
#define CTLOG_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

/*
 * Merkle hash trees, RFC 6962 section 2.1.  Everything here is plain data
 * without ownership.  Tree sizes are below 2^63.
 */

/* Most perfect subtrees that cover a range: fewer than 63 a side. */
#define MERKLE_NODES	128
/* Longest proof of a tree of fewer than 2^63 leaves. */
#define MERKLE_PROOF	64

/*
 * A compact range: the roots of the perfect subtrees that cover the leaves
 * [from, to), left to right, each as large as alignment allows.  With
 * from == 0 it is a frontier: all that is needed to go on from a tree of
 * size ${to}.
 */
struct merkle_range {
	uint64_t	from, to;
	unsigned	n;
	uint8_t		hash[MERKLE_NODES][32];
};

/*
 * An audit path that grows while ranges are extended and joined.  Give it to
 * every call on the range that holds (or will hold) its leaf; after
 * merkle_root() hash[0 .. n) is the audit path of ${index} (2.1.1).
 */
struct merkle_path {
	uint64_t	index;
	unsigned	n;
	uint8_t		hash[MERKLE_PROOF][32];
	uint64_t	from, to;	/* subtree covered so far */
};

/* One node of the tree: leaves [index << level, (index + 1) << level). */
struct merkle_node {
	unsigned	level;
	uint64_t	index;
	unsigned	step;		/* which hash of a proof it is in */
};

/* An empty range at ${from}; an audit path that waits for leaf ${index}. */
void merkle_start(struct merkle_range *, uint64_t from);
void merkle_path_start(struct merkle_path *, uint64_t index);

/* How many nodes cover [from, to). */
unsigned merkle_count(uint64_t from, uint64_t to);

/* Append one leaf hash. */
void merkle_leaf(struct merkle_range *, const uint8_t hash[32]);

/*
 * Append ${n} leaf hashes, which are clobbered; aligned blocks of up to 256
 * are folded at once.  ${paths} may be NULL with ${npaths} 0.
 */
void merkle_leaves(struct merkle_range *, uint8_t (*hashes)[32], size_t n,
    struct merkle_path *paths, size_t npaths);

/*
 * Append ${right} to ${left}.  -1, with ${left} untouched, unless right
 * begins where left ends.
 */
int merkle_join(struct merkle_range *left, const struct merkle_range *right,
    struct merkle_path *paths, size_t npaths);

/*
 * The root hash of the tree whose frontier is given; of the empty one that
 * is SHA-256("").  -1 when the range does not begin at 0.
 */
int merkle_root(const struct merkle_range *, uint8_t out[32],
    struct merkle_path *paths, size_t npaths);

/*
 * The wire form (u64 from, u64 to, u8 n, hashes), and back: -1 unless
 * 0 <= from <= to < 2^63 and the count of hashes fits them.
 */
void merkle_put(struct buf *, const struct merkle_range *);
int merkle_get(struct cur *, struct merkle_range *);

/*
 * 0 when ${path} proves that the leaf hash ${leaf} has ${index} in the tree
 * of ${size} with ${root}, else -1 (RFC 6962 2.1.1, RFC 9162 2.1.3.2).
 * Strict: the path has exactly the length it must have.
 */
int merkle_inclusion(const uint8_t leaf[32], uint64_t index, uint64_t size,
    const uint8_t (*path)[32], size_t n, const uint8_t root[32]);

/*
 * 0 when ${path} proves that the tree of ${size2} is an extension of the one
 * of ${size1}, else -1 (RFC 6962 2.1.2, RFC 9162 2.1.4.2).  Equal sizes need
 * equal roots and no path.  size1 == 0 < size2 proves nothing and is -1: the
 * caller does not ask for that.
 */
int merkle_consistency(uint64_t size1, const uint8_t root1[32],
    uint64_t size2, const uint8_t root2[32], const uint8_t (*path)[32],
    size_t n);

/*
 * The root of the first ${size1} leaves of the tree of ${size2} with
 * ${root2}, as a consistency proof gives it.  -1 when the proof does not
 * lead to root2, or leaves the root out as size1 is a power of two.
 */
int merkle_consistency_old(uint64_t size1, uint64_t size2,
    const uint8_t root2[32], const uint8_t (*path)[32], size_t n,
    uint8_t out[32]);

/*
 * The frontier of the tree of ${size} out of the hash of its last entry and
 * that entry's audit path, which reversed is the frontier of size - 1.  It
 * proves nothing: the caller compares merkle_root() with a signed root.
 * -1 when size is 0 or the path has another length than it must have.
 */
int merkle_frontier_from_path(const uint8_t leaf[32], uint64_t size,
    const uint8_t (*path)[32], size_t n, struct merkle_range *out);

/*
 * The perfect nodes that the proof consists of, in the order of its hashes;
 * nodes of one ${step} are to be folded from the right (the last, ragged
 * edge of the tree).  MERKLE_NODES are always enough.  Returns how many, or
 * -1 when the arguments make no proof or ${max} is too small.
 */
int merkle_consistency_nodes(uint64_t size1, uint64_t size2,
    struct merkle_node *out, size_t max);
int merkle_inclusion_nodes(uint64_t index, uint64_t size,
    struct merkle_node *out, size_t max);

/* The perfect nodes of [from, to), left to right, all with step 0. */
int merkle_range_nodes(uint64_t from, uint64_t to, struct merkle_node *out,
    size_t max);

/*
 * The frontier of the tree of ${size1} out of a consistency proof size1 ->
 * size2, which has its nodes.  It proves nothing: compare merkle_root() with
 * a root that is known, or give it to merkle_consistency() with this path.
 * -1 where the proof does not have them (size1 is a power of two, or 0) or
 * has another length than it must have.
 */
int merkle_frontier_from_consistency(uint64_t size1, uint64_t size2,
    const uint8_t (*path)[32], size_t n, struct merkle_range *out);

#endif
