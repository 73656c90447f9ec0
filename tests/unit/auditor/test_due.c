#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/due.h"
#include "base/clk.h"

#define DAY	(86400 * CLK_SEC)

static void
renewal(void **state)
{
	static const struct { int64_t life, want; } t[] = {
		{ 90, 60 }, { 45, 30 }, { 6, 3 }, { 10, 6 }, { 9, 4 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(due_at(DAY, DAY + t[i].life * DAY) / DAY,
		    1 + t[i].want);
	assert_true(due_at(INT64_MIN, DAY) == INT64_MIN);
	assert_true(due_at(DAY, INT64_MIN) == INT64_MIN);
	assert_true(due_at(DAY, DAY) == INT64_MIN);
}

static void
retries(void **state)
{
	(void)state;
	assert_int_equal(due_again(0), 60 * CLK_SEC);
	assert_int_equal(due_again(1), 60 * CLK_SEC);
	assert_int_equal(due_again(2), 600 * CLK_SEC);
	assert_int_equal(due_again(3), 6000 * CLK_SEC);
	assert_int_equal(due_again(4), DAY);
	assert_int_equal(due_again(1000000), DAY);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(renewal), cmocka_unit_test(retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
