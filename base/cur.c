#include "base/cur.h"

#include <string.h>

/* The next ${n} bytes (at most 8) as one big-endian number. */
static inline int
number(struct cur *c, size_t n, uint64_t *out)
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

int
cur_u8(struct cur *c, uint8_t *out)
{
	uint64_t	v;

	if (number(c, 1, &v) == -1)
		return -1;
	*out = (uint8_t)v;
	return 0;
}

int
cur_u16(struct cur *c, uint16_t *out)
{
	uint64_t	v;

	if (number(c, 2, &v) == -1)
		return -1;
	*out = (uint16_t)v;
	return 0;
}

int
cur_u24(struct cur *c, uint32_t *out)
{
	uint64_t	v;

	if (number(c, 3, &v) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

int
cur_u32(struct cur *c, uint32_t *out)
{
	uint64_t	v;

	if (number(c, 4, &v) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

int
cur_u40(struct cur *c, uint64_t *out)
{
	return number(c, 5, out);
}

int
cur_u64(struct cur *c, uint64_t *out)
{
	return number(c, 8, out);
}

int
cur_take(struct cur *c, size_t n, struct span *out)
{
	if (cur_left(c) < n)
		return -1;
	out->p = c->p;
	out->n = n;
	c->p += n;
	return 0;
}

int
cur_copy(struct cur *c, void *out, size_t n)
{
	struct span	s;

	if (cur_take(c, n, &s) == -1)
		return -1;
	if (n != 0)
		memcpy(out, s.p, n);
	return 0;
}

int
cur_skip(struct cur *c, size_t n)
{
	struct span	s;

	return cur_take(c, n, &s);
}

/* A vector whose length stands in ${width} bytes in front of it. */
static inline int
vector(struct cur *c, size_t width, struct cur *out)
{
	struct cur	t = *c;
	struct span	s;
	uint64_t	n;

	if (number(&t, width, &n) == -1 || n > cur_left(&t) ||
	    cur_take(&t, (size_t)n, &s) == -1)
		return -1;
	*c = t;
	*out = cur_span(s);
	return 0;
}

int
cur_vec8(struct cur *c, struct cur *out)
{
	return vector(c, 1, out);
}

int
cur_vec16(struct cur *c, struct cur *out)
{
	return vector(c, 2, out);
}

int
cur_vec24(struct cur *c, struct cur *out)
{
	return vector(c, 3, out);
}

int
cur_vec32(struct cur *c, struct cur *out)
{
	return vector(c, 4, out);
}
