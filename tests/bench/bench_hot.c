#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"
#include "pki/watch.h"

/*
 * The steps of the hot path, alone: nanoseconds of CPU an entry, each step
 * over ENTRIES made-up entries of 1,100 bytes (together larger than L2),
 * ROUNDS interleaved rounds.  One line a step: name, unit, median, spread
 * (max / min - 1).
 */
#define ENTRIES	4096
#define ROUNDS	15

static struct buf	tbs[ENTRIES];	/* also the leaf that is hashed */
static struct buf	b64[ENTRIES];
static struct watch_set	few, many;
static volatile size_t	sink;

static double
now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A TBSCertificate of about 1,100 bytes with four names. */
static void
make_tbs(struct buf *out, unsigned seed)
{
	static const uint8_t	filler[720];
	struct buf		b = BUF_INIT, x = BUF_INIT, y = BUF_INIT;
	char			name[4][64];
	size_t			i;

	buf_add(&b, "\xa0\x03\x02\x01\x02\x02\x01\x05", 8);
	buf_add(&b, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	buf_add(&b, "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02"
	    "US", 15);
	buf_add(&b, "\x30\x1e\x17\x0d" "260101000000Z" "\x17\x0d"
	    "270101000000Z", 32);
	for (i = 0; i < 4; i++)
		snprintf(name[i], sizeof(name[i]), "%sshop-%u.example%u.com",
		    i == 0 ? "" : i == 1 ? "www." : i == 2 ? "*." :
		    "Mail.Eu.", seed * 2654435761u >> 8, seed % 97);
	der_put(&x, DER_OID, 3);
	buf_str(&x, DER_OID_CN);
	der_put(&x, DER_UTF8, strlen(name[0]));
	buf_str(&x, name[0]);
	der_put(&b, DER_SEQ, x.n + 4);
	der_put(&b, DER_SET, x.n + 2);
	der_put(&b, DER_SEQ, x.n);
	buf_span(&b, buf_bytes(&x));
	buf_reset(&x);
	der_put(&b, DER_SEQ, 91);
	buf_add(&b, filler, 91);
	for (i = 0; i < 4; i++) {
		der_put(&x, 0x82, strlen(name[i]));
		buf_str(&x, name[i]);
	}
	der_put(&y, DER_SEQ, x.n);
	buf_span(&y, buf_bytes(&x));
	buf_reset(&x);
	/* Eight other extensions, the SAN in their middle. */
	for (i = 0; i < 9; i++) {
		size_t	n = i == 4 ? y.n : 80;

		der_put(&x, DER_SEQ, 5 + n + (n < 128 ? 2u : 3u));
		der_put(&x, DER_OID, 3);
		buf_add(&x, i == 4 ? DER_OID_SAN : "\x55\x1d\x60", 3);
		der_put(&x, DER_OCTETS, n);
		buf_add(&x, i == 4 ? y.p : filler, n);
	}
	buf_reset(&y);
	der_put(&y, DER_SEQ, x.n);
	buf_span(&y, buf_bytes(&x));
	der_put(&b, 0xa3, y.n);
	buf_span(&b, buf_bytes(&y));
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
	buf_free(&x);
	buf_free(&y);
}

static void
make_set(struct watch_set *s, unsigned n)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT, image = BUF_INIT;
	unsigned		 i;

	for (i = 0; i < n; i++)
		buf_fmt(&text, ".watched-%u.example\n", i * 2654435761u >> 4);
	if (watch_build_file(b, buf_text(&text), text.n, "bench", NULL) == -1)
		abort();
	buf_free(&text);
	watch_build_done(b, &image);
	if (watch_open(s, image.p, image.n, NULL) == -1)
		abort();
}

static void
step_sha(void)
{
	static uint8_t	out[256][32];
	struct span	in[256];
	size_t		i, k;

	for (i = 0; i < ENTRIES; i += 256) {
		for (k = 0; k < 256; k++)
			in[k] = buf_bytes(&tbs[i + k]);
		sha_leaves(out, in, 256, (const uint8_t *)"", 1);
		sink += out[0][0];
	}
}

static void
step_nodes(void)
{
	static uint8_t	h[256][32];
	size_t		i, n;

	for (i = 0; i < ENTRIES; i += 256) {
		for (n = 128; n != 0; n /= 2)
			sha_nodes(h, (const uint8_t (*)[32])h, n);
		sink += h[0][0];
	}
}

static void
step_b64(void)
{
	static uint8_t	out[4096];
	size_t		i, used;

	for (i = 0; i < ENTRIES; i++)
		sink += (size_t)enc_unb64_run(out, sizeof(out), b64[i].p,
		    b64[i].n, &used);
}

static void
step_der(void)
{
	struct der_tbs	t;
	size_t		i;

	for (i = 0; i < ENTRIES; i++)
		sink += (size_t)der_tbs(buf_bytes(&tbs[i]), &t, NULL) +
		    t.san.n;
}

/* The walk and the matching together, as an entry has them. */
static void
match(const struct watch_set *s)
{
	struct der_tbs	t;
	size_t		i;

	for (i = 0; i < ENTRIES; i++) {
		if (der_tbs(buf_bytes(&tbs[i]), &t, NULL) == -1)
			abort();
		sink += (size_t)watch_tbs(s, &t, NULL, 0);
	}
}

static void
step_few(void)
{
	match(&few);
}

static void
step_many(void)
{
	match(&many);
}

static const struct {
	const char	*name;
	void		(*run)(void);
} steps[] = {
	{ "base64_leaf", step_b64 },
	{ "sha256_leaf", step_sha },
	{ "merkle_node", step_nodes },
	{ "der_walk", step_der },
	{ "der_walk_match_50", step_few },
	{ "der_walk_match_1M", step_many }
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int
cmp(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int
main(void)
{
	static double	t[STEPS][ROUNDS];
	double		t0;
	size_t		i, k;

	for (i = 0; i < ENTRIES; i++) {
		make_tbs(&tbs[i], (unsigned)i);
		enc_b64(&b64[i], tbs[i].p, tbs[i].n);
		buf_str(&b64[i], "\",\"extra_data\":\"");
	}
	make_set(&few, 50);
	make_set(&many, 1000000);
	for (i = 0; i < STEPS; i++)
		steps[i].run();
	for (k = 0; k < ROUNDS; k++)
		for (i = 0; i < STEPS; i++) {
			t0 = now();
			steps[i].run();
			t[i][k] = (now() - t0) / ENTRIES;
		}
	for (i = 0; i < STEPS; i++) {
		qsort(t[i], ROUNDS, sizeof(t[i][0]), cmp);
		printf("%-20s ns/entry %8.1f %5.2f\n", steps[i].name,
		    t[i][ROUNDS / 2], t[i][ROUNDS - 1] / t[i][0] - 1);
	}
	return 0;
}
