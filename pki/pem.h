#ifndef PKI_PEM_H
#define PKI_PEM_H

#include "base/buf.h"
#include "base/cur.h"

/*
 * The next block "-----BEGIN ${label}-----" (RFC 7468) at or after the
 * cursor, decoded into ${out}, which is emptied first; the cursor moves
 * behind it.  1: found; 0: there is no other one; -1: there is one, but its
 * base64 cannot be read (the cursor moved all the same, so go on).  Text
 * around the blocks is passed over, and so are blanks within.
 */
int pem_next(struct cur *, const char *label, struct buf *out);

/* Append such a block, in lines of 64 characters (RFC 7468, 2). */
void pem_put(struct buf *out, const char *label, struct span der);

#endif
