#ifndef CTLOG_JSN_H
#define CTLOG_JSN_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Members of JSON answers (RFC 8259), by jansson.  ${what} names the answer
 * in errors.  Duplicate members, left-over bytes and numbers beyond 2^63 are
 * refused.  Nothing here keeps its arguments.
 */

/* The answer as an object; json_decref() it.  NULL: error is set. */
json_t *jsn_object(struct span body, const char *what, struct err *);

/* A non-negative integer; an absent one is an error. */
int jsn_u64(const json_t *, const char *key, uint64_t *, struct err *);

/* Base64, appended to the buffer; exactly ${n} bytes of it to ${out}. */
int jsn_b64(const json_t *, const char *key, struct buf *, struct err *);
int jsn_b64_to(const json_t *, const char *key, uint8_t *out, size_t n,
    struct err *);

/*
 * An array of base64 strings of 32 bytes each into ${out}, which has room
 * for ${max}; more are ERR_LIMIT.
 */
int jsn_hashes(const json_t *, const char *key, uint8_t (*out)[32],
    size_t max, size_t *n, struct err *);

#endif
