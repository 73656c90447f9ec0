#ifndef RIG_BIGFAULT_H
#define RIG_BIGFAULT_H

#include "tests/rig/lib/bighttp.h"

/*
 * What goes wrong on purpose: "WHAT[,opt=value]...", README.md has the list.
 */

enum { BIGFAULTS = 64 };

struct bigfault {
	char		 what[16];
	char		 match[128];	/* in the path with its query */
	long		 times;		/* -1: for ever */
	long		 rate;		/* answered a second, the rest is hit */
	long		 retry;		/* Retry-After; -1: none */
	uint64_t	 second, used;	/* answered in this second */
	uint64_t	 told;
};

struct bigfaults {
	struct bigfault	 f[BIGFAULTS];
	int		 n;
};

/* Add one; its text has commas, or is a query with & between options. */
int bigfault_add(struct bigfaults *, const char *, struct err *);

/* 1 when a fault has answered this request. */
int bigfault_hit(struct bigfaults *, const struct bigreq *, struct bigres *);

/* Append how often each was told, a JSON array. */
void bigfault_tell(const struct bigfaults *, struct buf *);

#endif
