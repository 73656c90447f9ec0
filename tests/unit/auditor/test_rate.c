#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/net/rate.h"
#include "base/clk.h"

#define S	CLK_SEC

/* Doubles that must be equal but for rounding. */
static void
near(double a, double b)
{
	double	d = a > b ? a - b : b - a;

	assert_true(d < 1e-6);
}

static void
bucket(void **state)
{
	struct rate	r;
	int64_t		now = 1000 * S;
	int		i;

	(void)state;
	rate_init(&r, 2, 3, 10, now);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rate_ready(&r, now), 0);
		rate_take(&r, now);
	}
	/* Empty: one comes every half second. */
	assert_int_equal(rate_ready(&r, now), S / 2);
	assert_int_equal(rate_ready(&r, now + S / 4), S / 4);
	assert_int_equal(rate_ready(&r, now + S / 2 - 1), 1);
	assert_int_equal(rate_ready(&r, now + S / 2), 0);
	/* No more is saved than the burst. */
	now += 3600 * S;
	for (i = 0; i < 3; i++) {
		assert_int_equal(rate_ready(&r, now), 0);
		rate_take(&r, now);
	}
	assert_int_equal(rate_ready(&r, now), S / 2);
	/* Taken in advance: the next waits for two. */
	rate_take(&r, now);
	assert_int_equal(rate_ready(&r, now), S);
}

/* Who comes behind others leaves them what they may need. */
static void
behind(void **state)
{
	struct rate	r;
	int64_t		now = 1000 * S;

	(void)state;
	rate_init(&r, 2, 4, 10, now);
	while (rate_ready_behind(&r, 2, now) == 0)
		rate_take(&r, now);
	assert_true(r.tokens >= 2);
	assert_int_equal(rate_ready(&r, now), 0);
	assert_int_equal(rate_ready_behind(&r, 2, now), S / 2);
	/* More than the bucket holds is not waited for: a full one will do. */
	assert_int_equal(rate_ready_behind(&r, 9, now), S);
	rate_429(&r, 3, now);
	assert_int_equal(rate_ready_behind(&r, 0, now), 3 * S);
}

/* Shared by several: each has its part of rate, burst and bounds. */
static void
shared(void **state)
{
	struct rate	r;
	int64_t		now = 1000 * S;
	int		i;

	(void)state;
	rate_init(&r, 20, 8, 40, now);
	rate_share(&r, 30, 4, now);
	near(r.per_sec, 7.5);
	for (i = 0; rate_ready(&r, now) == 0; i++)
		rate_take(&r, now);
	assert_int_equal(i, 2);
	for (i = 0; i < 1000; i++)
		rate_ok(&r);
	near(r.per_sec, 10);
	near(r.grown, r.per_sec - 7.5);
	/* what was told begins anew, and so it does after a cut */
	rate_share(&r, 4 * r.per_sec, 4, now);
	near(r.grown, 0);
	rate_share(&r, 20, 4, now);
	rate_ok(&r);
	assert_int_equal(rate_429(&r, 0, now), 1);
	assert_int_equal(rate_429(&r, 0, now), 0);
	near(r.grown, 0);
	assert_true(r.per_sec < 2.7);
	/* what the others learned is bounded as what is learned here */
	rate_share(&r, 1e9, 4, now);
	near(r.per_sec, 10);
	rate_share(&r, 0, 4, now);
	near(r.per_sec, 20.0 / 1024 / 4);
	/* no hold takes nothing away */
	rate_init(&r, 20, 8, 40, now);
	rate_hold(&r, 0, now + S);
	near(r.tokens, 8);
	rate_hold(&r, 7 * S, now);
	rate_hold(&r, 3 * S, now);
	assert_int_equal(r.hold_until, now + 7 * S);
}

/* Over a minute no more go out than the rate allows, and no fewer. */
static void
steady(void **state)
{
	struct rate	r;
	int64_t		now = 0, wait;
	int		n = 0;

	(void)state;
	rate_init(&r, 5, 1, 5, now);
	while (now <= 60 * S) {
		wait = rate_ready(&r, now);
		if (wait == 0) {
			rate_take(&r, now);
			n++;
			continue;
		}
		now += wait;
	}
	assert_int_equal(n, 301);
}

static void
burst_at_least_one(void **state)
{
	struct rate	r;

	(void)state;
	rate_init(&r, 0.1, 0, 0, 0);
	near(r.burst, 1);
	near(r.max_per_sec, 0.1);
	assert_int_equal(rate_ready(&r, 0), 0);
	rate_take(&r, 0);
	assert_int_equal(rate_ready(&r, 0), 10 * S);
}

