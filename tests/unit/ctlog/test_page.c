#include "tests/unit/ctlog/data.h"

#include <libdeflate.h>

#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/page.h"

/* A MerkleTreeLeaf whose certificate has ${n} bytes, all of them ${i}. */
static void
leaf(struct buf *b, uint16_t type, unsigned i, size_t n)
{
	buf_u16(b, 0);
	buf_u64(b, 1000 + i);
	buf_u16(b, type);
	if (type == ENTRY_PRECERT) {
		memset(buf_room(b, 32), (int)i, 32);
		b->n += 32;
	}
	buf_u24(b, (uint32_t)n);
	memset(buf_room(b, n), (int)i, n);
	b->n += n;
	buf_u16(b, 0);
}

/* The extra_data beside it: precertificate "pre", a chain of two. */
static void
extra(struct buf *b, uint16_t type)
{
	static const char	pre[] = "\0\0\3pre";
	static const char	chain[] = "\0\0\11\0\0\1a\0\0\2bb";

	if (type == ENTRY_PRECERT)
		buf_add(b, pre, 6);
	buf_add(b, chain, 12);
}

static void
b64(struct buf *out, const struct buf *in)
{
	enc_b64(out, in->p, in->n);
}

/* ${n} entries as logs send them; every third is a precertificate. */
static void
entries(struct buf *out, size_t n)
{
	struct buf	l = BUF_INIT, x = BUF_INIT;
	unsigned	i;

	buf_reset(out);
	buf_str(out, "{\"entries\":[");
	for (i = 0; i < n; i++) {
		buf_reset(&l);
		buf_reset(&x);
		leaf(&l, i % 3 == 2, i, 40 + i * 37 % 700);
		extra(&x, i % 3 == 2);
		buf_fmt(out, "%s{\"leaf_input\":\"", i > 0 ? "," : "");
		b64(out, &l);
		buf_str(out, "\",\"extra_data\":\"");
		b64(out, &x);
		buf_str(out, "\"}");
	}
	buf_str(out, "]}");
	buf_free(&l);
	buf_free(&x);
}

/* The same entries as a data tile. */
static void
tile(struct buf *out, size_t n)
{
	struct buf	l = BUF_INIT;
	unsigned	i;

	buf_reset(out);
	for (i = 0; i < n; i++) {
		buf_reset(&l);
		leaf(&l, i % 3 == 2, i, 40 + i * 37 % 700);
		buf_add(out, l.p + 2, l.n - 2);
		if (i % 3 == 2)
			buf_add(out, "\0\0\3pre", 6);
		buf_u16(out, 64);
		memset(buf_room(out, 64), 0x11, 64);
		out->n += 64;
	}
	buf_free(&l);
}

static void
gzip(struct buf *out, struct span in)
{
	struct libdeflate_compressor	*c = libdeflate_alloc_compressor(6);
	size_t				 cap;

	cap = libdeflate_gzip_compress_bound(c, in.n);
	out->n += libdeflate_gzip_compress(c, in.p, in.n, buf_room(out, cap),
	    cap);
	libdeflate_free_compressor(c);
}

