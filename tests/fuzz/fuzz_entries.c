#include <stdlib.h>

#include "ctlog/rfc6962.h"
#include "ctlog/sth.h"
#include "tests/fuzz/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* get-entries, and the other JSON answers of a log. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct page	*page;
	struct merkle_range	 r;
	struct rfc6962_proof	 proof;
	struct sth		 s;
	struct span		 in = { p, n };
	struct buf		 leaf = BUF_INIT, extra = BUF_INIT;

	if (page == NULL)
		page = page_new();
	if (page_entries(page, in, 64, NULL) == 0) {
		if (page_count(page) > 64)
			abort();
		walk(page);
		page_hash(page, 0, &r, NULL, 0);
	}
	(void)sth_read_json(in, &s, NULL);
	(void)rfc6962_read_consistency(in, &proof, NULL);
	(void)rfc6962_read_inclusion(in, &proof, NULL);
	(void)rfc6962_read_entry(in, &leaf, &extra, &proof, NULL);
	buf_free(&leaf);
	buf_free(&extra);
	return 0;
}
