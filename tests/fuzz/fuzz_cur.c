#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cur.h"

/*
 * The cursor: the input says which getters are called on the rest of the
 * input.  No getter may pass the end, or move when it fails.
 */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
step(struct cur *c, uint8_t op, struct cur *sub)
{
	struct span	s;
	uint64_t	v64;
	uint32_t	v32;
	uint16_t	v16;
	uint8_t		v8, out[16];

	switch (op % 13) {
	case 0: return cur_u8(c, &v8);
	case 1: return cur_u16(c, &v16);
	case 2: return cur_u24(c, &v32);
	case 3: return cur_u32(c, &v32);
	case 4: return cur_u40(c, &v64);
	case 5: return cur_u64(c, &v64);
	case 6: return cur_take(c, op, &s);
	case 7: return cur_copy(c, out, op % sizeof(out));
	case 8: return cur_skip(c, op);
	case 9: return cur_vec8(c, sub);
	case 10: return cur_vec16(c, sub);
	case 11: return cur_vec24(c, sub);
	default: return cur_vec32(c, sub);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t		ops = n / 4, i;
	struct cur	c = cur_of(p + ops, n - ops), sub, was;

	for (i = 0; i < ops; i++) {
		was = c;
		sub = cur_of(NULL, 0);
		if (step(&c, p[i], &sub) == -1 &&
		    (c.p != was.p || c.end != was.end))
			abort();
		if (c.p < was.p || c.p > c.end)
			abort();
		if (cur_left(&sub) != 0 &&
		    (sub.p < was.p || sub.end != c.p))
			abort();
		if (p[i] & 0x80 && cur_left(&sub) != 0)
			c = sub;
	}
	return 0;
}
