#include "tests/unit/ctlog/data.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ctlog/sct.h"
#include "pki/cert.h"

/* A DER SubjectPublicKeyInfo of a key as sct.rs stores it: the bare bits. */
static void
raw_key(const char *rel, struct buf *spki)
{
	static const char	p256[] =
	    "3059301306072a8648ce3d020106082a8648ce3d030107034200";
	static const char	p384[] =
	    "3076301006072a8648ce3d020106052b81040022036200";
	struct buf		raw = BUF_INIT;
	const uint8_t		*p;
	uint8_t			*der = NULL;
	EVP_PKEY		*key;
	int			 n;

	buf_reset(spki);
	assert_int_equal(data_read(rel, &raw), 0);
	if (raw.p[0] == 4) {
		data_hex(raw.n == 65 ? p256 : p384, spki);
		buf_add(spki, raw.p, raw.n);
	} else {
		p = raw.p;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)raw.n);
		assert_non_null(key);
		n = i2d_PUBKEY(key, &der);
		buf_add(spki, der, (size_t)n);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
	buf_free(&raw);
}

/* What is inside the first PEM block of a file, appended. */
static int
pem(const char *rel, struct buf *out)
{
	FILE	*f = fopen(data_path(rel), "r");
	char	*name = NULL, *header = NULL;
	uint8_t	*der = NULL;
	long	 n;

	if (f == NULL)
		return -1;
	assert_int_equal(PEM_read(f, &name, &header, &der, &n), 1);
	(void)fclose(f);
	buf_reset(out);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	return 0;
}

#define RS "sct/sct.rs/"

enum want { GOOD, BAD, MALFORMED };

static const struct {
	const char	*sct;
	const char	*key;
	const char	*cert;		/* NULL: the four bytes "cert" */
	enum want	 want;
} scts[] = {
#define P256 RS "ecdsa-prime256v1-pub.raw"
#define P384 RS "ecdsa-secp384r1-pub.raw"
	{ RS "ecdsa_p256-basic-sct.bin", P256, NULL, GOOD },
	{ RS "ecdsa_p256-wrongtime-sct.bin", P256, NULL, BAD },
	{ RS "ecdsa_p256-wrongcert-sct.bin", P256, NULL, BAD },
	{ RS "ecdsa_p256-wrongext-sct.bin", P256, NULL, BAD },
	{ RS "ecdsa_p256-badsigalg-sct.bin", P256, NULL, BAD },
	{ RS "ecdsa_p256-version-sct.bin", P256, NULL, MALFORMED },
	{ RS "ecdsa_p256-junk-sct.bin", P256, NULL, MALFORMED },
	/* These two verify: who looks up the log and the time refuses. */
	{ RS "ecdsa_p256-future-sct.bin", P256, NULL, GOOD },
	{ RS "ecdsa_p256-wrongid-sct.bin", P256, NULL, GOOD },
	{ RS "ecdsa_p384-basic-sct.bin", P384, NULL, GOOD },
	{ RS "ecdsa_p384-wrongtime-sct.bin", P384, NULL, BAD },
	{ RS "ecdsa_p384-wrongcert-sct.bin", P384, NULL, BAD },
	{ RS "rsa2048-basic-sct.bin", RS "rsa-2048-pub.raw", NULL, GOOD },
	{ RS "rsa2048-wrongtime-sct.bin", RS "rsa-2048-pub.raw", NULL, BAD },
	{ RS "rsa2048-wrongcert-sct.bin", RS "rsa-2048-pub.raw", NULL, BAD },
	{ RS "rsa3072-basic-sct.bin", RS "rsa-3072-pub.raw", NULL, GOOD },
	{ RS "rsa3072-wrongtime-sct.bin", RS "rsa-3072-pub.raw", NULL, BAD },
	{ RS "rsa3072-wrongcert-sct.bin", RS "rsa-3072-pub.raw", NULL, BAD },
	{ RS "rsa4096-basic-sct.bin", RS "rsa-4096-pub.raw", NULL, GOOD },
	{ RS "rsa4096-wrongtime-sct.bin", RS "rsa-4096-pub.raw", NULL, BAD },
	{ RS "rsa4096-wrongcert-sct.bin", RS "rsa-4096-pub.raw", NULL, BAD },
	{ RS "google-sct0.bin", RS "google-pilot-pubkey.bin",
	  RS "google-cert.bin", GOOD },
	{ RS "google-sct1.bin", RS "symantec-log-pubkey.bin",
	  RS "google-cert.bin", GOOD },
	{ RS "google-sct0.bin", RS "symantec-log-pubkey.bin",
	  RS "google-cert.bin", BAD },
};

