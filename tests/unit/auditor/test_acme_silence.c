/* How long a CA has not answered, and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "auditor/role/acme_silence.h"
#include "base/clk.h"
#include "base/limit.h"

#define NOW	(1000 * CLK_SEC)	/* 1970-01-01T00:16:40Z */
#define MAX	(120 * CLK_SEC)

static char	text[400];

static enum acme_silence_turn
at(struct acme_silence *s, int64_t seconds)
{
	text[0] = '\0';
	return acme_silence_turn(s, NOW + seconds * CLK_SEC, text,
	    sizeof(text));
}

/* Told after a while, again after a longer one, and at last it is over. */
static void
told(void **state)
{
	struct acme_silence	s = { 0, 0, 0, 0, "" };
	int64_t			again = LIMIT_ACME_QUIET +
				    LIMIT_ACME_QUIET_AGAIN;

	(void)state;
	assert_int_equal(acme_silence_when(&s), INT64_MAX);
	assert_int_equal(at(&s, 0), ACME_SILENCE_NONE);
	acme_silence_begin(&s, NOW, MAX);
	/* the same silence, whatever is asked meanwhile */
	acme_silence_begin(&s, NOW + 5 * CLK_SEC, MAX);
	assert_int_equal(acme_silence_when(&s), NOW + LIMIT_ACME_QUIET *
	    CLK_SEC);
	assert_int_equal(at(&s, LIMIT_ACME_QUIET - 1), ACME_SILENCE_NONE);
	assert_int_equal(at(&s, LIMIT_ACME_QUIET), ACME_SILENCE_TELL);
	assert_string_equal(text, "the CA has not answered since "
	    "1970-01-01T00:16:40Z; it is waited for until "
	    "1970-01-01T00:18:40Z, and what was begun is kept");
	assert_int_equal(at(&s, LIMIT_ACME_QUIET + 1), ACME_SILENCE_NONE);
	assert_int_equal(acme_silence_when(&s), NOW + again * CLK_SEC);
	assert_int_equal(at(&s, again), ACME_SILENCE_TELL);
	assert_int_equal(at(&s, 120), ACME_SILENCE_OVER);
	assert_non_null(strstr(text, "since 1970-01-01T00:16:40Z; what was "
	    "begun is kept"));
	assert_int_equal(acme_silence_code(&s), ERR_SILENT);
}

/* One that is not looked at for long is over, not first told of. */
static void
overslept(void **state)
{
	struct acme_silence	s = { 0, 0, 0, 0, "" };

	(void)state;
	acme_silence_begin(&s, NOW, MAX);
	assert_int_equal(at(&s, 1000), ACME_SILENCE_OVER);
	/* a limit that comes before there is something to tell */
	acme_silence_end(&s);
	acme_silence_begin(&s, NOW, CLK_SEC);
	assert_int_equal(acme_silence_when(&s), NOW + CLK_SEC);
	assert_int_equal(at(&s, 1), ACME_SILENCE_OVER);
}

/* An answer ends it; the next one has a time and a reason of its own. */
static void
ended(void **state)
{
	struct acme_reply	r = { .why = "connect: refused" };
	struct acme_silence	s = { 0, 0, 0, 0, "" };

	(void)state;
	acme_silence_begin(&s, NOW, MAX);
	acme_silence_lost(&s, &r);
	assert_int_equal(at(&s, 20), ACME_SILENCE_TELL);
	assert_non_null(strstr(text, " (connect: refused); it is"));
	assert_int_equal(acme_silence_code(&s), ERR_NET);
	acme_silence_end(&s);
	assert_int_equal(at(&s, 1000), ACME_SILENCE_NONE);
	acme_silence_begin(&s, NOW + 60 * CLK_SEC, MAX);
	assert_int_equal(acme_silence_code(&s), ERR_SILENT);
	assert_int_equal(at(&s, 69), ACME_SILENCE_NONE);
	assert_int_equal(at(&s, 70), ACME_SILENCE_TELL);
	assert_null(strstr(text, "refused"));
	assert_non_null(strstr(text, "since 1970-01-01T00:17:40Z"));
	r.silent = 1;
	acme_silence_lost(&s, &r);
	assert_int_equal(acme_silence_code(&s), ERR_SILENT);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(told),
		cmocka_unit_test(overslept),
		cmocka_unit_test(ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
