#include "pki/watch_img.h"

/* Lower case, dots and odd bytes of one name. */

/* -1: not known yet; else whether the AVX2 code may run. */
static int	avx2 = -1;

#if defined(__x86_64__)
#include <immintrin.h>

/* Bits of the 32 bytes at ${v}. */
struct bits {
	uint32_t	odd;
	uint32_t	dot;
	uint32_t	star;
};

/*
 * 32 bytes: letters become small.  The name bytes [A-Za-z0-9-_.*] are those
 * where the classes of high and low nibble meet.
 */
__attribute__((target("avx2"))) static inline struct bits
scan32(__m256i v, uint8_t *out)
{
	const __m256i	high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    0, 0, 1, 2, 4, 8, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0));
	const __m256i	low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
			    26, 30, 30, 30, 30, 30, 30, 30,
			    30, 30, 29, 4, 4, 5, 5, 12));
	const __m256i	nib = _mm256_set1_epi8(0x0f);
	__m256i		up, ok;
	struct bits	b;

	ok = _mm256_and_si256(
	    _mm256_shuffle_epi8(low, _mm256_and_si256(v, nib)),
	    _mm256_shuffle_epi8(high,
	    _mm256_and_si256(_mm256_srli_epi16(v, 4), nib)));
	ok = _mm256_cmpeq_epi8(ok, _mm256_setzero_si256());
	up = _mm256_and_si256(
	    _mm256_cmpgt_epi8(v, _mm256_set1_epi8('A' - 1)),
	    _mm256_cmpgt_epi8(_mm256_set1_epi8('Z' + 1), v));
	up = _mm256_and_si256(up, _mm256_set1_epi8(0x20));
	_mm256_storeu_si256((__m256i *)out, _mm256_add_epi8(v, up));
	b.odd = (uint32_t)_mm256_movemask_epi8(ok);
	b.dot = (uint32_t)_mm256_movemask_epi8(
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('.')));
	b.star = (uint32_t)_mm256_movemask_epi8(
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('*')));
	return b;
}

__attribute__((target("avx2"))) static void
scan_avx2(struct scan *s, struct span in, const uint8_t *limit)
{
	uint8_t		tail[32];
	const uint8_t	*p;
	struct bits	b;
	uint32_t	mask;
	size_t		i;

	for (i = 0; i < in.n; i += 32) {
		p = in.p + i;
		if ((size_t)(limit - p) < 32) {
			memcpy(tail, p, in.n - i < 32 ? in.n - i : 32);
			p = tail;
		}
		b = scan32(_mm256_loadu_si256((const __m256i *)p), s->buf + i);
		mask = in.n - i >= 32 ? UINT32_MAX :
		    ((uint32_t)1 << (in.n - i)) - 1;
		s->dots[i >> 6] |= (uint64_t)(b.dot & mask) << (i & 32);
		s->odd |= (b.odd & mask) != 0;
		b.star &= mask;
		if (b.star == 0)
			continue;
		if (b.star == 1 && i == 0 && s->buf[1] == '.' && in.n > 1)
			s->wild = 1;
		else
			s->odd = 1;
	}
}
#endif

static int
is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_' || c == '.' || c == '*';
}

static void
scan_plain(struct scan *s, struct span in)
{
	uint8_t	c;
	size_t	i;

	for (i = 0; i < in.n; i++) {
		c = in.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		s->buf[i] = c;
		if (!is_name_byte(c))
			s->odd = 1;
		if (c == '.')
			s->dots[i >> 6] |= (uint64_t)1 << (i & 63);
		if (c != '*')
			continue;
		if (i == 0 && in.n > 1 && in.p[1] == '.')
			s->wild = 1;
		else
			s->odd = 1;
	}
}

void
scan_name(struct scan *s, struct span in, const uint8_t *limit)
{
	size_t	n;

	if (avx2 == -1)
		watch_force_portable(0);
	memset(s->dots, 0, sizeof(s->dots));
	s->odd = 0;
	s->wild = 0;
#if defined(__x86_64__)
	if (avx2)
		scan_avx2(s, in, limit);
	else
#endif
		scan_plain(s, in);
	(void)limit;
	for (n = in.n; n != 0 && s->buf[n - 1] == '.'; n--)
		s->dots[(n - 1) >> 6] &= ~((uint64_t)1 << ((n - 1) & 63));
	s->n = n;
	if (n < 3)
		s->wild = 0;
}

void
watch_force_portable(int on)
{
	avx2 = 0;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (!on)
		avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
	(void)on;
}
