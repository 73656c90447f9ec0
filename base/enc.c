#include "base/enc.h"

#include <limits.h>
#include <string.h>

#include "base/enc_simd.h"

#define BAD	0x80	/* not in the alphabet */
#define PAD	0x40	/* '=' */

static const char	std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char	url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of a byte, or BAD or PAD: filled in by values(). */
static uint8_t	value[256];
static int	filled;

/* -1: not known yet; else what enc_simd_there() said. */
static int	simd = -1;

static void
values(void)
{
	size_t	i;

	memset(value, BAD, sizeof(value));
	for (i = 0; i < 64; i++)
		value[(unsigned char)std[i]] = (uint8_t)i;
	value['='] = PAD;
	filled = 1;
	if (simd == -1)
		simd = enc_simd_there();
}

enum enc_level
enc_force(enum enc_level most)
{
	simd = enc_simd_there();
	if (simd > (int)most)
		simd = (int)most;
	return (enum enc_level)simd;
}

/* Append in an alphabet; the last group as it is without padding. */
static size_t
encode(uint8_t *o, const uint8_t *p, size_t n, const char *abc)
{
	uint8_t		*start = o;
	uint32_t	 v;

	for (; n >= 3; n -= 3, p += 3) {
		v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*o++ = (uint8_t)abc[v >> 18];
		*o++ = (uint8_t)abc[v >> 12 & 63];
		*o++ = (uint8_t)abc[v >> 6 & 63];
		*o++ = (uint8_t)abc[v & 63];
	}
	if (n != 0) {
		v = (uint32_t)p[0] << 16;
		if (n == 2)
			v |= (uint32_t)p[1] << 8;
		*o++ = (uint8_t)abc[v >> 18];
		*o++ = (uint8_t)abc[v >> 12 & 63];
		if (n == 2)
			*o++ = (uint8_t)abc[v >> 6 & 63];
	}
	return (size_t)(o - start);
}

void
enc_b64(struct buf *b, const void *p, size_t n)
{
	size_t	k;

	k = encode(buf_room(b, (n + 2) / 3 * 4), p, n, std);
	b->n += k;
	for (; k % 4 != 0; k++)
		b->p[b->n++] = '=';
	b->p[b->n] = '\0';
}

void
enc_b64url(struct buf *b, const void *p, size_t n)
{
	b->n += encode(buf_room(b, (n + 2) / 3 * 4), p, n, url);
	b->p[b->n] = '\0';
}

/*
 * One group of four that ends the run or was left by the vector code.
 * Bytes written (0 to 3), or -1; *end is set when padding was seen.
 */
static int
group(uint8_t *out, size_t cap, const uint8_t c[4], int *end)
{
	uint32_t	v;
	int		n = 3;

	if ((c[0] | c[1]) & (BAD | PAD))
		return -1;
	v = (uint32_t)c[0] << 18 | (uint32_t)c[1] << 12;
	if (c[2] == PAD) {
		if (c[3] != PAD || (c[1] & 15) != 0)
			return -1;
		n = 1;
	} else if (c[3] == PAD) {
		if ((c[2] & 3) != 0)
			return -1;
		n = 2;
		v |= (uint32_t)c[2] << 6;
	} else
		v |= (uint32_t)c[2] << 6 | c[3];
	if (cap < (size_t)n)
		return -1;
	out[0] = (uint8_t)(v >> 16);
	if (n > 1)
		out[1] = (uint8_t)(v >> 8);
	if (n > 2)
		out[2] = (uint8_t)v;
	*end = n != 3;
	return n;
}

/* Groups of four as long as all is in the alphabet and fits. */
static void
groups(struct enc_run *r)
{
	const uint8_t	*in = r->in;
	uint8_t		*out = r->out, a, b, c, d;
	size_t		 n = r->n, cap = r->cap;
	uint32_t	 v;

	for (; n >= 4 && cap >= 3; n -= 4, cap -= 3) {
		a = value[in[0]];
		b = value[in[1]];
		c = value[in[2]];
		d = value[in[3]];
		if ((a | b | c | d) & (BAD | PAD))
			break;
		v = (uint32_t)a << 18 | (uint32_t)b << 12 |
		    (uint32_t)c << 6 | d;
		out[0] = (uint8_t)(v >> 16);
		out[1] = (uint8_t)(v >> 8);
		out[2] = (uint8_t)v;
		in += 4;
		out += 3;
	}
	r->in = in;
	r->n = n;
	r->out = out;
	r->cap = cap;
}

