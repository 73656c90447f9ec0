#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/alert/schedule.h"
#include "base/clk.h"

static const int64_t want[] = {
	0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400
};

static void
test_waits(void **state)
{
	int64_t lo, hi, sum;
	unsigned i;

	(void)state;
	sum = 0;
	for (i = 0; i < SCHEDULE_ATTEMPTS; i++) {
		lo = schedule_wait(i, -1, 0);
		hi = schedule_wait(i, -1, UINT32_MAX);
		assert_int_equal(lo, want[i] * CLK_SEC);
		assert_true(hi >= lo && hi <= lo + lo / 10);
		sum += lo;
	}
	assert_int_equal(sum / CLK_SEC, 272105);
	assert_int_equal(schedule_wait(SCHEDULE_ATTEMPTS, -1, 0), -1);
	assert_int_equal(schedule_wait(SCHEDULE_ATTEMPTS + 1, 5, 0), -1);
}

static void
test_jitter_moves(void **state)
{
	(void)state;
	assert_true(schedule_wait(9, -1, 999) > schedule_wait(9, -1, 0));
	assert_int_equal(schedule_wait(9, -1, 1000), schedule_wait(9, -1, 0));
}

static void
test_retry_after(void **state)
{
	(void)state;
	/* Longer than the schedule: it counts, to a day at most. */
	assert_int_equal(schedule_wait(1, 60, 0), 60 * CLK_SEC);
	assert_int_equal(schedule_wait(1, 86400, 0), 86400 * CLK_SEC);
	assert_int_equal(schedule_wait(1, 86401, 0), 86400 * CLK_SEC);
	/* Shorter: the schedule counts. */
	assert_int_equal(schedule_wait(2, 1, 0), 300 * CLK_SEC);
	assert_int_equal(schedule_wait(1, 0, 0), 5 * CLK_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_jitter_moves),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
