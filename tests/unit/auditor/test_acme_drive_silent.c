/* What becomes of an order when the CA does not answer. */
#include "tests/unit/auditor/driving.h"

/* As if it had been asked so long ago. */
static void
later(int64_t seconds)
{
	assert_true(d.silence.since != 0);
	d.silence.since -= seconds * CLK_SEC;
	d.silence.tell_at -= seconds * CLK_SEC;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
}

/* A CA that does not answer is told of, and then the order is left. */
static void
silent(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	struct acme_reply		none = { .why = "timeout: no answer",
					    .silent = 1 };

	(void)state;
	start();
	step(&t[0]);
	assert_int_equal(d.silence.since, 0);
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(sent, 2);
	assert_true(acme_drive_when(&d) <= now + 11 * CLK_SEC);
	later(11);
	has(said, "the CA has not answered since ");
	said[0] = '\0';
	later(5);
	assert_string_equal(said, "");
	/* lost, and asked again: the same silence */
	assert_true(acme_drive_reply(&d, 1000 + sent, &none));
	later(30);
	has(said, "(timeout: no answer); it is waited for until ");
	later(100);
	assert_int_equal(d.left, ERR_SILENT);
	assert_int_equal(flow_events(d.flow), FLOW_FAILED);
	has(flow_why(d.flow), "what was begun is kept");
	/* the order is gone on with, and nobody is waited for */
	assert_true(flow_unfinished(d.flow));
	assert_int_equal(d.nfly, 0);
	acme_drive_end(&d);
}

/* Any answer ends the silence, and so does that the CA has us wait. */
static void
not_silent(void **state)
{
	static const struct line	t[] = { L_NEW, L_AUTHZ };
	static const struct line	busy_ca = { ACME_AUTHZ_GET, "/z/1", "",
	    503, "", NULL, NULL, NULL };

	(void)state;
	start();
	step(&t[0]);
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	later(9);
	assert_int_equal(answer(&busy_ca, 1000 + sent), 1);
	assert_int_equal(d.silence.since, 0);
	acme_drive_end(&d);
	/* without a nonce nothing can be asked */
	start();
	ready = 0;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	later(11);
	has(said, "the CA has not answered");
	waits = 1;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(d.silence.since, 0);
	acme_drive_end(&d);
	/* one that cannot be reached at all */
	start();
	refuse = ERR_NET;
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	later(130);
	assert_int_equal(d.left, ERR_NET);
	assert_int_equal(flow_events(d.flow), FLOW_FAILED);
	acme_drive_end(&d);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(silent),
		cmocka_unit_test(not_silent),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
