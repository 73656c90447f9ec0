#include "tests/unit/ctlog/data.h"

#include "base/sha.h"
#include "ctlog/rfc6962.h"

#define BASE "https://ct.example/log/"
#define HASH "AWxD3p811N3m4WTinWRXPvBZHfT9IR9g/R4C7SKLPiU="

static void
urls(void **state)
{
	struct http_req	r;
	uint8_t		h[32];
	char		base[HTTP_URL_MAX];

	(void)state;
	assert_int_equal(rfc6962_entries(BASE, 256, 511, &r), 0);
	assert_string_equal(r.url,
	    BASE "ct/v1/get-entries?start=256&end=511");
	assert_int_equal(rfc6962_entries(BASE, 2, 2, &r), 0);
	assert_int_equal(rfc6962_entries(BASE, 2, 1, &r), -1);
	assert_int_equal(rfc6962_consistency(BASE, 1, 2, &r), 0);
	assert_string_equal(r.url,
	    BASE "ct/v1/get-sth-consistency?first=1&second=2");
	assert_int_equal(rfc6962_consistency(BASE, 0, 2, &r), -1);
	assert_int_equal(rfc6962_consistency(BASE, 2, 2, &r), -1);
	memset(h, 0xfb, sizeof(h));
	h[1] = 0xff;
	assert_int_equal(rfc6962_inclusion(BASE, h, 9, &r), 0);
	assert_string_equal(r.url, BASE "ct/v1/get-proof-by-hash?hash="
	    "%2B%2F%2F7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2"
	    "B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fs%3D&tree_size=9");
	assert_int_equal(rfc6962_entry(BASE, 8, 9, &r), 0);
	assert_string_equal(r.url,
	    BASE "ct/v1/get-entry-and-proof?leaf_index=8&tree_size=9");
	assert_int_equal(rfc6962_entry(BASE, 9, 9, &r), -1);
	memset(base, 'a', sizeof(base));
	base[HTTP_URL_MAX - 1 - strlen("ct/v1/get-entries?start=0&end=1")] =
	    '\0';
	assert_int_equal(rfc6962_entries(base, 0, 1, &r), 0);
	assert_int_equal(rfc6962_entries(base, 0, 10, &r), -1);
}

/* A proof of ${n} hashes in member ${key}. */
static void
proof(struct buf *b, const char *key, size_t n)
{
	size_t	i;

	buf_reset(b);
	buf_fmt(b, "{\"leaf_index\":3,\"leaf_input\":\"AAE=\","
	    "\"extra_data\":\"AgM=\",\"%s\":[", key);
	for (i = 0; i < n; i++)
		buf_fmt(b, "%s\"%s\"", i > 0 ? "," : "", HASH);
	buf_str(b, "]}");
}

static void
caps(void **state)
{
	struct rfc6962_proof	p;
	struct buf		b = BUF_INIT, l = BUF_INIT, x = BUF_INIT;
	struct err		e;
	size_t			n;

	(void)state;
	for (n = 0; n <= 65; n += n == 0 ? 63 : 1) {
		int want = n <= 64 ? 0 : -1;

		proof(&b, "consistency", n);
		err_clear(&e);
		assert_int_equal(rfc6962_read_consistency(buf_bytes(&b), &p,
		    &e), want);
		assert_int_equal(e.code, n <= 64 ? ERR_NONE : ERR_LIMIT);
		proof(&b, "audit_path", n);
		assert_int_equal(rfc6962_read_inclusion(buf_bytes(&b), &p,
		    NULL), want);
		if (want == 0) {
			assert_int_equal(p.n, n);
			assert_int_equal(p.leaf_index, 3);
		}
		assert_int_equal(rfc6962_read_entry(buf_bytes(&b), &l, &x,
		    &p, NULL), want);
	}
	assert_int_equal(l.n, 4 * 2);
	assert_int_equal(x.p[1], 3);
	buf_free(&b);
	buf_free(&l);
	buf_free(&x);
}

static const char *const bad[] = {
	"", "{}", "[]", "null", "{\"consistency\":{},\"audit_path\":{}}",
	"{\"consistency\":[1],\"leaf_index\":1,\"audit_path\":[1]}",
	"{\"consistency\":[\"AAAA\"],\"leaf_index\":1,"
	    "\"audit_path\":[\"AAAA\"]}",
	"{\"consistency\":[\"" HASH "=\"],\"leaf_index\":1,"
	    "\"audit_path\":[\"" HASH "=\"]}",
	"{\"consistency\":[],\"consistency\":[],\"leaf_index\":1,"
	    "\"audit_path\":[],\"audit_path\":[]}",
	"{\"consistency\":null,\"leaf_index\":-1,\"audit_path\":[]}",
	"{\"leaf_index\":1.5,\"audit_path\":[]}",
	"{\"consistency\":[\"" HASH "\"",
};

