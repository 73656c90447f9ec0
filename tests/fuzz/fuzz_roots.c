#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pki/roots.h"

/*
 * Root stores: PEM, certdata.txt, and CCADB's two files, of which a zero byte
 * divides the input.
 */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t	*zero = n != 0 ? memchr(p, 0, n) : NULL;
	size_t		 at = zero != NULL ? (size_t)(zero - p) : n;
	struct span	 all = { p, n }, a = { p, at };
	struct span	 b = { p + at, n - at };
	struct roots	*r = roots_new("fuzz");
	size_t		 i;

	(void)roots_pem(r, all, NULL, NULL);
	(void)roots_certdata(r, all, NULL);
	if (b.n != 0) {
		b.p++;
		b.n--;
	}
	(void)roots_ccadb(r, "Mozilla", a, b, NULL);
	roots_done(r);
	for (i = 0; i < r->n; i++)
		if (roots_find(r, r->v[i].sha256) != &r->v[i])
			abort();
	roots_free(r);
	return 0;
}
