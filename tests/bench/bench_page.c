#include "tests/bench/made.h"

#include <libdeflate.h>

#include "base/enc.h"
#include "ctlog/page.h"

/*
 * Whole pages, as a judge has them: read, hashed to a range, matched against
 * 50 watches; get-entries JSON and gzip'd data tiles of precertificates.
 */
#define PAGES	16
#define WIDTH	256
#define ALL	((size_t)PAGES * WIDTH)

static struct buf	json[PAGES], tile[PAGES];
static struct watch_set	few;
static struct page	*page;
static volatile size_t	sink;

/* Entry ${seed} in both forms. */
static void
make_entry(unsigned seed, struct buf *js, struct buf *raw)
{
	struct buf	tbs = BUF_INIT, leaf = BUF_INIT, extra = BUF_INIT;
	uint8_t		noise[1100];
	size_t		from;

	made_tbs(&tbs, seed);
	made_noise(noise, sizeof(noise), seed + 77);
	buf_u16(&leaf, 0);			/* v1, timestamped entry */
	from = leaf.n;
	buf_u64(&leaf, UINT64_C(1795000000000) + seed);
	buf_u16(&leaf, 1);
	buf_add(&leaf, noise, 32);		/* issuer key hash */
	buf_u24(&leaf, (uint32_t)tbs.n);
	buf_span(&leaf, buf_bytes(&tbs));
	buf_u16(&leaf, 0);
	buf_add(raw, leaf.p + from, leaf.n - from);
	/* the precertificate: much of the TBS, and a signature */
	buf_u24(&extra, (uint32_t)tbs.n + 72);
	buf_span(&extra, buf_bytes(&tbs));
	buf_add(&extra, noise, 72);
	buf_span(raw, buf_bytes(&extra));
	buf_u16(raw, 64);
	buf_add(raw, noise, 64);
	buf_u24(&extra, sizeof(noise) + 3);
	buf_u24(&extra, sizeof(noise));
	buf_add(&extra, noise, sizeof(noise));
	buf_str(js, "{\"leaf_input\":\"");
	enc_b64(js, leaf.p, leaf.n);
	buf_str(js, "\",\"extra_data\":\"");
	enc_b64(js, extra.p, extra.n);
	buf_str(js, "\"}");
	buf_free(&tbs);
	buf_free(&leaf);
	buf_free(&extra);
}

static void
make_pages(void)
{
	struct libdeflate_compressor	*z = libdeflate_alloc_compressor(6);
	struct buf			 raw = BUF_INIT;
	size_t				 i, k, n;

	for (i = 0; i < PAGES; i++) {
		buf_reset(&raw);
		buf_str(&json[i], "{\"entries\":[");
		for (k = 0; k < WIDTH; k++) {
			if (k != 0)
				buf_str(&json[i], ",");
			make_entry((unsigned)(i * WIDTH + k), &json[i], &raw);
		}
		buf_str(&json[i], "]}");
		n = libdeflate_gzip_compress_bound(z, raw.n);
		tile[i].n = libdeflate_gzip_compress(z, raw.p, raw.n,
		    buf_room(&tile[i], n), n);
	}
	libdeflate_free_compressor(z);
	buf_free(&raw);
}

static void
read_json(size_t i)
{
	if (page_entries(page, buf_bytes(&json[i]), WIDTH, NULL) == -1 ||
	    page_count(page) != WIDTH)
		abort();
}

static void
read_tile(size_t i)
{
	if (page_tile(page, buf_bytes(&tile[i]), 1, WIDTH, NULL) == -1)
		abort();
}

static void
hash_page(size_t i)
{
	struct merkle_range	r;

	page_hash(page, i * WIDTH, &r, NULL, 0);
	sink += r.hash[0][0];
}

static void
match_page(void)
{
	struct entry	e;
	struct der_tbs	t;
	size_t		k;

	for (k = 0; k < WIDTH; k++) {
		if (page_at(page, k, &e, NULL) == -1 ||
		    der_tbs(e.cert, &t, NULL) == -1)
			abort();
		sink += (size_t)watch_tbs(&few, &t, NULL, 0);
	}
}

static void
step_json_read(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++)
		read_json(i);
}

static void
step_json(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++) {
		read_json(i);
		hash_page(i);
		match_page();
	}
}

static void
step_tile_read(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++)
		read_tile(i);
}

static void
step_tile(void)
{
	size_t	i;

	for (i = 0; i < PAGES; i++) {
		read_tile(i);
		hash_page(i);
		match_page();
	}
}

static const struct made_step steps[] = {
	{ "page_json_read", step_json_read, ALL },
	{ "page_json_all", step_json, ALL },
	{ "page_tile_read", step_tile_read, ALL },
	{ "page_tile_all", step_tile, ALL }
};

int
main(void)
{
	page = page_new();
	make_pages();
	made_set(&few, 50);
	printf("# a page of %d entries: %zu bytes of JSON, a tile of %zu "
	    "bytes\n", WIDTH, json[0].n, tile[0].n);
	made_run(steps, sizeof(steps) / sizeof(steps[0]));
	page_free(page);
	return 0;
}