/* Check all that a page says of entries() or tile(). */
static void
same(struct page *p, size_t n)
{
	struct buf		l = BUF_INIT, got = BUF_INIT, s = BUF_INIT;
	struct buf		h = BUF_INIT;
	struct merkle_range	want, r;
	struct merkle_path	path;
	struct entry		en;
	struct err		e = ERR_INIT;
	struct span		pre, chain[2];
	uint8_t			hash[32], one[32], root[32];
	size_t			k;
	unsigned		i;

	assert_int_equal(page_count(p), n);
	merkle_start(&want, 0);
	for (i = 0; i < n; i++) {
		buf_reset(&l);
		buf_reset(&got);
		buf_reset(&h);
		leaf(&l, i % 3 == 2, i, 40 + i * 37 % 700);
		page_leaf_copy(p, i, &got);
		assert_int_equal(got.n, l.n);
		assert_memory_equal(got.p, l.p, l.n);
		assert_int_equal(page_timestamped(p, i).n, l.n - 2);
		assert_int_equal(page_leaf(p, i).n, page_is_tile(p) ? 0 :
		    l.n);
		if (page_at(p, i, &en, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(en.timestamp, 1000 + i);
		assert_int_equal(en.type, i % 3 == 2);
		assert_int_equal(en.cert.n, 40 + i * 37 % 700);
		if (page_extra(p, i, &s, &pre, chain, 2, &k, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(k, 2);
		assert_int_equal(pre.n, i % 3 == 2 ? 3 : 0);
		assert_int_equal(chain[1].n, page_is_tile(p) ? 32 : 2);
		assert_int_equal(chain[1].p[1], page_is_tile(p) ? 0x11 :
		    'b');
		assert_int_equal(page_extra(p, i, &s, &pre, chain, 1, &k,
		    NULL), -1);
		buf_u8(&h, 0);
		buf_add(&h, l.p, l.n);
		sha_256(hash, h.p, h.n);
		page_leaf_hash(p, i, one);
		assert_memory_equal(one, hash, 32);
		merkle_leaf(&want, hash);
	}
	merkle_path_start(&path, n / 2);
	page_hash(p, 0, &r, &path, 1);
	assert_int_equal(r.to, n);
	assert_int_equal(r.n, want.n);
	assert_memory_equal(r.hash, want.hash, r.n * 32);
	if (n > 0) {
		assert_int_equal(merkle_root(&r, root, &path, 1), 0);
		page_leaf_hash(p, n / 2, one);
		assert_int_equal(merkle_inclusion(one, n / 2, n,
		    (const uint8_t (*)[32])path.hash, path.n, root), 0);
	}
	page_hash(p, 77, &r, NULL, 0);
	assert_int_equal(r.from, 77);
	assert_int_equal(r.to, 77 + n);
	buf_free(&l);
	buf_free(&got);
	buf_free(&s);
	buf_free(&h);
}

/* Both forms, over and over with one page. */
static void
sizes(void **state)
{
	static const size_t	ns[] = { 0, 1, 2, 3, 31, 32, 255, 256, 257,
	    1000, 5 };
	struct page		*p = page_new();
	struct buf		b = BUF_INIT, z = BUF_INIT;
	struct err		e = ERR_INIT;
	uint8_t			*copy;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		entries(&b, ns[i]);
		copy = data_exact(buf_bytes(&b));
		if (page_entries(p, (struct span){ copy, b.n }, ns[i], &e) ==
		    -1)
			fail_msg("%s", e.msg);
		same(p, ns[i]);
		free(copy);
		if (ns[i] > 0) {
			assert_int_equal(page_entries(p, buf_bytes(&b),
			    ns[i] - 1, &e), -1);
			assert_int_equal(e.code, ERR_LIMIT);
			err_clear(&e);
			assert_int_equal(page_count(p), 0);
		}
		if (ns[i] == 0 || ns[i] > 256)
			continue;
		tile(&b, ns[i]);
		copy = data_exact(buf_bytes(&b));
		assert_int_equal(page_tile(p, (struct span){ copy, b.n }, 0,
		    ns[i], &e), 0);
		free(copy);
		same(p, ns[i]);
		buf_reset(&z);
		gzip(&z, buf_bytes(&b));
		copy = data_exact(buf_bytes(&z));
		assert_int_equal(page_tile(p, (struct span){ copy, z.n }, 1,
		    ns[i], &e), 0);
		free(copy);
		same(p, ns[i]);
		assert_int_equal(page_tile(p, buf_bytes(&b), 0, ns[i] + 1,
		    &e), -1);
		err_clear(&e);
		assert_int_equal(page_tile(p, buf_bytes(&b), 0, ns[i] - 1,
		    &e), -1);
		err_clear(&e);
		assert_int_equal(page_count(p), 0);
	}
	page_free(p);
	page_free(NULL);
	buf_free(&b);
	buf_free(&z);
}

/* Replace each ${a} by ${b}. */
static void
swap(struct buf *out, const struct buf *in, const char *a, const char *b)
{
	size_t	i = 0, n = strlen(a);

	buf_reset(out);
	while (i < in->n)
		if (in->n - i >= n && memcmp(in->p + i, a, n) == 0) {
			buf_str(out, b);
			i += n;
		} else
			buf_u8(out, in->p[i++]);
}

/* The body may change behind us: what was read stays what it was. */
static void
changing(void **state)
{
	struct page		*p = page_new();
	struct buf		b = BUF_INIT, s = BUF_INIT;
	struct merkle_range	before, after;
	struct span		pre, chain[2];
	size_t			n;
	int			c;

	(void)state;
	for (c = 0; c < 256; c++) {
		entries(&b, 5);
		assert_int_equal(page_entries(p, buf_bytes(&b), 5, NULL), 0);
		page_hash(p, 0, &before, NULL, 0);
		memset(b.p, c, b.n);
		page_hash(p, 0, &after, NULL, 0);
		assert_memory_equal(before.hash, after.hash, 64);
		assert_int_equal(page_extra(p, 4, &s, &pre, chain, 2, &n,
		    NULL), -1);
		tile(&b, 5);
		assert_int_equal(page_tile(p, buf_bytes(&b), 0, 5, NULL), 0);
		memset(b.p, c, b.n);
		same(p, 5);
	}
	page_free(p);
	buf_free(&b);
	buf_free(&s);
}

/* What JSON allows and no log sends reads the same. */
static void
unusual(void **state)
{
	static const struct {
		const char	*from, *to;
	} v[] = {
		{ "/", "\\/" }, { "+", "\\u002b" }, { ":", " : " },
		{ "{", "{ \n\t\r" }, { "},", "} , " }, { "]}", "] } \n" },
		{ "\"leaf_input\"", "\"leaf\\u005finput\"" },
		{ "{\"entries\":", "{\"x\":[],\"entries\":" },
		{ "]}", "],\"x\":{}}" },
		{ "{\"leaf_input\"", "{\"x\":\"\\\"\",\"leaf_input\"" },
		{ "\"}", "\",\"x\":null}" },
		{ "A", "\\u0041" },
	};
	struct page	*p = page_new();
	struct buf	b = BUF_INIT, c = BUF_INIT, l = BUF_INIT;
	struct err	e = ERR_INIT;
	uint8_t		*copy;
	size_t		i;

	(void)state;
	entries(&b, 40);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		swap(&c, &b, v[i].from, v[i].to);
		copy = data_exact(buf_bytes(&c));
		if (page_entries(p, (struct span){ copy, c.n }, 40, &e) == -1)
			fail_msg("%s: %s", v[i].from, e.msg);
		same(p, 40);
		free(copy);
		assert_int_equal(page_entries(p, buf_bytes(&c), 39, &e), -1);
		err_clear(&e);
	}
	/* Escapes in extra_data alone are found when it is wanted. */
	buf_reset(&c);
	buf_str(&c, "{\"entries\":[{\"extra_data\":\"\\u0041AAJAAABYQAAAmJi"
	    "\",\"leaf_input\":\"");
	leaf(&l, 0, 0, 40);
	b64(&c, &l);
	buf_str(&c, "\"}]}");
	assert_int_equal(page_entries(p, buf_bytes(&c), 1, &e), 0);
	same(p, 1);
	page_free(p);
	buf_free(&b);
	buf_free(&c);
	buf_free(&l);
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"entries\":{}}", "{\"entries\":[}",
		"{\"entries\":[]", "{\"entries\":[]}}", "{\"entries\":[],}",
		"{\"entries\":[7]}", "{\"entries\":[{}]}",
		"{\"entries\":[{\"leaf_input\":\"AAAA\"}]}",
		"{\"entries\":[{\"extra_data\":\"AAAA\"}]}",
		"{\"entries\":[{\"leaf_input\":7,\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"A\",\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"AB==\",\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"A=AA\",\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"AA A\",\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"AAAA\",\"leaf_input\":\"AAAA"
		    "\",\"extra_data\":\"\"}]}",
		"{\"entries\":[{\"leaf_input\":\"AAAA\",\"extra_data\":\"\"},"
		    "]}",
		"{\"entries\":[{\"leaf_input\":\"AAAA\",\"extra_data\":\"\"}"
		    "{}]}",
		"{\"entries\":[],\"entries\":[]}", "<html></html>",
	};
	struct page	*p = page_new();
	struct buf	b = BUF_INIT;
	struct err	e;
	struct entry	en;
	struct span	pre, chain[1];
	uint8_t		*copy;
	size_t		i, n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		copy = data_exact(SPAN_STR(bad[i]));
		err_clear(&e);
		if (page_entries(p, (struct span){ copy, strlen(bad[i]) }, 9,
		    &e) == 0)
			fail_msg("%s", bad[i]);
		assert_int_not_equal(e.code, ERR_NONE);
		assert_int_equal(page_count(p), 0);
		free(copy);
	}
	entries(&b, 3);
	for (n = 0; n < b.n; n++) {
		copy = data_exact((struct span){ b.p, n });
		assert_int_equal(page_entries(p, (struct span){ copy, n }, 9,
		    NULL), -1);
		free(copy);
	}
	/* An entry that is no leaf is the entry's fault, not the page's. */
	assert_int_equal(page_entries(p, SPAN_STR("{\"entries\":[{\"leaf_inpu"
	    "t\":\"AA==\",\"extra_data\":\"!\"},{\"leaf_input\":\"\",\"extra_d"
	    "ata\":\"\"}]}"), 9, NULL), 0);
	assert_int_equal(page_count(p), 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(page_at(p, i, &en, NULL), -1);
		assert_int_equal(page_timestamped(p, i).n, 0);
		assert_int_equal(page_extra(p, i, &b, &pre, chain, 1, &n,
		    NULL), -1);
	}
	/* The cap on the body at its limit, and one more. */
	entries(&b, 3);
	n = LIMIT_BODY_ENTRIES + 1ul - b.n;
	memset(buf_room(&b, n), ' ', n);
	b.n += n;
	for (i = 0; i < 2; i++) {
		err_clear(&e);
		assert_int_equal(page_entries(p, (struct span){ b.p,
		    LIMIT_BODY_ENTRIES + i }, 9, &e), i == 0 ? 0 : -1);
		assert_int_equal(e.code, i == 0 ? ERR_NONE : ERR_LIMIT);
	}
	page_free(p);
	buf_free(&b);
}

