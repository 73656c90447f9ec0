#ifndef RIG_B64_H
#define RIG_B64_H

#include "base/buf.h"

/* Standard base64 with padding (RFC 4648, 4), and lower-case hex. */

/* Append the base64 of ${n} bytes at ${p}. */
void b64_put(struct buf *, const void *, size_t);

/* Append what the text stands for; -1 when it is no base64. */
int b64_get(struct buf *, const char *);

/* Append ${n} bytes in hex; the bytes of a hex text (-1 when it is none). */
void b64_hex(struct buf *, const void *, size_t);
int b64_unhex(struct buf *, const char *);

#endif
