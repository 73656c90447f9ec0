#ifndef TESTS_FUZZ_PAGE_H
#define TESTS_FUZZ_PAGE_H

#include <stdlib.h>

#include "ctlog/page.h"

/* Everything that can be asked of a page. */
static inline void
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

#endif