static void
rust(void **state)
{
	struct buf	b = BUF_INIT, spki = BUF_INIT, cert = BUF_INIT;
	struct sct	s;
	struct entry	en;
	struct err	e;
	uint8_t		*p;
	size_t		i, k, n = sizeof(scts) / sizeof(scts[0]);
	int		rc;

	(void)state;
	if (data_read(scts[0].sct, &b) == -1) {
		data_skip((unsigned)n, "SCTs of sct.rs");
		return;
	}
	for (i = 0; i < n; i++) {
		buf_reset(&b);
		buf_reset(&cert);
		assert_int_equal(data_read(scts[i].sct, &b), 0);
		raw_key(scts[i].key, &spki);
		if (scts[i].cert == NULL)
			buf_str(&cert, "cert");
		else
			assert_int_equal(data_read(scts[i].cert, &cert), 0);
		memset(&en, 0, sizeof(en));
		en.cert = buf_bytes(&cert);
		err_clear(&e);
		rc = sct_read(buf_bytes(&b), &s, &e);
		if (rc != (scts[i].want == MALFORMED ? -1 : 0))
			fail_msg("%s: %s", scts[i].sct, e.msg);
		if (rc == -1)
			continue;
		rc = sct_verify(&s, &en, buf_bytes(&spki), &e);
		if (rc != (scts[i].want == GOOD ? 0 : -1))
			fail_msg("%s: %s", scts[i].sct, e.msg);
		for (k = 0; k < b.n; k++) {
			p = data_exact((struct span){ b.p, k });
			assert_int_equal(sct_read((struct span){ p, k }, &s,
			    NULL), -1);
			free(p);
		}
		buf_u8(&b, 0);
		assert_int_equal(sct_read(buf_bytes(&b), &s, NULL), -1);
	}
	printf("%zu SCTs of sct.rs\n", n);
	buf_free(&b);
	buf_free(&spki);
	buf_free(&cert);
}

#define GO "sct/google-ct-testdata/"

/* A proof, the (pre)certificate and its chain, the log's key. */
static const struct {
	const char	*proof;
	const char	*cert;
	const char	*chain[3];	/* empty: an x509 entry */
	const char	*key;
} proofs[] = {
	{ GO "test-cert.proof", GO "test-cert.pem", { NULL },
	  GO "ct-server-key-public.pem" },
	{ GO "rsa/test-cert-rsa.proof", GO "test-cert.pem", { NULL },
	  GO "rsa/ct-server-key-public-rsa.pem" },
	{ GO "test-intermediate-cert.proof", GO "test-intermediate-cert.pem",
	  { NULL }, GO "ct-server-key-public.pem" },
	{ GO "test-embedded-pre-cert.proof", GO "test-embedded-pre-cert.pem",
	  { GO "ca-cert.pem" }, GO "ct-server-key-public.pem" },
	{ GO "rsa/test-embedded-pre-cert-rsa.proof",
	  GO "test-embedded-pre-cert.pem", { GO "ca-cert.pem" },
	  GO "rsa/ct-server-key-public-rsa.pem" },
	{ GO "test-embedded-with-intermediate-pre-cert.proof",
	  GO "test-embedded-with-intermediate-pre-cert.pem",
	  { GO "intermediate-cert.pem", GO "ca-cert.pem" },
	  GO "ct-server-key-public.pem" },
	{ GO "test-embedded-with-preca-pre-cert.proof",
	  GO "test-embedded-with-preca-pre-cert.pem",
	  { GO "ca-pre-cert.pem", GO "ca-cert.pem" },
	  GO "ct-server-key-public.pem" },
	{ GO "test-embedded-with-intermediate-preca-pre-cert.proof",
	  GO "test-embedded-with-intermediate-preca-pre-cert.pem",
	  { GO "intermediate-pre-cert.pem", GO "intermediate-cert.pem",
	    GO "ca-cert.pem" }, GO "ct-server-key-public.pem" },
};

