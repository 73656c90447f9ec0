#ifndef RIG_TREE_H
#define RIG_TREE_H

#include "base/buf.h"

/*
 * The Merkle tree of RFC 6962, 2.1, with the hashes of all complete subtrees
 * kept: level[l] holds those over 2^l leaves.
 */

enum { TREE_LEVELS = 40, TREE_HASH = 32 };

struct tree {
	struct buf	 level[TREE_LEVELS];
	uint64_t	 n;
};

/* Append a leaf hash. */
void tree_add(struct tree *, const uint8_t *);

/* Forget the leaves from ${n} on. */
void tree_cut(struct tree *, uint64_t);

/* The hash over leaves [index << level, (index + 1) << level): borrowed. */
const uint8_t *tree_at(const struct tree *, unsigned, uint64_t);

/* The root over the first ${n} leaves, n <= tree->n (2.1). */
void tree_root(const struct tree *, uint64_t, uint8_t *);

/* Append the audit path of leaf ${m} in the tree of size ${n} (2.1.1). */
void tree_path(const struct tree *, uint64_t, uint64_t, struct buf *);

/* Append the consistency proof between two sizes, 0 < m <= n (2.1.2). */
void tree_consistency(const struct tree *, uint64_t, uint64_t, struct buf *);

/* The leaf hash of ${n} bytes. */
void tree_leaf(const void *, size_t, uint8_t *);

void tree_free(struct tree *);

#endif
