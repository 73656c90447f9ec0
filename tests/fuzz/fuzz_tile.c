#include "ctlog/page.h"

#include <stdlib.h>

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

/* Data tiles: the first byte is the width, its top bit says gzip. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct page	*page;
	struct merkle_range	 r;
	struct merkle_path	 path;
	size_t			 width;

	if (n < 1)
		return 0;
	if (page == NULL)
		page = page_new();
	width = p[0] & 0x7f;
	if (page_tile(page, (struct span){ p + 1, n - 1 }, p[0] >> 7, width,
	    NULL) == -1)
		return 0;
	if (page_count(page) != width)
		abort();
	walk(page);
	merkle_path_start(&path, 3);
	page_hash(page, 0, &r, &path, 1);
	return 0;
}
