/* Blocks of RFC 7468. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pki/pem.h"

static void
test_text(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		p[50];

	(void)state;
	memset(p, 0, sizeof(p));
	pem_put(&b, "X", (struct span){ p, 0 });
	assert_string_equal(buf_text(&b), "-----BEGIN X-----\n"
	    "-----END X-----\n");
	buf_reset(&b);
	pem_put(&b, "X509 CRL", (struct span){ p, sizeof(p) });
	assert_string_equal(buf_text(&b), "-----BEGIN X509 CRL-----\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAA=\n"
	    "-----END X509 CRL-----\n");
	buf_free(&b);
}

/* What is written is read, of every length. */
static void
test_both(void **state)
{
	struct buf	text = BUF_INIT, got = BUF_INIT;
	struct cur	c;
	uint8_t		p[300];
	size_t		n;

	(void)state;
	for (n = 0; n < sizeof(p); n++)
		p[n] = (uint8_t)(n * 7);
	for (n = 1; n <= sizeof(p); n++)
		pem_put(&text, "CERTIFICATE", (struct span){ p, n });
	c = cur_span(buf_bytes(&text));
	for (n = 1; n <= sizeof(p); n++) {
		assert_int_equal(pem_next(&c, "CERTIFICATE", &got), 1);
		assert_int_equal(got.n, n);
		assert_memory_equal(got.p, p, n);
	}
	assert_int_equal(pem_next(&c, "CERTIFICATE", &got), 0);
	buf_free(&text);
	buf_free(&got);
}

/* What cannot be read is one block, and the next one is found. */
static void
test_bad(void **state)
{
	static const char	text[] =
	    "-----BEGIN X-----\nAA*A\n-----END X-----\n"
	    "-----BEGIN X-----\nAAAA\n-----BEGIN X-----\nBBBB\n"
	    "-----END X-----\n"
	    "words -----BEGIN X----- C C\tC\r\nC-----END X-----\n"
	    "-----BEGIN X-----\n-----END X-----\n"
	    "-----BEGIN X-----\nAAAA";
	static const int	want[] = { -1, -1, 1, 1, -1, -1, 0 };
	struct buf		got = BUF_INIT;
	struct cur		c = cur_of(text, sizeof(text) - 1);
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(pem_next(&c, "X", &got), want[i]);
		if (i == 3)
			assert_memory_equal(got.p, "\x08\x20\x82", 3);
	}
	buf_free(&got);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_bad)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
