#include <stdlib.h>
#include <string.h>

#include "ctlog/incl.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The next ${n} bytes, or what is left. */
static struct span
next(const uint8_t **p, size_t *left, size_t n)
{
	struct span	s = { *p, n < *left ? n : *left };

	*p += s.n;
	*left -= s.n;
	return s;
}

/* Answer each request with bytes of the input, until there is an end. */
static void
serve(struct incl *in, const uint8_t *p, size_t n)
{
	struct span	body[TILE_SET_MAX];
	struct http_req	req;
	int		status[TILE_SET_MAX], rounds = 0;
	size_t		i, k;

	while (in->state == INCL_ASK) {
		/* Each partial tile, one a level, may be gone once. */
		if (rounds++ > TILE_LEVEL_MAX + 1)
			abort();
		k = in->nask;
		for (i = 0; i < k; i++) {
			if (incl_request(in, i, &req) == -1)
				abort();
			status[i] = n > 0 && (*p & 7) == 0 ? 404 : 200;
			body[i] = next(&p, &n, in->is_static ?
			    32 * in->tile[i].width : n);
		}
		incl_read(in, status, body, k);
	}
}

/* Protocol and size, index, leaf and root, then the answers. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint64_t	sizes[] = { 0, 1, 2, 255, 256, 257, 70000,
	    INT64_MAX };
	struct incl		in;
	uint64_t		size;
	int64_t			index;

	if (n < 1 + 8 + 64)
		return 0;
	size = sizes[p[0] & 7];
	memcpy(&index, p + 1, sizeof(index));
	if (size != 0 && (p[0] & 0x40) != 0)
		index = (int64_t)((uint64_t)index % size);
	if (incl_start(&in, p[0] & 0x80, "https://log.example/", p + 9,
	    index, size, p + 41) == 0)
		serve(&in, p + 73, n - 73);
	if (in.state == INCL_PROVED && merkle_inclusion(in.leaf_hash,
	    in.index, in.size, (const uint8_t (*)[32])in.path, in.npath,
	    in.root) == -1)
		abort();
	if (in.state != INCL_PROVED && in.why[0] == '\0')
		abort();
	return 0;
}
