#include "tests/unit/ctlog/data.h"

#include "ctlog/page.h"

#define NAV "static-ct/navigli2025h2/tile/"

/* Real tiles: every leaf hashes to its hash tile. */
static void
real_tiles(void **state)
{
	static const struct {
		const char	*name;
		uint64_t	 index;
		size_t		 width;
	} t[] = { { "000", 0, 256 }, { "001", 1, 256 },
	    { "003.p/10", 3, 10 } };
	struct page	*p = page_new();
	struct buf	b = BUF_INIT, h = BUF_INIT, s = BUF_INIT;
	struct span	pre, chain[16];
	struct entry	en;
	struct err	e = ERR_INIT;
	char		rel[128];
	uint8_t		hash[32];
	size_t		i, k, n, done = 0, pres = 0;
	int		gz;

	(void)state;
	for (i = 0; i < 3; i++) {
		buf_reset(&b);
		buf_reset(&h);
		(void)snprintf(rel, sizeof(rel), NAV "data/%s", t[i].name);
		if (data_read(rel, &b) == -1) {
			data_skip((unsigned)t[i].width, rel);
			continue;
		}
		(void)snprintf(rel, sizeof(rel), NAV "0/%s", t[i].name);
		assert_int_equal(data_read(rel, &h), 0);
		assert_int_equal(h.n, t[i].width * 32);
		gz = b.p[0] == 0x1f && b.p[1] == 0x8b;
		if (page_tile(p, buf_bytes(&b), gz, t[i].width, &e) == -1)
			fail_msg("%s", e.msg);
		for (k = 0; k < t[i].width; k++) {
			page_leaf_hash(p, k, hash);
			assert_memory_equal(hash, h.p + k * 32, 32);
			if (page_at(p, k, &en, &e) == -1 || page_extra(p, k,
			    &s, &pre, chain, 16, &n, &e) == -1)
				fail_msg("%s", e.msg);
			assert_int_equal(en.leaf_index, t[i].index * 256 + k);
			assert_true(n > 0);
			pres += en.type == ENTRY_PRECERT;
			assert_int_equal(en.type == ENTRY_PRECERT,
			    pre.n > 0);
			done++;
		}
	}
	printf("%zu entries of real tiles, %zu precertificates\n", done,
	    pres);
	page_free(p);
	buf_free(&b);
	buf_free(&h);
	buf_free(&s);
}

static void
real_entries(void **state)
{
	static const struct {
		const char	*file;
		size_t		 n;
	} f[] = {
		{ "rfc6962/argon2020/get-entries-start-10000-end-10000", 1 },
		{ "rfc6962/ct-go/get-entries-scanner-four.json", 4 },
		{ "rfc6962/ct-go/get-entries-client-two.json", 2 },
	};
	struct page	*p = page_new();
	struct buf	b = BUF_INIT, s = BUF_INIT;
	struct span	pre, chain[16];
	struct entry	en;
	struct err	e = ERR_INIT;
	size_t		i, k, n, done = 0;

	(void)state;
	for (i = 0; i < 3; i++) {
		buf_reset(&b);
		if (data_read(f[i].file, &b) == -1) {
			data_skip((unsigned)f[i].n, f[i].file);
			continue;
		}
		if (page_entries(p, buf_bytes(&b), 1000, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(page_count(p), f[i].n);
		for (k = 0; k < f[i].n; k++) {
			if (page_at(p, k, &en, &e) == -1 || page_extra(p, k,
			    &s, &pre, chain, 16, &n, &e) == -1)
				fail_msg("%s", e.msg);
			assert_true(n > 0);
			done++;
		}
	}
	printf("%zu entries of real get-entries answers\n", done);
	page_free(p);
	buf_free(&b);
	buf_free(&s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(real_tiles),
		cmocka_unit_test(real_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
