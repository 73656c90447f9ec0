/* The Certificate message of TLS, in both forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/tlsserved.h"
#include "base/err.h"

static struct tlsserved	t;

/* A message of ${n} certificates: "0", "1" ... */
static void
make(struct buf *b, size_t n, int is13)
{
	size_t	i;

	buf_reset(b);
	if (is13) {
		buf_u8(b, 1);		/* certificate_request_context */
		buf_u8(b, 'x');
	}
	buf_u24(b, (uint32_t)(n * (is13 ? 9u : 4u)));
	for (i = 0; i < n; i++) {
		buf_u24(b, 1);
		buf_u8(b, (uint8_t)('0' + i));
		if (is13) {
			buf_u16(b, 3);	/* extensions */
			buf_add(b, "abc", 3);
		}
	}
}

static void
forms(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	size_t		n, i;
	int		is13;

	(void)state;
	for (is13 = 0; is13 < 2; is13++) {
		for (n = 0; n <= LIMIT_CHAIN + 2; n++) {
			make(&b, n, is13);
			assert_int_equal(tlsserved_read(&t, buf_bytes(&b),
			    is13, &e), 0);
			assert_int_equal(t.total, n);
			assert_int_equal(t.n, n < LIMIT_CHAIN ? n :
			    LIMIT_CHAIN);
			for (i = 0; i < t.n; i++) {
				assert_int_equal(t.v[i].n, 1);
				assert_int_equal(t.v[i].p[0], '0' + i);
			}
		}
		make(&b, 3, is13);
		for (i = 0; i < b.n; i++) {
			err_clear(&e);
			assert_int_equal(tlsserved_read(&t, (struct span){
			    b.p, i }, is13, &e), -1);
			assert_int_equal(e.code, ERR_FORMAT);
		}
		buf_u8(&b, 0);
		assert_int_equal(tlsserved_read(&t, buf_bytes(&b), is13,
		    NULL), -1);
	}
	/* What stands before the fault is there. */
	make(&b, 3, 0);
	b.p[b.n - 2] = 2;
	assert_int_equal(tlsserved_read(&t, buf_bytes(&b), 0, NULL), -1);
	assert_int_equal(t.n, 2);
	tlsserved_free(&t);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
