#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/cur.h"

/* Each getter with exactly enough bytes, and with one too few. */
static void
test_numbers(void **state)
{
	static const uint8_t	b[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct cur		c;
	uint64_t		v64 = 0;
	uint32_t		v32 = 0;
	uint16_t		v16 = 0;
	uint8_t			v8 = 0;

	(void)state;
#define TRY(get, n, v, want)						\
	do {								\
		c = cur_of(b, (n) - 1);					\
		assert_int_equal(get(&c, &(v)), -1);			\
		assert_int_equal(cur_left(&c), (n) - 1);		\
		assert_int_equal(v, 0);					\
		c = cur_of(b, n);					\
		assert_int_equal(get(&c, &(v)), 0);			\
		assert_int_equal(cur_left(&c), 0);			\
		assert_true((v) == (want));				\
		(v) = 0;						\
	} while (0)
	TRY(cur_u8, 1, v8, 1);
	TRY(cur_u16, 2, v16, 0x102);
	TRY(cur_u24, 3, v32, 0x10203);
	TRY(cur_u32, 4, v32, 0x1020304);
	TRY(cur_u40, 5, v64, 0x102030405);
	TRY(cur_u64, 8, v64, 0x102030405060708);
}

static void
test_bytes(void **state)
{
	struct cur	c = cur_of("abcdef", 6);
	struct span	s;
	char		out[8] = "";

	(void)state;
	assert_int_equal(cur_take(&c, 7, &s), -1);
	assert_int_equal(cur_take(&c, SIZE_MAX, &s), -1);
	assert_int_equal(cur_take(&c, 2, &s), 0);
	assert_int_equal(s.n, 2);
	assert_memory_equal(s.p, "ab", 2);
	assert_int_equal(cur_copy(&c, out, 5), -1);
	assert_int_equal(cur_copy(&c, out, 3), 0);
	assert_string_equal(out, "cde");
	assert_int_equal(cur_skip(&c, 2), -1);
	assert_int_equal(cur_rest(&c).n, 1);
	assert_int_equal(cur_skip(&c, 1), 0);
	assert_int_equal(cur_skip(&c, 0), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(cur_rest(&c).n, 0);
	c = cur_span(SPAN_STR("xyz"));
	assert_int_equal(cur_left(&c), 3);
}

/* Vectors of each width: whole, one byte short, the length itself short. */
static void
test_vectors(void **state)
{
	static int	(*const get[])(struct cur *, struct cur *) = {
		cur_vec8, cur_vec16, cur_vec24, cur_vec32
	};
	uint8_t		b[8] = { 0 };
	struct cur	c, v;
	size_t		w, n;

	(void)state;
	for (w = 1; w <= 4; w++) {
		memset(b, 0, sizeof(b));
		b[w - 1] = 3;
		for (n = 0; n <= w + 4; n++) {
			c = cur_of(b, n);
			v = cur_of(NULL, 0);
			assert_int_equal(get[w - 1](&c, &v),
			    n >= w + 3 ? 0 : -1);
			assert_int_equal(cur_left(&v), n >= w + 3 ? 3 : 0);
			assert_int_equal(cur_left(&c),
			    n >= w + 3 ? n - w - 3 : n);
		}
		/* A nested length cannot reach past its parent. */
		b[w] = 3;
		c = cur_of(b, sizeof(b));
		assert_int_equal(get[w - 1](&c, &v), 0);
		assert_int_equal(cur_vec8(&v, &c), -1);
	}
	c = cur_of("\xff\xff\xff\xff", 4);
	assert_int_equal(cur_vec32(&c, &v), -1);
	assert_int_equal(cur_left(&c), 4);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_vectors)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
