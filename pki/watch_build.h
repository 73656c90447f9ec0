#ifndef PKI_WATCH_BUILD_H
#define PKI_WATCH_BUILD_H

#include "base/buf.h"
#include "pki/watch_img.h"

/*
 * The inside of a builder, for pki/watch_build.c, watch_file.c and
 * watch_make.c only.
 */

/* A hash table of texts, as the image has it: WATCH_SLOT_BITS. */
struct watch_table {
	uint32_t	*slot;
	uint32_t	 n;		/* a power of two */
	uint32_t	 used;
};

/* Which watches have the same parent: the newest of them, and its hash. */
struct watch_parents {
	uint32_t	*slot;		/* as pslot of the image */
	uint64_t	*hash;
	uint32_t	 n;		/* a power of two */
	uint32_t	 used;
};

/* Tables of the image that are made at the end. */
struct watch_made {
	struct watch_head	 head;
	uint64_t		*filter;
	uint64_t		*pfilter;
	struct watch_ip		*ip;
	struct watch_key	*key;
};

/*
 * The text of watch_build_text().  A watch of before that it repeats is
 * marked WATCH_IN_TEXT until the sum is made.
 */
struct watch_one {
	enum { ONE_NONE, ONE_BEGUN, ONE_ENDED } state;
	uint32_t	 from;		/* its first watch, */
	uint32_t	 to;		/* and that behind its last */
	uint8_t		 sha256[32];
};

struct watch_build {
	uint64_t	 seed[3];
	struct buf	 text;		/* records */
	size_t		 nline;		/* bytes of the patterns as lines */
	uint32_t	*off;		/* a watch: its record, */
	uint32_t	*sib;		/* the next with the same parent, */
	uint64_t	*own;		/* the hash of its name */
	uint32_t	 n;
	size_t		 cap;		/* room in these three */
	uint32_t	 least;		/* labels of the shortest name */
	struct watch_table name;	/* patterns that are names */
	struct watch_table other;	/* and all else */
	struct watch_parents up;
	struct watch_not *not;		/* in no order */
	size_t		 nnot;
	size_t		 cap_not;
	struct watch_one one;
	struct watch_made made;
};

/*
 * A pattern on its way in: its record is the last of the text, or one of the
 * last.
 */
struct watch_pend {
	uint64_t	own;
	uint64_t	parent;		/* 0: there is none */
	size_t		line;		/* of a file */
	uint32_t	at;		/* of the record */
	uint16_t	up;		/* where its parent begins */
	uint16_t	labels;
};

/*
 * Append the record of a canonical pattern and hash it.  ${c} is the pattern
 * scanned, without its leading dot when ${kind} is WATCH_DEEP.
 */
void watch_build_pend(struct watch_build *, struct watch_pend *,
    const struct scan *, enum watch_kind kind);

/* Fetch into the cache what watch_build_put() will look at. */
void watch_build_prefetch(const struct watch_build *,
    const struct watch_pend *);

/*
 * Find the pattern or make it a watch; *fresh says which.  Returns its
 * number, WATCH_NONE when there are too many.  A record that was not fresh
 * is the caller's to take away.
 */
uint32_t watch_build_put(struct watch_build *, const struct watch_pend *,
    int *fresh);

/* A pattern without exclusions is there a second time. */
void watch_build_again(struct watch_build *, uint32_t w);

/* The error that watch_build_put() means. */
int watch_build_too_many(struct err *);

static inline const uint8_t *
watch_build_rec(const struct watch_build *b, uint32_t w)
{
	return b->text.p + b->off[w];
}

#endif
