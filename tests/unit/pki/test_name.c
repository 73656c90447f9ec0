#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pki/name.h"

static void
test_fold(void **state)
{
	static const char	*const cases[][2] = {
		{ "Example.COM", "example.com" },
		{ "example.com...", "example.com" },
		{ "b\xc3\xbc" "cher.de", "xn--bcher-kva.de" },
		{ "B\xc3\x9c" "CHER.DE", "xn--bcher-kva.de" },
		{ "a\xe3\x80\x82" "b\xef\xbc\x8e" "c\xef\xbd\xa1", "a.b.c" },
		{ "\xe4\xb8\xad\xe5\x9b\xbd.x", "xn--fiqs8s.x" },
		{ "\xef\xbd\x85xample.com", "example.com" },
		/* Not a label: kept, so that the rest can be compared. */
		{ "\xe2\x80\xae" "b.example.com", "\xe2\x80\xae"
		    "b.example.com" },
		{ "*.Example.com", "*.example.com" },
		{ "", NULL }, { ".", NULL }, { "...", NULL }
	};
	char			out[NAME_TEXT];
	size_t			i;
	long			n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = name_fold(cases[i][0], strlen(cases[i][0]), out,
		    sizeof(out));
		if (cases[i][1] == NULL) {
			assert_int_equal(n, -1);
			continue;
		}
		assert_string_equal(out, cases[i][1]);
		assert_int_equal(n, strlen(out));
	}
	/* Exactly as much room as is needed, and one byte less. */
	assert_int_equal(name_fold("abc.de", 6, out, 7), 6);
	assert_int_equal(name_fold("abc.de", 6, out, 6), -1);
	assert_int_equal(name_fold("abc.de", 6, out, 0), -1);
}

static void
test_utf8(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		enum name_code	 code;
		const char	*want;		/* NULL: refused */
	} cases[] = {
		{ "\0a\0b", 4, NAME_UTF16, "ab" },
		{ "\x00\xfc", 2, NAME_UTF16, "\xc3\xbc" },
		{ "\xd8\x3d\xde\x00", 4, NAME_UTF16, "\xf0\x9f\x98\x80" },
		{ "\xd8\x3d", 2, NAME_UTF16, NULL },
		{ "\xdc\x00\x00\x61", 4, NAME_UTF16, NULL },
		{ "\0a\0", 3, NAME_UTF16, NULL },
		{ "\0\0\0a", 4, NAME_UTF32, "a" },
		{ "\0\x11\0\0", 4, NAME_UTF32, NULL },
		{ "\0\0\xd8\0", 4, NAME_UTF32, NULL },
		{ "\0\0a", 3, NAME_UTF32, NULL },
		{ "\xfc", 1, NAME_LATIN1, "\xc3\xbc" },
		{ "\xc3\xbc", 2, NAME_UTF8, "\xc3\xbc" },
		{ "\xe2\x82\xac", 3, NAME_UTF8, "\xe2\x82\xac" },
		{ "\xc3", 1, NAME_UTF8, NULL },
		{ "\xc0\x80", 2, NAME_UTF8, NULL },
		{ "\xe0\x80\x80", 3, NAME_UTF8, NULL },
		{ "\xed\xa0\x80", 3, NAME_UTF8, NULL },
		{ "\xf4\x90\x80\x80", 4, NAME_UTF8, NULL },
		{ "\x80", 1, NAME_UTF8, NULL },
		{ "", 0, NAME_UTF8, "" }
	};
	char			out[16];
	size_t			i;
	long			n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = name_utf8(cases[i].in, cases[i].n, cases[i].code, out,
		    sizeof(out));
		if ((n == -1) != (cases[i].want == NULL))
			fail_msg("case %zu: %ld", i, n);
		if (n != -1)
			assert_string_equal(out, cases[i].want);
	}
	assert_int_equal(name_utf8("ab", 2, NAME_UTF8, out, 3), 2);
	assert_int_equal(name_utf8("ab", 2, NAME_UTF8, out, 2), -1);
	assert_int_equal(name_utf8("\xfc", 1, NAME_LATIN1, out, 2), -1);
}

static void
test_covers(void **state)
{
	static const struct {
		const char	*wild;
		const char	*name;
		int		 want;
	} cases[] = {
		{ "*.example.com", "www.example.com", 1 },
		{ "*.example.com", "example.com", 0 },
		{ "*.example.com", "a.b.example.com", 0 },
		{ "*.example.com", ".example.com", 0 },
		{ "*.com", "example.com", 1 },
		{ "*", "com", 0 },
		{ "w*.example.com", "www.example.com", 1 },
		{ "*w.example.com", "www.example.com", 1 },
		{ "w*w.example.com", "ww.example.com", 1 },
		{ "w*w.example.com", "w.example.com", 0 },
		{ "a*b*c.example.com", "axbxxc.example.com", 1 },
		{ "a*b*c.example.com", "axxc.example.com", 0 },
		{ "x*.example.com", "www.example.com", 0 },
		{ "www.example.com", "www.example.com", 0 },
		{ "www.*.com", "www.example.com", 0 }
	};
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (name_covers(cases[i].wild, cases[i].name) !=
		    cases[i].want)
			fail_msg("%s, %s", cases[i].wild, cases[i].name);
}

static void
test_display(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		const char	*want;
	} cases[] = {
		{ "example.com", 11, "example.com" },
		{ "b\xc3\xbc" "cher", 7, "b\xc3\xbc" "cher" },
		{ "a\0b", 3, "a\\x00b" },
		{ "a\x1b[31m", 6, "a\\x1b[31m" },
		{ "a\nb\\", 4, "a\\x0ab\\x5c" },
		{ "\xff", 1, "\\xff" },
		{ "\xe2\x80\xaetxt", 6, "\\u{202E}txt" },
		{ "\xe2\x81\xa6", 3, "\\u{2066}" },
		{ "\xe2\x80\x8b", 3, "\\u{200B}" },
		{ "\xef\xbb\xbf", 3, "\\u{FEFF}" },
		{ "\xc2\x85", 2, "\\x85" },
		{ "", 0, "" }
	};
	char			out[64];
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name_display(cases[i].in, cases[i].n, out, sizeof(out));
		assert_string_equal(out, cases[i].want);
	}
	assert_int_equal(name_display("abcdef", 6, out, 7), 6);
	assert_int_equal(name_display("abcdef", 6, out, 6), 5);
	assert_string_equal(out, "ab...");
	assert_int_equal(name_display("a\xc3\xbc" "cd", 5, out, 5), 4);
	assert_string_equal(out, "a...");
	assert_int_equal(name_display("abc", 3, out, 1), 0);
	assert_string_equal(out, "");
	name_display_as("\0a\xd8", 3, NAME_UTF16, out, sizeof(out));
	assert_string_equal(out, "a\\xd8");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_display)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
