/* Strings and bytes in frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/ipc_text.h"

/* Each reader's word on these bytes, behind a length of ${n}. */
static void
said(const char *bytes, size_t n, size_t max, int any, int plain)
{
	struct buf	 b = BUF_INIT;
	struct cur	 k;
	const char	*s = NULL;
	char		 out[16];

	assert_true(max <= sizeof(out));
	buf_vec32(&b, bytes, n);
	buf_u8(&b, 'x');
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text(&k, &s, max), any);
	if (any == 0)
		assert_string_equal(s, bytes);
	else
		assert_null(s);
	k = cur_span(buf_bytes(&b));
	s = NULL;
	assert_int_equal(ipc_text_plain(&k, &s, max), plain);
	assert_true((s != NULL) == (plain == 0));
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_copy(&k, out, max), any);
	if (any == 0)
		assert_string_equal(out, bytes);
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_plain_copy(&k, out, max), plain);
	if (plain == 0)
		assert_int_equal(cur_left(&k), 1);
	buf_free(&b);
}

static void
test_strings(void **state)
{
	(void)state;
	said("", 1, 16, 0, 0);
	said("abc", 4, 16, 0, 0);
	said("abc", 4, 4, 0, 0);
	said("abc", 4, 3, -1, -1);
	said("a b~", 5, 16, 0, 0);
	said("a\tb", 4, 16, 0, -1);
	said("a\x7f", 3, 16, 0, -1);
	said("\xc3\xa9", 3, 16, 0, -1);
	said("", 0, 16, -1, -1);		/* no zero byte */
	said("abc", 3, 16, -1, -1);
	said("a\0b", 4, 16, -1, -1);		/* one too many */
}

static void
test_put(void **state)
{
	struct buf	 b = BUF_INIT;
	struct cur	 k;
	struct span	 v;
	const char	*s;

	(void)state;
	ipc_text_put(&b, NULL);
	ipc_text_put(&b, "hello");
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_plain(&k, &s, 1), 0);
	assert_string_equal(s, "");
	assert_int_equal(ipc_text_plain(&k, &s, 6), 0);
	assert_string_equal(s, "hello");
	assert_int_equal(cur_left(&k), 0);
	assert_int_equal(ipc_text(&k, &s, 6), -1);
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_bytes(&k, &v, 0), -1);
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_bytes(&k, &v, 1), 0);
	assert_int_equal(v.n, 1);
	b.n--;
	k = cur_span(buf_bytes(&b));
	assert_int_equal(ipc_text_bytes(&k, &v, 1), 0);
	assert_int_equal(ipc_text_bytes(&k, &v, 99), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_put)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
