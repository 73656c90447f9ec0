#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/evidence.h"
#include "auditor/evidence_flip.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_signer.h"

/* Entries that are not what was promised: what of it can be shown to whom. */

#define MS	1767225600000ULL

static int
setup(void **state)
{
	(void)state;
	return signer_begin();
}

static int
teardown(void **state)
{
	(void)state;
	return signer_end();
}

/* The leaf of a certificate; ${named}: the index that its SCT names, or -1. */
static void
make_leaf(uint16_t type, struct span cert, const uint8_t issuer[32],
    int named, struct buf *out)
{
	uint8_t		ext[8] = { 0, 0, 5, 0, 0, 0, 0, (uint8_t)named };
	struct entry	en;

	memset(&en, 0, sizeof(en));
	en.timestamp = MS;
	en.type = type;
	en.cert = cert;
	if (issuer != NULL)
		memcpy(en.issuer_key_hash, issuer, 32);
	en.ext = (struct span){ ext, named == -1 ? 0 : sizeof(ext) };
	buf_reset(out);
	entry_put(out, &en);
}

/* RFC 6962 3.2: what an SCT signs is the leaf; it ends with the extensions. */
static void
make_sct(const struct buf *leaf, int named, struct buf *out)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	size_t		 next = named == -1 ? 0 : 8, n = 128;
	uint8_t		 sig[128];

	need(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, w.log_key) == 1 &&
	    EVP_DigestSign(c, sig, &n, leaf->p, leaf->n) == 1, "SCT");
	EVP_MD_CTX_free(c);
	buf_u8(out, 0);
	buf_add(out, w.log_id, 32);
	buf_u64(out, MS);
	buf_add(out, leaf->p + leaf->n - next - 2, next + 2);
	buf_u16(out, 0x0403);
	buf_u16(out, (uint16_t)n);
	buf_add(out, sig, n);
}

/* Leaf ${i} of the tree is that. */
static void
put_leaf(size_t i, const struct buf *leaf)
{
	buf_reset(&w.leaf[i]);
	buf_span(&w.leaf[i], buf_bytes(leaf));
	evidence_leaf_hash(buf_bytes(&w.leaf[i]), w.hash[i]);
}

/* A file with the log. */
static struct evidence *
begun(int *log)
{
	struct evidence_log	 l = { .log_id = w.log_id,
	    .key = buf_bytes(&w.spki), .description = "test log",
	    .operator = "nobody", .protocol = "rfc6962", .url = LOG_URL,
	    .read_url = LOG_URL };
	struct evidence		*ev = evidence_new(&signer);

	*log = evidence_log(ev, &l);
	return ev;
}

/* Entry ${i} of the tree, with certificate ${cert} or with none. */
static int
add_entry(struct evidence *ev, int log, size_t i, int cert, const char *type)
{
	struct evidence_entry	 in = { .log = log, .certificate = cert,
	    .malformed = "its issuer did not sign it", .index = i,
	    .timestamp = MS, .entry_type = type, .size = LEAVES };
	struct buf		 raw = BUF_INIT, path = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 n;

	make_sth(&w, LEAVES, MS + 1000, NULL, &raw);
	path_of(&w, i, 0, LEAVES, &path);
	in.head = evidence_head(ev, log, "sth", buf_bytes(&raw), &e);
	in.leaf = buf_bytes(&w.leaf[i]);
	in.path = buf_bytes(&path);
	n = evidence_entry(ev, &in, &e);
	if (n < 0)
		fail_msg("%s", e.msg);
	buf_free(&raw);
	buf_free(&path);
	return n;
}

/* The file, done, as JSON; it is valid. */
static json_t *
done(struct evidence *ev)
{
	struct buf	 out = BUF_INIT;
	struct err	 e = ERR_INIT;
	json_t		*root;

	assert_int_equal(evidence_finish(ev, clk_wall(), &out, &e), 0);
	evidence_free(ev);
	assert_int_equal(judge(buf_text(&out), out.n, 0), EVIDENCE_VALID);
	root = json_loads(buf_text(&out), 0, NULL);
	buf_free(&out);
	return root;
}

