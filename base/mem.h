#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Memory that cannot fail: when there is none, the process dies with one
 * line on stderr.  Caps (base/limit.h) keep that out of an attacker's reach.
 * What these return is freed with free().
 */

/* ${n} bytes, zeroed; n = 0 gives a pointer that may be freed. */
void *mem_zero(size_t);

/* ${n} objects of ${size} bytes, zeroed; dies when the product overflows. */
void *mem_array(size_t, size_t);

/*
 * Grow the array ${p} of ${size}-byte objects so that it holds at least
 * ${want}; *cap is the number it holds, and is updated (doubling).  New
 * objects are not zeroed.  Returns the array, which may have moved.
 */
void *mem_grow(void *, size_t *, size_t, size_t);

/* A copy of ${n} bytes, with a zero byte behind them that is not counted. */
void *mem_dup(const void *, size_t);

/* A copy of a string; NULL gives NULL. */
char *mem_str(const char *);

/* A formatted string. */
char *mem_printf(const char *, ...) __attribute__((format(printf, 1, 2)));

/* Overwrite ${n} bytes so that the compiler cannot leave it out (secrets). */
void mem_wipe(void *, size_t);

#endif