static void
additive_increase(void **state)
{
	struct rate	r;
	int		i;

	(void)state;
	rate_init(&r, 10, 1, 20, 0);
	rate_ok(&r);
	near(r.per_sec, 10.1);
	for (i = 0; i < 99; i++)
		rate_ok(&r);
	near(r.per_sec, 20);
	rate_ok(&r);
	near(r.per_sec, 20);
}

static void
halves_and_holds(void **state)
{
	struct rate	r;
	int64_t		now = 50 * S;

	(void)state;
	rate_init(&r, 8, 8, 8, now);
	rate_429(&r, 30, now);
	near(r.per_sec, 4);
	assert_int_equal(rate_ready(&r, now), 30 * S);
	/* The others that were under way say the same: not halved again. */
	rate_429(&r, 30, now + S / 2);
	near(r.per_sec, 4);
	assert_int_equal(rate_ready(&r, now + S), 29 * S + S / 2);
	/* A shorter time does not shorten the hold. */
	rate_429(&r, 0, now + S / 2);
	assert_int_equal(rate_ready(&r, now + S), 29 * S + S / 2);
	now += 30 * S + S / 2;
	assert_int_equal(rate_ready(&r, now), 0);
	rate_take(&r, now);
	/* Afterwards it begins with one, not with what was saved. */
	assert_int_equal(rate_ready(&r, now), S / 4);
	rate_429(&r, -1, now);
	near(r.per_sec, 2);
}

static void
without_a_time(void **state)
{
	struct rate	r;

	(void)state;
	/* Two intervals, but at least a second and at most a minute. */
	rate_init(&r, 100, 1, 100, 0);
	rate_429(&r, -1, 0);
	assert_int_equal(rate_ready(&r, 0), S);
	rate_init(&r, 1, 1, 1, 0);
	rate_429(&r, -1, 0);
	assert_int_equal(rate_ready(&r, 0), 4 * S);
	rate_init(&r, 0.01, 1, 1, 0);
	rate_429(&r, -1, 0);
	assert_int_equal(rate_ready(&r, 0), 60 * S);
}

static void
never_below_the_floor(void **state)
{
	struct rate	r;
	int64_t		now = 0;
	int		i;

	(void)state;
	rate_init(&r, 1, 1, 1, now);
	for (i = 0; i < 100; i++) {
		now += 3600 * S;
		rate_429(&r, 0, now);
	}
	near(r.per_sec, 1.0 / 1024);
	/* And it comes back. */
	for (i = 0; i < 100; i++)
		rate_ok(&r);
	near(r.per_sec, 1);
}

static void
server_errors(void **state)
{
	struct rate	r;

	(void)state;
	rate_init(&r, 8, 1, 8, 0);
	rate_5xx(&r, 0);
	near(r.per_sec, 6);
	assert_int_equal(rate_ready(&r, 0), 0);
	rate_5xx(&r, S - 1);
	near(r.per_sec, 6);
	rate_5xx(&r, S);
	near(r.per_sec, 4.5);
}

/* Both forms of Retry-After, as clk_retry_after() reads them. */
static void
retry_after(void **state)
{
	struct rate	r;
	int64_t		wall, s;

	(void)state;
	assert_int_equal(clk_parse("2026-11-22T12:00:00Z", &wall), 0);
	rate_init(&r, 1, 1, 1, 0);
	s = clk_retry_after("7", wall);
	rate_429(&r, s, 0);
	assert_int_equal(rate_ready(&r, 0), 7 * S);
	rate_init(&r, 1, 1, 1, 0);
	s = clk_retry_after("Sun, 22 Nov 2026 12:01:00 GMT", wall);
	rate_429(&r, s, 0);
	assert_int_equal(rate_ready(&r, 0), 60 * S);
	/* A year is a mistake or worse. */
	rate_init(&r, 1, 1, 1, 0);
	rate_429(&r, INT64_MAX, 0);
	assert_int_equal(rate_ready(&r, 0), 86400 * S);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(bucket),
		cmocka_unit_test(shared),
		cmocka_unit_test(behind),
		cmocka_unit_test(steady),
		cmocka_unit_test(burst_at_least_one),
		cmocka_unit_test(additive_increase),
		cmocka_unit_test(halves_and_holds),
		cmocka_unit_test(without_a_time),
		cmocka_unit_test(never_below_the_floor),
		cmocka_unit_test(server_errors),
		cmocka_unit_test(retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