static void
tiles_refused(void **state)
{
	struct page	*p = page_new();
	struct buf	b = BUF_INIT, c = BUF_INIT, x = BUF_INIT;
	struct span	pre, chain[9];
	struct entry	en;
	struct err	e = ERR_INIT;
	uint8_t		*copy;
	size_t		n, k;

	(void)state;
	tile(&b, 3);
	for (n = 0; n < b.n; n++) {
		copy = data_exact((struct span){ b.p, n });
		assert_int_equal(page_tile(p, (struct span){ copy, n }, 0, 3,
		    NULL), -1);
		free(copy);
	}
	gzip(&c, buf_bytes(&b));
	for (n = 0; n < c.n; n++) {
		copy = data_exact((struct span){ c.p, n });
		assert_int_equal(page_tile(p, (struct span){ copy, n }, 1, 3,
		    NULL), -1);
		free(copy);
	}
	assert_int_equal(page_tile(p, buf_bytes(&b), 1, 3, NULL), -1);
	buf_u8(&c, 0);
	assert_int_equal(page_tile(p, buf_bytes(&c), 1, 3, NULL), -1);
	buf_u8(&b, 0);
	assert_int_equal(page_tile(p, buf_bytes(&b), 0, 3, &e), -1);
	assert_non_null(strstr(e.msg, "1 bytes are left over"));
	b.n--;
	/* Two members are one file. */
	buf_reset(&c);
	gzip(&c, (struct span){ b.p, 100 });
	gzip(&c, (struct span){ b.p + 100, b.n - 100 });
	assert_int_equal(page_tile(p, buf_bytes(&c), 1, 3, NULL), 0);
	same(p, 3);
	/* The walk says where it failed. */
	err_clear(&e);
	assert_int_equal(page_tile(p, buf_bytes(&b), 0, 4, &e), -1);
	assert_non_null(strstr(e.msg, "entry 3 of 4"));
	b.p[9] = 2;
	err_clear(&e);
	assert_int_equal(page_tile(p, buf_bytes(&b), 0, 3, &e), -1);
	assert_non_null(strstr(e.msg, "entry 0 of 3"));
	/* Odd extensions and fingerprints are the entry's fault. */
	buf_reset(&b);
	buf_u64(&b, 5);
	buf_u16(&b, 0);
	buf_u24(&b, 1);
	buf_u8(&b, 'c');
	buf_u16(&b, 1);
	buf_u8(&b, 'x');
	buf_u16(&b, 31);
	memset(buf_room(&b, 31), 0, 31);
	b.n += 31;
	assert_int_equal(page_tile(p, buf_bytes(&b), 0, 1, NULL), 0);
	assert_int_equal(page_at(p, 0, &en, NULL), -1);
	assert_int_equal(page_extra(p, 0, &x, &pre, chain, 9, &k, NULL), -1);
	page_free(p);
	buf_free(&b);
	buf_free(&c);
	buf_free(&x);
}

