#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "pki/chain.h"
#include "pki/chain_nc.h"
#include "pki/chain_profile.h"

/*
 * Paths: the input is DER objects, one behind the other.  The first is the
 * leaf, the second a root, the others are the pool.  Since nobody signed
 * what a fuzzer makes, the checks also see them without a search; and the
 * input is read as an AIA answer.
 */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define POOL_MAX 32

static void
build(const struct span *v, size_t n, int permissive)
{
	struct roots		*r = roots_new("fuzz");
	const struct roots	*programs[1] = { r };
	struct chain_in		 in = { .leaf = v[0], .pool = v + 1,
				    .npool = n - 1, .programs = programs,
				    .nprograms = 1, .first_sct = INT64_MIN,
				    .at = 1780000000 * CLK_SEC,
				    .name = "www.example.com",
				    .max_depth = -1 };
	struct chain		 c;
	size_t			 i;

	in.permissive = in.any_eku = permissive;
	if (n > 1)
		(void)roots_add(r, v[1], INT64_MIN, NULL);
	roots_done(r);
	if (chain_build(&in, &c, NULL) == 0)
		for (i = 0; i < c.npaths; i++)
			if ((c.paths[i].reason[0] == '\0') !=
			    (c.paths[i].verdict == CHAIN_TRUSTED))
				abort();
	chain_free(&c);
	roots_free(r);
}

/* All of them as if they were one path. */
static void
check(const struct span *v, size_t n)
{
	struct chain_cert	c[POOL_MAX], *path[POOL_MAX];
	size_t			i, k = 0, left = LIMIT_CHAIN_NAMES;

	for (i = 0; i < n; i++)
		if (chain_cert_read(v[i], &c[k], NULL) == 0) {
			path[k] = &c[k];
			k++;
		}
	for (i = 0; i < k; i++) {
		(void)chain_profile(path[i], CHAIN_LEAF, 0);
		(void)chain_profile(path[i], CHAIN_CA, 0);
		(void)chain_profile(path[i], CHAIN_ROOT, 0);
	}
	if (k != 0)
		(void)chain_nc_path(path, k, &left);
	for (i = 0; i < k; i++)
		chain_cert_free(&c[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur	c = cur_of(p, n);
	struct span	v[POOL_MAX], out[4];
	struct buf	mem = BUF_INIT;
	struct der	d;
	size_t		k = 0;

	while (k < POOL_MAX && der_next(&c, &d) == 0)
		v[k++] = d.whole;
	if (k != 0) {
		build(v, k, 0);
		build(v, k, 1);
		check(v, k);
		(void)chain_name_ok(v[0], "www.example.com");
		(void)chain_name_ok(v[0], "192.0.2.1");
	}
	(void)chain_aia_read((struct span){ p, n }, &mem, out, 4, NULL);
	buf_free(&mem);
	return 0;
}
