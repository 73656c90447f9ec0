#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

/*
 * Bytes that grow.  Invariants: after BUF_INIT or any call, p[n] is a zero
 * byte that is not counted (once p is not NULL), so text may be used as a
 * string; buf_text() gives "" for an empty one.  Owns p; buf_free() it.
 */
struct buf {
	uint8_t	*p;
	size_t	 n;	/* bytes in use */
	size_t	 cap;	/* bytes allocated, the zero byte included */
};

#define BUF_INIT { NULL, 0, 0 }

/* Make room for ${n} more bytes and return where they go (then add to n). */
uint8_t *buf_room(struct buf *, size_t);

/* Append bytes; a string; a span; formatted text. */
void buf_add(struct buf *, const void *, size_t);
void buf_str(struct buf *, const char *);
void buf_span(struct buf *, struct span);
void buf_fmt(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Append big-endian integers of 8, 16, 24, 32 and 64 bits. */
void buf_u8(struct buf *, uint8_t);
void buf_u16(struct buf *, uint16_t);
void buf_u24(struct buf *, uint32_t);
void buf_u32(struct buf *, uint32_t);
void buf_u64(struct buf *, uint64_t);

/* Append a 32-bit length and the bytes: the counterpart of cur_vec32(). */
void buf_vec32(struct buf *, const void *, size_t);

/* The text, zero-terminated, borrowed; the bytes as a span, borrowed. */
const char *buf_text(const struct buf *);
struct span buf_bytes(const struct buf *);

/* Empty it but keep the memory; give the memory away; free it. */
void buf_reset(struct buf *);
uint8_t *buf_detach(struct buf *, size_t *);
void buf_free(struct buf *);

#endif
