#include "ctlog/loglist.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span		 in = { p, n };
	struct loglist		*ll, *u;
	size_t			 i;

	if (loglist_read(in, &ll, NULL) == -1)
		return 0;
	for (i = 0; i < ll->nlogs; i++) {
		if (loglist_find(ll, ll->logs[i].log_id) != &ll->logs[i])
			abort();
		if (ll->logs[i].url[strlen(ll->logs[i].url) - 1] != '/')
			abort();
		(void)loglist_readable(&ll->logs[i], 0);
	}
	u = loglist_union(ll, ll);
	if (u->nlogs != ll->nlogs)
		abort();
	loglist_free(u);
	loglist_free(ll);
	return 0;
}