static void
google(void **state)
{
	struct buf	b = BUF_INIT, cert = BUF_INIT, spki = BUF_INIT;
	struct buf	chain[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct buf	tbs = BUF_INIT;
	struct span	links[3];
	struct entry	en;
	struct sct	s;
	struct err	e;
	size_t		i, k, n = sizeof(proofs) / sizeof(proofs[0]);

	(void)state;
	for (i = 0; i < n; i++) {
		buf_reset(&b);
		err_clear(&e);
		if (data_read(proofs[i].proof, &b) == -1 ||
		    pem(proofs[i].cert, &cert) == -1 ||
		    pem(proofs[i].key, &spki) == -1) {
			data_skip(1, proofs[i].proof);
			continue;
		}
		memset(&en, 0, sizeof(en));
		en.cert = buf_bytes(&cert);
		for (k = 0; k < 3 && proofs[i].chain[k] != NULL; k++) {
			assert_int_equal(pem(proofs[i].chain[k], &chain[k]),
			    0);
			links[k] = buf_bytes(&chain[k]);
		}
		if (k > 0) {
			buf_reset(&tbs);
			en.type = ENTRY_PRECERT;
			if (cert_precert_tbs(buf_bytes(&cert), links, k,
			    &tbs, en.issuer_key_hash, &e) == -1)
				fail_msg("%s: %s", proofs[i].cert, e.msg);
			en.cert = buf_bytes(&tbs);
		}
		if (sct_read(buf_bytes(&b), &s, &e) == -1 ||
		    sct_verify(&s, &en, buf_bytes(&spki), &e) == -1)
			fail_msg("%s: %s", proofs[i].proof, e.msg);
		en.type ^= 1;
		assert_int_equal(sct_verify(&s, &en, buf_bytes(&spki), NULL),
		    -1);
		en.type ^= 1;
		s.timestamp++;
		assert_int_equal(sct_verify(&s, &en, buf_bytes(&spki), NULL),
		    -1);
	}
	printf("%zu SCT proofs of google-ct-testdata\n", n);
	buf_free(&b);
	buf_free(&cert);
	buf_free(&spki);
	buf_free(&tbs);
	for (k = 0; k < 3; k++)
		buf_free(&chain[k]);
}

/* An SCT with extensions in hex: the index that is read, -1 for none. */
static void
extensions(void **state)
{
	static const struct {
		const char	*hex;
		int64_t		 index;
	} exts[] = {
		{ "", -1 }, { "0000050000000102", 0x102 }, { "41", -1 },
		{ "0000050000000102" "0000050000000102", -1 },
	};
	struct buf	b = BUF_INIT, x = BUF_INIT;
	struct sct	s;
	size_t		i;

	(void)state;
	for (i = 0; i < 4; i++) {
		buf_reset(&b);
		buf_reset(&x);
		data_hex(exts[i].hex, &x);
		buf_u8(&b, 0);
		memset(buf_room(&b, 32), 7, 32);
		b.n += 32;
		buf_u64(&b, 99);
		buf_u16(&b, (uint16_t)x.n);
		buf_add(&b, x.p, x.n);
		buf_u32(&b, 0x04030001);
		buf_u8(&b, 0xee);
		assert_int_equal(sct_read(buf_bytes(&b), &s, NULL), 0);
		assert_int_equal(s.timestamp, 99);
		assert_int_equal(s.log_id[31], 7);
		assert_int_equal(s.ext.n, x.n);
		assert_int_equal(s.leaf_index, exts[i].index);
		assert_int_equal(s.sig.n, 1);
	}
	b.p[33] = 0x80;
	assert_int_equal(sct_read(buf_bytes(&b), &s, NULL), -1);
	buf_free(&b);
	buf_free(&x);
}

/* Lists in hex: how many SCTs, -1 for none. */
static const struct {
	const char	*hex;
	int		 n;
} lists[] = {
	{ "0004" "0002aabb", 1 },
	{ "0007" "0002aabb" "0001cc", 2 },
	{ "", -1 }, { "00", -1 }, { "0000", -1 },
	{ "0002" "0000", -1 },
	{ "0006" "0002aabb" "0000", -1 },
	{ "0004" "0002aabb" "00", -1 },
	{ "0005" "0002aabb", -1 },
	{ "0003" "0002aabb", -1 },
	{ "0005" "0002aabb" "00", -1 },
	{ "0004" "0003aabb", -1 },
};

static void
list(void **state)
{
	struct buf	b = BUF_INIT;
	struct span	out[4];
	struct err	e = ERR_INIT;
	uint8_t		*p;
	size_t		i, k, n;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buf_reset(&b);
		data_hex(lists[i].hex, &b);
		p = data_exact(buf_bytes(&b));
		assert_int_equal(sct_list((struct span){ p, b.n }, out, 4, &n,
		    NULL), lists[i].n < 0 ? -1 : 0);
		if (lists[i].n > 0) {
			assert_int_equal(n, lists[i].n);
			assert_int_equal(out[0].n, 2);
			assert_int_equal(out[0].p[1], 0xbb);
		}
		free(p);
	}
	for (k = 4; k <= 5; k++) {
		buf_reset(&b);
		buf_u16(&b, (uint16_t)(k * 3));
		for (i = 0; i < k; i++)
			buf_u24(&b, 0x0001aa);
		assert_int_equal(sct_list(buf_bytes(&b), out, 4, &n, &e),
		    k == 4 ? 0 : -1);
		assert_int_equal(e.code, k == 4 ? ERR_NONE : ERR_LIMIT);
	}
	buf_free(&b);
}

