#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "base/limit.h"
#include "pki/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Names are in canonical form, sorted, each once; written, they come back. */
static void
check(const struct san *l)
{
	struct buf	b = BUF_INIT;
	struct span	body;
	struct san	again;
	char		name[NAME_TEXT];
	size_t		i;

	if (l->n == 0 || l->n > LIMIT_SAN_NAMES)
		abort();
	for (i = 0; i < l->n; i++)
		if (san_canon(l->v[i], name, NULL) == -1 ||
		    strcmp(name, l->v[i]) != 0 || !san_has(l, name) ||
		    (i != 0 && strcmp(l->v[i - 1], l->v[i]) >= 0))
			abort();
	san_put(l, &b);
	if (der_only(buf_bytes(&b), DER_SEQ, &body) == -1 ||
	    san_read(body, &again, NULL) == -1 ||
	    san_same(l, &again, NULL) == -1)
		abort();
	san_free(&again);
	buf_free(&b);
}

/* A certificate request, and the names of one. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct csr	c;
	struct san	l;

	if (csr_read((struct span){ p, n }, &c, NULL) == 0)
		check(&c.names);
	csr_free(&c);
	if (san_read((struct span){ p, n }, &l, NULL) == 0)
		check(&l);
	san_free(&l);
	return 0;
}
