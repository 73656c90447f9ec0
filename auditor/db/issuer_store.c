#include "auditor/db/issuer_store.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/match_store.h"
#include "base/sha.h"

/* There are a few: each is hashed again for each comparison. */
static int
by_hash(const void *a, const void *b)
{
	const struct issuer_in	*x = a, *y = b;
	uint8_t			 h[2][32];

	sha_256(h[0], x->der.p, x->der.n);
	sha_256(h[1], y->der.p, y->der.n);
	return memcmp(h[0], h[1], 32);
}

int
issuer_store_all(struct db *db, struct issuer_in *v, size_t n, struct err *e)
{
	size_t	i;

	qsort(v, n, sizeof(*v), by_hash);
	for (i = 0; i < n; i++)
		if (issuer_store(db, v[i].der, v[i].key, v[i].owner, e) == -1)
			return -1;
	return 0;
}
