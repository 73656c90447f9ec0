#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/challenge_http.h"
#include "auditor/role/challenge_store.h"
#include "base/limit.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * What anybody may send to port 80.  The same bytes one after the other must
 * be answered with the same as all at once, or be waited for.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct challenge_store	 store;
	struct challenge_answer		*a, *hit;
	struct buf			 out = BUF_INIT, whole = BUF_INIT;
	struct span			 s = { p, n };
	size_t				 i;
	int				 done = 0;

	if (n > LIMIT_CHALLENGE_HEAD + 1)
		return 0;
	if (store.n == 0) {
		a = challenge_store_put(&store, "token", 1, 0);
		a->keyauth = mem_str("token.thumb");
	}
	if (challenge_http(s, &store, 0, &whole, &hit) != (whole.n != 0))
		abort();
	if ((hit != NULL) != (whole.n > 13 &&
	    memcmp(whole.p, "HTTP/1.1 200 ", 13) == 0))
		abort();
	for (i = 0; i <= n && !done; i++) {
		s.n = i;
		done = challenge_http(s, &store, 0, &out, &hit);
	}
	if (done != (whole.n != 0))
		abort();
	buf_free(&out);
	buf_free(&whole);
	return 0;
}
