#include "tests/unit/auditor/judge_audit_fixture.h"
#include "auditor/role/judge_ari.h"
#include "base/clk.h"

static void
tell_roots(int with)
{
	struct roots	*r = roots_new("system");
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;

	if (with)
		assert_int_equal(roots_add(r, buf_bytes(&root.der), INT64_MIN,
		    NULL), 0);
	roots_done(r);
	judge_roots_pack(&b, (const struct roots *const *)&r, 1);
	assert_int_equal(judge_pool_roots(pool, &b, &e), 0);
	buf_free(&b);
	roots_free(r);
}

static void
cert_ask(struct buf *b, const struct made *m)
{
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));

	q->at = made_day(NOW);
	q->name = "www.example.com";
	q->cert = buf_bytes(&m->der);
	q->npool = 1;
	q->pool[0] = buf_bytes(&ca.der);
	judge_cert_ask_pack(b, q);
	free(q);
}

/* --- JUDGE_CERT, JUDGE_ROOTS, JUDGE_WEAK, JUDGE_TRUST ----------------------------------- */

static void
certificate(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT;
	struct cur		c;
	uint8_t			sha[32];
	int			with;

	(void)state;
	for (with = 0; with < 2; with++) {
		tell_roots(with);
		start();
		cert_ask(&b, &leaf);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		assert_string_equal(k.serial, "1234");
		assert_string_equal(k.names[0], "www.example.com");
		assert_string_equal(k.crl[0], "http://crl.example/1");
		assert_int_equal(k.name_ok, 1);
		assert_true(k.has_issuer);
		sha_256(sha, ca.der.p, ca.der.n);
		assert_memory_equal(k.issuer_sha256, sha, 32);
		sha_256(sha, leaf.der.p, leaf.der.n);
		assert_memory_equal(k.cert_sha256, sha, 32);
		assert_string_equal(k.weak, "");
		assert_int_equal(k.npaths, with ? 1 : 0);
		if (with) {
			assert_string_equal(k.paths[0].program, "system");
			assert_int_equal(k.paths[0].hashes.n, 96);
			if (k.paths[0].verdict != CHAIN_TRUSTED)
				fail_msg("%s", k.paths[0].reason);
		}
		judge_cert_free(&k);
	}
}

static void
not_certificates(void **state)
{
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));
	struct buf		 b = BUF_INIT;
	struct judge_cert	 k;
	struct cur		 c;
	size_t			 n;

	(void)state;
	start();
	refuses(JUDGE_CERT, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_CERT, &b);
	/* cut anywhere */
	q->name = "";
	for (n = 0; n < leaf.der.n; n += 7) {
		q->cert = (struct span){ leaf.der.p, n };
		judge_cert_ask_pack(&b, q);
		refuses(JUDGE_CERT, &b);
	}
	/* garbage beside it does no harm */
	q->cert = buf_bytes(&leaf.der);
	q->tls = q->ocsp = SPAN_STR("garbage");
	q->name = "\xff\xfe..";
	q->at = FIRST;
	q->npool = LIMIT_POOL;
	for (n = 0; n < LIMIT_POOL; n++)
		q->pool[n] = n % 2 ? SPAN_STR("garbage") :
		    buf_bytes(&leaf.der);
	judge_cert_ask_pack(&b, q);
	c = ask(JUDGE_CERT, &b);
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_false(k.has_issuer);
	assert_true(k.scts_reason[0] != '\0');
	judge_cert_free(&k);
	free(q);
}

