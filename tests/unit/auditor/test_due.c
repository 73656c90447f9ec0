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

/* A window that only passed is not one that was moved. */
static void
moved(void **state)
{
	const int64_t	none = INT64_MIN;
	const struct {
		int64_t	start, end;		/* days, as the CA says */
		int64_t	was_start, was_end;	/* as it said before */
		int64_t	now;
		int	want;
	} t[] = {
		/* of 90 days, 60 is when it is usual */
		{ 60, 62, none, none, 10, 0 },
		{ 60, 62, none, none, 70, 0 },
		{ 60, 62, 60, 62, 70, 0 },
		{ 8, 9, 60, 62, 10, 1 },
		{ 8, 9, none, none, 10, 1 },
		{ 8, 10, 60, 62, 10, 1 },
		/* late already, and then moved */
		{ 70, 71, 60, 62, 72, 1 },
		/* moved, but not into the past */
		{ 20, 21, 60, 62, 10, 0 },
		{ 8, 11, 60, 62, 10, 0 },
	};
	struct due_window	w;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		w = (struct due_window){ t[i].start * DAY, t[i].end * DAY, 0,
		    90 * DAY };
		assert_int_equal(due_moved(&w, t[i].was_start == none ? none :
		    t[i].was_start * DAY, t[i].was_end == none ? none :
		    t[i].was_end * DAY, t[i].now * DAY), t[i].want);
	}
	w = (struct due_window){ none, none, 0, 90 * DAY };
	assert_int_equal(due_moved(&w, 60 * DAY, 62 * DAY, DAY), 0);
	/* a certificate whose times are not known */
	w = (struct due_window){ 8 * DAY, 9 * DAY, none, none };
	assert_int_equal(due_moved(&w, none, none, 10 * DAY), 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(renewal), cmocka_unit_test(retries),
		cmocka_unit_test(moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
