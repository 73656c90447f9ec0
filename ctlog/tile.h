#ifndef CTLOG_TILE_H
#define CTLOG_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "base/http.h"
#include "ctlog/merkle.h"

/*
 * Tiles of static-ct-api v1.1.0 and tlog-tiles: where the nodes of a tree
 * are, and proofs and frontiers out of tiles that were fetched.
 */

#define TILE_WIDTH	256
#define TILE_DATA	(-1)	/* the level of data tiles */
#define TILE_LEVEL_MAX	7
#define TILE_PATH_MAX	80
/* Most tiles that a frontier or a proof needs. */
#define TILE_SET_MAX	136

/* Which tile; a partial one has a width of 1 .. 255. */
struct tile {
	int		level;		/* 0 .. TILE_LEVEL_MAX, or TILE_DATA */
	uint64_t	index;
	unsigned	width;		/* 1 .. 256 */
};

/* A fetched hash tile: bytes.n is 32 * width. */
struct tile_hash {
	int		level;
	uint64_t	index;
	unsigned	width;
	struct span	bytes;		/* borrowed */
};

/*
 * "tile/0/x001/234.p/5", relative to the monitoring prefix.  Returns -1 on a
 * level or width that cannot be (static-ct-api, section Merkle Tree).
 */
int tile_path(const struct tile *, char out[TILE_PATH_MAX]);

/* The request for a tile; ${base} ends with a slash. */
int tile_request(const char *base, const struct tile *, struct http_req *);

/* The request for an issuer by its SHA-256. */
int tile_issuer_request(const char *base, const uint8_t fp[32],
    struct http_req *);

/* The width that tile (level, index) has in a tree of ${size}; 0: none. */
unsigned tile_width(int level, uint64_t index, uint64_t size);

/*
 * The hash tiles, without doubles and as they are in a tree of ${size}, that
 * hold the frontier of ${size}; the proof size1 -> size; the audit path of
 * ${index}.  Returns how many, or -1 when there is none or max too small.
 */
int tile_frontier_tiles(uint64_t size, struct tile *out, size_t max);
int tile_consistency_tiles(uint64_t size1, uint64_t size, struct tile *out,
    size_t max);
int tile_inclusion_tiles(uint64_t index, uint64_t size, struct tile *out,
    size_t max);

/* The hash tiles that hold the nodes of the range [from, to) < ${size}. */
int tile_range_tiles(uint64_t from, uint64_t to, uint64_t size,
    struct tile *out, size_t max);

/* Check the form of a hash tile: 32 bytes a hash, width as said. */
int tile_check(const struct tile_hash *, struct err *);

/*
 * One node out of fetched tiles; a tile that is wider than asked for serves
 * too (a full one after a partial one is gone).  -1 when none holds it.
 */
int tile_node(const struct tile_hash *, size_t n, const struct merkle_node *,
    uint8_t out[32]);

/*
 * The nodes of [from, to) (the frontier, with from == 0) out of tiles.  Not
 * proven: compare its root with a signed one.
 */
int tile_range(const struct tile_hash *, size_t n, uint64_t from,
    uint64_t to, struct merkle_range *out);

/*
 * A proof out of tiles into ${path}, which has room for MERKLE_PROOF hashes.
 * Returns its length, -1 when a tile is missing.  Check it with
 * merkle_consistency() and merkle_inclusion().
 */
int tile_consistency(const struct tile_hash *, size_t n, uint64_t size1,
    uint64_t size2, uint8_t (*path)[32]);
int tile_inclusion(const struct tile_hash *, size_t n, uint64_t index,
    uint64_t size, uint8_t (*path)[32]);

#endif
