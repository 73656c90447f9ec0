#ifndef RIG_BIGPAGE_H
#define RIG_BIGPAGE_H

#include "tests/rig/lib/bigcert.h"
#include "tests/rig/lib/bigzip.h"

/*
 * Pages of 256 entries, aligned to 256, as JSON objects and as gzip'd data
 * tile.  All pages have the same layout, so a page is made out of any other
 * by writing what varies over it; nothing is stored.
 */

/* What entry ${i} has of its own. */
struct bigval {
	uint8_t		 label[8], serial[8], time[8], index[5];
	const uint8_t	*domain;	/* NULL: the mould's */
	const uint8_t	*sig;		/* NULL: the mould's */
};

enum { BIGPAGE_JSON = 1, BIGPAGE_TILE = 2, BIGPAGE_DIRTY = 64 };

/* Write ${field} at ${at}. */
struct bigop {
	uint32_t	 at;
	uint32_t	 field;
};

/* Encode ${n} bytes of the text at ${at} to four characters at ${to}. */
struct bigenc {
	uint32_t	 at, to;
	uint32_t	 n;
};

/*
 * A field within base64: the bytes before it in its first group of three, and
 * behind it in its last one, as long as they are always the same.
 */
struct bigfast {
	uint32_t	 to;
	uint8_t		 field, shift, groups, pad;
	uint8_t		 before[2], after[2];
};

/* Where one entry lies. */
struct bigplace {
	uint32_t	 leaf, nleaf;	/* a zero byte, then the leaf */
	uint32_t	 extra, nextra;
	uint32_t	 tbs, ntbs;	/* what the CA signs */
	uint32_t	 json, njson;	/* {"leaf_input":...} */
	uint32_t	 tile, ntile;
	/* ranges in the tables: common ones, then rare ones, then the end */
	uint32_t	 op[3], enc[3], top[3];
	uint32_t	 fast[2];	/* from, to */
	uint32_t	 hole[2][2];
};

struct bigpages {
	const struct bigcerts *c;	/* borrowed */
	struct bigplace	 at[BIG_WIDTH];
	struct buf	 raw;		/* leaves and extra_data */
	struct buf	 json;		/* objects with commas between them */
	struct buf	 tile;		/* TileLeaf structures */
	struct bigzip	 zip;
	struct bigop	*ops, *tops;	/* of raw, of tile */
	struct bigenc	*encs;
	struct bigfast	*fasts;
	size_t		 nops, ntops, nencs, nfasts, cap[4];
};

/* One page, to be written over again and again. */
struct bigpage {
	int		 kind;
	uint64_t	 n;		/* which one it holds; UINT64_MAX: none */
	int		 width;		/* entries that are right */
	int		 refs;
	uint8_t		*raw;		/* or the tile before compression;
					   stale in JSON but where planted */
	uint8_t		*out;		/* JSON or gzip */
	uint8_t		 dirty[BIGPAGE_DIRTY];
	int		 ndirty;
};

/* Lay the pages out; the certificates are borrowed for ever. */
void bigpages_make(struct bigpages *, const struct bigcerts *);

/* A page of a kind, 0 for one that has no ${out}; one that is there already. */
struct bigpage *bigpage_new(const struct bigpages *, int);
void bigpage_init(const struct bigpages *, struct bigpage *, int);
void bigpage_free(struct bigpage *);

/* Put values into entry ${k} of it; ${out}, too, unless it has none. */
void bigpage_set(const struct bigpages *, struct bigpage *, int,
    const struct bigval *);

/* Forget the domains and signatures that were set. */
void bigpage_clean(const struct bigpages *, struct bigpage *);

/* When all entries are set: length and CRC-32 of a tile. */
void bigpage_end(const struct bigpages *, struct bigpage *);

#endif
