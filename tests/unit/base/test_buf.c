#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static void
test_append(void **state)
{
	struct buf	b = BUF_INIT;
	struct cur	c, v;
	uint8_t		*p;
	size_t		i, n;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_bytes(&b).n, 0);
	buf_str(&b, "ab");
	buf_add(&b, "c\0d", 3);
	buf_add(&b, NULL, 0);
	buf_fmt(&b, "%d-%s", 42, "x");
	assert_int_equal(b.n, 9);
	assert_memory_equal(b.p, "abc\0d42-x", 10);
	buf_reset(&b);
	assert_string_equal(buf_text(&b), "");
	buf_u8(&b, 1);
	buf_u16(&b, 0x203);
	buf_u24(&b, 0x40506);
	buf_u32(&b, 0x708090a);
	buf_u64(&b, 0xb0c0d0e0f101112);
	for (i = 0; i < 18; i++)
		assert_int_equal(b.p[i], i + 1);
	assert_int_equal(b.n, 18);
	buf_reset(&b);
	buf_vec32(&b, "xyz", 3);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(cur_vec32(&c, &v), 0);
	assert_int_equal(cur_left(&v), 3);
	buf_reset(&b);
	/* Growth byte by byte keeps the zero byte behind. */
	for (i = 0; i < 5000; i++) {
		buf_u8(&b, 'x');
		assert_int_equal(b.p[b.n], 0);
		assert_true(b.cap > b.n);
	}
	p = buf_detach(&b, &n);
	assert_int_equal(n, 5000);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
	free(p);
	buf_free(&b);
}

/* Text longer than any room that is there already. */
static void
test_fmt(void **state)
{
	struct buf	b = BUF_INIT;
	char		*s = mem_zero(3001);
	size_t		n;

	(void)state;
	memset(s, 'y', 3000);
	for (n = 0; n <= 3000; n += 250) {
		s[n] = '\0';
		buf_reset(&b);
		buf_fmt(&b, "%s", s);
		assert_int_equal(b.n, n);
		assert_int_equal(strlen(buf_text(&b)), n);
		s[n] = 'y';
	}
	free(s);
	buf_free(&b);
}

static void
test_mem(void **state)
{
	size_t		cap = 0;
	uint32_t	*a = NULL;
	char		*s;

	(void)state;
	a = mem_grow(a, &cap, 1, sizeof(*a));
	assert_true(cap >= 1);
	a = mem_grow(a, &cap, 1000, sizeof(*a));
	assert_true(cap >= 1000);
	a[999] = 1;
	free(a);
	s = mem_dup("a\0b", 3);
	assert_memory_equal(s, "a\0b", 4);
	free(s);
	assert_null(mem_str(NULL));
	s = mem_printf("%s/%d", "x", 7);
	assert_string_equal(s, "x/7");
	mem_wipe(s, 3);
	assert_int_equal(s[0], 0);
	free(s);
	free(mem_zero(0));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_fmt),
		cmocka_unit_test(test_mem)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
