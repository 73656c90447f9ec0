#ifndef RIG_BIGTREE_H
#define RIG_BIGTREE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The Merkle tree of a large log (RFC 6962, 2.1): all leaf hashes, and the
 * hashes over 2^8, 2^16, ... leaves, which are what tiles consist of.  The
 * hashes between are computed when asked for.
 */

enum { BIGTREE_TILES = 5, BIGTREE_HASH = 32 };

struct bigtree {
	uint8_t		*leaf;		/* address space for ${max} hashes */
	uint64_t	 max, n;
	struct buf	 up[BIGTREE_TILES];	/* [l]: over 2^(8 l); not [0] */
	uint32_t	*slot;		/* leaf hash to index, made when needed */
	uint64_t	 nslot, found;	/* found: leaves that are in it */
};

/* Room for so many leaves (address space, no memory). */
int bigtree_open(struct bigtree *, uint64_t, struct err *);

/* Leaves up to ${n} have been written to ${leaf}. */
void bigtree_grow(struct bigtree *, uint64_t);

/* The hash of a leaf, whose zero byte stands before it. */
void bigtree_leaf(const uint8_t *, size_t, uint8_t *);

/* The hashes of a tile level, borrowed. */
const uint8_t *bigtree_tile(const struct bigtree *, unsigned);

/* The root over the first ${n} leaves, n <= tree->n. */
void bigtree_root(const struct bigtree *, uint64_t, uint8_t *);

/* Append the audit path of leaf ${m} in the tree of size ${n} (2.1.1). */
void bigtree_path(const struct bigtree *, uint64_t, uint64_t, struct buf *);

/* Append the consistency proof between two sizes, 0 < m <= n (2.1.2). */
void bigtree_consistency(const struct bigtree *, uint64_t, uint64_t,
    struct buf *);

/* The index of a leaf hash, -1 when it has none. */
int64_t bigtree_find(struct bigtree *, const uint8_t *);

#endif