/* The cap on a tile at its limit and one more, plain and gzip'd. */
static void
cap(void **state)
{
	struct page	*p = page_new();
	struct buf	b = BUF_INIT, z = BUF_INIT;
	struct err	e;
	size_t		n, cert, width;
	int		gz;

	(void)state;
	for (n = LIMIT_BODY_TILE; n <= LIMIT_BODY_TILE + 1ul; n++) {
		buf_reset(&b);
		for (width = 0; b.n < n; width++) {
			/* all that fits, but enough left for another entry */
			cert = n - b.n - 17;
			if (cert > (1u << 24) - 100)
				cert = (1u << 24) - 100;
			buf_u64(&b, 5);
			buf_u16(&b, 0);
			buf_u24(&b, (uint32_t)cert);
			memset(buf_room(&b, cert), 'c', cert);
			b.n += cert;
			buf_u16(&b, 0);
			buf_u16(&b, 0);
		}
		assert_int_equal(b.n, n);
		buf_reset(&z);
		gzip(&z, buf_bytes(&b));
		for (gz = 0; gz < 2; gz++) {
			err_clear(&e);
			assert_int_equal(page_tile(p, buf_bytes(gz ? &z : &b),
			    gz, width, &e), n == LIMIT_BODY_TILE ? 0 : -1);
			assert_int_equal(e.code, n == LIMIT_BODY_TILE ?
			    ERR_NONE : ERR_LIMIT);
		}
	}
	page_free(p);
	buf_free(&b);
	buf_free(&z);
}

