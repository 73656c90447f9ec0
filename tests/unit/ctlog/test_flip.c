/* One bit of a leaf, found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/flip.h"

static void
hash(const uint8_t *p, size_t n, uint8_t out[32])
{
	struct sha_ctx	c;

	sha_init(&c);
	sha_update(&c, "", 1);
	sha_update(&c, p, n);
	sha_final(&c, out);
}

static void
each_bit(void **state)
{
	static const size_t	lens[] = { 1, 2, 54, 55, 63, 64, 65, 127, 200 };
	uint8_t			p[200], want[32];
	struct flip		f;
	size_t			k, i, n;

	(void)state;
	for (i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 7);
	for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		n = lens[k];
		for (i = 0; i < n * 8; i++) {
			p[i / 8] ^= (uint8_t)(1u << i % 8);
			hash(p, n, want);
			p[i / 8] ^= (uint8_t)(1u << i % 8);
			assert_int_equal(flip_find((struct span){ p, n },
			    want, &f), 1);
			assert_int_equal(f.at, i / 8);
			assert_int_equal(f.mask, 1u << i % 8);
		}
	}
}

static void
none(void **state)
{
	uint8_t		*p = mem_zero(LIMIT_FLIP_LEAF + 1), want[32];
	struct flip	 f;

	(void)state;
	/* the leaf itself, two bits, nothing, too long */
	hash(p, 100, want);
	assert_int_equal(flip_find((struct span){ p, 100 }, want, &f), 0);
	p[3] = 3;
	hash(p, 100, want);
	p[3] = 0;
	assert_int_equal(flip_find((struct span){ p, 100 }, want, &f), 0);
	assert_int_equal(flip_find((struct span){ p, 0 }, want, &f), 0);
	p[0] = 1;
	hash(p, LIMIT_FLIP_LEAF + 1, want);
	p[0] = 0;
	assert_int_equal(flip_find((struct span){ p, LIMIT_FLIP_LEAF + 1 },
	    want, &f), 0);
	p[LIMIT_FLIP_LEAF - 1] = 128;
	hash(p, LIMIT_FLIP_LEAF, want);
	p[LIMIT_FLIP_LEAF - 1] = 0;
	assert_int_equal(flip_find((struct span){ p, LIMIT_FLIP_LEAF }, want,
	    &f), 1);
	assert_int_equal(f.at, LIMIT_FLIP_LEAF - 1);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
