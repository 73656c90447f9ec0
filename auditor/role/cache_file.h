#ifndef AUDITOR_ROLE_CACHE_FILE_H
#define AUDITOR_ROLE_CACHE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

struct err;

/*
 * One file of bodies, for fetch_cache.c: units of 16 KiB, of which the first
 * says what the file is, and a body takes as many as it needs, side by side.
 * What is removed is written over, so that a file costs no more to keep than
 * the bytes that go into it.
 *
 * Each file has a secret of its own, and each body a head with it and a sum:
 * no bytes that somebody served are taken for the head of a body.  Who writes a
 * file holds its lock (flock), which ends with the process.  Then all others
 * may read it and remove bodies from it, but none is added.
 */
struct cache_file;

#define CACHE_FILE_UNIT	16384u

/* A body in a file. */
struct cache_body {
	struct cache_body	*next;		/* the caller's */
	struct cache_file	*file;		/* borrowed */
	uint8_t			 name[32];
	uint64_t		 sum;
	int64_t			 at;		/* seconds since 1970 */
	uint32_t		 unit;		/* its first one */
	uint32_t		 n;		/* bytes */
	uint32_t		 gzip;
};

/* A new file in the folder ${dir}; NULL and ERR_SYS. */
struct cache_file *cache_file_new(int dir, struct err *);

/*
 * Open the file ${name} of ${dir}, if it is one of ours and the process that
 * wrote it is no more; one that is damaged is removed.  NULL: it was not
 * opened; *size is then what it holds on disk, 0 when it was removed or is none
 * of ours.
 */
struct cache_file *cache_file_adopt(int dir, const char *name,
    int64_t *size);

/*
 * After an adoption: the bodies in the file, one a call, in ${body} (all but
 * next): 1, or 0 at the end.  They count as held.  *unit is 0 at first.
 */
int cache_file_scan(struct cache_file *, uint32_t *unit, struct cache_body *);

/* Is the body still there, or did another process remove it? */
int cache_file_has(const struct cache_body *);

/* Let go of it; it is removed when it holds nothing. */
void cache_file_free(struct cache_file *);

/* Did somebody remove it? */
int cache_file_gone(const struct cache_file *);

/* Its name in the folder. */
const char *cache_file_name(const struct cache_file *);

/* Bodies that it holds, and bytes it takes. */
size_t cache_file_held(const struct cache_file *);
int64_t cache_file_size(const struct cache_file *);

/*
 * Write a body: name, at and gzip of ${body} are set, the rest is filled in.
 * The file gets no longer than ${max} bytes: 1, 0 when there is no room; -1
 * ERR_SYS.
 */
int cache_file_put(struct cache_file *, struct cache_body *, struct span,
    int64_t max, struct err *);

/* Its bytes into ${out}: 0, -1 when they are not those that were written. */
int cache_file_get(const struct cache_body *, struct buf *out);

/* It is in the file no more (body itself is the caller's). */
void cache_file_remove(const struct cache_body *);

/* Give the disk back what lies behind the last body. */
void cache_file_trim(struct cache_file *);

#endif
