#include "tests/unit/ctlog/merkle_fixture.h"

/* 2.1.1 */
static size_t
path(size_t m, size_t lo, size_t hi, uint8_t (*out)[32])
{
	size_t	k = 1, n;

	if (hi - lo == 1)
		return 0;
	while (k * 2 < hi - lo)
		k *= 2;
	if (m < k) {
		n = path(m, lo, lo + k, out);
		mth(lo + k, hi, out[n]);
	} else {
		n = path(m - k, lo + k, hi, out);
		mth(lo, lo + k, out[n]);
	}
	return n + 1;
}

static void
roots(void **state)
{
	struct merkle_range	one, many;
	uint8_t			want[32], got[32];
	size_t			n;

	(void)state;
	merkle_start(&one, 0);
	for (n = 0; n <= MAX; n++) {
		mth(0, n, want);
		assert_int_equal(merkle_root(&one, got, NULL, 0), 0);
		assert_memory_equal(got, want, 32);
		assert_int_equal(one.n, merkle_count(0, n));
		range(0, n, &many, NULL);
		assert_int_equal(merkle_root(&many, got, NULL, 0), 0);
		assert_memory_equal(got, want, 32);
		if (n < MAX)
			merkle_leaf(&one, leaf[n]);
	}
	range(1, 9, &many, NULL);
	assert_int_equal(merkle_root(&many, got, NULL, 0), -1);
}

/* Three ranges, joined from the left and from the right. */
static void
joins(void **state)
{
	struct merkle_range	a, b, c, d;
	uint8_t			want[32], got[32];
	uint64_t		s = 7;
	size_t			i, n, x, y;

	(void)state;
	for (i = 0; i < 3000; i++) {
		n = data_rnd(&s) % (MAX + 1);
		x = data_rnd(&s) % (n + 1);
		y = x + data_rnd(&s) % (n - x + 1);
		range(0, x, &a, NULL);
		range(x, y, &b, NULL);
		range(y, n, &c, NULL);
		mth(0, n, want);
		if (i & 1) {
			assert_int_equal(merkle_join(&a, &b, NULL, 0), 0);
			assert_int_equal(merkle_join(&a, &c, NULL, 0), 0);
		} else {
			assert_int_equal(merkle_join(&b, &c, NULL, 0), 0);
			range(x, n, &d, NULL);
			assert_int_equal(b.n, merkle_count(x, n));
			assert_memory_equal(b.hash, d.hash, b.n * 32);
			assert_int_equal(merkle_join(&a, &b, NULL, 0), 0);
		}
		assert_int_equal(a.to, n);
		assert_int_equal(merkle_root(&a, got, NULL, 0), 0);
		assert_memory_equal(got, want, 32);
	}
	range(0, 5, &a, NULL);
	range(6, 9, &b, NULL);
	d = a;
	assert_int_equal(merkle_join(&a, &b, NULL, 0), -1);
	assert_int_equal(a.to, d.to);
	assert_int_equal(a.n, d.n);
}

/* Audit paths grow through leaves, joins and the root. */
static void
growing(void **state)
{
	struct merkle_range	a, b;
	struct merkle_path	p;
	uint8_t			want[64][32], root[32];
	uint64_t		s = 99;
	size_t			n, m, x, k, tries = 0;

	(void)state;
	for (n = 1; n <= MAX; n += n < 70 ? 1 : 23)
		for (m = 0; m < n; m++) {
			x = data_rnd(&s) % (n + 1);
			merkle_path_start(&p, m);
			range(0, x, &a, &p);
			range(x, n, &b, &p);
			assert_int_equal(merkle_join(&a, &b, &p, 1), 0);
			assert_int_equal(merkle_root(&a, root, &p, 1), 0);
			k = path(m, 0, n, want);
			assert_int_equal(p.n, k);
			assert_memory_equal(p.hash, want, k * 32);
			tries++;
		}
	assert_true(tries > 2000);
}

/* Two paths at once, in one fast fold. */
static void
two_paths(void **state)
{
	struct merkle_range	r;
	struct merkle_path	p[3];
	uint8_t			copy[MAX][32], want[64][32], root[32];
	size_t			i, k;
	const size_t		at[3] = { 5, 4, 299 };

	(void)state;
	for (i = 0; i < 3; i++)
		merkle_path_start(&p[i], at[i]);
	memcpy(copy, leaf, sizeof(copy));
	merkle_start(&r, 0);
	merkle_leaves(&r, copy, MAX, p, 3);
	assert_int_equal(merkle_root(&r, root, p, 3), 0);
	for (i = 0; i < 3; i++) {
		k = path(at[i], 0, MAX, want);
		assert_int_equal(p[i].n, k);
		assert_memory_equal(p[i].hash, want, k * 32);
	}
}

