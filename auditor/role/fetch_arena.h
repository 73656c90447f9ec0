#ifndef AUDITOR_ROLE_FETCH_ARENA_H
#define AUDITOR_ROLE_FETCH_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct err;

/*
 * Extents of shared memory that bodies are written to.  What is free and what
 * is used is known here alone, in private memory: a judge that maps the arena
 * cannot confuse us.
 */
struct fetch_arena;

/*
 * Map ${fd} (borrowed), which must be a memfd of exactly ${size} bytes that
 * is sealed against shrinking and growing (else a judge could have us killed
 * by SIGBUS).  NULL: ERR_FORMAT, ERR_LIMIT or ERR_SYS.
 */
struct fetch_arena *fetch_arena_new(int fd, uint64_t size, struct err *);
void fetch_arena_free(struct fetch_arena *);

/* Its first byte. */
uint8_t *fetch_arena_base(struct fetch_arena *);
uint64_t fetch_arena_size(const struct fetch_arena *);

/*
 * An extent of at least ${n} bytes (n > 0), the lowest that fits: 0 and *off,
 * or -1 when there is none.  Extents begin at multiples of 64.
 */
int fetch_arena_take(struct fetch_arena *, uint64_t n, uint64_t *off);

/* Make the extent at ${off} hold ${n} bytes where it is: 0, or -1. */
int fetch_arena_resize(struct fetch_arena *, uint64_t off, uint64_t n);

/* Give the extent at ${off} back: 0, or -1 when there is none. */
int fetch_arena_give(struct fetch_arena *, uint64_t off);

/* Bytes that are taken, rounded up; 0: all is free. */
uint64_t fetch_arena_used(const struct fetch_arena *);

#endif
