#ifndef AUDITOR_ROLE_FETCH_CACHE_H
#define AUDITOR_ROLE_FETCH_CACHE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

/*
 * Bodies that were downloaded and are not committed yet, in a file of a folder
 * (cache_file.h), so that a process that was killed does not ask for them
 * twice.  Nothing in it is believed: what is read is checked for damage, and
 * then judged and proven as what comes from a log.
 *
 * Each process writes a file of its own.  One that a living process has is left
 * alone; those of processes that died are read by all, and removed by who used
 * the last body.  All of them share the bound, about.  A disk that is full and a
 * folder that cannot be written are said once, and tried again later.
 */
struct fetch_cache;

/* Bodies of more bytes are not kept. */
#define FETCH_CACHE_BODY	(4u << 20)

/* Of at most ${cap} bytes in ${dir}, made when it is first needed. */
struct fetch_cache *fetch_cache_new(const char *dir, int64_t cap);
void fetch_cache_free(struct fetch_cache *);

/*
 * Look what processes that died left behind: before that nothing of theirs is
 * found.
 */
void fetch_cache_look(struct fetch_cache *);

/* The body of that name into ${out}: 1, or 0 when there is none that is whole. */
int fetch_cache_get(struct fetch_cache *, const uint8_t name[32],
    struct buf *out, int *gzip);

/*
 * Keep a body: 1, or 0 when the cache is full, the body too long or the folder
 * cannot be written (nothing is lost but time).
 */
int fetch_cache_put(struct fetch_cache *, const uint8_t name[32], struct span,
    int gzip);

/* Forget one, whose place may be written over; none of that name is fine. */
void fetch_cache_remove(struct fetch_cache *, const uint8_t name[32]);

/* Give the disk back what is not needed now: all, when nothing is kept. */
void fetch_cache_trim(struct fetch_cache *);

#endif
