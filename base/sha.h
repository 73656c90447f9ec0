#ifndef BASE_SHA_H
#define BASE_SHA_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

/*
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104).  Uses the SHA instructions of
 * the processor where it has them, two messages at a time where two can be
 * had; the portable twin gives the same answers.
 */
#define SHA_LEN		32
#define SHA_PREFIX_MAX	16	/* longest prefix of sha_leaves() */

/* A digest that is being computed; plain data, may be copied. */
struct sha_ctx {
	uint32_t	h[8];
	uint64_t	n;		/* bytes so far */
	uint8_t		tail[64];	/* the last n % 64 of them */
};

/* SHA-256 of ${n} bytes.  ${out} may lie inside them. */
void sha_256(uint8_t out[SHA_LEN], const void *, size_t);

/* The same in pieces; sha_final() leaves the context unusable. */
void sha_init(struct sha_ctx *);
void sha_update(struct sha_ctx *, const void *, size_t);
void sha_final(struct sha_ctx *, uint8_t out[SHA_LEN]);

/*
 * sha_update() in steps of one block, for a walk over the same bytes: what
 * stands between two steps runs while the processor waits for the hash.  The
 * context and the bytes are borrowed from begin to end; sha_steps_end() takes
 * what the steps have left, which may be all of it.
 */
struct sha_steps {
	_Alignas(16) uint32_t	 st[8];		/* in the processor's order */
	size_t			 left;		/* steps that there are */
	const uint8_t		*p;		/* the next block */
	struct sha_ctx		*c;
	struct span		 in;
};

void sha_steps_begin(struct sha_steps *, struct sha_ctx *, struct span);
/* One step, of which there must be one left. */
void sha_step(struct sha_steps *);
void sha_steps_end(struct sha_steps *);

/*
 * out[i] = SHA-256(prefix || in[i]) for ${n} messages; ${plen} is at most
 * SHA_PREFIX_MAX (more aborts), RFC 6962 2.1 leaves have the prefix 0x00.
 * Messages of like length are hashed in pairs.
 */
void sha_leaves(uint8_t (*out)[SHA_LEN], const struct span *in, size_t n,
    const uint8_t *prefix, size_t plen);

/* out = SHA-256(0x01 || l || r): an inner node of RFC 6962, 2.1. */
void sha_node(uint8_t out[SHA_LEN], const uint8_t l[SHA_LEN],
    const uint8_t r[SHA_LEN]);

/* out[i] = node(in[2i], in[2i+1]) for ${pairs}; out may be in. */
void sha_nodes(uint8_t (*out)[SHA_LEN], const uint8_t (*in)[SHA_LEN],
    size_t pairs);

/* HMAC-SHA-256 of ${n} bytes of ${data} under a key of ${nkey} bytes. */
void sha_hmac(uint8_t out[SHA_LEN], const void *key, size_t nkey,
    const void *data, size_t n);

/* Tests: 1 = use the portable code, 0 = what the processor has. */
void sha_force_portable(int);

/* 1 when the processor's instructions are in use. */
int sha_accelerated(void);

#endif