/* The template reads the list once; every judge has it. */
static void
weak_keys(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT, text = BUF_INIT;
	struct cur		c;
	struct err		e = ERR_INIT;
	BIGNUM			*n = NULL;
	uint8_t			sha[EVP_MAX_MD_SIZE];
	unsigned		len;
	char			*hex;
	int			i;

	(void)state;
	/* the end of SHA-1 of "Modulus=HEX\n" */
	assert_int_equal(EVP_PKEY_get_bn_param(rsa.key, "n", &n), 1);
	hex = BN_bn2hex(n);
	buf_fmt(&b, "Modulus=%s\n", hex);
	assert_int_equal(EVP_Digest(b.p, b.n, sha, &len, EVP_sha1(), NULL), 1);
	OPENSSL_free(hex);
	BN_free(n);
	buf_reset(&b);
	buf_str(&text, "# list\n");
	enc_hex(&text, sha + 10, 10);
	buf_str(&text, "\n");
	for (i = 0; i < 3; i++) {
		assert_int_equal(judge_pool_weak(pool, i == 1 ?
		    buf_bytes(&text) : (struct span){ NULL, 0 }, &e), 0);
		start();
		cert_ask(&b, &rsa);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		assert_string_equal(k.weak, i == 1 ? "debian" : "");
		judge_cert_free(&k);
	}
	/* 20 MB of it, which is more than a message */
	while (text.n < (20u << 20))
		buf_fmt(&text, "%020zx\n%020zx\n%020zx\n%020zx\n", text.n,
		    text.n + 1, text.n + 2, text.n + 3);
	assert_int_equal(judge_pool_weak(pool, buf_bytes(&text), &e), 0);
	start();
	cert_ask(&b, &rsa);
	c = ask(JUDGE_CERT, &b);
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_string_equal(k.weak, "debian");
	judge_cert_free(&k);
	assert_int_equal(judge_pool_weak(pool, (struct span){ NULL, 0 }, &e),
	    0);
	buf_free(&text);
}

