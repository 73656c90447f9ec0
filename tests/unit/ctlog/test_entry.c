#include "tests/unit/ctlog/data.h"

#include "ctlog/entry.h"

static void
build(struct buf *b, uint16_t type, const char *ext_hex)
{
	struct buf	ext = BUF_INIT;

	buf_reset(b);
	buf_u16(b, 0);
	buf_u64(b, 1700000000123);
	buf_u16(b, type);
	if (type == ENTRY_PRECERT) {
		memset(buf_room(b, 32), 0x5a, 32);
		b->n += 32;
	}
	buf_u24(b, 5);
	buf_str(b, "CERT!");
	data_hex(ext_hex, &ext);
	buf_u16(b, (uint16_t)ext.n);
	buf_add(b, ext.p, ext.n);
	buf_free(&ext);
}

static int
try(const struct buf *b, struct entry *out, struct err *e)
{
	uint8_t	*p = data_exact(buf_bytes(b));
	int	 rc;

	err_clear(e);
	rc = entry_read((struct span){ p, b->n }, out, e);
	assert_int_equal(e->code != ERR_NONE, rc == -1);
	free(p);
	return rc;
}

/* Extensions in hex, the index, whether they may be. */
static const struct {
	const char	*hex;
	int64_t		 index;
	int		 good;
} exts[] = {
	{ "", -1, 1 },
	{ "0000050000000007", 7, 1 },
	{ "000005ffffffffff", 0xffffffffffLL, 1 },
	{ "0700020102" "0000050000000009", 9, 1 },
	{ "ff0000", -1, 1 },
	{ "00000500000000", -1, 0 },
	{ "00000400000007", -1, 0 },
	{ "000006000000000700", -1, 0 },
	{ "0000050000000007" "0000050000000007", -1, 0 },
	{ "070000070000", -1, 0 },
	{ "0000050000000007" "00", -1, 0 },
	{ "0000050000000007" "0700", -1, 0 },
};

static void
leaves(void **state)
{
	struct buf	b = BUF_INIT, back = BUF_INIT, cut = BUF_INIT;
	struct entry	en;
	struct err	e;
	size_t		i, n;
	uint16_t	t;

	(void)state;
	for (t = 0; t <= 1; t++)
		for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
			build(&b, t, exts[i].hex);
			if (try(&b, &en, &e) != (exts[i].good ? 0 : -1))
				fail_msg("%s: %s", exts[i].hex, e.msg);
			if (!exts[i].good)
				continue;
			assert_int_equal(entry_read(buf_bytes(&b), &en,
			    NULL), 0);
			assert_int_equal(en.timestamp, 1700000000123);
			assert_int_equal(en.type, t);
			assert_int_equal(en.cert.n, 5);
			assert_memory_equal(en.cert.p, "CERT!", 5);
			assert_int_equal(en.leaf_index, exts[i].index);
			assert_int_equal(en.issuer_key_hash[31],
			    t ? 0x5a : 0);
			buf_reset(&back);
			entry_put(&back, &en);
			assert_int_equal(back.n, b.n);
			assert_memory_equal(back.p, b.p, b.n);
			for (n = 0; n < b.n; n++) {
				buf_reset(&cut);
				buf_add(&cut, b.p, n);
				assert_int_equal(try(&cut, &en, &e), -1);
			}
			buf_u8(&b, 0);
			assert_int_equal(try(&b, &en, &e), -1);
		}
	buf_free(&b);
	buf_free(&back);
	buf_free(&cut);
}

static void
refused(void **state)
{
	struct buf	b = BUF_INIT;
	struct entry	en;
	struct err	e;

	(void)state;
	build(&b, 0, "");
	b.p[0] = 1;
	assert_int_equal(try(&b, &en, &e), -1);
	b.p[0] = 0;
	b.p[1] = 1;
	assert_int_equal(try(&b, &en, &e), -1);
	build(&b, 0, "");
	b.p[2] = 0x80;
	assert_int_equal(try(&b, &en, &e), -1);
	build(&b, 2, "");
	assert_int_equal(try(&b, &en, &e), -1);
	assert_non_null(strstr(e.msg, "unknown type 2"));
	build(&b, 0, "");
	b.p[14]++;
	assert_int_equal(try(&b, &en, &e), -1);
	b.p[14] -= 2;
	assert_int_equal(try(&b, &en, &e), -1);
	/* An empty certificate. */
	buf_reset(&b);
	buf_u16(&b, 0);
	buf_u64(&b, 1);
	buf_u16(&b, 0);
	buf_u24(&b, 0);
	buf_u16(&b, 0);
	assert_int_equal(try(&b, &en, &e), -1);
	assert_int_equal(entry_read((struct span){ NULL, 0 }, &en, NULL), -1);
	buf_free(&b);
}

