#include "base/enc_simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))

int
enc_simd_there(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vbmi"))
		return 2;
	return __builtin_cpu_supports("avx2") ? 1 : 0;
}

/*
 * W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions": two nibble tables meet in a bit for each byte outside the
 * alphabet, and a third gives what to add to the others.
 */
AVX2 void
enc_simd_avx2(struct enc_run *r)
{
	const __m256i	low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
			    0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a));
	const __m256i	high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
			    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10));
	const __m256i	roll = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    0, 16, 19, 4, -65, -65, -71, -71,
			    0, 0, 0, 0, 0, 0, 0, 0));
	const __m256i	pack = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12,
			    -1, -1, -1, -1));
	const __m256i	nib = _mm256_set1_epi8(0x0f);
	const uint8_t	*in = r->in;
	uint8_t		*out = r->out;
	size_t		 left = r->n, cap = r->cap, good = 32;
	__m256i		 s, hi, bad, add;

	while (good == 32 && left >= 32 && cap >= 32) {
		s = _mm256_loadu_si256((const __m256i *)in);
		hi = _mm256_and_si256(_mm256_srli_epi32(s, 4), nib);
		bad = _mm256_and_si256(
		    _mm256_shuffle_epi8(low, _mm256_and_si256(s, nib)),
		    _mm256_shuffle_epi8(high, hi));
		/* Whole groups of four in front of the first other byte. */
		if (!_mm256_testz_si256(bad, bad))
			good = (size_t)__builtin_ctz(~(unsigned)
			    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bad,
			    _mm256_setzero_si256()))) & ~(size_t)3;
		add = _mm256_cmpeq_epi8(s, _mm256_set1_epi8('/'));
		s = _mm256_add_epi8(s,
		    _mm256_shuffle_epi8(roll, _mm256_add_epi8(add, hi)));
		s = _mm256_maddubs_epi16(s, _mm256_set1_epi32(0x01400140));
		s = _mm256_madd_epi16(s, _mm256_set1_epi32(0x00011000));
		s = _mm256_shuffle_epi8(s, pack);
		s = _mm256_permutevar8x32_epi32(s,
		    _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
		_mm256_storeu_si256((__m256i *)out, s);
		in += good;
		left -= good;
		out += good / 4 * 3;
		cap -= good / 4 * 3;
	}
	r->in = in;
	r->n = left;
	r->out = out;
	r->cap = cap;
}

/* Value of each ASCII byte, 0x80 outside the alphabet. */
#define X 0x80
static const uint8_t value[128] = {
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, 62, X, X, X, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, X, X, X,
	X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, X, X, X, X,
	X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X
};
#undef X

VBMI void
enc_simd_vbmi(struct enc_run *r)
{
	static const uint8_t	pack[64] = {
		2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12,
		18, 17, 16, 22, 21, 20, 26, 25, 24, 30, 29, 28,
		34, 33, 32, 38, 37, 36, 42, 41, 40, 46, 45, 44,
		50, 49, 48, 54, 53, 52, 58, 57, 56, 62, 61, 60
	};
	const __m512i	v0 = _mm512_loadu_si512(value);
	const __m512i	v1 = _mm512_loadu_si512(value + 64);
	const __m512i	order = _mm512_loadu_si512(pack);
	const uint8_t	*in = r->in;
	uint8_t		*out = r->out;
	size_t		 left = r->n, cap = r->cap, good = 64, n;
	uint64_t	 there, bad;
	__m512i		 s, v;

	while (good == 64 && left != 0) {
		there = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
		if (left >= 64)
			s = _mm512_loadu_si512(in);
		else
			s = _mm512_maskz_loadu_epi8(there, in);
		v = _mm512_permutex2var_epi8(v0, s, v1);
		bad = _mm512_movepi8_mask(_mm512_or_si512(s, v)) | ~there;
		/* Whole groups of four in front of the first other byte. */
		if (bad != 0)
			good = (size_t)__builtin_ctzll(bad) & ~(size_t)3;
		n = good / 4 * 3;
		if (cap < n)
			break;
		v = _mm512_maddubs_epi16(v, _mm512_set1_epi32(0x01400140));
		v = _mm512_madd_epi16(v, _mm512_set1_epi32(0x00011000));
		v = _mm512_permutexvar_epi8(order, v);
		if (cap >= 64)
			_mm512_storeu_si512(out, v);
		else
			_mm512_mask_storeu_epi8(out,
			    ((uint64_t)1 << n) - 1, v);
		in += good;
		left -= good;
		out += n;
		cap -= n;
	}
	r->in = in;
	r->n = left;
	r->out = out;
	r->cap = cap;
}

#else

#include <stdlib.h>

int
enc_simd_there(void)
{
	return 0;
}

void
enc_simd_avx2(struct enc_run *r)
{
	(void)r;
	abort();
}

void
enc_simd_vbmi(struct enc_run *r)
{
	(void)r;
	abort();
}

#endif
