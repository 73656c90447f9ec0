#ifndef TESTS_UNIT_CTLOG_MERKLE_FIXTURE_H
#define TESTS_UNIT_CTLOG_MERKLE_FIXTURE_H

/* Leaves, and trees of them. */

#include "tests/unit/ctlog/data.h"

#include "base/sha.h"
#include "ctlog/merkle.h"

#define MAX 300

static uint8_t leaf[MAX][32];

static inline void
fill(void)
{
	uint8_t	b[3] = { 0 };
	size_t	i;

	for (i = 0; i < MAX; i++) {
		b[1] = (uint8_t)(i >> 8);
		b[2] = (uint8_t)i;
		sha_256(leaf[i], b, sizeof(b));
	}
}

/* The range [lo, hi), by merkle_leaves(), which clobbers a copy. */
static inline void
range(size_t lo, size_t hi, struct merkle_range *r, struct merkle_path *p)
{
	uint8_t	copy[MAX][32];

	memcpy(copy, leaf[lo], (hi - lo) * 32);
	merkle_start(r, lo);
	merkle_leaves(r, copy, hi - lo, p, p == NULL ? 0 : 1);
}

#define C(p) ((const uint8_t (*)[32])(p))

/* --- RFC 6962, word for word --- */

/* RFC 6962 2.1, word for word. */
static inline void
mth(size_t lo, size_t hi, uint8_t out[32])
{
	uint8_t	l[32], r[32];
	size_t	k = 1;

	if (lo == hi) {
		sha_256(out, "", 0);
		return;
	}
	if (hi - lo == 1) {
		memcpy(out, leaf[lo], 32);
		return;
	}
	while (k * 2 < hi - lo)
		k *= 2;
	mth(lo, lo + k, l);
	mth(lo + k, hi, r);
	sha_node(out, l, r);
}

/* 2.1.2 */
static inline size_t
proof(size_t m, size_t lo, size_t hi, int whole, uint8_t (*out)[32])
{
	size_t	k = 1, n;

	if (m == hi - lo) {
		if (whole)
			return 0;
		mth(lo, hi, out[0]);
		return 1;
	}
	while (k * 2 < hi - lo)
		k *= 2;
	if (m <= k) {
		n = proof(m, lo, lo + k, whole, out);
		mth(lo + k, hi, out[n]);
	} else {
		n = proof(m - k, lo + k, hi, 0, out);
		mth(lo, lo + k, out[n]);
	}
	return n + 1;
}

#endif
