#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clk.h"
#include "base/err.h"

static void
test_text(void **state)
{
	static const struct {
		const char	*in;
		const char	*want;		/* NULL: refused */
	} cases[] = {
		{ "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z" },
		{ "2026-11-22", "2026-11-22T00:00:00Z" },
		{ "2026-11-22T12:00:00+01:30", "2026-11-22T10:30:00Z" },
		{ "2026-11-22T12:00:00-00:30", "2026-11-22T12:30:00Z" },
		{ "2026-11-22T12:00:00.5Z", "2026-11-22T12:00:00Z" },
		{ "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z" },
		{ "2026-11-22t12:00:00z", "2026-11-22T12:00:00Z" },
		{ "2026-11-22 12:00:00Z", "2026-11-22T12:00:00Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "2026-01-01T00:30:00+23:59", "2025-12-31T00:31:00Z" },
		{ "2024-02-29", "2024-02-29T00:00:00Z" },
		{ "2000-02-29", "2000-02-29T00:00:00Z" },
		{ "0001-01-01T00:00:00Z", "1-01-01T00:00:00Z" },
		{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z" },
		{ "2026-02-29", NULL },
		{ "2100-02-29", NULL },
		{ "2026-04-31", NULL },
		{ "2026-00-01", NULL },
		{ "2026-01-00", NULL },
		{ "26-01-01", NULL },
		{ "2026-1-1", NULL },
		{ "02026-01-01", NULL },
		{ "+2026-01-01", NULL },
		{ " 2026-01-01", NULL },
		{ "2026-01- 1", NULL },
		{ "2026-01-01 ", NULL },
		{ "2026-01-01T", NULL },
		{ "2026-01-01Z", NULL },
		{ "2026-11-22T12:00Z", NULL },
		{ "2026-11-22T1:00:00Z", NULL },
		{ "2026-11-22T 1:00:00Z", NULL },
		{ "2026-11-22T12:60:00Z", NULL },
		{ "2026-11-22T12:00:61Z", NULL },
		{ "2026-11-22T24:00:00Z", NULL },
		{ "2026-11-22T12:00:00.Z", NULL },
		{ "2026-11-22T12:00:00.5", NULL },
		{ "2026-11-22T12:00:00.5e3Z", NULL },
		{ "2026-11-22T12:00:00.0x1p9Z", NULL },
		{ "2026-11-22T12:00:00.-5Z", NULL },
		{ "2026-11-22T12:00:00,5Z", NULL },
		{ "2026-11-22T12:00:00+24:00", NULL },
		{ "2026-11-22T12:00:00+99:99", NULL },
		{ "2026-11-22T12:00:00+01:60", NULL },
		{ "2026-11-22T12:00:00+0100", NULL },
		{ "2026-11-22T12:00:00+1:00", NULL },
		{ "2026-11-22T12:00:00+-1:00", NULL },
		{ "2026-11-22T12:00:00+ 1:00", NULL },
		{ "2026-11-22T12:00:00+01", NULL },
		{ "2026-11-22T12:00:00+01:00Z", NULL },
		{ "2026-11-22T12:00:00 Z", NULL },
		{ "2026-11-22T12:00:00", NULL },
		{ "2026-13-22", NULL },
		{ "2026-11-22T25:00:00Z", NULL },
		{ "2026-11-22T12:00:00Zx", NULL },
		{ "", NULL },
		{ "tomorrow", NULL }
	};
	char			text[CLK_TEXT];
	int64_t			us;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (clk_parse(cases[i].in, &us) !=
		    (cases[i].want != NULL ? 0 : -1))
			fail_msg("%s", cases[i].in);
		if (cases[i].want != NULL)
			assert_string_equal(clk_text(us, text),
			    cases[i].want);
	}
	assert_int_equal(clk_parse("2026-11-22T12:00:00.1234567Z", &us), 0);
	assert_int_equal(us % CLK_SEC, 123456);
	assert_int_equal(clk_parse("1969-12-31T23:59:59.5Z", &us), 0);
	assert_int_equal(us, -CLK_SEC / 2);
	us = 7;
	assert_int_equal(clk_parse("2026-11-22T12:00:00+24:00", &us), -1);
	assert_int_equal(us, 7);
	clk_fix(12345);
	assert_int_equal(clk_wall(), 12345);
	assert_int_equal(clk_earlier(), 12345);
	assert_int_equal(clk_later(), 12345);
	clk_fix(0);
	assert_true(clk_wall() > 1600000000 * CLK_SEC);
	us = clk_mono();
	assert_true(clk_mono() >= us);
}

/* RFC 9110, 10.2.3: both forms. */
static void
test_retry_after(void **state)
{
	int64_t	now;

	(void)state;
	assert_int_equal(clk_parse("1994-11-06T08:49:00Z", &now), 0);
	assert_int_equal(clk_retry_after("120", now), 120);
	assert_int_equal(clk_retry_after("0", now), 0);
	assert_int_equal(clk_retry_after("86401", now), 86400);
	assert_int_equal(clk_retry_after("99999999999999999999", now), 86400);
	assert_int_equal(clk_retry_after("Sun, 06 Nov 1994 08:49:37 GMT",
	    now), 37);
	assert_int_equal(clk_retry_after("Sun, 06 Nov 1994 08:48:37 GMT",
	    now), 0);
	assert_int_equal(clk_retry_after("soon", now), -1);
	assert_int_equal(clk_retry_after("-5", now), -1);
	assert_int_equal(clk_retry_after("", now), -1);
}

static void
test_backoff(void **state)
{
	int64_t		w, full;
	unsigned	n;

	(void)state;
	for (n = 1; n < 100; n++) {
		full = n > 10 ? 1000 : (int64_t)1 << (n - 1);
		if (full > 1000)
			full = 1000;
		w = clk_backoff(n, 1, 1000);
		assert_true(w <= full);
		assert_true(w >= full - full / 4);
	}
}

static void
test_err(void **state)
{
	struct err	e = ERR_INIT;
	char		big[1024];
	int		i;

	(void)state;
	assert_int_equal(err_set(NULL, ERR_NET, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	assert_int_equal(err_set(&e, ERR_FORMAT, "byte %d", 7), -1);
	assert_int_equal(err_set(&e, ERR_NET, "later"), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(err_prefix(&e, "file %s", "a"), -1);
	assert_string_equal(e.msg, "file a: byte 7");
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
	errno = ENOENT;
	assert_int_equal(err_set(&e, ERR_SYS, "open"), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.msg, strerror(ENOENT)));
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_clear(&e);
	assert_int_equal(err_set(&e, ERR_CONF, "%s", big), -1);
	assert_int_equal(err_prefix(&e, "%s", big), -1);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	for (i = 0; i < ERR_MAX; i++)
		assert_true(*err_name((enum err_code)i) != '\0');
	assert_int_equal(err_exit(ERR_USAGE), 64);
	assert_int_equal(err_exit(ERR_DB), 69);
	assert_int_equal(err_exit(ERR_TEMP), 75);
	assert_int_equal(err_exit(ERR_PERM), 77);
	assert_int_equal(err_exit(ERR_CONF), 78);
	assert_int_equal(err_exit(ERR_VERIFY), 2);
	assert_int_equal(err_exit(ERR_NET), 1);
}

/* Another clock is followed where ours is far from it. */
static void
test_follow(void **state)
{
	int64_t	now = clk_wall(), hour = 3600 * CLK_SEC;

	(void)state;
	assert_int_equal(clk_follow(now), 0);
	assert_in_range(clk_follow(now + hour), hour - 60 * CLK_SEC, hour);
	assert_in_range(clk_wall(), now + hour, now + hour + 60 * CLK_SEC);
	assert_in_range(clk_later(), now + hour, now + hour + 60 * CLK_SEC);
	assert_in_range(clk_earlier(), now, now + 60 * CLK_SEC);
	assert_true(clk_follow(now - hour) < 0);
	assert_in_range(clk_wall(), now - hour, now - hour + 60 * CLK_SEC);
	assert_in_range(clk_later(), now, now + 60 * CLK_SEC);
	assert_in_range(clk_earlier(), now - hour, now - hour + 60 * CLK_SEC);
	/* from the system's, not from where it was before */
	assert_in_range(clk_follow(now + hour), hour - 60 * CLK_SEC, hour);
	clk_fix(12345);
	assert_int_equal(clk_wall(), 12345);
	assert_int_equal(clk_earlier(), 12345);
	assert_int_equal(clk_later(), 12345);
	clk_fix(0);
	assert_int_equal(clk_follow((int64_t)time(NULL) * CLK_SEC), 0);
	assert_in_range(clk_wall(), now, now + 60 * CLK_SEC);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_err)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
