#ifndef BASE_CUR_H
#define BASE_CUR_H

#include <stddef.h>
#include <stdint.h>

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

/* Fixed-size integers, big-endian: 8, 16, 24, 32, 40 and 64 bits. */
int cur_u8(struct cur *, uint8_t *);
int cur_u16(struct cur *, uint16_t *);
int cur_u24(struct cur *, uint32_t *);
int cur_u32(struct cur *, uint32_t *);
int cur_u40(struct cur *, uint64_t *);
int cur_u64(struct cur *, uint64_t *);

/* The next ${n} bytes as a span; copied to ${out}; skipped. */
int cur_take(struct cur *, size_t, struct span *);
int cur_copy(struct cur *, void *, size_t);
int cur_skip(struct cur *, size_t);

/* A vector with a length of 8, 16, 24 or 32 bits in front (RFC 8446, 3.4). */
int cur_vec8(struct cur *, struct cur *);
int cur_vec16(struct cur *, struct cur *);
int cur_vec24(struct cur *, struct cur *);
int cur_vec32(struct cur *, struct cur *);

/* What is left, as a span; the cursor is not moved. */
static inline struct span
cur_rest(const struct cur *c)
{
	struct span	s = { c->p, cur_left(c) };

	return s;
}

#endif