/* More roots than a message holds are the operator's fault. */
static void
many_roots(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;

	(void)state;
	memset(buf_room(&b, LIMIT_FRAME + 1), 0, LIMIT_FRAME + 1);
	b.n = LIMIT_FRAME + 1;
	assert_int_equal(judge_pool_roots(pool, &b, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	buf_free(&b);
	tell_roots(1);
	start();
}

/* What a judge is told that is nonsense it does not know. */
static void
trust(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT;
	struct cur		c;
	int			i;

	(void)state;
	start();
	for (i = 0; i < 3; i++) {
		if (i == 1)
			judge_trust_pack(&b, SPAN_STR("garbage"),
			    SPAN_STR(""));
		else if (i == 2)
			judge_trust_pack(&b, SPAN_STR(""),
			    SPAN_STR("00112233445566778899\n"));
		else
			buf_str(&b, "garbage");
		judge_tell(judge, JUDGE_TRUST, &b);
		buf_reset(&b);
		cert_ask(&b, &leaf);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		judge_cert_free(&k);
	}
}

/* --- JUDGE_AIA ---------------------------------------------------------------------------------------- */

static struct judge_aia
aia_say(struct span body)
{
	static struct judge_aia	a;
	struct buf		b = BUF_INIT;
	struct cur		c;

	buf_vec32(&b, body.p, body.n);
	c = ask(JUDGE_AIA, &b);
	assert_int_equal(judge_aia_read(&c, &a), 0);
	return a;
}

static void
aia(void **state)
{
	struct judge_aia	 a;
	PKCS7			*p7 = PKCS7_new();
	struct buf		 b = BUF_INIT;
	uint8_t			*der = NULL;
	uint8_t			 key[32];
	int			 n;

	(void)state;
	start();
	a = aia_say(buf_bytes(&ca.der));
	assert_int_equal(a.n, 1);
	assert_true(a.der[0].n == ca.der.n &&
	    memcmp(a.der[0].p, ca.der.p, ca.der.n) == 0);
	assert_int_equal(cert_key_hash(buf_bytes(&ca.der), key, NULL), 0);
	assert_memory_equal(a.spki_sha256[0], key, 32);
	(void)PKCS7_set_type(p7, NID_pkcs7_signed);
	(void)PKCS7_content_new(p7, NID_pkcs7_data);
	(void)PKCS7_add_certificate(p7, ca.x);
	(void)PKCS7_add_certificate(p7, root.x);
	n = i2d_PKCS7(p7, &der);
	a = aia_say((struct span){ der, (size_t)n });
	assert_int_equal(a.n, 2);
	OPENSSL_free(der);
	PKCS7_free(p7);
	/* an error page, nothing, a request that is none */
	buf_vec32(&b, "<html>", 6);
	refuses(JUDGE_AIA, &b);
	buf_vec32(&b, "", 0);
	refuses(JUDGE_AIA, &b);
	buf_str(&b, "xyz");
	refuses(JUDGE_AIA, &b);
}

/* --- JUDGE_KEYS ----------------------------------------------------------------------------------------- */

static void
keys(void **state)
{
	struct buf	b = BUF_INIT;
	struct cur	c;
	uint8_t		bad[JUDGE_KEYS_MAX];
	size_t		n;

	(void)state;
	start();
	buf_u32(&b, 3);
	buf_vec32(&b, rsa.der.p, rsa.der.n);
	buf_vec32(&b, leaf.der.p, leaf.der.n);
	buf_vec32(&b, "garbage", 7);
	c = ask(JUDGE_KEYS, &b);
	assert_int_equal(judge_keys_read(&c, bad, &n), 0);
	assert_true(n == 3 && bad[0] == 0 && bad[1] == 0 && bad[2] == 0);
	buf_u32(&b, JUDGE_KEYS_MAX + 1);
	refuses(JUDGE_KEYS, &b);
	buf_u32(&b, 2);
	buf_vec32(&b, rsa.der.p, rsa.der.n);
	refuses(JUDGE_KEYS, &b);
}

/* --- JUDGE_ARI ------------------------------------------------------------ */

static void
ari_refuses(enum judge_ari_what what, const char *text)
{
	struct buf	b = BUF_INIT;

	judge_ari_pack(&b, what, (struct span){ (const uint8_t *)text,
	    strlen(text) });
	refuses(JUDGE_ARI, &b);
}

static void
ari(void **state)
{
	static const char	answer[] = "{\"suggestedWindow\": {\"start\": "
	    "\"2026-11-01T00:00:00Z\", \"end\": \"2026-11-02T00:00:00Z\"}, "
	    "\"explanationURL\": \"https://ca.example/why\"}";
	static const char *const bad[] = { "https://ca.example/\n",
	    "https://ca.example/\x1b[0m" };
	struct judge_ari	a;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i;

	(void)state;
	start();
	judge_ari_pack(&b, JUDGE_ARI_ANSWER, SPAN_STR(answer));
	c = ask(JUDGE_ARI, &b);
	assert_int_equal(judge_ari_read(&c, &a), 0);
	assert_int_equal(a.end - a.start, 86400 * CLK_SEC);
	assert_string_equal(a.url, "https://ca.example/why");
	ari_refuses(JUDGE_ARI_ANSWER, "");
	ari_refuses(JUDGE_ARI_ANSWER, "<html>");
	ari_refuses(JUDGE_ARI_ANSWER, "{\"suggestedWindow\": {\"start\": "
	    "\"2026-11-02T00:00:00Z\", \"end\": \"2026-11-01T00:00:00Z\"}}");
	ari_refuses(JUDGE_ARI_CERT, "garbage");
	ari_refuses((enum judge_ari_what)2, answer);
	buf_str(&b, "xyz");
	refuses(JUDGE_ARI, &b);
	/* a judge that lies says nothing that goes into a URL or a sentence */
	for (i = 0; i < 4; i++) {
		buf_reset(&b);
		judge_text_pack(&b, i == 0 ? "../../admin?x=" : i == 1 ?
		    "a b" : "aYhba4dG.AIdl");
		buf_u64(&b, 1);
		buf_u64(&b, 2);
		judge_text_pack(&b, i < 2 ? "" : bad[i - 2]);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_ari_read(&c, &a), -1);
	}
	buf_free(&b);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

/* Random bytes as each kind of question: an answer to each, of one judge. */
static void
noise(void **state)
{
	static const enum judge_type	t[] = { JUDGE_LOGS, JUDGE_CERT,
	    JUDGE_CRL, JUDGE_OCSP, JUDGE_INCL, JUDGE_AIA, JUDGE_KEYS,
	    JUDGE_ARI };
	uint8_t				seed[32] = { 0 };
	struct judge_reply		r;
	struct buf			b = BUF_INIT;
	struct cur			c;
	size_t				i, n;

	(void)state;
	start();
	for (i = 0; i < 400; i++) {
		buf_reset(&b);
		for (n = 0; n < i % 9; n++) {
			sha_256(seed, seed, 32);
			buf_add(&b, seed, 32);
		}
		/* half of them begin with a length that is right */
		if (i % 2 && b.n > 4) {
			b.p[0] = b.p[1] = b.p[2] = 0;
			b.p[3] = (uint8_t)(b.n - 4);
		}
		put(t[i % (sizeof(t) / sizeof(t[0]))], &b, NULL, 0);
		assert_int_equal(answer(&r, &c), 1);
	}
	buf_free(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(certificate),
		cmocka_unit_test(not_certificates),
		cmocka_unit_test(weak_keys),
		cmocka_unit_test(many_roots),
		cmocka_unit_test(trust),
		cmocka_unit_test(aia),
		cmocka_unit_test(keys),
		cmocka_unit_test(ari),
		cmocka_unit_test(noise)
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return judge_main();
	/* a judge that refuses a CRL does not read the rest of it */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(t, setup, teardown);
}
