#include <stdlib.h>
#include <string.h>

#include "acme/chal.h"
#include "base/limit.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define ME	"https://ca.example/acme/acct/1"

/* A TXT value of dns-persist-01; a token; an identifier. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct chal_persist	 w = { "ca.example", ME, 0, 0 };
	struct buf		 b = BUF_INIT;
	char			*text = mem_dup(p, n), out[NAME_TEXT];
	unsigned		 t;

	for (t = 0; t < 2; t++) {
		w.wildcard = (int)t;
		if (chal_persist_ok((struct span){ p, n }, &w, 0, NULL) &&
		    (n > LIMIT_PERSIST || memmem(p, n, ME, strlen(ME)) ==
		    NULL || memchr(p, '\n', n) != NULL))
			abort();
	}
	if (chal_key_authz(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
	    &b, NULL) == 0 && (strpbrk(text, "/.;$ \n") != NULL ||
	    strlen(text) > LIMIT_TOKEN))
		abort();
	for (t = 0; t <= CHALLENGE_MAX; t++)
		if (chal_owner((enum challenge_type)t, text, ME, out, NULL) == 0 &&
		    (out[0] != '_' || strlen(out) > 253))
			abort();
	if (chal_sni(text, out, NULL) == 0 && strchr(out, '*') != NULL)
		abort();
	buf_free(&b);
	free(text);
	return 0;
}
