/* CRLs that are large, or want to be. */
#include "tests/unit/ocsp/crlscan_fixture.h"

/* --- what is large --- */

/* An entry of exactly ${size} bytes, by an unknown extension. */
static void
large_entry(struct buf *b, size_t size)
{
	struct buf	x = BUF_INIT;
	uint8_t		*v = mem_zero(size);
	size_t		n = size, from = b->n;

	do {
		b->n = from;
		buf_reset(&x);
		made_ext(&x, 99, 0, v, n--);
		made_entry(b, MADE_S(A), "260101000000Z", buf_bytes(&x));
	} while (b->n - from > size);
	assert_int_equal(b->n - from, size);
	free(v);
	buf_free(&x);
}

static void
test_large_entry(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	size_t				i;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		made_revoked(&m.entries, MADE_S(B), "260101000000Z", 1);
		large_entry(&m.entries, LIMIT_CRL_ENTRY + i);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_TOO_LARGE);
		assert_int_equal(o.nhits, i == 0);
		if (i == 0)
			assert_int_equal(o.hits[0].raw.n, LIMIT_CRL_ENTRY);
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&crl);
	buf_free(&image);
}

/* An extension, what is before the entries and what is behind them. */
static void
test_large_parts(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct made		m;
	struct buf		crl = BUF_INIT, cert = BUF_INIT;
	struct crlscan_out	o;
	EVP_PKEY		*key;
	uint8_t			*v = mem_zero(LIMIT_CRL_TAIL);
	size_t			i, k, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		/* 13 bytes are around it */
		made_ext(&m.exts, 99, 0, v, LIMIT_CRL_ENTRY - 13 + i);
		expect(&m, &in, i == 0 ? CRL_OK : CRL_TOO_LARGE);
	}
	/* the tail, with a signature whose size is always the same */
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	made_ca("Made CA", key, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	for (i = 0, n = 300; i < 3; i++) {
		made_new(&m, key);
		m.md = NULL;
		m.alg = m.outer = MADE_ALG(MADE_ED25519);
		for (k = 0; k < 4; k++)
			made_ext(&m.exts, 99, 0, v, LIMIT_CRL_ENTRY - 200);
		made_ext(&m.exts, 98, 0, v, n);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i < 2 ? CRL_OK : CRL_TOO_LARGE);
		if (i == 1)
			assert_int_equal(o.tail.n, LIMIT_CRL_TAIL);
		n += i == 0 ? LIMIT_CRL_TAIL - o.tail.n : 1;
		crlscan_out_free(&o);
		made_free(&m);
	}
	in = in_new(NULL);
	/* the header: a name that fills it */
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		/* frames, version, algorithm, times, list; the name's own */
		n = LIMIT_CRL_HEADER - 10 - 3 - 12 - 30 - 2 - 21 + i;
		memset(v, 'x', n);
		v[n] = '\0';
		made_name(&m.issuer, DER_UTF8, (const char *)v);
		made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_WRONG_ISSUER :
		    CRL_TOO_LARGE);
		crlscan_out_free(&o);
		made_free(&m);
	}
	EVP_PKEY_free(key);
	buf_free(&cert);
	buf_free(&crl);
	free(v);
}