/* The grade of statement ${n} is that, and no other is believed. */
static void
graded(json_t *root, int n, const char *want)
{
	static const char *const grades[] = { "transferable", "attested",
	    "re-checkable" };
	json_t		*o = json_array_get(json_object_get(root,
			    "statements"), (size_t)n);
	struct flips	 f = { .root = root, .instance = instance,
	    .judge = judge, .seal = 1 };
	size_t		 i;

	assert_string_equal(evidence_str(o, "grade"), want);
	for (i = 0; i < 3; i++) {
		if (strcmp(grades[i], want) == 0)
			continue;
		json_object_set_new(o, "grade", json_string(grades[i]));
		changed(&f, "grade");
	}
	json_object_set_new(o, "grade", json_string(want));
	assert_int_equal(f.missed, 0);
}

/* An SCT for an x509 entry, and a tree in which one bit of its leaf changed. */
static void
one(int named)
{
	struct span	 ca = buf_bytes(&w.ca);
	struct buf	 leaf = BUF_INIT, sct = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct flip	 bit = { 0, 4 };
	struct flips	 f = { .instance = instance, .judge = judge,
	    .days = 1 };
	struct evidence	*ev;
	int		 log, cert, promise, entry, n;

	make_leaf(ENTRY_X509, buf_bytes(&w.cert), NULL, named, &leaf);
	make_sct(&leaf, named, &sct);
	bit.at = leaf.n / 2;
	leaf.p[bit.at] ^= bit.mask;
	put_leaf(CERT_AT, &leaf);
	ev = begun(&log);
	cert = evidence_certificate(ev, "x509", buf_bytes(&w.cert), &ca, 1,
	    &e);
	promise = evidence_sct(ev, log, cert, "tls", buf_bytes(&sct), &e);
	if (promise < 0)
		fail_msg("%s", e.msg);
	entry = add_entry(ev, log, CERT_AT, -1, "x509");
	if ((n = evidence_flipped(ev, promise, entry, &bit, &e)) == -1)
		fail_msg("%s", e.msg);
	bit.mask = 8;
	assert_int_equal(evidence_flipped(ev, promise, entry, &bit, NULL),
	    -1);
	bit.mask = 12;
	assert_int_equal(evidence_flipped(ev, promise, entry, &bit, NULL),
	    -1);
	f.root = done(ev);
	graded(f.root, n, "transferable");
	for (f.seal = 0; f.seal < 2; f.seal++)
		flip(&f, f.root);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 500);
	json_decref(f.root);
	buf_free(&leaf);
	buf_free(&sct);
}

/* The SCT names no index, as in RFC 6962. */
static void
unnamed(void **state)
{
	(void)state;
	one(-1);
}

/* It names this one: the log contradicts itself (static-ct-api). */
static void
named(void **state)
{
	(void)state;
	one(CERT_AT);
}

/*
 * The bit is in the index that the entry names as its own: what is right about
 * it, its certificate, is shown as well, and the log's word of where it is.
 */
