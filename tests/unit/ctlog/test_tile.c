#include "tests/unit/ctlog/data.h"

#include "base/sha.h"
#include "ctlog/tile.h"

static const struct {
	struct tile	 t;
	const char	*path;		/* NULL: refused */
} paths[] = {
	{ { 0, 0, 256 }, "tile/0/000" },
	{ { 0, 0, 1 }, "tile/0/000.p/1" },
	{ { 5, 999, 255 }, "tile/5/999.p/255" },
	{ { 0, 1000, 256 }, "tile/0/x001/000" },
	{ { 1, 1234067, 256 }, "tile/1/x001/x234/067" },
	{ { TILE_DATA, 1234067, 9 }, "tile/data/x001/x234/067.p/9" },
	{ { TILE_DATA, 0, 256 }, "tile/data/000" },
	{ { 7, UINT64_MAX, 255 },
	  "tile/7/x018/x446/x744/x073/x709/x551/615.p/255" },
	{ { 0, 0, 0 }, NULL }, { { 0, 0, 257 }, NULL },
	{ { -2, 0, 256 }, NULL }, { { 8, 0, 256 }, NULL },
};

static void
names(void **state)
{
	char		out[TILE_PATH_MAX], base[HTTP_URL_MAX];
	struct http_req	r;
	uint8_t		fp[32];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(tile_path(&paths[i].t, out),
		    paths[i].path == NULL ? -1 : 0);
		if (paths[i].path != NULL)
			assert_string_equal(out, paths[i].path);
	}
	assert_int_equal(tile_request("https://m.example/", &paths[3].t, &r),
	    0);
	assert_string_equal(r.url, "https://m.example/tile/0/x001/000");
	assert_int_equal(r.cap, 8192);
	memset(fp, 0xab, sizeof(fp));
	assert_int_equal(tile_issuer_request("https://m.example/", fp, &r),
	    0);
	assert_string_equal(r.url, "https://m.example/issuer/abababababababab"
	    "abababababababababababababababababababababababab");
	memset(base, 'a', sizeof(base));
	base[HTTP_URL_MAX - 1 - strlen(paths[0].path)] = '\0';
	assert_int_equal(tile_request(base, &paths[0].t, &r), 0);
	assert_int_equal(tile_request(base, &paths[1].t, &r), -1);
	assert_int_equal(tile_issuer_request(base, fp, &r), -1);
}