static void
refused(void **state)
{
	struct rfc6962_proof	p;
	struct buf		l = BUF_INIT;
	struct err		e;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(rfc6962_read_consistency(SPAN_STR(bad[i]),
		    &p, &e), -1);
		assert_int_not_equal(e.code, ERR_NONE);
		err_clear(&e);
		assert_int_equal(rfc6962_read_inclusion(SPAN_STR(bad[i]), &p,
		    &e), -1);
		assert_int_not_equal(e.code, ERR_NONE);
		assert_int_equal(rfc6962_read_entry(SPAN_STR(bad[i]), &l, &l,
		    &p, NULL), -1);
	}
	buf_free(&l);
}

#define DIR "rfc6962/argon2020/"

/* The whole read path of one real log; spoiled proofs prove nothing. */
static void
argon2020(void **state)
{
	struct rfc6962_proof	 inc, con, q;
	struct buf		 b = BUF_INIT, c = BUF_INIT, leaf = BUF_INIT;
	struct buf		 root = BUF_INIT, old = BUF_INIT;
	json_t			*sth = data_json(DIR "get-sth"), *o, *ents;
	uint64_t		 size, size1, seed = 77;
	uint8_t			 h[32];
	unsigned		 i;

	(void)state;
	if (sth == NULL) {
		data_skip(2, "proofs of Argon2020");
		return;
	}
	size = (uint64_t)json_integer_value(json_object_get(sth,
	    "tree_size"));
	data_b64(sth, "sha256_root_hash", &root);
	ents = data_json(DIR "get-entries-start-10000-end-10000");
	buf_u8(&leaf, 0);
	data_b64(json_array_get(json_object_get(ents, "entries"), 0),
	    "leaf_input", &leaf);
	sha_256(h, leaf.p, leaf.n);
	assert_int_equal(data_read(DIR "get-proof-by-hash-tree-size-961984011"
	    "-hash-nCs3mfIydh9x4CKyQ-2Bu2xtmpxmFggA5MLymHwNQSlLg-3D", &b), 0);
	assert_int_equal(rfc6962_read_inclusion(buf_bytes(&b), &inc, NULL),
	    0);
	assert_int_equal(inc.leaf_index, 10000);
	assert_int_equal(merkle_inclusion(h, inc.leaf_index, size,
	    (const uint8_t (*)[32])inc.path, inc.n, root.p), 0);
	for (i = 0; i < 200; i++) {
		data_spoil(&seed, buf_bytes(&b), &c);
		if (rfc6962_read_inclusion(buf_bytes(&c), &q, NULL) == 0 &&
		    merkle_inclusion(h, q.leaf_index, size,
		    (const uint8_t (*)[32])q.path, q.n, root.p) == 0)
			assert_memory_equal(q.path, inc.path,
			    sizeof(q.path));
	}
	o = data_json(DIR "old_root.json");
	size1 = (uint64_t)json_integer_value(json_object_get(o,
	    "tree_size"));
	data_b64(o, "sha256_root_hash", &old);
	buf_reset(&b);
	assert_int_equal(data_read(DIR "get-sth-consistency-first-3654490"
	    "-second-961984011", &b), 0);
	assert_int_equal(rfc6962_read_consistency(buf_bytes(&b), &con, NULL),
	    0);
	assert_int_equal(merkle_consistency(size1, old.p, size, root.p,
	    (const uint8_t (*)[32])con.path, con.n), 0);
	for (i = 0; i < 200; i++) {
		data_spoil(&seed, buf_bytes(&b), &c);
		if (rfc6962_read_consistency(buf_bytes(&c), &q, NULL) == 0 &&
		    merkle_consistency(size1, old.p, size, root.p,
		    (const uint8_t (*)[32])q.path, q.n) == 0)
			assert_memory_equal(q.path, con.path,
			    sizeof(q.path));
	}
	printf("2 proofs of a real log, 200 spoiled copies of each\n");
	json_decref(sth);
	json_decref(ents);
	json_decref(o);
	buf_free(&b);
	buf_free(&c);
	buf_free(&leaf);
	buf_free(&root);
	buf_free(&old);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(caps),
		cmocka_unit_test(refused),
		cmocka_unit_test(argon2020),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
