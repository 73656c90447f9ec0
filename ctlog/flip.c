#include "ctlog/flip.h"

#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "base/sha.h"

int
flip_find(struct span leaf, const uint8_t want[32], struct flip *out)
{
	struct sha_ctx	head, ctx;
	struct buf	b = BUF_INIT;
	uint8_t		h[SHA_LEN];
	size_t		i, done = 0, n;
	unsigned	bit;
	int		found = 0;

	if (leaf.n > LIMIT_FLIP_LEAF)
		return 0;
	buf_u8(&b, 0);
	buf_span(&b, leaf);
	n = b.n;
	sha_init(&head);
	/* what is before the block of the bit is hashed once */
	for (i = 1; i < n && !found; i++) {
		while (i - done >= 64) {
			sha_update(&head, b.p + done, 64);
			done += 64;
		}
		for (bit = 0; bit < 8 && !found; bit++) {
			b.p[i] ^= (uint8_t)(1u << bit);
			ctx = head;
			sha_update(&ctx, b.p + done, n - done);
			sha_final(&ctx, h);
			b.p[i] ^= (uint8_t)(1u << bit);
			if (memcmp(h, want, sizeof(h)) != 0)
				continue;
			out->at = i - 1;
			out->mask = (uint8_t)(1u << bit);
			found = 1;
		}
	}
	buf_free(&b);
	return found;
}
