#ifndef RIG_LIE_H
#define RIG_LIE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What is told wrongly, how often, to which requests (README.md: lies). */

enum kind {
	KIND_STH, KIND_ENTRIES, KIND_CONSISTENCY, KIND_PROOF, KIND_ENTRY,
	KIND_ROOTS, KIND_ADD, KIND_ADDPRE, KIND_CHECKPOINT, KIND_TILE,
	KIND_DATA, KIND_ISSUER, KIND_MAX
};

enum lie_id {
	LIE_FORK, LIE_SHRINK, LIE_BITFLIP, LIE_STALE, LIE_FUTURE,
	LIE_BACKWARDS, LIE_BADSIG, LIE_WRONGKEY, LIE_ORIGIN, LIE_EXTRASIGS,
	LIE_SHORT, LIE_EMPTY, LIE_OVERSIZED, LIE_TRUNCATED, LIE_HTML,
	LIE_429SECONDS, LIE_429DATE, LIE_429BARE, LIE_500, LIE_503, LIE_404,
	LIE_410, LIE_SLOW, LIE_STALL, LIE_RESET, LIE_BOMB, LIE_WRONGGZIP,
	LIE_NOPARTIAL, LIE_ISSUERHASH, LIE_NOISSUER, LIE_TILEFLIP,
	LIE_CONSISTENCY, LIE_PROOF, LIE_LAG, LIE_FLAP, LIE_TYPE, LIE_DUPKEYS,
	LIE_ODDJSON, LIE_WITHHOLD, LIE_YETI, LIE_COSIGN, LIE_CAP, LIE_ALIGN, LIE_MAX
};

struct lie {
	int		 on;
	int64_t		 n;		/* its number; -1: default */
	int64_t		 at;		/* fork: first index; -1: default */
	int64_t		 index;		/* bitflip */
	int64_t		 byte;		/* bitflip; -1: the middle */
	int64_t		 level;		/* tile_bitflip; -1: any */
	int64_t		 times;		/* still to be told; -1: for ever */
	uint32_t	 kinds;		/* bit set of enum kind */
	char		 mode[16];
	uint64_t	 since;		/* ms, when it was switched on */
	uint64_t	 told;
};

/* The name of a kind of request, as in the README and the statistics. */
const char *kind_name(enum kind);

/* The name of a lie; the lie of a name, or LIE_MAX. */
const char *lie_name(enum lie_id);
enum lie_id lie_find(const char *);

/*
 * Set a lie from the arguments (query string form): on, n, at, index, byte,
 * level, times, kind, mode.  What is not given takes the lie's default.
 */
int lie_set(struct lie *, enum lie_id, const char *, struct err *);

/* Is this lie told to this kind of request now?  Counts it. */
int lie_tell(struct lie *, enum kind);

/* The same without counting. */
int lie_is(const struct lie *, enum kind);

#endif