static void
unwrap(void **state)
{
	static const size_t	lens[] = { 0, 1, 127, 128, 255, 256, 65535 };
	static const char *const bad[] = { "", "04", "0401", "040100" "00",
	    "050100", "0480", "0481", "048101aa", "04810100", "048200",
	    "04820001aa", "048300000" "1aa", "0484000000" "01aa" };
	struct buf	b = BUF_INIT;
	struct span	out;
	size_t		i, n;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		n = lens[i];
		buf_reset(&b);
		buf_u8(&b, 4);
		if (n >= 256) {
			buf_u8(&b, 0x82);
			buf_u16(&b, (uint16_t)n);
		} else {
			if (n >= 128)
				buf_u8(&b, 0x81);
			buf_u8(&b, (uint8_t)n);
		}
		memset(buf_room(&b, n), 1, n);
		b.n += n;
		assert_int_equal(sct_unwrap(buf_bytes(&b), &out, NULL), 0);
		assert_int_equal(out.n, n);
		b.n--;
		assert_int_equal(sct_unwrap(buf_bytes(&b), &out, NULL), -1);
		b.n += 2;
		assert_int_equal(sct_unwrap(buf_bytes(&b), &out, NULL), -1);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&b);
		data_hex(bad[i], &b);
		assert_int_equal(sct_unwrap(buf_bytes(&b), &out, NULL), -1);
	}
	buf_free(&b);
}

/* A list of real SCTs, 200 times spoiled. */
static void
spoiled(void **state)
{
	static const char *const files[] = { RS "google-sct0.bin",
	    RS "google-sct1.bin", "sct/openssl/certs/embeddedSCTs1.tlssct" };
	struct buf	b = BUF_INIT, c = BUF_INIT, one = BUF_INIT;
	struct span	out[16];
	struct sct	s;
	uint64_t	seed = 41;
	uint8_t		*p;
	size_t		i, k, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		buf_reset(&one);
		if (data_read(files[i], &one) == -1) {
			data_skip(200, "spoiled SCT lists");
			goto out;
		}
		buf_u16(&c, (uint16_t)one.n);
		buf_add(&c, one.p, one.n);
	}
	buf_u16(&b, (uint16_t)c.n);
	buf_add(&b, c.p, c.n);
	assert_int_equal(sct_list(buf_bytes(&b), out, 16, &n, NULL), 0);
	assert_int_equal(n, 3);
	for (k = 0; k < n; k++)
		assert_int_equal(sct_read(out[k], &s, NULL), 0);
	for (i = 0; i < 200; i++) {
		data_spoil(&seed, buf_bytes(&b), &c);
		p = data_exact(buf_bytes(&c));
		(void)sct_list((struct span){ p, c.n }, out, 16, &n, NULL);
		for (k = 0; k < n; k++)
			(void)sct_read(out[k], &s, NULL);
		free(p);
	}
	printf("a list of 3 real SCTs, 200 spoiled copies\n");
out:
	buf_free(&b);
	buf_free(&c);
	buf_free(&one);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(rust),
		cmocka_unit_test(google),
		cmocka_unit_test(extensions),
		cmocka_unit_test(list),
		cmocka_unit_test(unwrap),
		cmocka_unit_test(spoiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