static void
inclusion(void **state)
{
	uint8_t	p[65][32], root[32];
	size_t	n, m, k, i;

	(void)state;
	for (n = 1; n <= 64; n++)
		for (m = 0; m < n; m++) {
			mth(0, n, root);
			k = path(m, 0, n, p);
			assert_int_equal(merkle_inclusion(leaf[m], m, n, C(p),
			    k, root), 0);
			assert_int_equal(merkle_inclusion(leaf[m], m, n, C(p),
			    k + 1, root), -1);
			assert_int_equal(merkle_inclusion(leaf[m], n, n, C(p),
			    k, root), -1);
			assert_int_equal(merkle_inclusion(leaf[m + 1], m, n,
			    C(p), k, root), -1);
			if (k > 0) {
				assert_int_equal(merkle_inclusion(leaf[m], m,
				    n, C(p), k - 1, root), -1);
				assert_int_equal(merkle_inclusion(leaf[m],
				    m ^ 1, n, C(p), k, root), -1);
			}
			for (i = 0; i < k; i++) {
				p[i][(m + i) % 32] ^= (uint8_t)(1u << i % 8);
				assert_int_equal(merkle_inclusion(leaf[m], m,
				    n, C(p), k, root), -1);
				p[i][(m + i) % 32] ^= (uint8_t)(1u << i % 8);
			}
			root[m % 32] ^= 1;
			assert_int_equal(merkle_inclusion(leaf[m], m, n, C(p),
			    k, root), -1);
		}
	assert_int_equal(merkle_inclusion(leaf[0], 0, 0, C(p), 0, root), -1);
	assert_int_equal(merkle_inclusion(leaf[0], 0, 1ULL << 63, C(p), 63,
	    root), -1);
}

static void
consistency(void **state)
{
	uint8_t	p[65][32], a[32], b[32];
	size_t	n, m, k, i;

	(void)state;
	for (n = 1; n <= 64; n++)
		for (m = 1; m <= n; m++) {
			mth(0, m, a);
			mth(0, n, b);
			k = proof(m, 0, n, 1, p);
			assert_int_equal(merkle_consistency(m, a, n, b, C(p),
			    k), 0);
			assert_int_equal(merkle_consistency(m, a, n, b, C(p),
			    k + 1), -1);
			if (m == n)
				continue;
			assert_int_equal(merkle_consistency(n, b, m, a, C(p),
			    k), -1);
			assert_int_equal(merkle_consistency(m, a, n, b, C(p),
			    k - 1), -1);
			for (i = 0; i < k; i++) {
				p[i][(m + n) % 32] ^= 4;
				assert_int_equal(merkle_consistency(m, a, n,
				    b, C(p), k), -1);
				p[i][(m + n) % 32] ^= 4;
			}
			a[n % 32] ^= 1;
			assert_int_equal(merkle_consistency(m, a, n, b, C(p),
			    k), -1);
			a[n % 32] ^= 1;
			b[m % 32] ^= 128;
			assert_int_equal(merkle_consistency(m, a, n, b, C(p),
			    k), -1);
		}
	assert_int_equal(merkle_consistency(0, a, 5, b, C(p), 0), -1);
	mth(0, 0, a);
	assert_int_equal(merkle_consistency(0, a, 0, a, C(p), 0), 0);
	assert_int_equal(merkle_consistency(0, a, 0, b, C(p), 0), -1);
}

/* The old root that a proof gives, whatever was signed. */
static void
consistency_old(void **state)
{
	uint8_t	p[65][32], a[32], b[32], old[32];
	size_t	n, m, k, i;

	(void)state;
	for (n = 2; n <= 64; n++)
		for (m = 1; m < n; m++) {
			mth(0, m, a);
			mth(0, n, b);
			k = proof(m, 0, n, 1, p);
			if ((m & (m - 1)) == 0) {
				assert_int_equal(merkle_consistency_old(m, n,
				    b, C(p), k, old), -1);
				continue;
			}
			assert_int_equal(merkle_consistency_old(m, n, b, C(p),
			    k, old), 0);
			assert_memory_equal(old, a, 32);
			assert_int_equal(merkle_consistency_old(m, n, b, C(p),
			    k - 1, old), -1);
			for (i = 0; i < k; i++) {
				p[i][m % 32] ^= 4;
				assert_int_equal(merkle_consistency_old(m, n,
				    b, C(p), k, old), -1);
				p[i][m % 32] ^= 4;
			}
		}
	assert_int_equal(merkle_consistency_old(0, 5, b, C(p), 1, old), -1);
	assert_int_equal(merkle_consistency_old(5, 5, b, C(p), 0, old), -1);
}

