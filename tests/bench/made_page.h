#ifndef TESTS_BENCH_MADE_PAGE_H
#define TESTS_BENCH_MADE_PAGE_H

#include <libdeflate.h>

#include "base/enc.h"
#include "tests/bench/made.h"

/* Pages of made-up precertificates as get-entries JSON and gzip'd tiles. */
#define MADE_PAGES	16
#define MADE_WIDTH	256

static struct buf	made_json[MADE_PAGES], made_tile[MADE_PAGES];

/* Entry ${seed} in both forms. */
static inline void
made_entry(unsigned seed, struct buf *js, struct buf *raw)
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

static inline void
made_pages(void)
{
	struct libdeflate_compressor	*z = libdeflate_alloc_compressor(6);
	struct buf			 raw = BUF_INIT;
	size_t				 i, k, n;

	for (i = 0; i < MADE_PAGES; i++) {
		buf_reset(&raw);
		buf_str(&made_json[i], "{\"entries\":[");
		for (k = 0; k < MADE_WIDTH; k++) {
			if (k != 0)
				buf_str(&made_json[i], ",");
			made_entry((unsigned)(i * MADE_WIDTH + k), &made_json[i], &raw);
		}
		buf_str(&made_json[i], "]}");
		n = libdeflate_gzip_compress_bound(z, raw.n);
		made_tile[i].n = libdeflate_gzip_compress(z, raw.p, raw.n,
		    buf_room(&made_tile[i], n), n);
	}
	libdeflate_free_compressor(z);
	buf_free(&raw);
}

#endif
