/* How fast a CA is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/role/acme_pace.h"
#include "base/clk.h"

#define NOW	(1000 * CLK_SEC)
#define OURS	"https://ca.example/dir"
#define LE	"https://acme-v02.api.letsencrypt.org/directory"

static struct acme_pace	p;

/* How many new orders may go out at ${now}, of ${most}. */
static int
burst(int64_t now, int most)
{
	int	n = 0;

	while (n < most && acme_pace_when(&p, 1, now) <= now) {
		acme_pace_sent(&p, (uint64_t)++n, 1, now);
		acme_pace_said(&p, (uint64_t)n, 201, "", now);
	}
	return n;
}

/* What a CA says in its documentation is kept to. */
static void
known(void **state)
{
	(void)state;
	acme_pace_init(&p, LE, NOW);
	assert_int_equal(burst(NOW, 1000), 300);
	assert_int_equal(acme_pace_when(&p, 0, NOW), NOW);
	assert_int_equal(burst(NOW + 35 * CLK_SEC, 10), 0);
	assert_int_equal(burst(NOW + 36 * CLK_SEC, 10), 1);
	acme_pace_init(&p, OURS, NOW);
	assert_int_equal(burst(NOW, 64), 64);
}

/* Limits of new orders hold up new orders, those of other things all. */
static void
held(void **state)
{
	static const struct {
		int		 fresh;
		unsigned	 status;
		const char	*retry_after;
		int		 held_fresh, held_all;	/* seconds */
	} t[] = {
		{ 1, 201, "", 0, 0 },
		{ 1, 429, "20", 20, 0 },
		{ 1, 429, "", 10, 0 },
		{ 1, 503, "7", 7, 0 },
		{ 1, 503, "", 0, 0 },
		{ 1, 500, "7", 0, 0 },
		/* hours are about these names, not about all */
		{ 1, 429, "86400", ACME_PACE_HOLD, 0 },
		{ 0, 429, "20", 20, 20 },
		{ 0, 429, "", 10, 10 },
		{ 0, 503, "7", 7, 7 },
		{ 0, 200, "7", 0, 0 },
		{ 0, 0, "", 0, 0 },
	};
	int64_t	fresh, all;
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		acme_pace_init(&p, OURS, NOW);
		acme_pace_sent(&p, 5, t[i].fresh, NOW);
		acme_pace_said(&p, 5, t[i].status, t[i].retry_after, NOW);
		fresh = acme_pace_when(&p, 1, NOW);
		all = acme_pace_when(&p, 0, NOW);
		if (fresh != NOW + t[i].held_fresh * CLK_SEC ||
		    all != NOW + t[i].held_all * CLK_SEC)
			fail_msg("case %zu: %lld %lld", i,
			    (long long)(fresh - NOW), (long long)(all - NOW));
	}
}

/* Those under way together are one limit, not many. */
static void
together(void **state)
{
	uint64_t	i;

	(void)state;
	acme_pace_init(&p, OURS, NOW);
	for (i = 1; i <= 20; i++)
		acme_pace_sent(&p, i, 1, NOW);
	for (i = 1; i <= 20; i++)
		acme_pace_said(&p, i, 429, "3", NOW + 1);
	assert_true(acme_pace_when(&p, 1, NOW + 1) <= NOW + 1 + 3 * CLK_SEC);
	/* and the rate was cut once: half of it is left, not a millionth */
	assert_true(burst(NOW + 1 + 4 * CLK_SEC, 30) >= 20);
	/* an answer to something else is no answer to these */
	acme_pace_said(&p, 99, 201, "", NOW);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(held),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
