/* Signatures of CRLs, and what is not as it should be. */
#include "tests/unit/ocsp/crlscan_fixture.h"

enum { P256, P384, P521, RSA2K, ED, ED4, K1, RSA512, RSAE256,
    RSAE257, NKEYS };
static const struct {
	struct span	 alg;
	int		 key;
	const char	*md;
	enum crl_fault	 fault;
	size_t		 digest;
} algs[] = {
	{ MADE_ALG(MADE_ES256), P256, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_ES384), P384, "SHA384", CRL_OK, 48 },
	{ MADE_ALG(MADE_ES512), P521, "SHA512", CRL_OK, 64 },
	{ MADE_ALG(MADE_ES256), P384, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSA2K, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0c")), RSA2K, "SHA384", CRL_OK, 48 },
	{ MADE_ALG(MADE_RS("\x0d")), RSA2K, "SHA512", CRL_OK, 64 },
	{ MADE_ALG(MADE_PSS), RSA2K, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_ED25519), ED, NULL, CRL_OK, 0 },
	{ MADE_ALG(MADE_ED448), ED4, NULL, CRL_OK, 0 },
	/* SHA-1, at a time when it was allowed */
	{ MADE_ALG(MADE_RS("\x05")), RSA2K, "SHA1", CRL_OK, 20 },
	{ MADE_ALG(MADE_ES1), P256, "SHA1", CRL_OK, 20 },
	/* another hash, another kind of key */
	{ MADE_ALG(MADE_ES384), P256, "SHA256", CRL_BAD_SIGNATURE,
	    48 },
	{ MADE_ALG(MADE_RS("\x0b")), P256, "SHA256",
	    CRL_BAD_SIGNATURE, 32 },
	{ MADE_ALG(MADE_ES256), RSA2K, "SHA256", CRL_BAD_SIGNATURE,
	    32 },
	{ MADE_ALG(MADE_ED25519), P256, "SHA256", CRL_BAD_SIGNATURE,
	    0 },
	{ MADE_ALG(MADE_ED25519), ED4, NULL, CRL_BAD_SIGNATURE, 0 },
	/* PKCS #1 for PSS */
	{ MADE_ALG(MADE_PSS), RSA2K, "SHA512", CRL_BAD_SIGNATURE,
	    32 },
	/* MD5, parameters where none may be, nothing known */
	{ MADE_ALG(MADE_RS("\x04")), RSA2K, "MD5", CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	    "\x05"), P256, "SHA256", CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x03\x06\x01\x29"), P256, "SHA256",
	    CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x02\x05"), P256, "SHA256", CRL_UNCHECKED,
	    0 },
	/* keys that we do not judge by */
	{ MADE_ALG(MADE_ES256), K1, "SHA256", CRL_UNCHECKED, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSA512, "SHA256", CRL_UNCHECKED,
	    32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSAE256, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSAE257, "SHA256",
	    CRL_UNCHECKED, 32 },
};

/* Every algorithm that is read, with the key that it wants and one not. */
static void
test_algorithms(void **state)
{
	EVP_PKEY		*keys[NKEYS] = { EVP_EC_gen("P-256"),
	    EVP_EC_gen("P-384"), EVP_EC_gen("P-521"), EVP_RSA_gen(2048),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), EVP_EC_gen("secp256k1"),
	    EVP_RSA_gen(512), made_rsa(2048, 256), made_rsa(2048, 257) };
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		cert = BUF_INIT, crl = BUF_INIT;
	struct made		m;
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		made_ca("Made CA", keys[algs[i].key], NULL, &cert);
		in.issuer = buf_bytes(&cert);
		for (k = 0; k < 2; k++) {
			made_new(&m, keys[algs[i].key]);
			m.alg = m.outer = algs[i].alg;
			/* the constants end with a zero byte that counts */
			if (m.alg.p[1] + 2u > m.alg.n)
				m.alg.n = m.outer.n = m.alg.p[1] + 2u;
			m.md = algs[i].md != NULL ? EVP_get_digestbyname(
			    algs[i].md) : NULL;
			m.pss = algs[i].alg.n > 60 && strcmp(algs[i].md,
			    "SHA256") == 0;
			made_revoked(&m.entries, MADE_S(A), "260101000000Z",
			    1);
			made_crl(&m, &crl);
			if (k == 1)	/* the signature changes */
				crl.p[crl.n - 1] ^= 1;
			scan(&in, &crl, &o);
			if (o.fault != algs[i].fault && k != 1)
				print_message("%zu: %s\n", i, o.why);
			if (k != 1)
				assert_int_equal(o.fault, algs[i].fault);
			else
				assert_int_equal(o.fault,
				    algs[i].fault == CRL_UNCHECKED ?
				    CRL_UNCHECKED : CRL_BAD_SIGNATURE);
			assert_int_equal(o.authentic, o.fault == CRL_OK);
			assert_int_equal(o.ntbs_digest, algs[i].digest);
			crlscan_out_free(&o);
			made_free(&m);
		}
	}
	for (i = 0; i < NKEYS; i++)
		EVP_PKEY_free(keys[i]);
	buf_free(&cert);
	buf_free(&crl);
}

