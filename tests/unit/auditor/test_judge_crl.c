#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/judge_audit.h"
#include "base/mem.h"

/* What is said of a CRL fits in a frame, whatever the CRL is. */

/* ${n} hits with entries of ${size} bytes, packed and read again. */
static struct crlscan_out
again(size_t n, size_t size, struct buf *mem)
{
	struct crlscan_out	 o, r;
	struct cur		 c;
	uint8_t			*raw = mem_zero(size);
	size_t			 i;

	memset(&o, 0, sizeof(o));
	o.authentic = 1;
	memset(buf_room(&o.kept, LIMIT_CRL_KEEP), 1, LIMIT_CRL_KEEP);
	o.kept.n = LIMIT_CRL_KEEP;
	o.hits = mem_array(n, sizeof(*o.hits));
	o.nhits = n;
	for (i = 0; i < n; i++) {
		o.hits[i].number = (long)i;
		o.hits[i].at = 7;
		o.hits[i].reason = 1;
		o.hits[i].raw = (struct span){ raw, size };
	}
	buf_reset(mem);
	judge_crl_pack(mem, &o);
	/* the reply has a head, too */
	assert_true(mem->n <= LIMIT_FRAME - 64);
	c = cur_span(buf_bytes(mem));
	assert_int_equal(judge_crl_read(&c, &r), 0);
	assert_int_equal(cur_left(&c), 0);
	for (i = 0; i < r.nhits; i++) {
		assert_int_equal(r.hits[i].number, i);
		assert_int_equal(r.hits[i].reason, 1);
		assert_true(r.hits[i].raw.n == size || r.hits[i].raw.n == 0);
	}
	crlscan_out_free(&o);
	free(raw);
	return r;
}

static void
frames(void **state)
{
	struct buf		mem = BUF_INIT;
	struct crlscan_out	o;

	(void)state;
	o = again(100, 60000, &mem);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.nhits, 100);
	assert_int_equal(o.hits[99].raw.n, 60000);
	crlscan_out_free(&o);
	/* long entries: revoked all the same, and without evidence */
	o = again(300, 60000, &mem);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.nhits, 300);
	assert_int_equal(o.hits[0].raw.n, 60000);
	assert_int_equal(o.hits[299].raw.n, 0);
	crlscan_out_free(&o);
	/* many: some are not told, and so none that is not told is good */
	o = again(400000, 40, &mem);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.nhits, 400000);
	crlscan_out_free(&o);
	o = again(600000, 40, &mem);
	assert_int_equal(o.fault, CRL_PARTIAL);
	assert_true(crl_fault_revokes(o.fault));
	assert_true(o.nhits > 400000 && o.nhits < 600000);
	crlscan_out_free(&o);
	buf_free(&mem);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