/* Pages spoiled in each form: no crash, and what is read can be walked. */
static void
walk(struct page *p, struct buf *scratch)
{
	struct merkle_range	r;
	struct entry		en;
	struct span		pre, chain[16];
	size_t			i, n;

	for (i = 0; i < page_count(p); i++) {
		(void)page_at(p, i, &en, NULL);
		(void)page_extra(p, i, scratch, &pre, chain, 16, &n, NULL);
	}
	page_hash(p, 0, &r, NULL, 0);
	assert_int_equal(r.to, page_count(p));
}

static void
spoiled(void **state)
{
	struct page	*p = page_new();
	struct buf	b[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct buf	c = BUF_INIT, s = BUF_INIT;
	uint64_t	seed = 23;
	uint8_t		*copy;
	size_t		i, f, read = 0;
	int		rc;

	(void)state;
	entries(&b[0], 9);
	tile(&b[1], 9);
	gzip(&b[2], buf_bytes(&b[1]));
	for (i = 0; i < 600; i++) {
		f = i % 3;
		data_spoil(&seed, buf_bytes(&b[f]), &c);
		copy = data_exact(buf_bytes(&c));
		rc = f == 0 ? page_entries(p, (struct span){ copy, c.n }, 99,
		    NULL) : page_tile(p, (struct span){ copy, c.n }, f == 2,
		    9, NULL);
		if (rc == 0) {
			walk(p, &s);
			read++;
		} else
			assert_int_equal(page_count(p), 0);
		free(copy);
	}
	assert_true(read > 0 && read < 600);
	page_free(p);
	for (f = 0; f < 3; f++)
		buf_free(&b[f]);
	buf_free(&c);
	buf_free(&s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(changing),
		cmocka_unit_test(unusual),
		cmocka_unit_test(refused),
		cmocka_unit_test(tiles_refused),
		cmocka_unit_test(cap),
		cmocka_unit_test(spoiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