/* The examples of static-ct-api, and the edges. */
static void
widths(void **state)
{
	static const struct {
		int		level;
		uint64_t	index, size;
		unsigned	width;
	} w[] = {
		{ 0, 0, 0, 0 }, { 0, 0, 1, 1 }, { 0, 0, 255, 255 },
		{ 0, 0, 256, 256 }, { 0, 1, 256, 0 }, { 1, 0, 256, 1 },
		{ 1, 0, 255, 0 }, { 0, 272, 70000, 256 },
		{ 0, 273, 70000, 112 }, { 0, 274, 70000, 0 },
		{ 1, 0, 70000, 256 }, { 1, 1, 70000, 17 },
		{ 2, 0, 70000, 1 }, { 3, 0, 70000, 0 },
		{ TILE_DATA, 273, 70000, 112 }, { 8, 0, 70000, 0 },
		{ 7, 0, INT64_MAX, 127 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		assert_int_equal(tile_width(w[i].level, w[i].index,
		    w[i].size), w[i].width);
}

/* A tree of our own, and all its tiles. */
#define SIZE 70000
static uint8_t		(*level[3])[32];
static struct tile_hash	set[600];
static size_t		nset;

/* All tiles of the tree of ${size} <= SIZE. */
static void
tiles(uint64_t size)
{
	uint64_t	i;
	unsigned	w;
	int		l;

	nset = 0;
	for (l = 0; l < 3; l++)
		for (i = 0; (w = tile_width(l, i, size)) > 0; i++) {
			set[nset].level = l;
			set[nset].index = i;
			set[nset].width = w;
			set[nset].bytes.p = level[l][i * 256];
			set[nset++].bytes.n = (size_t)w * 32;
		}
}

static void
grow(void)
{
	struct merkle_range	r;
	uint8_t			b[4];
	uint32_t		i;
	int			l;

	for (l = 0; l < 3; l++)
		level[l] = calloc(SIZE, 32);
	for (i = 0; i < SIZE; i++) {
		memcpy(b, &i, 4);
		sha_256(level[0][i], b, 4);
	}
	for (l = 1; l < 3; l++)
		for (i = 0; i < (uint32_t)(SIZE >> 8 * l); i++) {
			merkle_start(&r, 0);
			for (uint32_t k = 0; k < 256; k++)
				merkle_leaf(&r, level[l - 1][i * 256 + k]);
			assert_int_equal(merkle_root(&r, level[l][i], NULL,
			    0), 0);
		}
}

static void
root_of(uint64_t size, uint8_t out[32])
{
	struct merkle_range	r;
	uint64_t		i;

	merkle_start(&r, 0);
	for (i = 0; i < size; i++)
		merkle_leaf(&r, level[0][i]);
	assert_int_equal(merkle_root(&r, out, NULL, 0), 0);
}

#define C(p) ((const uint8_t (*)[32])(p))

/* Only the tiles that were named; with any one of them gone it fails. */
static size_t
pick(const struct tile *want, int n, struct tile_hash *out)
{
	size_t	i;
	int	k;

	assert_true(n >= 0);
	for (k = 0; k < n; k++) {
		for (i = 0; i < nset; i++)
			if (set[i].level == want[k].level &&
			    set[i].index == want[k].index)
				break;
		assert_true(i < nset);
		assert_int_equal(set[i].width, want[k].width);
		out[k] = set[i];
	}
	return (size_t)n;
}

static void
proofs(void **state)
{
	static const uint64_t	sizes[] = { 1, 2, 3, 255, 256, 257, 511, 512,
	    513, 65535, 65536, 65537, 70000 };
	struct tile		want[TILE_SET_MAX];
	struct tile_hash	have[TILE_SET_MAX];
	struct merkle_range	r;
	uint8_t			path[MERKLE_PROOF][32], a[32], b[32];
	uint64_t		seed = 8, m, n;
	size_t			i, j, k;
	int			c;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = sizes[i];
		tiles(n);
		root_of(n, b);
		k = pick(want, tile_frontier_tiles(n, want, TILE_SET_MAX),
		    have);
		assert_int_equal(tile_range(have, k, 0, n, &r), 0);
		assert_int_equal(merkle_root(&r, a, NULL, 0), 0);
		assert_memory_equal(a, b, 32);
		assert_int_equal(tile_range(have, k - 1, 0, n, &r), -1);
		for (j = 0; j < 12; j++) {
			m = j == 0 ? n : data_rnd(&seed) % n + 1;
			root_of(m, a);
			k = pick(want, tile_consistency_tiles(m, n, want,
			    TILE_SET_MAX), have);
			c = tile_consistency(have, k, m, n, path);
			assert_true(c >= 0);
			assert_int_equal(merkle_consistency(m, a, n, b,
			    C(path), (size_t)c), 0);
			if (k > 0)
				assert_int_equal(tile_consistency(have,
				    k - 1, m, n, path), -1);
			m--;
			k = pick(want, tile_inclusion_tiles(m, n, want,
			    TILE_SET_MAX), have);
			c = tile_inclusion(have, k, m, n, path);
			assert_true(c >= 0);
			assert_int_equal(merkle_inclusion(level[0][m], m, n,
			    C(path), (size_t)c, b), 0);
			if (k > 0)
				assert_int_equal(tile_inclusion(have, k - 1,
				    m, n, path), -1);
		}
	}
	assert_int_equal(tile_frontier_tiles(70000, want, 2), -1);
	assert_int_equal(tile_frontier_tiles(70000, want, 3), 3);
	assert_int_equal(tile_frontier_tiles(0, want, 3), 0);
	assert_int_equal(tile_consistency_tiles(0, 9, want, 9), -1);
	assert_int_equal(tile_inclusion_tiles(9, 9, want, 9), -1);
	assert_true(tile_consistency_tiles(1, INT64_MAX, want,
	    TILE_SET_MAX) > 0);
	assert_true(tile_inclusion_tiles(0, INT64_MAX, want,
	    TILE_SET_MAX) > 0);
	assert_true(tile_range_tiles(1, INT64_MAX, INT64_MAX, want,
	    TILE_SET_MAX) > 0);
}

/* A range out of full tiles where partial ones are gone. */
static void
ranges(void **state)
{
	struct merkle_range	want, got;
	uint64_t		i;

	(void)state;
	tiles(SIZE);
	assert_int_equal(tile_range(set, nset, 300, 1000, &got), 0);
	merkle_start(&want, 300);
	for (i = 300; i < 1000; i++)
		merkle_leaf(&want, level[0][i]);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.hash, want.hash, want.n * 32);
	assert_int_equal(tile_range(set, nset, 300, SIZE + 1, &got), -1);
	assert_int_equal(tile_range(set, nset, 5, 4, &got), -1);
}