/* Fold the nodes of a proof with mth() in place of fetched hashes. */
static size_t
fold(const struct merkle_node *nodes, int n, uint8_t (*out)[32])
{
	uint8_t	h[32];
	size_t	steps = 0;
	int	i;

	for (i = n - 1; i >= 0; i--) {
		mth(nodes[i].index << nodes[i].level,
		    (nodes[i].index + 1) << nodes[i].level, h);
		if (i + 1 < n && nodes[i].step == nodes[i + 1].step)
			sha_node(out[nodes[i].step], h, out[nodes[i].step]);
		else {
			memcpy(out[nodes[i].step], h, 32);
			steps++;
		}
	}
	return steps;
}

static void
nodes(void **state)
{
	struct merkle_node	c[MERKLE_NODES];
	uint8_t			want[64][32], got[64][32];
	size_t			n, m, k;
	int			x;

	(void)state;
	for (n = 1; n <= MAX; n += n < 70 ? 1 : 19)
		for (m = 0; m < n; m++) {
			x = merkle_inclusion_nodes(m, n, c, MERKLE_NODES);
			assert_true(x >= 0);
			k = path(m, 0, n, want);
			assert_int_equal(fold(c, x, got), k);
			assert_memory_equal(got, want, k * 32);
			x = merkle_consistency_nodes(m + 1, n, c,
			    MERKLE_NODES);
			assert_true(x >= 0);
			k = proof(m + 1, 0, n, 1, want);
			assert_int_equal(fold(c, x, got), k);
			assert_memory_equal(got, want, k * 32);
		}
	assert_int_equal(merkle_inclusion_nodes(3, 3, c, MERKLE_NODES), -1);
	assert_int_equal(merkle_consistency_nodes(0, 3, c, MERKLE_NODES), -1);
	assert_int_equal(merkle_consistency_nodes(4, 3, c, MERKLE_NODES), -1);
	assert_int_equal(merkle_inclusion_nodes(0, 3, c, 1), -1);
	assert_int_equal(merkle_range_nodes(2, 1, c, MERKLE_NODES), -1);
	/* The longest of each fit in what the header promises. */
	n = (size_t)INT64_MAX;
	assert_int_equal(merkle_inclusion_nodes(0, n, c, MERKLE_NODES), 124);
	assert_int_equal(merkle_inclusion_nodes(n - 1, n, c, MERKLE_NODES),
	    62);
	assert_int_equal(merkle_consistency_nodes(1, n, c, MERKLE_NODES),
	    124);
	assert_int_equal(merkle_range_nodes(1, n, c, MERKLE_NODES), 124);
	assert_int_equal(merkle_count(0, n), 63);
}

static void
from_path(void **state)
{
	struct merkle_range	r, want;
	uint8_t			p[64][32];
	size_t			n, k;

	(void)state;
	for (n = 1; n <= MAX; n++) {
		k = path(n - 1, 0, n, p);
		assert_int_equal(merkle_frontier_from_path(leaf[n - 1], n,
		    C(p), k, &r), 0);
		range(0, n, &want, NULL);
		assert_int_equal(r.to, n);
		assert_int_equal(r.n, want.n);
		assert_memory_equal(r.hash, want.hash, r.n * 32);
		assert_int_equal(merkle_frontier_from_path(leaf[n - 1], n,
		    C(p), k + 1, &r), -1);
	}
	assert_int_equal(merkle_frontier_from_path(leaf[0], 0, C(p), 0, &r),
	    -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(roots),
		cmocka_unit_test(joins),
		cmocka_unit_test(growing),
		cmocka_unit_test(two_paths),
		cmocka_unit_test(inclusion),
		cmocka_unit_test(consistency),
		cmocka_unit_test(consistency_old),
		cmocka_unit_test(nodes),
		cmocka_unit_test(from_path),
	};

	fill();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
