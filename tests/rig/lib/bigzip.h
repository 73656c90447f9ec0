#ifndef RIG_BIGZIP_H
#define RIG_BIGZIP_H

#include "base/buf.h"

/*
 * Deflate with holes (RFC 1951, 1952): a text is compressed once, and bytes
 * of it that vary are put into the compressed form afterwards.  For that all
 * literals have codes of nine bits, and a byte that varies is a literal, or
 * is copied from where the same one stood before.
 */

enum { BIGZIP_RUN = 6, BIGZIP_SLACK = 16 };

/*
 * A symbol of the text: a byte, or BIGZIP_VARY plus a number: a byte that
 * varies, the same wherever that number stands.  BIGZIP_RARE in addition:
 * one of those that are filled in only when that is asked for.
 */
#define BIGZIP_VARY	0x100u
#define BIGZIP_RARE	0x80000000u

struct bigzip_hole {
	uint32_t	 at;		/* in the text */
	uint32_t	 n;		/* bytes, at most BIGZIP_RUN */
	uint64_t	 bit;		/* in the compressed form */
};

struct bigzip {
	struct buf	 z;		/* gzip, holes are zero bits */
	struct bigzip_hole *holes[2];	/* common, rare; in order */
	size_t		 n[2], cap[2];
	uint16_t	 code[256];	/* of the literals, bits reversed */
};

/* Compress ${n} symbols. */
void bigzip_make(struct bigzip *, const uint32_t *, size_t);

/*
 * Fill ${n} holes of a copy of ${z}, which has BIGZIP_SLACK bytes behind it,
 * out of a text.
 */
void bigzip_fill(const struct bigzip *, const struct bigzip_hole *, size_t,
    const uint8_t *, uint8_t *);

/* Put length and CRC-32 of a text of ${n} bytes at the end. */
void bigzip_end(const struct bigzip *, const uint8_t *, size_t, uint8_t *);

#endif
