#ifndef BASE_ENC_SIMD_H
#define BASE_ENC_SIMD_H

#include <stddef.h>
#include <stdint.h>

/*
 * The vector part of enc_unb64_run(); nobody else includes this.  Decodes
 * whole groups of four, a vector at a time, as long as bytes are in the
 * alphabet and output has room, and says how far it came: *in bytes are read,
 * *out written, and what is left is for scalar code.
 */
struct enc_run {
	uint8_t		*out;
	const uint8_t	*in;
	size_t		 cap;	/* room at out */
	size_t		 n;	/* bytes at in */
};

/* An enum enc_level: 0 nothing, 1 AVX2, 2 AVX-512 VBMI. */
int enc_simd_there(void);

void enc_simd_avx2(struct enc_run *);
void enc_simd_vbmi(struct enc_run *);

#endif
