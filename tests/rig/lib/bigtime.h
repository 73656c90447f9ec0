#ifndef RIG_BIGTIME_H
#define RIG_BIGTIME_H

#include <stdint.h>

/*
 * When each entry of a large log was added: computed.  The first ones over a
 * span of time before the log began, later ones at the rate that the log had.
 */

enum { BIGTIME_PARTS = 256 };

struct bigtime {
	uint64_t	 start;		/* entries that were there */
	uint64_t	 began;		/* ms: when that was */
	uint64_t	 span;		/* ms that they took */
	struct bigtime_part {
		uint64_t	 from;	/* first entry */
		uint64_t	 ms;	/* when the part begins */
		uint64_t	 rate;	/* entries a second; 0: all at once */
	}		 part[BIGTIME_PARTS];
	int		 n;
};

/* Now, in ms. */
uint64_t bigtime_now(void);

/* When entry ${i} was added. */
uint64_t bigtime_of(const struct bigtime *, uint64_t);

/* How many entries there are at a time. */
uint64_t bigtime_size(const struct bigtime *, uint64_t);

/* From ${now} on another rate, after ${more} entries at once; -1: no room. */
int bigtime_turn(struct bigtime *, uint64_t, uint64_t, uint64_t);

#endif
