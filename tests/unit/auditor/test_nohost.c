#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/net/nohost.h"

static void
hosts(void **state)
{
	(void)state;
	assert_true(nohost("a.invalid"));
	assert_true(nohost("A.b.InValid."));
	assert_true(nohost(".invalid"));
	assert_false(nohost("invalid"));
	assert_false(nohost(""));
	assert_false(nohost("."));
	assert_false(nohost("a.invalid.."));
	assert_false(nohost("a.invalid.example"));
	assert_false(nohost("ainvalid"));
}

/* Only what cannot be read in two ways is said to be of no host. */
static void
urls(void **state)
{
	static const char *const	yes[] = {
		"http://a.invalid", "http://a.invalid/", "https://A.INVALID./x",
		"http://a-b.c.invalid?q=http://example.com/",
		"http://a.invalid#x",
	};
	static const char *const	no[] = {
		"", "http://", "http:///a.invalid", "a.invalid",
		"ftp://a.invalid/", "HTTP://a.invalid/",
		"http://a.invalid@example.com/", "http://a.invalid:1@b.example/",
		"http://a.invalid:80/", "http://example.com/a.invalid",
		"http://example.com?a.invalid", "http://a.invalid\\b.example/",
		"http://a_b.invalid/", "http://a.invalid b", "http://invalid/",
		"http://a.invalid.example/", "http://[::1].invalid/",
	};
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(nohost_url(yes[i]));
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(nohost_url(no[i]));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
