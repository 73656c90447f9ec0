#include "base/sha_ni.h"

/*
 * SHA-256 with the SHA extensions of x86-64, one or two streams: the
 * instructions have a latency of four cycles, which a second stream fills.
 */

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define NI __attribute__((target("sha,sse4.1,ssse3")))

/* The processor's order: ABEF and CDGH. */
struct state {
	__m128i	abef;
	__m128i	cdgh;
};

int
sha_ni_there(void)
{
	unsigned	a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return 0;
	if ((c & bit_SSE4_1) == 0 || (c & bit_SSSE3) == 0)
		return 0;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return 0;
	return (b & (1u << 29)) != 0;
}

NI static inline __m128i
load_words(const uint8_t *p)
{
	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p),
	    _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

NI static inline struct state
state_get(const uint32_t h[8])
{
	struct state	s;

	s.abef = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
	s.cdgh = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	return s;
}

NI static inline struct state
state_first(void)
{
	struct state	s;

	s.abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f,
	    (int)0x9b05688c);
	s.cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab,
	    0x5be0cd19);
	return s;
}

/* Four rounds: words ${m} of the schedule, constants from K[4 i]. */
NI static inline void
rounds(struct state *s, __m128i m, int i)
{
	__m128i	t;

	t = _mm_add_epi32(m,
	    _mm_loadu_si128((const __m128i *)(sha_k + 4 * i)));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, t);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh,
	    _mm_shuffle_epi32(t, 0x0e));
}

NI static inline __m128i
schedule(__m128i m0, __m128i m1, __m128i m2, __m128i m3)
{
	return _mm_sha256msg2_epu32(_mm_add_epi32(
	    _mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(m3, m2, 4)), m3);
}

#define LOAD4(m, p)							\
	__m128i	m[4] = { load_words(p), load_words((p) + 16),		\
	    load_words((p) + 32), load_words((p) + 48) }
#define NEXT(m, i)							\
	m[(i) & 3] = schedule(m[(i) & 3], m[((i) + 1) & 3],		\
	    m[((i) + 2) & 3], m[((i) + 3) & 3])

NI static inline void
block1(struct state *s, const uint8_t *p)
{
	struct state	old = *s, t = *s;
	LOAD4(m, p);
	int		i;

#pragma GCC unroll 16
	for (i = 0; i < 16; i++) {
		rounds(&t, m[i & 3], i);
		if (i < 12)
			NEXT(m, i);
	}
	s->abef = _mm_add_epi32(t.abef, old.abef);
	s->cdgh = _mm_add_epi32(t.cdgh, old.cdgh);
}

NI static inline void
block2(struct state *s, const uint8_t *p, struct state *u, const uint8_t *q)
{
	struct state	olds = *s, oldu = *u, t = *s, v = *u;
	LOAD4(m, p);
	LOAD4(n, q);
	int		i;

#pragma GCC unroll 16
	for (i = 0; i < 16; i++) {
		rounds(&t, m[i & 3], i);
		rounds(&v, n[i & 3], i);
		if (i < 12) {
			NEXT(m, i);
			NEXT(n, i);
		}
	}
	s->abef = _mm_add_epi32(t.abef, olds.abef);
	s->cdgh = _mm_add_epi32(t.cdgh, olds.cdgh);
	u->abef = _mm_add_epi32(v.abef, oldu.abef);
	u->cdgh = _mm_add_epi32(v.cdgh, oldu.cdgh);
}

/* A state as words a..d and e..h. */
NI static inline void
state_words(const struct state *s, __m128i *abcd, __m128i *efgh)
{
	__m128i	t = _mm_shuffle_epi32(s->abef, 0x1b);
	__m128i	u = _mm_shuffle_epi32(s->cdgh, 0xb1);

	*abcd = _mm_blend_epi16(t, u, 0xf0);
	*efgh = _mm_alignr_epi8(u, t, 8);
}

