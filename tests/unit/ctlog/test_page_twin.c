#include "tests/unit/ctlog/data.h"

#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/page.h"

/*
 * A whole page, read and hashed with the processor's own instructions and
 * with less of them, down to portable code: the same entries, the same range
 * and the same refusals.
 */
#define WAYS	4

/* What a page said. */
struct said {
	int			 rc;
	size_t			 n;
	uint8_t			 leaves[SHA_LEN];	/* of all leaves */
	struct merkle_range	 range;
};

static void
way(unsigned i)
{
	static const enum enc_level	level[WAYS] = {
		ENC_SCALAR, ENC_AVX2, ENC_BEST, ENC_BEST
	};

	(void)enc_force(level[i]);
	sha_force_portable(i == 0 || i == 2);
}

static void
ask(struct page *p, struct span body, size_t width, struct said *out)
{
	struct buf	leaf = BUF_INIT;
	int		gzip = body.n > 1 && body.p[0] == 0x1f &&
			    body.p[1] == 0x8b;
	size_t		i;

	memset(out, 0, sizeof(*out));
	out->rc = width != 0 ? page_tile(p, body, gzip, width, NULL) :
	    page_entries(p, body, 1000, NULL);
	if (out->rc == -1)
		return;
	out->n = page_count(p);
	for (i = 0; i < out->n; i++)
		page_leaf_copy(p, i, &leaf);
	sha_256(out->leaves, leaf.p, leaf.n);
	page_hash(p, 4096 - 100, &out->range, NULL, 0);
	buf_free(&leaf);
}

/* All ways say the same; returns what that is. */
static int
same(struct page *p, struct span body, size_t width)
{
	struct said	one, all[WAYS];
	uint8_t		*own = mem_zero(body.n);
	unsigned	i;

	if (body.n != 0)
		memcpy(own, body.p, body.n);
	body.p = own;
	for (i = 0; i < WAYS; i++) {
		way(i);
		ask(p, body, width, &all[i]);
	}
	free(own);
	one = all[0];
	for (i = 1; i < WAYS; i++) {
		assert_int_equal(all[i].rc, one.rc);
		assert_int_equal(all[i].n, one.n);
		assert_memory_equal(all[i].leaves, one.leaves, SHA_LEN);
		assert_int_equal(all[i].range.to, one.range.to);
		assert_int_equal(all[i].range.n, one.range.n);
		assert_memory_equal(all[i].range.hash, one.range.hash,
		    one.range.n * SHA_LEN);
	}
	way(WAYS - 1);
	return one.rc;
}

static uint32_t	seed = 20261127;

static uint32_t
noise(uint32_t end)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % end;
}

/* A leaf as logs have them, with a certificate of ${n} bytes of noise. */
static void
make_leaf(struct buf *b, size_t n, int tile)
{
	size_t	i;

	if (!tile)
		buf_u16(b, 0);
	buf_u64(b, UINT64_C(1795000000000) + n);
	buf_u16(b, 0);
	buf_u24(b, (uint32_t)n);
	for (i = 0; i < n; i++)
		buf_u8(b, (uint8_t)noise(256));
	buf_u16(b, 0);
	if (tile)
		buf_u16(b, 0);	/* no fingerprints */
}

/* Up to ${most} bytes of a page become others; a quote is likely. */
static void
damage(struct buf *b, uint32_t most)
{
	uint32_t	i, n = noise(most + 1);

	for (i = 0; i < n; i++)
		b->p[noise((uint32_t)b->n)] = noise(3) == 0 ? '"' :
		    (uint8_t)noise(256);
	if (noise(8) == 0)
		b->n -= noise((uint32_t)b->n);
}

static void
made_pages(void **state)
{
	struct page	*p = page_new();
	struct buf	body = BUF_INIT, leaf = BUF_INIT;
	size_t		i, k, n, good = 0, bad = 0;
	int		tile;

	(void)state;
	for (i = 0; i < 600; i++) {
		tile = i % 2 == 0;
		n = 1 + noise(i % 10 == 0 ? 300 : 12);
		if (tile && n > 256)
			n = 256;
		buf_reset(&body);
		if (!tile)
			buf_str(&body, "{\"entries\":[");
		for (k = 0; k < n; k++) {
			if (tile) {
				make_leaf(&body, 1 + noise(400), 1);
				continue;
			}
			buf_reset(&leaf);
			make_leaf(&leaf, noise(400), 0);
			buf_str(&body, k == 0 ? "" : ",");
			buf_str(&body, "{\"leaf_input\":\"");
			enc_b64(&body, leaf.p, leaf.n);
			buf_str(&body, "\",\"extra_data\":\"AAAA\"}");
		}
		if (!tile)
			buf_str(&body, "]}");
		assert_int_equal(same(p, buf_bytes(&body), tile ? n : 0), 0);
		damage(&body, 3);
		if (same(p, buf_bytes(&body), tile ? n : 0) == 0)
			good++;
		else
			bad++;
	}
	assert_true(good > 100);
	assert_true(bad > 100);
	page_free(p);
	buf_free(&body);
	buf_free(&leaf);
}

/* Real answers. */
static void
real_pages(void **state)
{
	static const struct {
		const char	*file;
		size_t		 width;
	} f[] = {
		{ "static-ct/navigli2025h2/tile/data/000", 256 },
		{ "static-ct/navigli2025h2/tile/data/001", 256 },
		{ "rfc6962/argon2020/get-entries-start-10000-end-10000", 0 },
		{ "rfc6962/ct-go/get-entries-scanner-four.json", 0 },
		{ "rfc6962/ct-go/get-entries-client-two.json", 0 }
	};
	struct page	*p = page_new();
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		buf_reset(&b);
		if (data_read(f[i].file, &b) == -1) {
			data_skip(1, f[i].file);
			continue;
		}
		assert_int_equal(same(p, buf_bytes(&b), f[i].width), 0);
	}
	page_free(p);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(made_pages),
		cmocka_unit_test(real_pages)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
