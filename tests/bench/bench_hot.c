#include "tests/bench/made.h"

#include "base/enc.h"
#include "base/sha.h"

/*
 * The steps of the hot path, alone, each over ENTRIES made-up entries of
 * 1,100 bytes (together larger than L2).
 */
#define ENTRIES	4096

static struct buf	tbs[ENTRIES];	/* also the leaf that is hashed */
static struct buf	b64[ENTRIES];
static struct watch_set	few, many;
static volatile size_t	sink;

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

/* The same on a processor that has less. */
static void
b64_at(enum enc_level most)
{
	if (enc_force(most) == most)
		step_b64();
	(void)enc_force(ENC_BEST);
}

static void
step_b64_avx2(void)
{
	b64_at(ENC_AVX2);
}

static void
step_b64_scalar(void)
{
	b64_at(ENC_SCALAR);
}

/* The leaf hash without the processor's SHA instructions. */
static void
step_sha_portable(void)
{
	sha_force_portable(1);
	step_sha();
	sha_force_portable(0);
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

static const struct made_step steps[] = {
	{ "base64_leaf", step_b64, ENTRIES },
	{ "base64_leaf_avx2", step_b64_avx2, ENTRIES },
	{ "base64_leaf_scalar", step_b64_scalar, ENTRIES },
	{ "sha256_leaf", step_sha, ENTRIES },
	{ "sha256_leaf_portable", step_sha_portable, ENTRIES },
	{ "merkle_node", step_nodes, ENTRIES },
	{ "der_walk", step_der, ENTRIES },
	{ "der_walk_match_50", step_few, ENTRIES },
	{ "der_walk_match_1M", step_many, ENTRIES }
};

int
main(void)
{
	size_t	i;

	for (i = 0; i < ENTRIES; i++) {
		made_tbs(&tbs[i], (unsigned)i);
		enc_b64(&b64[i], tbs[i].p, tbs[i].n);
		buf_str(&b64[i], "\",\"extra_data\":\"");
	}
	made_set(&few, 50);
	made_set(&many, 1000000);
	made_run(steps, sizeof(steps) / sizeof(steps[0]));
	return 0;
}
