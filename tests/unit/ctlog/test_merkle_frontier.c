#include "tests/unit/ctlog/merkle_fixture.h"

#include "ctlog/rfc6962.h"

/*
 * The frontier of a tree out of a consistency proof: of every pair of small
 * trees, whose proofs are made here word for word, and of a real log.
 */

#define TREES	80	/* their sizes */

static void
all(void **state)
{
	struct merkle_range	r, want;
	uint8_t			p[64][32];
	size_t			a, n, k;

	(void)state;
	fill();
	merkle_start(&want, 0);
	for (a = 1; a < TREES; a++) {
		merkle_leaf(&want, leaf[a - 1]);
		for (n = a + 1; n <= TREES; n++) {
			k = proof(a, 0, n, 1, p);
			if ((a & (a - 1)) == 0) {
				assert_int_equal(
				    merkle_frontier_from_consistency(a, n,
				    C(p), k, &r), -1);
				continue;
			}
			assert_int_equal(merkle_frontier_from_consistency(a,
			    n, C(p), k, &r), 0);
			assert_true(r.from == 0 && r.to == a &&
			    r.n == want.n);
			assert_memory_equal(r.hash, want.hash, r.n * 32);
			/* of another length, there is none */
			assert_int_equal(merkle_frontier_from_consistency(a,
			    n, C(p), k + 1, &r), -1);
			assert_int_equal(merkle_frontier_from_consistency(a,
			    n, C(p), k - 1, &r), -1);
		}
	}
	assert_int_equal(merkle_frontier_from_consistency(0, 5, C(p), 0, &r),
	    -1);
	assert_int_equal(merkle_frontier_from_consistency(5, 5, C(p), 0, &r),
	    -1);
	assert_int_equal(merkle_frontier_from_consistency(6, 5, C(p), 3, &r),
	    -1);
}

/* Argon 2020 at 3,654,490 entries, within the tree of 961,984,011. */
static void
real(void **state)
{
	struct rfc6962_proof	 p;
	struct merkle_range	 r;
	struct buf		 body = BUF_INIT, want = BUF_INIT;
	struct err		 e = ERR_INIT;
	json_t			*old = data_json(
	    "rfc6962/argon2020/old_root.json");
	const char		*root = NULL;
	uint8_t			 have[32];

	(void)state;
	if (old == NULL || data_read("rfc6962/argon2020/get-sth-consistency-"
	    "first-3654490-second-961984011", &body) == -1) {
		data_skip(1, "a frontier of Argon 2020");
		return;
	}
	root = json_string_value(json_object_get(old, "sha256_root_hash"));
	if (root == NULL)
		root = json_string_value(old);
	assert_non_null(root);
	assert_int_equal(enc_unb64(root, strlen(root), &want), 0);
	assert_int_equal(rfc6962_read_consistency(buf_bytes(&body), &p, &e),
	    0);
	assert_int_equal(merkle_frontier_from_consistency(3654490, 961984011,
	    C(p.path), p.n, &r), 0);
	assert_int_equal(merkle_root(&r, have, NULL, 0), 0);
	assert_memory_equal(have, want.p, 32);
	printf("the frontier of 3654490 entries of Argon 2020\n");
	json_decref(old);
	buf_free(&body);
	buf_free(&want);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(all),
		cmocka_unit_test(real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