static void
form(void **state)
{
	static uint8_t		bytes[257 * 32];
	struct tile_hash	t = { 0, 0, 256, { bytes, 8192 } };
	struct err		e = ERR_INIT;
	struct merkle_node	m = { 0, 0, 0 };
	uint8_t			h[32];

	(void)state;
	assert_int_equal(tile_check(&t, &e), 0);
	t.bytes.n = 8191;
	assert_int_equal(tile_check(&t, &e), -1);
	assert_int_equal(tile_node(&t, 1, &m, h), -1);
	t.bytes.n = 8193;
	assert_int_equal(tile_check(&t, NULL), -1);
	t.width = 257;
	t.bytes.n = 257 * 32;
	assert_int_equal(tile_check(&t, NULL), -1);
	t.width = 0;
	t.bytes.n = 0;
	assert_int_equal(tile_check(&t, NULL), -1);
	t.width = 1;
	t.bytes.n = 32;
	assert_int_equal(tile_check(&t, NULL), 0);
	assert_int_equal(tile_node(&t, 1, &m, h), 0);
	m.index = 1;
	assert_int_equal(tile_node(&t, 1, &m, h), -1);
	t.level = 8;
	assert_int_equal(tile_check(&t, NULL), -1);
}

#define LOG "static-ct/tesseract-client-log/"

/* A log that grew from 1 to 15: roots and every pair of sizes. */
static void
tesseract(void **state)
{
	struct buf		b = BUF_INIT, tile = BUF_INIT;
	struct tile_hash	t;
	struct merkle_range	r;
	char			rel[128], *p;
	uint8_t			root[16][32], got[32];
	uint8_t			path[MERKLE_PROOF][32];
	struct buf		h = BUF_INIT;
	uint64_t		m, n, pairs = 0;
	int			c;

	(void)state;
	for (n = 1; n <= 15; n++) {
		(void)snprintf(rel, sizeof(rel), LOG "checkpoint.%u",
		    (unsigned)n);
		buf_reset(&b);
		buf_reset(&tile);
		if (data_read(rel, &b) == -1) {
			data_skip(15, "sizes of a tesseract log");
			goto out;
		}
		p = strchr(strchr((char *)b.p, '\n') + 1, '\n') + 1;
		buf_reset(&h);
		assert_int_equal(enc_unb64(p, 44, &h), 0);
		memcpy(root[n], h.p, 32);
		(void)snprintf(rel, sizeof(rel), LOG "tile/0/000.p/%u",
		    (unsigned)n);
		assert_int_equal(data_read(rel, &tile), 0);
		t = (struct tile_hash){ 0, 0, (unsigned)n,
		    buf_bytes(&tile) };
		assert_int_equal(tile_range(&t, 1, 0, n, &r), 0);
		assert_int_equal(merkle_root(&r, got, NULL, 0), 0);
		assert_memory_equal(got, root[n], 32);
		for (m = 1; m <= n; m++) {
			c = tile_consistency(&t, 1, m, n, path);
			assert_true(c >= 0);
			assert_int_equal(merkle_consistency(m, root[m], n,
			    root[n], C(path), (size_t)c), 0);
			pairs++;
		}
	}
	printf("15 sizes of a tesseract log, %u pairs\n", (unsigned)pairs);
out:
	buf_free(&b);
	buf_free(&tile);
	buf_free(&h);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(widths),
		cmocka_unit_test(proofs),
		cmocka_unit_test(ranges),
		cmocka_unit_test(form),
		cmocka_unit_test(tesseract),
	};
	int	l, rc;

	grow();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	for (l = 0; l < 3; l++)
		free(level[l]);
	return rc;
}