/* extra_data: hex, type, certificates in the chain or -1. */
static const struct {
	const char	*hex;
	uint16_t	 type;
	int		 n;
} extras[] = {
	{ "000000", 0, 0 },
	{ "000004" "000001aa", 0, 1 },
	{ "000009" "000001aa" "000002bbbb", 0, 2 },
	{ "000003cccccc" "000004" "000001aa", 1, 1 },
	{ "000003cccccc" "000000", 1, 0 },
	{ "", 0, -1 },
	{ "", 1, -1 },
	{ "000003cccccc", 1, -1 },
	{ "000000" "000000", 1, -1 },
	{ "000000" "00", 0, -1 },
	{ "000004" "000001aa" "00", 0, -1 },
	{ "000003" "000000", 0, -1 },
	{ "000004" "000002aa", 0, -1 },
	{ "000005" "000001aabb", 0, -1 },
	{ "000004" "000001", 0, -1 },
	{ "000000", 2, -1 },
};

static void
chains(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e;
	struct span	pre, chain[8];
	uint8_t		*p;
	size_t		i, n, k;
	int		rc;

	(void)state;
	for (i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		buf_reset(&b);
		data_hex(extras[i].hex, &b);
		p = data_exact(buf_bytes(&b));
		err_clear(&e);
		rc = entry_extra((struct span){ p, b.n }, extras[i].type,
		    &pre, chain, 8, &n, &e);
		if (rc != (extras[i].n < 0 ? -1 : 0))
			fail_msg("%s: %s", extras[i].hex, e.msg);
		if (rc == 0) {
			assert_int_equal(n, extras[i].n);
			assert_int_equal(pre.n, extras[i].type ? 3 : 0);
		}
		free(p);
	}
	/* At the cap, and one more. */
	for (k = 8; k <= 9; k++) {
		buf_reset(&b);
		buf_u24(&b, (uint32_t)k * 4);
		for (i = 0; i < k; i++)
			buf_u32(&b, 0x00000111);
		err_clear(&e);
		assert_int_equal(entry_extra(buf_bytes(&b), 0, &pre, chain, 8,
		    &n, &e), k == 8 ? 0 : -1);
		assert_int_equal(e.code, k == 8 ? ERR_NONE : ERR_LIMIT);
		assert_int_equal(n, 8);
	}
	buf_free(&b);
}

/* Real entries, whole, cut, and spoiled 200 times each. */
static void
real(void **state)
{
	static const char *const files[] = {
		"rfc6962/argon2020/get-entries-start-10000-end-10000",
		"rfc6962/ct-go/get-entries-scanner-four.json",
		"rfc6962/ct-go/get-entries-client-two.json",
	};
	struct buf	 b = BUF_INIT, c = BUF_INIT, x = BUF_INIT;
	struct span	 pre, chain[16];
	struct entry	 en;
	struct err	 e;
	json_t		*o, *v;
	uint64_t	 seed = 3;
	size_t		 f, i, k, n, entries = 0, pres = 0;

	(void)state;
	for (f = 0; f < 3; f++) {
		if ((o = data_json(files[f])) == NULL) {
			data_skip(1, files[f]);
			continue;
		}
		json_array_foreach(json_object_get(o, "entries"), i, v) {
			buf_reset(&b);
			buf_reset(&x);
			data_b64(v, "leaf_input", &b);
			data_b64(v, "extra_data", &x);
			if (try(&b, &en, &e) == -1)
				fail_msg("%s", e.msg);
			assert_int_equal(entry_read(buf_bytes(&b), &en,
			    NULL), 0);
			assert_int_equal(en.cert.p[0], 0x30);
			assert_int_equal(entry_extra(buf_bytes(&x), en.type,
			    &pre, chain, 16, &n, NULL), 0);
			pres += en.type == ENTRY_PRECERT;
			entries++;
			for (k = 0; k < 200; k++) {
				data_spoil(&seed, buf_bytes(&b), &c);
				(void)try(&c, &en, &e);
				data_spoil(&seed, buf_bytes(&x), &c);
				(void)entry_extra(buf_bytes(&c), k & 1, &pre,
				    chain, 16, &n, NULL);
			}
		}
		json_decref(o);
	}
	if (entries > 0)
		assert_int_equal(pres, 1);
	printf("%zu real entries, %zu precertificates, 200 spoiled copies of "
	    "each\n", entries, pres);
	buf_free(&b);
	buf_free(&c);
	buf_free(&x);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(leaves),
		cmocka_unit_test(refused),
		cmocka_unit_test(chains),
		cmocka_unit_test(real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
