#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/assess.h"

/*
 * The date of an issuance is what SCTs prove: not what an unknown log, a bad
 * signature or a log that nobody counts says.
 */
static void
first_sct(void **state)
{
	static const struct {
		enum scts_status	 status;
		enum loglist_state	 log;
		int			 is_test;
		int			 counts;
	} t[] = {
		{ SCTS_VALID, LOGLIST_USABLE, 0, 1 },
		{ SCTS_VALID, LOGLIST_QUALIFIED, 0, 1 },
		{ SCTS_VALID, LOGLIST_READONLY, 0, 1 },
		/* its key may be anybody's by now */
		{ SCTS_VALID, LOGLIST_RETIRED, 0, 0 },
		{ SCTS_VALID, LOGLIST_USABLE, 1, 0 },
		{ SCTS_NOT_COUNTED, LOGLIST_USABLE, 0, 0 },
		{ SCTS_NOT_COUNTED, LOGLIST_PENDING, 0, 0 },
		{ SCTS_NOT_COUNTED, LOGLIST_REJECTED, 0, 0 },
		{ SCTS_BAD_SIGNATURE, LOGLIST_USABLE, 0, 0 },
		{ SCTS_UNKNOWN_LOG, LOGLIST_USABLE, 0, 0 },
		{ SCTS_MALFORMED, LOGLIST_USABLE, 0, 0 },
	};
	struct loglist_log	log[2];
	struct scts_one		v[2];
	struct scts		s;
	size_t			i;

	(void)state;
	memset(log, 0, sizeof(log));
	memset(v, 0, sizeof(v));
	memset(&s, 0, sizeof(s));
	s.v = v;
	assert_int_equal(assess_first_sct(&s), INT64_MIN);
	s.n = 2;
	log[1].state = LOGLIST_USABLE;
	v[1].status = SCTS_VALID;
	v[1].timestamp = 2000;
	v[1].log = &log[1];
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		log[0].state = t[i].log;
		log[0].is_test = t[i].is_test;
		v[0].status = t[i].status;
		v[0].timestamp = 1000;
		v[0].log = t[i].status == SCTS_UNKNOWN_LOG ||
		    t[i].status == SCTS_MALFORMED ? NULL : &log[0];
		assert_int_equal(assess_first_sct(&s),
		    t[i].counts ? 1000 * 1000 : 2000 * 1000);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(first_sct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
