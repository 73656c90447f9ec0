#include "ctlog/page.h"

#include <stdlib.h>

#include "ctlog/rfc6962.h"
#include "ctlog/sth.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Everything that can be asked of a page. */
static void
walk(const struct page *p)
{
	struct entry	en;
	struct span	pre, chain[16];
	struct buf	b = BUF_INIT, leaf = BUF_INIT;
	size_t		i, n;

	for (i = 0; i < page_count(p); i++) {
		buf_reset(&leaf);
		page_leaf_copy(p, i, &leaf);
		if ((page_at(p, i, &en, NULL) == 0) !=
		    (entry_read(buf_bytes(&leaf), &en, NULL) == 0))
			abort();
		(void)page_extra(p, i, &b, &pre, chain, 16, &n, NULL);
	}
	buf_free(&b);
	buf_free(&leaf);
}

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
