#include <stdint.h>

#include "ocsp/crl.h"
#include "ocsp/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Revocation lists and OCSP responses; the file is its own key, too. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span	der = { p, n };
	struct crl	c;
	struct ocsp	o;
	size_t		i, sum = 0;

	if (crl_read(der, 100, &c, NULL) == 0) {
		if (c.nentries > 100 || c.nentries > c.count)
			__builtin_trap();
		(void)crl_verify(der, der, NULL);
	}
	crl_free(&c);
	if (ocsp_read(der, &o, NULL) == 0) {
		for (i = 0; i < o.nsingles; i++)
			sum += o.singles[i].status[0] != '\0';
		if (sum != o.nsingles)
			__builtin_trap();
		(void)ocsp_verify(der, der, NULL);
	}
	ocsp_free(&o);
	return 0;
}
