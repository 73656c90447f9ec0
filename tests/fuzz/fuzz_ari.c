#include <stdlib.h>
#include <string.h>

#include "acme/ari.h"
#include "base/limit.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Renewal information, a certificate that it is asked for, Retry-After. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span	in = { p, n };
	struct buf	id = BUF_INIT;
	struct ari	a;
	char		*text = mem_dup(p, n);
	const char	*s;
	int64_t		t;

	if (ari_read(in, &a, NULL) == 0) {
		t = ari_pick(&a, n * 0x9e3779b97f4a7c15u);
		if (a.start >= a.end || t < a.start || t >= a.end)
			abort();
		for (s = a.url; s != NULL && *s != '\0'; s++)
			if (*s <= ' ' || *s > '~')
				abort();
		if (a.url != NULL && strlen(a.url) > LIMIT_PTR_URL)
			abort();
	}
	ari_free(&a);
	if (ari_id(in, &id, NULL) == 0 &&
	    (strlen(buf_text(&id)) != id.n || id.p[0] == '.' ||
	    strchr(buf_text(&id), '.') == NULL))
		abort();
	t = ari_wait(text, 1800000000000000);
	if (t < ARI_WAIT_MIN || t > ARI_WAIT_MAX)
		abort();
	buf_free(&id);
	free(text);
	return 0;
}