/* SHA-1 proves something until a day; what it signs later does not count. */
static void
test_sha1(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	static const struct {
		const char	*this_update;
		enum crl_fault	 fault;
	} t[] = {
		{ "260914235959Z", CRL_OK }, { "260915000000Z", CRL_UNCHECKED },
	};
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	size_t			i;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	in.now += 92 * 86400 * CLK_SEC;
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		m.alg = m.outer = MADE_ALG(MADE_ES1);
		m.md = EVP_sha1();
		buf_reset(&m.times);
		made_time(&m.times, t[i].this_update);
		made_time(&m.times, "260920000000Z");
		made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, t[i].fault);
		assert_int_equal(o.nhits, i == 0);
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&crl);
	buf_free(&image);
}

/* Any byte changed or cut off, nothing is believed. */
static void
test_spoilt(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	static const char *const	uris[] = { URL, NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	size_t				i, n;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	made_new(&m, p256);
	made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
	made_revoked(&m.entries, MADE_S(B), "260101000000Z", -1);
	made_idp(&m.exts, uris, MADE_NONE);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	for (i = 0; i < crl.n * 8; i++) {
		crl.p[i / 8] ^= (uint8_t)(1u << i % 8);
		scan_pieces(&in, buf_bytes(&crl), 64, &o);
		assert_false(o.authentic);
		assert_int_equal(o.nhits, 0);
		assert_true(o.fault >= CRL_MALFORMED &&
		    o.fault <= CRL_UNCHECKED);
		crlscan_out_free(&o);
		crl.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	n = crl.n;
	for (crl.n = 0; crl.n < n; crl.n++) {
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, CRL_MALFORMED);
		crlscan_out_free(&o);
	}
	/* a byte too many */
	buf_u8(&crl, 0);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	crlscan_out_free(&o);
	/* two algorithms; signature bits that are left over */
	m.outer = MADE_ALG(MADE_ES384);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&crl);
	buf_free(&image);
}

/* Which faults leave the revocations that are listed. */
static void
test_faults(void **state)
{
	static const enum crl_fault	yes[] = { CRL_OK, CRL_DELTA,
					    CRL_PARTIAL, CRL_FUTURE,
					    CRL_UNNUMBERED, CRL_STALE, CRL_REWOUND };
	const char			*name;
	size_t				 i, k, n = 0;

	(void)state;
	for (i = 0; i < CRL_FAULT_MAX; i++) {
		name = crl_fault_name((enum crl_fault)i);
		assert_non_null(name);
		for (k = 0; k < i; k++)
			assert_string_not_equal(name,
			    crl_fault_name((enum crl_fault)k));
		n += (size_t)crl_fault_revokes((enum crl_fault)i);
	}
	assert_int_equal(n, sizeof(yes) / sizeof(yes[0]));
	for (i = 0; i < n; i++)
		assert_true(crl_fault_revokes(yes[i]));
	assert_string_equal(crl_fault_name(CRL_FAULT_MAX), "unknown");
	assert_string_equal(crl_fault_name(CRL_WRONG_SCOPE), "wrong_scope");
}

/* Lengths that lie: what they promise is not waited for. */
static void
test_lies(void **state)
{
	static const struct {
		const char	*hex;
		enum crl_fault	 fault;
		int		 stop;
	} t[] = {
		/* LIMIT_CRL bytes in all, and one more */
		{ "30840ffffffa3084", CRL_MALFORMED, 0 },
		{ "30840ffffffb3084", CRL_TOO_LARGE, -1 },
		{ "3084ffffffff", CRL_TOO_LARGE, -1 },
		/* indefinite, five bytes, not the shortest */
		{ "3080", CRL_MALFORMED, 0 },
		{ "308500ffffffff", CRL_MALFORMED, 0 },
		{ "30817f", CRL_MALFORMED, 0 },
		{ "30820010", CRL_MALFORMED, 0 },
		{ "3f80", CRL_MALFORMED, 0 },
		{ "0482ffff", CRL_MALFORMED, 0 },
		{ "2d2d2d2d2d424547494e", CRL_MALFORMED, 0 },
		/* a tbs, a version and a name larger than what they are in */
		{ "300430820100", CRL_MALFORMED, 0 },
		{ "30083006028200800101", CRL_MALFORMED, 0 },
		/* a serial number of 16 MB in a CRL of 200 MB */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "30123110300e06035504030c074d616465204341"
		    "170d3236303631303030303030305a"
		    "30840bebc100" "308401000010" "02840100000b" "01",
		    CRL_TOO_LARGE, 0 },
		/* a name of 16 MB */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "308401000000", CRL_TOO_LARGE, 0 },
		/* 100 MB behind the entries */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "30123110300e06035504030c074d616465204341"
		    "170d3236303631303030303030305a" "a08405000000",
		    CRL_TOO_LARGE, 0 },
	};
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct crlscan		*s;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &b),
		    0);
		s = crlscan_new(&in);
		err_clear(&e);
		assert_int_equal(crlscan_update(s, b.p, b.n, &e), t[i].stop);
		assert_int_equal(e.code, t[i].stop == 0 ? ERR_NONE :
		    ERR_LIMIT);
		crlscan_finish(s, &o);
		if (o.fault != t[i].fault)
			print_message("%zu: %s\n", i, o.why);
		assert_int_equal(o.fault, t[i].fault);
		assert_false(o.authentic);
		crlscan_out_free(&o);
		crlscan_free(s);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_lies)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
