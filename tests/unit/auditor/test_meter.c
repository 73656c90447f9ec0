#include "auditor/net/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clk.h"

#define S	CLK_SEC

/* Offered more than enough, in pieces of ${n}: bytes that came in ${us}. */
static uint64_t
drink(struct meter **m, size_t nm, uint64_t n, int64_t from, int64_t us)
{
	uint64_t	sum = 0;
	int64_t		t;
	size_t		i;

	for (t = from; t < from + us; t += 1000)
		for (i = 0; i < nm; i++)
			if (meter_ready(m[i], t)) {
				meter_take(m[i], n, t);
				sum += n;
			}
	return sum;
}

static void
alone(void **state)
{
	struct meter	m, *v[] = { &m };
	uint64_t	n;

	(void)state;
	meter_open(&m, 1000000, -1);
	n = drink(v, 1, 16384, 5 * S, 10 * S);
	/* a tenth of a second was saved, and one piece may be too much */
	assert_true(n >= 9900000 && n <= 10000000 + 100000 + 16384);
	/* what was not taken is not saved for later */
	n = drink(v, 1, 1000, 100 * S, S);
	assert_true(n >= 1000000 && n <= 1000000 + 100000 + 1000);
	meter_close(&m);
	meter_open(&m, 0, -1);
	assert_int_equal(meter_ready(&m, 0), 1);
	meter_take(&m, UINT64_MAX, 0);
	assert_int_equal(meter_ready(&m, 0), 1);
	meter_close(&m);
}

/* Three that share: together no more than one, and each has some. */
static void
together(void **state)
{
	struct meter	a, b, c, *v[] = { &a, &b, &c }, *one[] = { &b };
	uint64_t	n;
	int		fd = memfd_create("meter", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, METER_SIZE), 0);
	meter_open(&a, 1000000, fd);
	meter_open(&b, 1000000, fd);
	meter_open(&c, 1000000, fd);
	(void)close(fd);
	n = drink(v, 3, 16384, 5 * S, 10 * S);
	assert_true(n >= 9900000 && n <= 10000000 + 100000 + 3 * 16384);
	n = drink(one, 1, 16384, 15 * S, 10 * S);
	assert_true(n >= 9900000 && n <= 10000000 + 100000 + 16384);
	/* the machine was started again: its clock is behind what stands there */
	assert_int_equal(meter_ready(&a, 25 * S), meter_ready(&b, 25 * S));
	meter_take(&a, 1000000ULL * 500, 25 * S);
	assert_int_equal(meter_ready(&b, 100 * S), 0);
	assert_int_equal(meter_ready(&b, -1000 * S), 1);
	meter_close(&a);
	meter_close(&b);
	meter_close(&c);
}

/* A file that is too short is not mapped. */
static void
short_file(void **state)
{
	struct meter	m;
	int		fd = memfd_create("meter", MFD_CLOEXEC);

	(void)state;
	meter_open(&m, 1000, fd);
	meter_take(&m, 1000, 5 * S);
	assert_int_equal(meter_ready(&m, 5 * S), 0);
	assert_int_equal(meter_ready(&m, 6 * S), 1);
	meter_close(&m);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(together),
		cmocka_unit_test(short_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
