/* Ranges as bytes, and proofs beside those of another implementation. */
#include "tests/unit/ctlog/merkle_fixture.h"

static void
wire(void **state)
{
	struct merkle_range	r, back;
	struct buf		b = BUF_INIT;
	struct cur		c;
	uint8_t			*p;
	size_t			lo, hi, n;

	(void)state;
	for (lo = 0; lo < 40; lo += 3)
		for (hi = lo; hi < MAX; hi += 17) {
			range(lo, hi, &r, NULL);
			buf_reset(&b);
			merkle_put(&b, &r);
			c = cur_span(buf_bytes(&b));
			assert_int_equal(merkle_get(&c, &back), 0);
			assert_int_equal(cur_left(&c), 0);
			assert_int_equal(back.from, lo);
			assert_int_equal(back.to, hi);
			assert_int_equal(back.n, r.n);
			assert_memory_equal(back.hash, r.hash, r.n * 32);
			for (n = 0; n < b.n; n++) {
				p = data_exact((struct span){ b.p, n });
				c = cur_of(p, n);
				assert_int_equal(merkle_get(&c, &back), -1);
				assert_int_equal(cur_left(&c), n);
				free(p);
			}
			b.p[16]++;
			c = cur_span(buf_bytes(&b));
			assert_int_equal(merkle_get(&c, &back), -1);
		}
	/* fewer or more nodes than the range has, and room for all of them */
	for (n = 0; n < 256; n++) {
		buf_reset(&b);
		buf_u64(&b, 0);
		buf_u64(&b, 7);
		buf_u8(&b, (uint8_t)n);
		for (lo = 0; lo < n; lo++)
			buf_add(&b, leaf[0], 32);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(merkle_get(&c, &back), n == 3 ? 0 : -1);
	}
	buf_reset(&b);
	buf_u64(&b, 2);
	buf_u64(&b, 1);
	buf_u8(&b, 0);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(merkle_get(&c, &back), -1);
	buf_reset(&b);
	buf_u64(&b, 0);
	buf_u64(&b, 1ULL << 63);
	buf_u8(&b, 1);
	buf_add(&b, leaf[0], 32);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(merkle_get(&c, &back), -1);
	buf_free(&b);
}

/* The 8-leaf reference tree of RFC 6962 implementations. */
static void
reference(void **state)
{
	json_t			*o = data_json(
	    "merkle/rfc6962-reference-tree.json"), *in, *root;
	struct merkle_range	 r;
	struct buf		 b = BUF_INIT, want = BUF_INIT;
	uint8_t			 h[32];
	size_t			 i;

	(void)state;
	if (o == NULL) {
		data_skip(9, "roots of the reference tree");
		return;
	}
	in = json_object_get(o, "leaf_inputs_hex");
	root = json_object_get(o, "root_hash_hex_by_size");
	assert_int_equal(json_array_size(root), 9);
	merkle_start(&r, 0);
	for (i = 0; i < 9; i++) {
		buf_reset(&want);
		data_hex(json_string_value(json_array_get(root, i)), &want);
		assert_int_equal(merkle_root(&r, h, NULL, 0), 0);
		assert_memory_equal(h, want.p, 32);
		if (i == 8)
			break;
		buf_reset(&b);
		buf_u8(&b, 0);
		data_hex(json_string_value(json_array_get(in, i)), &b);
		sha_256(h, b.p, b.n);
		merkle_leaf(&r, h);
	}
	buf_free(&b);
	buf_free(&want);
	json_decref(o);
	printf("9 roots of the reference tree\n");
}

/*
 * A hash of a probe.  Some are of another length than 32 bytes; our type
 * cannot hold those, so something else that is as different takes its place,
 * and -1 is returned.
 */
static int
probe_hash(const json_t *v, uint8_t out[32])
{
	struct buf	b = BUF_INIT;
	int		rc;

	assert_true(json_is_string(v) || json_is_null(v));
	if (json_is_string(v))
		assert_int_equal(enc_unb64(json_string_value(v),
		    json_string_length(v), &b), 0);
	if (b.n == 32)
		memcpy(out, b.p, 32);
	else
		sha_256(out, b.p, b.n);
	rc = b.n == 32 ? 0 : -1;
	buf_free(&b);
	return rc;
}

/* An index or size; some probes have ones beyond 2^63. */
static uint64_t
probe_number(const json_t *o, const char *key)
{
	double	v = json_number_value(json_object_get(o, key));

	return v >= 9.2e18 ? UINT64_MAX : (uint64_t)v;
}

/* What our verifier says of one probe: 0 or -1. */
static int
probe(const json_t *o)
{
	const json_t	*a = json_object_get(o, "proof");
	uint8_t		 p[64][32], x[32], y[32];
	uint64_t	 m, n;
	size_t		 i;
	int		 inc = json_object_get(o, "leafIdx") != NULL, odd;

	for (i = 0; i < json_array_size(a); i++) {
		assert_true(i < 64);
		(void)probe_hash(json_array_get(a, i), p[i]);
	}
	m = probe_number(o, inc ? "leafIdx" : "size1");
	n = probe_number(o, inc ? "treeSize" : "size2");
	odd = probe_hash(json_object_get(o, inc ? "leafHash" : "root1"), x) ==
	    -1;
	odd |= probe_hash(json_object_get(o, inc ? "root" : "root2"), y) ==
	    -1;
	/* Upstream compares the roots of equal trees whatever they are. */
	if (odd && inc)
		return -1;
	return inc ? merkle_inclusion(x, m, n, C(p), i, y) :
	    merkle_consistency(m, x, n, y, C(p), i);
}

static void
probes(void **state)
{
	static const char *const dirs[] = {
		"merkle/transparency-dev/inclusion/*/*.json",
		"merkle/transparency-dev/consistency/*/*.json",
	};
	glob_t		 g;
	json_t		*o;
	size_t		 d, i, n = 0, good = 0;
	int		 bad;

	(void)state;
	for (d = 0; d < 2; d++) {
		if (data_glob(dirs[d], &g) == -1) {
			data_skip(1, dirs[d]);
			continue;
		}
		for (i = 0; i < g.gl_pathc; i++) {
			o = json_load_file(g.gl_pathv[i],
			    JSON_DECODE_INT_AS_REAL, NULL);
			assert_non_null(o);
			bad = json_is_true(json_object_get(o, "wantErr"));
			if (probe(o) != (bad ? -1 : 0))
				fail_msg("%s: want %s", g.gl_pathv[i],
				    bad ? "an error" : "success");
			good += !bad;
			n++;
			json_decref(o);
		}
		globfree(&g);
	}
	if (n > 0) {
		assert_true(good > 0 && good < n);
		printf("%zu proof probes of others, %zu good ones\n", n,
		    good);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(wire),
		cmocka_unit_test(reference),
		cmocka_unit_test(probes),
	};

	fill();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
