#include <stdlib.h>
#include <string.h>

#include "auditor/caa.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			abort();
}

/* What was read is the same after JSON, and printable. */
static void
look(const struct caa_set *s)
{
	struct caa_set	b;
	json_t		*o = caa_json(s);
	char		*x = caa_text(s), *y, why[512];
	size_t		 i;

	if (caa_from_json(o, &b) == -1)
		abort();
	y = caa_text(&b);
	if (strcmp(x, y) != 0)
		abort();
	for (i = 0; i < s->n; i++) {
		printable(s->v[i].tag);
		printable(s->v[i].value);
	}
	(void)caa_allows(s, "ca.example", 0, NULL, NULL, why, sizeof(why));
	printable(why);
	(void)caa_allows(s, NULL, 1, "u", "dns-01", why, sizeof(why));
	printable(why);
	json_decref(o);
	caa_free(&b);
	free(x);
	free(y);
}

/* A TXT record, and records of CAA with a length byte before each. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct caa_set		s;
	struct caa_grant	g;
	struct cur		c = cur_of(p, n), one;

	memset(&s, 0, sizeof(s));
	if (caa_grant_read((struct span){ p, n }, &g) == 1) {
		printable(g.issuer);
		printable(g.account);
	}
	while (cur_vec8(&c, &one) == 0)
		(void)caa_add(&s, cur_rest(&one), NULL);
	look(&s);
	caa_free(&s);
	return 0;
}