static void
index_of(void **state)
{
	struct span	 ca = buf_bytes(&w.ca);
	struct buf	 leaf = BUF_INIT, sct = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct flip	 bit = { 0, 1 };
	struct flips	 f = { .instance = instance, .judge = judge,
	    .days = 1 };
	struct evidence	*ev;
	int		 log, cert, promise, entry, n;

	(void)state;
	make_leaf(ENTRY_X509, buf_bytes(&w.cert), NULL, CERT_AT, &leaf);
	make_sct(&leaf, CERT_AT, &sct);
	bit.at = leaf.n - 1;
	leaf.p[bit.at] ^= bit.mask;
	put_leaf(CERT_AT, &leaf);
	ev = begun(&log);
	cert = evidence_certificate(ev, "x509", buf_bytes(&w.cert), &ca, 1,
	    &e);
	promise = evidence_sct(ev, log, cert, "tls", buf_bytes(&sct), &e);
	entry = add_entry(ev, log, CERT_AT, cert, "x509");
	assert_true(cert >= 0 && promise >= 0 && entry >= 0);
	if ((n = evidence_flipped(ev, promise, entry, &bit, &e)) == -1)
		fail_msg("%s", e.msg);
	f.root = done(ev);
	graded(f.root, n, "transferable");
	for (f.seal = 0; f.seal < 2; f.seal++)
		flip(&f, f.root);
	assert_int_equal(f.missed, 0);
	json_decref(f.root);
	buf_free(&leaf);
	buf_free(&sct);
}

/* It names another one, where the promise may have been kept. */
static void
elsewhere(void **state)
{
	struct buf	leaf = BUF_INIT;
	struct flip	bit = { 0, 1 };

	(void)state;
	make_leaf(ENTRY_X509, buf_bytes(&w.cert), NULL, 9, &leaf);
	bit.at = leaf.n / 2;
	assert_int_equal(evidence_flip_shows(buf_bytes(&leaf), 9, &bit),
	    FLIP_INDEX);
	assert_int_equal(evidence_flip_shows(buf_bytes(&leaf), 8, &bit),
	    FLIP_TWIN);
	/* the index itself: promised was 8 */
	bit.at = leaf.n - 1;
	assert_int_equal(evidence_flip_shows(buf_bytes(&leaf), 8, &bit),
	    FLIP_INDEX);
	buf_free(&leaf);
}

/* The final certificate of a precertificate: with the SCT in it. */
static void
finish(X509 *x, const struct buf *sct, struct buf *out)
{
	ASN1_OBJECT		*oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.2",
				    1);
	ASN1_OCTET_STRING	*v = ASN1_OCTET_STRING_new();
	X509_EXTENSION		*ext;
	struct buf		 b = BUF_INIT;

	buf_u8(&b, 0x04);
	buf_u8(&b, (uint8_t)(sct->n + 4));
	buf_u16(&b, (uint16_t)(sct->n + 2));
	buf_u16(&b, (uint16_t)sct->n);
	buf_span(&b, buf_bytes(sct));
	need(sct->n + 4 < 128, "a length of one byte");
	(void)ASN1_OCTET_STRING_set(v, b.p, (int)b.n);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, v);
	need(X509_add_ext(x, ext, -1) == 1 &&
	    X509_sign(x, w.ca_key, EVP_sha256()) > 0, "final certificate");
	put_cert(x, out);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(v);
	ASN1_OBJECT_free(oid);
	buf_free(&b);
}

/*
 * A CA that wants to accuse an honest log signs two precertificates of one
 * serial that differ in a bit ('o' and 'n'), and has both logged within a
 * millisecond.  The log took both, and proves both.
 */
