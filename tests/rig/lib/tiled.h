#ifndef RIG_TILED_H
#define RIG_TILED_H

#include "tests/rig/lib/rlog.h"
#include "tests/rig/lib/web.h"

/*
 * The reading half of static-ct-api 1.1.0.  ${path} is what follows the
 * monitoring prefix.  The log's lock is held.  1 when the body is to be
 * compressed (by tiled_gzip(), without the lock).
 */
int tiled_serve(struct rlog *, enum kind, const char *, struct web_res *);

/* Compress the body and say so. */
void tiled_gzip(struct web_res *);

/* The kind of a path, or KIND_MAX. */
enum kind tiled_kind(const char *);

#endif
