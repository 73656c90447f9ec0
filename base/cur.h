#ifndef BASE_CUR_H
#define BASE_CUR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns. */
struct span {
	const uint8_t	*p;	/* borrowed */
	size_t		 n;
};

/* A span over a string constant or a zero-terminated string. */
#define SPAN_STR(s) ((struct span){ (const uint8_t *)(s), strlen(s) })

/*
 * A bounded read cursor that never owns.  Each getter returns 0 and moves on,
 * or -1 and leaves the cursor and the output as they were.  Length-prefixed
 * getters give a cursor of their own, so that a nested length can never
 * reach past its parent.  Integers are big-endian.
 *
 * All of it is inline: ten of these a leaf, called, were 4 % of reading it.
 */
struct cur {
	const uint8_t	*p;	/* borrowed: next byte */
	const uint8_t	*end;
};

/* A cursor over ${n} bytes at ${p}; over a span. */
static inline struct cur
cur_of(const void *p, size_t n)
{
	struct cur	c = { p, p };

	/* Nothing at NULL is fine, but no arithmetic on it. */
	if (n != 0)
		c.end += n;
	return c;
}

static inline struct cur
cur_span(struct span s)
{
	return cur_of(s.p, s.n);
}

/* Bytes that are left. */
static inline size_t
cur_left(const struct cur *c)
{
	return (size_t)(c->end - c->p);
}

/* The next ${n} bytes (at most 8) as one big-endian number. */
static inline int
cur_number(struct cur *c, size_t n, uint64_t *out)
{
	uint64_t	v = 0;
	size_t		i;

	if (cur_left(c) < n)
		return -1;
	for (i = 0; i < n; i++)
		v = v << 8 | c->p[i];
	c->p += n;
	*out = v;
	return 0;
}

/* Fixed-size integers: 8, 16, 24, 32, 40 and 64 bits. */
static inline int
cur_u8(struct cur *c, uint8_t *out)
{
	uint64_t	v;

	if (cur_number(c, 1, &v) == -1)
		return -1;
	*out = (uint8_t)v;
	return 0;
}

static inline int
cur_u16(struct cur *c, uint16_t *out)
{
	uint64_t	v;

	if (cur_number(c, 2, &v) == -1)
		return -1;
	*out = (uint16_t)v;
	return 0;
}

static inline int
cur_u24(struct cur *c, uint32_t *out)
{
	uint64_t	v;

	if (cur_number(c, 3, &v) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static inline int
cur_u32(struct cur *c, uint32_t *out)
{
	uint64_t	v;

	if (cur_number(c, 4, &v) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static inline int
cur_u40(struct cur *c, uint64_t *out)
{
	return cur_number(c, 5, out);
}

static inline int
cur_u64(struct cur *c, uint64_t *out)
{
	return cur_number(c, 8, out);
}

/* The next ${n} bytes as a span; copied to ${out}; skipped. */
static inline int
cur_take(struct cur *c, size_t n, struct span *out)
{
	if (cur_left(c) < n)
		return -1;
	out->p = c->p;
	out->n = n;
	c->p += n;
	return 0;
}

static inline int
cur_copy(struct cur *c, void *out, size_t n)
{
	struct span	s;

	if (cur_take(c, n, &s) == -1)
		return -1;
	if (n != 0)
		memcpy(out, s.p, n);
	return 0;
}

static inline int
cur_skip(struct cur *c, size_t n)
{
	struct span	s;

	return cur_take(c, n, &s);
}

/* A vector whose length stands in ${width} bytes in front of it. */
static inline int
cur_vector(struct cur *c, size_t width, struct cur *out)
{
	struct cur	t = *c;
	struct span	s;
	uint64_t	n;

	if (cur_number(&t, width, &n) == -1 || n > cur_left(&t) ||
	    cur_take(&t, (size_t)n, &s) == -1)
		return -1;
	*c = t;
	*out = cur_span(s);
	return 0;
}

/* A vector with a length of 8, 16, 24 or 32 bits in front (RFC 8446, 3.4). */
static inline int
cur_vec8(struct cur *c, struct cur *out)
{
	return cur_vector(c, 1, out);
}

static inline int
cur_vec16(struct cur *c, struct cur *out)
{
	return cur_vector(c, 2, out);
}

static inline int
cur_vec24(struct cur *c, struct cur *out)
{
	return cur_vector(c, 3, out);
}

static inline int
cur_vec32(struct cur *c, struct cur *out)
{
	return cur_vector(c, 4, out);
}

/* What is left, as a span; the cursor is not moved. */
static inline struct span
cur_rest(const struct cur *c)
{
	struct span	s = { c->p, cur_left(c) };

	return s;
}

#endif