static void
framed(void **state)
{
	static const char *const sans[] = { "DNS:shop.example",
	    "DNS:shnp.example" };
	const unsigned char	*p = w.ca.p;
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	X509		*ca = d2i_X509(NULL, &p, (long)w.ca.n), *x;
	struct span	 issuer = buf_bytes(&w.ca);
	struct buf	 pre[2] = { BUF_INIT, BUF_INIT }, tbs = BUF_INIT,
			 leaf[2] = { BUF_INIT, BUF_INIT }, sct = BUF_INIT,
			 final = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct flip	 bit;
	struct evidence	*ev;
	uint8_t		 hash[32];
	json_t		*root;
	int		 i, log, cert, twin, promise, entry, signed_, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		x = make_cert(key, ca, w.ca_key, "shop", sans[i], 1);
		put_cert(x, &pre[i]);
		X509_free(x);
		buf_reset(&tbs);
		need(cert_precert_tbs(buf_bytes(&pre[i]), &issuer, 1, &tbs,
		    hash, NULL) == 0, "tbs");
		make_leaf(ENTRY_PRECERT, buf_bytes(&tbs), hash, -1, &leaf[i]);
		put_leaf((size_t)i, &leaf[i]);
	}
	make_sct(&leaf[0], -1, &sct);
	x = make_cert(key, ca, w.ca_key, "shop", sans[0], 0);
	finish(x, &sct, &final);
	X509_free(x);
	evidence_leaf_hash(buf_bytes(&leaf[0]), hash);
	assert_int_equal(flip_find(buf_bytes(&leaf[1]), hash, &bit), 1);
	ev = begun(&log);
	cert = evidence_certificate(ev, "x509", buf_bytes(&final), &issuer, 1,
	    &e);
	twin = evidence_certificate(ev, "precert", buf_bytes(&pre[1]),
	    &issuer, 1, &e);
	promise = evidence_sct(ev, log, cert, "certificate", buf_bytes(&sct),
	    &e);
	assert_true(cert >= 0 && twin >= 0 && promise >= 0);
	/* with its certificate it accuses nobody, */
	signed_ = add_entry(ev, log, 1, twin, "precert");
	assert_int_equal(evidence_flipped(ev, promise, signed_, &bit, &e),
	    -1);
	/* without, it says what would clear the log */
	entry = add_entry(ev, log, 1, -1, "precert");
	n = evidence_flipped(ev, promise, entry, &bit, &e);
	assert_true(n > entry);
	root = done(ev);
	graded(root, n, "transferable");
	json_decref(root);
	for (i = 0; i < 2; i++) {
		buf_free(&pre[i]);
		buf_free(&leaf[i]);
	}
	buf_free(&tbs);
	buf_free(&sct);
	buf_free(&final);
	X509_free(ca);
	EVP_PKEY_free(key);
}

/* Two honest leaves may differ in a bit: of time, of a serial. */
static void
not_same(void **state)
{
	struct buf	b = BUF_INIT;
	struct flip	f = { 9, 1 };		/* the last byte of the time */
	const uint8_t	serial[] = { 0x02, 0x02, 0x12, 0x67 };	/* 4711 */
	const uint8_t	*p;
	struct span	leaf;

	(void)state;
	make_leaf(ENTRY_X509, buf_bytes(&w.cert), NULL, -1, &b);
	leaf = buf_bytes(&b);
	p = memmem(leaf.p, leaf.n, serial, sizeof(serial));
	assert_non_null(p);
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_NOTHING);
	f.at = (size_t)(p - leaf.p) + 3;
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_NOTHING);
	f.at = leaf.n - 10;		/* in the signature */
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_TWIN);
	f.mask = 3;
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_NOTHING);
	f.mask = 0;
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_NOTHING);
	f.mask = 1;
	f.at = leaf.n;
	assert_int_equal(evidence_flip_shows(leaf, CERT_AT, &f),
	    FLIP_NOTHING);
	buf_free(&b);
}

/* When there is enough, half of a file is left for what must be in it. */
static void
large(void **state)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;

	(void)state;
	assert_int_equal(evidence_large(ev), 0);
	assert_int_equal(evidence_add(ev, "x", "y", json_object(),
	    LIMIT_EVIDENCE / 2 / 4 * 3 - 600, &e), 0);
	assert_int_equal(evidence_large(ev), 0);
	assert_int_equal(evidence_add(ev, "x", "y", json_object(), 600, &e),
	    1);
	assert_int_equal(evidence_large(ev), 1);
	assert_int_equal(evidence_add(ev, "x", "y", json_object(),
	    LIMIT_EVIDENCE / 2 / 4 * 3 - 3000, &e), 2);
	evidence_free(ev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unnamed),
		cmocka_unit_test(named),
		cmocka_unit_test(index_of),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(framed),
		cmocka_unit_test(not_same),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
