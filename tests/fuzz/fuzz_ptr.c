#include <stdint.h>
#include <string.h>

#include "base/limit.h"
#include "pki/der.h"
#include "pki/ptr.h"
#include "pki/weak.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(char *const *list, size_t n)
{
	size_t	i;

	if (n > LIMIT_PTR_URLS)
		__builtin_trap();
	for (i = 0; i < n; i++)
		if (list[i][0] == '\0' || strlen(list[i]) > LIMIT_PTR_URL)
			__builtin_trap();
}

/* A certificate: where it points to, and whether its key is weak. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char	text[] = "# one\n00112233445566778899\n";
	struct weak_list	*l;
	struct span		tbs;
	struct der_tbs		t;
	struct ptr		ptr;
	uint8_t			bad;
	char			why[100];

	if (ptr_read((struct span){ p, n }, &ptr, NULL) == 0) {
		check(ptr.crl, ptr.ncrl);
		check(ptr.ocsp, ptr.nocsp);
		check(ptr.aia, ptr.naia);
	}
	ptr_free(&ptr);
	weak_list_free(weak_list_read((struct span){ p, n }, NULL));
	l = weak_list_read(SPAN_STR(text), NULL);
	if (der_cert((struct span){ p, n }, &tbs, NULL, NULL, NULL) == 0 &&
	    der_tbs(tbs, &t, NULL) == 0) {
		(void)weak_key(t.spki, l, why, sizeof(why));
		(void)weak_shared(&t.spki, 1, 2, &bad, NULL);
	}
	(void)weak_key((struct span){ p, n }, l, why, sizeof(why));
	weak_list_free(l);
	return 0;
}
