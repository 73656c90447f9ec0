#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "pki/ccadb.h"

/* CCADB's records: what is listed of two CAs can be followed, or is not. */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ccadb_ca	v[2];
	size_t		i, k;

	memset(v, 0, sizeof(v));
	memset(v[1].sha256, 0xaa, 32);
	(void)ccadb_crls((struct span){ p, n }, v, 2, NULL);
	for (i = 0; i < 2; i++)
		for (k = 0; k < v[i].ncrl; k++) {
			const char	*s = v[i].crl[k];

			if ((strncasecmp(s, "http", 4) != 0 &&
			    strncmp(s, "ccadb:", 6) != 0) ||
			    strlen(s) > LIMIT_PTR_URL ||
			    strpbrk(s, " \t\r\n\"") == s)
				abort();
		}
	ccadb_free(v, 2);
	return 0;
}