NI static inline void
state_out(const struct state *s, uint8_t out[32])
{
	const __m128i	swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL,
			    0x0405060700010203LL);
	__m128i		abcd, efgh;

	state_words(s, &abcd, &efgh);
	_mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(abcd, swap));
	_mm_storeu_si128((__m128i *)(out + 16), _mm_shuffle_epi8(efgh, swap));
}

NI static inline void
state_put(const struct state *s, uint32_t h[8])
{
	__m128i	abcd, efgh;

	state_words(s, &abcd, &efgh);
	_mm_storeu_si128((__m128i *)h, abcd);
	_mm_storeu_si128((__m128i *)(h + 4), efgh);
}

NI void
sha_ni_blocks(uint32_t h[8], const uint8_t *p, size_t n)
{
	struct state	s = state_get(h);

	for (; n != 0; n--, p += 64)
		block1(&s, p);
	state_put(&s, h);
}

NI void
sha_ni_enter(uint32_t st[8], const uint32_t h[8])
{
	struct state	s = state_get(h);

	_mm_store_si128((__m128i *)st, s.abef);
	_mm_store_si128((__m128i *)st + 1, s.cdgh);
}

NI void
sha_ni_step(uint32_t st[8], const uint8_t *p)
{
	struct state	s;

	s.abef = _mm_load_si128((const __m128i *)st);
	s.cdgh = _mm_load_si128((const __m128i *)st + 1);
	block1(&s, p);
	_mm_store_si128((__m128i *)st, s.abef);
	_mm_store_si128((__m128i *)st + 1, s.cdgh);
}

NI void
sha_ni_leave(const uint32_t st[8], uint32_t h[8])
{
	struct state	s;

	s.abef = _mm_load_si128((const __m128i *)st);
	s.cdgh = _mm_load_si128((const __m128i *)st + 1);
	state_put(&s, h);
}

/* The next block of a message that still has one. */
static inline const uint8_t *
msg_next(struct sha_msg *m)
{
	const uint8_t	*p;

	if (m->head != NULL) {
		p = m->head;
		m->head = NULL;
	} else if (m->nbody != 0) {
		p = m->body;
		m->body += 64;
		m->nbody--;
	} else {
		p = m->tail;
		m->tail += 64;
		m->ntail--;
	}
	return p;
}

static inline size_t
msg_left(const struct sha_msg *m)
{
	return (m->head != NULL) + m->nbody + m->ntail;
}

NI void
sha_ni_pair(uint8_t out0[32], const struct sha_msg *m0, uint8_t out1[32],
    const struct sha_msg *m1)
{
	struct state	s = state_first(), u = state_first();
	struct sha_msg	a = *m0, b = *m1;
	size_t		na = msg_left(&a), nb = msg_left(&b);
	size_t		both = na < nb ? na : nb, i;
	const uint8_t	*p;

	for (i = 0; i < both; i++) {
		p = msg_next(&a);
		block2(&s, p, &u, msg_next(&b));
	}
	for (i = both; i < na; i++)
		block1(&s, msg_next(&a));
	for (i = both; i < nb; i++)
		block1(&u, msg_next(&b));
	state_out(&s, out0);
	state_out(&u, out1);
}

#else

#include <stdlib.h>

int
sha_ni_there(void)
{
	return 0;
}

void
sha_ni_blocks(uint32_t h[8], const uint8_t *p, size_t n)
{
	(void)h;
	(void)p;
	(void)n;
	abort();
}

void
sha_ni_enter(uint32_t st[8], const uint32_t h[8])
{
	(void)st;
	(void)h;
	abort();
}

void
sha_ni_step(uint32_t st[8], const uint8_t *p)
{
	(void)st;
	(void)p;
	abort();
}

void
sha_ni_leave(const uint32_t st[8], uint32_t h[8])
{
	(void)st;
	(void)h;
	abort();
}

void
sha_ni_pair(uint8_t out0[32], const struct sha_msg *m0, uint8_t out1[32],
    const struct sha_msg *m1)
{
	(void)out0;
	(void)m0;
	(void)out1;
	(void)m1;
	abort();
}

#endif
