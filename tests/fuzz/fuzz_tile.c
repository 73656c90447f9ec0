#include <stdlib.h>

#include "tests/fuzz/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

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
