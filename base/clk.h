#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stddef.h>
#include <stdint.h>

/* Time.  Intervals are measured with clk_mono(), moments with clk_wall(). */

#define CLK_SEC 1000000LL	/* microseconds in a second */

/* Microseconds since 1970, UTC; replaced by clk_fix() in tests and --at. */
int64_t clk_wall(void);

/*
 * Another clock shows ${us} now: clk_wall() goes by that one, and by the system's
 * again once they differ by less than five seconds.  How far the other is ahead
 * of the system's; 0: not to speak of.
 */
int64_t clk_follow(int64_t us);

/*
 * The earlier and the later of the two: who is accused by the time is accused by
 * both, as one of them may be wrong.
 */
int64_t clk_earlier(void);
int64_t clk_later(void);

/* Microseconds of a clock that never jumps. */
int64_t clk_mono(void);

/* Fix the wall clock at ${us} (0: the real clock again). */
void clk_fix(int64_t);

/*
 * RFC 3339 in UTC, to the second: "2026-11-22T12:00:00Z", written to
 * ${out}[CLK_TEXT]; returns out.
 */
#define CLK_TEXT 32
char *clk_text(int64_t, char *);

/*
 * Read RFC 3339 (5.6: "2026-11-22T12:00:00.5+01:00", also with a blank in the
 * place of T), or a date alone (midnight UTC), with nothing around it: 0, or -1
 * and *out as it was.  Digits behind the microsecond are dropped; a leap second
 * is the first second of the next minute.
 */
int clk_parse(const char *, int64_t *);

/*
 * Read Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date, of which
 * ${now} (microseconds) is subtracted.  Seconds to wait, never negative,
 * clamped to a day; -1 when it is neither.
 */
int64_t clk_retry_after(const char *, int64_t);

/*
 * Wait before attempt ${n} (1, 2, ...): ${base} * 2^(n-1), at most ${cap},
 * with up to a quarter of random jitter taken off.  Microseconds.
 */
int64_t clk_backoff(unsigned, int64_t, int64_t);

#endif
