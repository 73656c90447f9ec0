#ifndef BASE_ENC_H
#define BASE_ENC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Base64 and base64url (RFC 4648, 4 and 5) and hex.  Decoders are strict: no
 * white space, canonical padding, unused bits zero.  They append to the
 * buffer; on -1 the buffer is as it was.
 */

/* Append base64 with padding. */
void enc_b64(struct buf *, const void *, size_t);

/* Decode padded base64; 0 or -1. */
int enc_unb64(const char *, size_t, struct buf *);

/* Append base64url without padding; decode it (padding refused): 0 or -1. */
void enc_b64url(struct buf *, const void *, size_t);
int enc_unb64url(const char *, size_t, struct buf *);

/*
 * Decode padded base64 from ${in} until the first byte that is neither in
 * the alphabet nor '='; *used is the offset of that byte, ${n} when there is
 * none.  Writes at most ${cap} bytes to ${out} and reads no byte at or after
 * in + n; ${in} and ${out} must not overlap.  Each input byte that counts is
 * read once and decided upon from that one reading, so that the input may be
 * memory that somebody else can change.  Returns the number of bytes
 * written, or -1 when the run is not canonical base64 or does not fit
 * (*used is then undefined, and ${out} scribbled upon).
 */
long enc_unb64_run(uint8_t *out, size_t cap, const uint8_t *in, size_t n,
    size_t *used);

/* Append lower-case hex; decode hex of either case: 0 or -1. */
void enc_hex(struct buf *, const void *, size_t);
int enc_unhex(const char *, size_t, struct buf *);

/* Write 2n hex digits and a zero byte to ${out}; returns out. */
char *enc_hex_to(char *out, const void *, size_t n);

/* Decode exactly ${n} bytes from 2n hex digits: 0 or -1. */
int enc_unhex_to(uint8_t *out, size_t n, const char *);

/*
 * Tests: use at most this of what the processor has; ENC_BEST is the default.
 * Returns what is in use then, which is less when the processor has less.
 */
enum enc_level { ENC_SCALAR, ENC_AVX2, ENC_VBMI };
#define ENC_BEST	ENC_VBMI
enum enc_level enc_force(enum enc_level);

#endif
