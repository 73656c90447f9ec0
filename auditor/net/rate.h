#ifndef AUDITOR_NET_RATE_H
#define AUDITOR_NET_RATE_H

#include <stdint.h>

/*
 * A token bucket that learns its rate (additive increase, multiplicative
 * decrease).  Pure: the caller gives the time, in microseconds of any clock
 * that does not go back.  One per log and one per operator.
 */
struct rate {
	double	per_sec;	/* requests a second now: our part of all */
	double	min_per_sec;	/* of all */
	double	max_per_sec;	/* of all */
	double	step;		/* added to per_sec by a success */
	double	grown;		/* what successes added; rate_share() */
	double	burst;		/* most tokens that are saved up, of all */
	double	parts;		/* who else asks: ours is one of so many */
	double	tokens;
	int64_t	last;		/* when tokens was computed */
	int64_t	hold_until;	/* nothing before this moment */
	int64_t	cut_at;		/* when the rate was last cut */
};

/*
 * Begin with ${per_sec} and a full bucket of ${burst} (at least 1).  The rate
 * never leaves [per_sec / 1024, max]; a success adds a hundredth of per_sec.
 */
void rate_init(struct rate *, double per_sec, double burst, double max,
    int64_t now);

/* Microseconds to wait before the next request; 0: now. */
int64_t rate_ready(struct rate *, int64_t now);

/* The same for one who leaves ${keep} tokens (less than burst) for others. */
int64_t rate_ready_behind(struct rate *, double keep, int64_t now);

/* A request goes out now (whether rate_ready() said 0 or not). */
void rate_take(struct rate *, int64_t now);

/* It was answered well. */
void rate_ok(struct rate *);

/*
 * It was answered 429 or 503 with Retry-After of ${retry_after} seconds (-1:
 * none; from clk_retry_after()).  Halves the rate, once for all answers to
 * requests that were under way together, and holds everything for that time
 * (without one: two intervals of the new rate, at least 1 s, at most 60 s).
 */
int rate_429(struct rate *, int64_t retry_after, int64_t now);

/*
 * It was answered with another 5xx or not at all: a quarter less, no hold.
 * Both return 1 when the rate was cut, 0 when that was old news.
 */
int rate_5xx(struct rate *, int64_t now);

/*
 * The bucket is shared: all together ask ${all} times a second, ${parts} of
 * them (at least 1), each its part.  What successes added since the last call
 * is the caller's to tell the others (grown), and begins anew.
 */
void rate_share(struct rate *, double all, unsigned parts, int64_t now);

/* Somebody else was told to wait for so many microseconds. */
void rate_hold(struct rate *, int64_t us, int64_t now);

#endif
