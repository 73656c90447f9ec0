/* Evidence of what the audit finds: every field of it changed. */
/* takes: 14 */
#include "tests/unit/auditor/evidence_audit_world.h"

static void
flip_all(int finding, int seal)
{
	struct flips	 f;
	struct buf	 b = BUF_INIT;

	memset(&f, 0, sizeof(f));
	export(finding, &b);
	f.root = json_loads(buf_text(&b), 0, NULL);
	f.seal = seal;
	f.instance = instance;
	f.judge = judge;
	flip(&f, f.root);
	(void)printf("finding %d: %zu changes %s, %zu not rejected\n",
	    finding, f.n, seal ? "sealed again" : "made", f.missed);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 200);
	json_decref(f.root);
	buf_free(&b);
}

static const int	flipped[] = { F_REVOKED, F_SOURCE, F_ABSENT,
			    F_SERVED, F_GRANT };

static void
test_flips(void **state)
{
	size_t	i;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < sizeof(flipped) / sizeof(flipped[0]); i++)
		flip_all(flipped[i], 0);
}

static void
test_flips_sealed(void **state)
{
	size_t	i;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < sizeof(flipped) / sizeof(flipped[0]); i++)
		flip_all(flipped[i], 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_flips_sealed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
