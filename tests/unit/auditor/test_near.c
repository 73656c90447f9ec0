#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "auditor/near.h"

static void
test_near(void **state)
{
	static const char *const	 words[] = {
		"watch", "watch_file", "poll", "routes", "a",
	};
	static const char *const	 t[][2] = {
		{ "wach", "watch" }, { "watch", "watch" },
		{ "wacth", "watch" }, { "watches", "watch" },
		{ "watchfile", "watch_file" }, { "pool", "poll" },
		{ "rotues", "routes" }, { "xyz", NULL }, { "", NULL },
		{ "acme", NULL }, { "polymorph", NULL },
	};
	char		 longest[80];
	const char	*got;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		got = near_word(t[i][0], words, 5);
		if ((got == NULL) != (t[i][1] == NULL) ||
		    (got != NULL && strcmp(got, t[i][1]) != 0))
			fail_msg("`%s`: %s", t[i][0], got != NULL ? got :
			    "none");
	}
	memset(longest, 'w', sizeof(longest));
	longest[63] = '\0';
	assert_null(near_word(longest, words, 5));
	longest[63] = 'w';
	longest[64] = '\0';
	assert_null(near_word(longest, words, 5));
	assert_null(near_word("watch", words, 0));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
