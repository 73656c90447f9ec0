#include <stdint.h>
#include <stdlib.h>

#include "auditor/role/challenge_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * What a challenge process that was taken over may say, and what a broken
 * engine may ask.  The first byte chooses the reader; what was read is packed
 * and must be read again.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct challenge_setup	setup;
	struct challenge_http	http;
	struct challenge_tls	tls;
	struct challenge_placed	placed;
	struct challenge_hit	hit;
	struct buf		b = BUF_INIT;
	enum challenge_kind	kind;
	const char		*key;
	struct cur		c;
	int			r = 0;

	if (n == 0)
		return 0;
	c = cur_of(p + 1, n - 1);
#define AGAIN(kind) do {						\
	if (challenge_##kind##_read(c, &kind, NULL) != 0)		\
		break;							\
	challenge_##kind##_pack(&b, &kind);				\
	r = challenge_##kind##_read(cur_of(b.p, b.n), &kind, NULL);	\
} while (0)
	switch (p[0] % 7) {
	case 0:	AGAIN(setup); break;
	case 1:	AGAIN(http); break;
	case 2:	AGAIN(tls); break;
	case 3:	AGAIN(placed); break;
	case 4:	AGAIN(hit); break;
	default:
		kind = p[0] % 7 == 5 ? CHALLENGE_HTTP : CHALLENGE_TLS;
		if (challenge_drop_read(c, kind, &key, NULL) != 0)
			break;
		challenge_drop_pack(&b, key);
		r = challenge_drop_read(cur_of(b.p, b.n), kind, &key, NULL);
	}
	if (r != 0)
		abort();
	buf_free(&b);
	return 0;
}
