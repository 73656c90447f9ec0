#ifndef PKI_WATCH_BUILD_H
#define PKI_WATCH_BUILD_H

#include "base/buf.h"
#include "pki/watch_img.h"

/* The inside of a builder, for pki/watch_build.c and pki/watch_make.c only. */

/* The hashes of a watch: of its name, and of the name one label up. */
struct watch_hash {
	uint64_t	own;
	uint64_t	parent;		/* 0: there is none */
};

struct watch_build {
	uint64_t	 seed[3];
	struct buf	 text;		/* records */
	uint32_t	*off;
	size_t		 cap_off;
	struct watch_hash *hash;
	size_t		 cap_hash;
	uint32_t	 n;
	uint32_t	*slot;		/* of all kinds, to find doubles */
	uint32_t	 nslot;
	struct watch_not *not;		/* in no order */
	size_t		 nnot;
	size_t		 cap_not;
};

/* A text on its way into order; what else belongs to it is ${watch}. */
struct watch_order {
	uint64_t	 head;		/* of watch_sort() */
	const char	*text;		/* borrowed, zero-terminated */
	uint32_t	 watch;
};

/* Put distinct texts, shorter than WATCH_TEXT, into bytewise order. */
void watch_sort(struct watch_order *, size_t);

#endif
