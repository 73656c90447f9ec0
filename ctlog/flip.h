#ifndef CTLOG_FLIP_H
#define CTLOG_FLIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

/* A leaf of which one bit was changed (Yeti2022 had one). */

struct flip {
	size_t	at;		/* byte of the leaf */
	uint8_t	mask;		/* one bit of it */
};

/*
 * Which bit of ${leaf}, changed, gives a leaf with the hash ${want} (RFC 6962
 * 2.1)?  1 and *out; 0 none, or the leaf is longer than LIMIT_FLIP_LEAF.
 */
int flip_find(struct span leaf, const uint8_t want[32], struct flip *out);

#endif