/* Ed25519 needs all that it signs: LIMIT_CRL_KEEP of it. */
static void
test_large_eddsa(void **state)
{
	EVP_PKEY		*key = EVP_PKEY_Q_keygen(NULL, NULL,
				    "ED25519");
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		cert = BUF_INIT, crl = BUF_INIT;
	struct buf		tbs = BUF_INIT;
	struct made		m;
	size_t			i, rest;

	(void)state;
	made_ca("Made CA", key, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	for (i = 0; i < 2; i++) {
		made_new(&m, key);
		m.md = NULL;
		m.alg = m.outer = MADE_ALG(MADE_ED25519);
		while (m.entries.n < LIMIT_CRL_KEEP - 2000)
			made_revoked(&m.entries, MADE_S(A), "260101000000Z",
			    1);
		buf_reset(&tbs);
		made_tbs(&m, &tbs);
		rest = LIMIT_CRL_KEEP + i - tbs.n;
		large_entry(&m.entries, rest);
		made_crl(&m, &crl);
		crlscan_bytes(&in, buf_bytes(&crl), &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_UNCHECKED);
		crlscan_out_free(&o);
		scan_pieces(&in, buf_bytes(&crl), 1, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_UNCHECKED);
		crlscan_out_free(&o);
		made_free(&m);
	}
	EVP_PKEY_free(key);
	buf_free(&cert);
	buf_free(&crl);
	buf_free(&tbs);
}

/* LIMIT_CRL bytes are counted, one more is refused. */
static void
test_limit(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct crlscan		*s = crlscan_new(&in);
	struct err		e = ERR_INIT;
	uint8_t			*p = mem_zero(1 << 20), zero[32] = { 0 };
	size_t			i;

	(void)state;
	for (i = 0; i < LIMIT_CRL >> 20; i++)
		assert_int_equal(crlscan_update(s, p, 1 << 20, &e), 0);
	assert_int_equal(crlscan_update(s, p, 0, &e), 0);
	assert_int_equal(crlscan_update(s, p, 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(crlscan_update(s, p, 1, NULL), -1);
	crlscan_finish(s, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	assert_int_equal(o.bytes, LIMIT_CRL + 2ULL);
	assert_memory_equal(o.tbs_sha256, zero, 32);
	crlscan_out_free(&o);
	crlscan_free(s);
	free(p);
}

/* 200,000 SEQUENCEs inside each other: nothing follows them. */
static void
test_nested(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct buf		one = BUF_INIT;
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < 20000; i++)
		buf_add(&one, "\x30\x82\xf0\x00", 4);
	/* in an extension of the CRL, of an entry, instead of an entry */
	made_new(&m, p256);
	made_ext(&m.exts, 28, 1, one.p, 60000);
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	made_ext(&m.exts, 99, 0, one.p, 60000);
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	made_entry(&m.entries, MADE_S(A), "260101000000Z", (struct span){
	    one.p, 60000 });
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	buf_add(&m.entries, one.p, one.n);
	expect(&m, &in, CRL_MALFORMED);
	buf_free(&one);
}

/* More entries than are walked at once; the raw ones have an end. */
static void
test_many(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	char			text[32];
	uint8_t			v[12] = { 0x11 };
	size_t			i, n;

	(void)state;
	made_new(&m, p256);
	for (i = 0; i < 20000; i++) {
		memcpy(v + 8, &(uint32_t){ (uint32_t)i }, 4);
		n = i % 7 == 0 ? 5 : 12;
		memcpy(v + n - 4, &(uint32_t){ (uint32_t)i }, 4);
		made_revoked(&m.entries, (struct span){ v, n },
		    i % 5 == 0 ? "20260101000000Z" : "260101000000Z",
		    i % 3 == 0 ? -1 : 4);
		if (i % 4 == 0)
			assert_int_equal(crlset_add_int(b, (struct span){ v,
			    n }, NULL), i / 4);
	}
	for (i = 0; i < 3000; i++) {
		(void)snprintf(text, sizeof(text), "%zx", 77777777 + i);
		(void)crlset_add(b, text, NULL);
	}
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	made_crl(&m, &crl);
	in = in_new(&set);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.count, 20000);
	assert_int_equal(o.nhits, 5000);
	for (i = 0; i < 5000; i++)
		assert_int_equal(o.hits[i].reason, i * 4 % 3 == 0 ? -1 : 4);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&crl);
	buf_free(&image);
}

/* Entries that are kept as they are end at LIMIT_CRL_RAW; hits do not. */
static void
test_raw_limit(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct buf		x = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	uint8_t			*v = mem_zero(60000), serial[4] = { 1 };
	size_t			i, n = LIMIT_CRL_RAW / 60000 + 20, sum = 0;

	(void)state;
	made_new(&m, p256);
	made_ext(&x, 99, 0, v, 60000);
	for (i = 0; i < n; i++) {
		serial[2] = (uint8_t)(i >> 8);
		serial[3] = (uint8_t)i;
		(void)crlset_add_int(b, (struct span){ serial, 4 }, NULL);
		made_entry(&m.entries, (struct span){ serial, 4 },
		    "260101000000Z", buf_bytes(&x));
	}
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	made_crl(&m, &crl);
	in = in_new(&set);
	crlscan_bytes(&in, buf_bytes(&crl), &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.nhits, n);
	for (i = 0; i < n; i++)
		sum += o.hits[i].raw.n;
	assert_true(sum <= LIMIT_CRL_RAW && sum > LIMIT_CRL_RAW - 61000);
	assert_int_equal(o.hits[n - 1].raw.n, 0);
	crlscan_out_free(&o);
	made_free(&m);
	free(v);
	buf_free(&x);
	buf_free(&crl);
	buf_free(&image);
}

/* --- what OpenSSL does with a pile of CRLs --- */

static X509_CRL *
x509_crl(const struct buf *crl)
{
	const uint8_t	*p = crl->p;
	X509_CRL	*x = d2i_X509_CRL(NULL, &p, (long)crl->n);

	assert_non_null(x);
	return x;
}

/* X509_verify_cert() with these CRLs: its error. */
static int
pile(X509 *root, X509 *leaf, const struct buf *one, const struct buf *two)
{
	X509_STORE	*store = X509_STORE_new();
	X509_STORE_CTX	*c = X509_STORE_CTX_new();
	X509_CRL	*a = x509_crl(one), *b = x509_crl(two);
	int		 e;

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_add_crl(store, a), 1);
	assert_int_equal(X509_STORE_add_crl(store, b), 1);
	assert_int_equal(X509_STORE_CTX_init(c, store, leaf, NULL), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(c),
	    X509_V_FLAG_CRL_CHECK);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(c),
	    MADE_NOW / CLK_SEC);
	(void)X509_verify_cert(c);
	e = X509_STORE_CTX_get_error(c);
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	X509_CRL_free(a);
	X509_CRL_free(b);
	return e;
}