long
enc_unb64_run(uint8_t *out, size_t cap, const uint8_t *in, size_t n,
    size_t *used)
{
	struct enc_run	r = { out, in, cap, n };
	uint8_t		c[4], v;
	int		end = 0, k, got = 0;

	if (!filled)
		values();
	if (simd == ENC_VBMI)
		enc_simd_vbmi(&r);
	else if (simd == ENC_AVX2)
		enc_simd_avx2(&r);
	groups(&r);
	while (r.n != 0) {
		v = value[*r.in];
		if (v == BAD)
			break;
		if (end)
			return -1;
		c[got++] = v;
		r.in++;
		r.n--;
		if (got != 4)
			continue;
		if ((k = group(r.out, r.cap, c, &end)) == -1)
			return -1;
		r.out += k;
		r.cap -= (size_t)k;
		got = 0;
	}
	if (got != 0 || r.out - out > LONG_MAX)
		return -1;
	*used = (size_t)(r.in - in);
	return (long)(r.out - out);
}

int
enc_unb64(const char *s, size_t n, struct buf *b)
{
	size_t	used;
	long	k;

	k = enc_unb64_run(buf_room(b, n / 4 * 3), n / 4 * 3,
	    (const uint8_t *)s, n, &used);
	if (k == -1 || used != n) {
		b->p[b->n] = '\0';
		return -1;
	}
	b->n += (size_t)k;
	b->p[b->n] = '\0';
	return 0;
}

/* The value of a base64url byte, or BAD. */
static uint8_t
url_value(uint8_t c)
{
	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	if (c == '+' || c == '/' || c == '=')
		return BAD;
	return value[c];
}

int
enc_unb64url(const char *s, size_t n, struct buf *b)
{
	uint32_t	 v = 0;
	uint8_t		*o, d;
	size_t		 i;

	if (!filled)
		values();
	o = buf_room(b, n / 4 * 3 + 2);
	if (n % 4 == 1)
		return -1;
	for (i = 0; i < n; i++) {
		d = url_value((uint8_t)s[i]);
		if (d == BAD)
			goto bad;
		v = v << 6 | d;
		if (i % 4 != 0)
			*o++ = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	if (n % 4 == 2 && (v & 15) != 0)
		goto bad;
	if (n % 4 == 3 && (v & 3) != 0)
		goto bad;
	b->n = (size_t)(o - b->p);
	b->p[b->n] = '\0';
	return 0;
bad:
	b->p[b->n] = '\0';
	return -1;
}

char *
enc_hex_to(char *out, const void *p, size_t n)
{
	static const char	 digit[] = "0123456789abcdef";
	const uint8_t		*q = p;
	size_t			 i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[q[i] >> 4];
		out[2 * i + 1] = digit[q[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}

void
enc_hex(struct buf *b, const void *p, size_t n)
{
	enc_hex_to((char *)buf_room(b, 2 * n), p, n);
	b->n += 2 * n;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
enc_unhex_to(uint8_t *out, size_t n, const char *s)
{
	size_t	i;
	int	hi, lo;

	for (i = 0; i < n; i++) {
		if ((hi = hex_value(s[2 * i])) == -1 ||
		    (lo = hex_value(s[2 * i + 1])) == -1)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

int
enc_unhex(const char *s, size_t n, struct buf *b)
{
	uint8_t	*o = buf_room(b, n / 2);

	if (n % 2 != 0 || enc_unhex_to(o, n / 2, s) == -1) {
		b->p[b->n] = '\0';
		return -1;
	}
	b->n += n / 2;
	b->p[b->n] = '\0';
	return 0;
}
