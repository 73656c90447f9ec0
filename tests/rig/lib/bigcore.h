#ifndef RIG_BIGCORE_H
#define RIG_BIGCORE_H

#include "tests/rig/lib/bigpage.h"
#include "tests/rig/lib/bigtime.h"
#include "tests/rig/lib/bigtree.h"

/*
 * A large log without its server: entries by index, pages, the tree, and
 * which entries were planted.
 */

struct bigopts {
	const char	*dir;
	uint64_t	 size;		/* entries at the start */
	uint64_t	 seed;
	uint64_t	 every;		/* one planted entry in so many; of 4 */
	const char	*domain;	/* planted names are below it */
	int		 threads;	/* that hash at the start */
	uint64_t	 span;		/* seconds that the first entries took */
};

enum bigclass { BIG_PLAIN, BIG_MATCH, BIG_NEAR };

struct bigcore {
	struct bigopts	 o;
	struct bigcerts	 certs;
	struct bigpages	 pages;
	struct bigtree	 tree;
	struct bigtime	 time;
	char		*domain;	/* ".planted.example" */
	char		*near;		/* "-planted.example" */
	uint8_t		**sig;		/* of planted ones, by block */
	uint64_t	 nsig;
	struct bigpage	*scratch;
	struct bigpage	**pool;
	size_t		 npool, cappool;
};

/*
 * Read or make the log in o->dir: its keys, and the file of its leaf hashes.
 * With ${bare}, only what the oracle needs.
 */
int bigcore_open(struct bigcore *, const struct bigopts *, int bare,
    struct err *);

/* What an entry is. */
enum bigclass bigcore_class(const struct bigcore *, uint64_t);

/* The planted entry of block ${b}; its near miss. */
uint64_t bigcore_match(const struct bigcore *, uint64_t);
uint64_t bigcore_near(const struct bigcore *, uint64_t);

/* Let the tree grow to so many entries. */
void bigcore_grow(struct bigcore *, uint64_t);

/* A page of a kind, of which the first entries are right; drop it later. */
struct bigpage *bigcore_page(struct bigcore *, int, uint64_t);
void bigcore_drop(struct bigpage *);

/*
 * Append what must match within [from, to), a JSON object a line; also the
 * near misses.
 */
void bigcore_oracle(const struct bigcore *, uint64_t, uint64_t, int,
    struct buf *);

#endif