/*
 * A revoked leaf, its shard that lists it, and a newer CRL that omits it:
 * one without IDP, and one of the same IDP with a lower number.  OpenSSL
 * picks one of the pile and accepts the leaf.  Each scan says what its CRL
 * says; whoever merges them sees the revocation, and the lower number.
 */
static void
test_pile(void **state)
{
	static const char *const	serials[] = { "07", NULL };
	static const char *const	uris[] = { URL, NULL };
	struct buf			image = BUF_INIT, der = BUF_INIT;
	struct buf			shard = BUF_INIT, newer = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	X509				*root, *leaf;
	int				i;

	(void)state;
	watch(serials, &image, &set);
	root = made_x509("Made CA", p256, NULL, 1);
	made_add(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
	made_der(root, p256, &der);
	leaf = made_x509("leaf.made.test", p256, root, 7);
	made_add(leaf, root, NID_crl_distribution_points, "URI:" URL);
	made_der(leaf, p256, &der);
	made_new(&m, p256);
	made_idp(&m.exts, uris, MADE_NONE);
	made_revoked(&m.entries, MADE_S("\x07"), "260601000000Z", 1);
	made_crl(&m, &shard);
	made_free(&m);
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		buf_reset(&m.times);
		made_time(&m.times, "260612000000Z");
		made_time(&m.times, "260620000000Z");
		if (i == 1) {
			buf_reset(&m.exts);
			made_ext(&m.exts, 20, 0, "\x02\x01\x05", 3);
			made_idp(&m.exts, uris, MADE_NONE);
		}
		made_crl(&m, &newer);
		made_free(&m);
		assert_int_equal(pile(root, leaf, &shard, &shard),
		    X509_V_ERR_CERT_REVOKED);
		assert_int_equal(pile(root, leaf, &shard, &newer),
		    X509_V_OK);
		assert_int_equal(pile(root, leaf, &newer, &shard),
		    X509_V_OK);
		in = in_new(&set);
		scan(&in, &shard, &o);
		assert_int_equal(o.fault, CRL_OK);
		assert_int_equal(o.nhits, 1);
		assert_int_equal(o.hits[0].reason, 1);
		crlscan_out_free(&o);
		in.last_number = "0123";
		scan(&in, &newer, &o);
		assert_int_equal(o.nhits, 0);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_REWOUND);
		crlscan_out_free(&o);
	}
	X509_free(root);
	X509_free(leaf);
	buf_free(&image);
	buf_free(&der);
	buf_free(&shard);
	buf_free(&newer);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_large_entry),
		cmocka_unit_test(test_large_parts),
		cmocka_unit_test(test_large_eddsa),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_raw_limit),
		cmocka_unit_test(test_pile)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
