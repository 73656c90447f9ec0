#include <stdint.h>

#include "tests/unit/auditor/said_kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * What a judge that was taken over may say of certificates, CRLs, OCSP
 * answers, inclusion, issuers and keys, and what it is asked.  The first byte
 * chooses the reader; what was read is packed and must be read again, and
 * then be the same.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf	one = BUF_INIT, two = BUF_INIT;
	struct cur	c;
	said_again	*read;

	if (n == 0)
		return 0;
	read = said_kinds[p[0] % SAID_KINDS];
	c = cur_of(p + 1, n - 1);
	if (read(&c, &one) == 0 && one.n != 0) {
		c = cur_span(buf_bytes(&one));
		if (read(&c, &two) == -1 || cur_left(&c) != 0 ||
		    two.n != one.n || memcmp(one.p, two.p, one.n) != 0)
			abort();
	}
	buf_free(&one);
	buf_free(&two);
	return 0;
}
