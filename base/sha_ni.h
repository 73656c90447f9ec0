#ifndef BASE_SHA_NI_H
#define BASE_SHA_NI_H

#include <stddef.h>
#include <stdint.h>

/*
 * The block functions behind base/sha.h; nobody else includes this.  A state
 * is h[8] as FIPS 180-4 has it; blocks are 64 bytes.
 */

/* 1 when the processor can do it. */
int sha_ni_there(void);

/* ${n} blocks into one state. */
void sha_ni_blocks(uint32_t h[8], const uint8_t *, size_t n);

/*
 * A state in the processor's order, 16 bytes aligned, for one block at a time:
 * in, steps, and out again.
 */
void sha_ni_enter(uint32_t st[8], const uint32_t h[8]);
void sha_ni_step(uint32_t st[8], const uint8_t *);
void sha_ni_leave(const uint32_t st[8], uint32_t h[8]);

/*
 * A message as whole blocks: ${nbody} of them at ${body}, then ${ntail} at
 * ${tail} (the end with its padding).
 */
struct sha_msg {
	const uint8_t	*head;		/* one block that goes first, or NULL */
	const uint8_t	*body;
	size_t		 nbody;
	const uint8_t	*tail;
	size_t		 ntail;
};

/* The digests of two whole messages, from the initial state. */
void sha_ni_pair(uint8_t out0[32], const struct sha_msg *,
    uint8_t out1[32], const struct sha_msg *);

/* The round constants. */
extern const uint32_t sha_k[64];

#endif
