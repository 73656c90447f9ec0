#include "ctlog/entry.h"
#include "ctlog/sct.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Leaves, extra_data and SCTs: what is read is written back the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span	in = { p, n }, pre, chain[16], list;
	struct entry	en;
	struct sct	s;
	struct buf	b = BUF_INIT;
	size_t		k, i;

	if (entry_read(in, &en, NULL) == 0) {
		entry_put(&b, &en);
		if (b.n != n || memcmp(b.p, p, n) != 0)
			abort();
		buf_free(&b);
	}
	(void)entry_extra(in, ENTRY_X509, &pre, chain, 16, &k, NULL);
	(void)entry_extra(in, ENTRY_PRECERT, &pre, chain, 16, &k, NULL);
	(void)sct_read(in, &s, NULL);
	if (sct_unwrap(in, &list, NULL) == -1)
		list = in;
	if (sct_list(list, chain, 16, &k, NULL) == 0)
		for (i = 0; i < k; i++)
			(void)sct_read(chain[i], &s, NULL);
	return 0;
}
