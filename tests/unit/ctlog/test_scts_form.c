/* The form of lists of SCTs, and of the extension that holds one. */
#include "tests/unit/ctlog/scts_fixture.h"

/* leaf_index is signed; CAs dropped it, or left it in base64. */
static void
extensions(void **state)
{
	static const uint8_t	index[] = { 0, 0, 5, 0, 0, 0, 1, 2 };
	static const char	b64[] = "AAAFAAAAAQI=";
	struct span		ext = { index, sizeof(index) };
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, items = BUF_INIT;
	struct buf		right = BUF_INIT, b = BUF_INIT;
	struct scts		s;
	size_t			k, tail;

	(void)state;
	logs.logs[0].protocol = LOGLIST_STATIC;
	made_leaf(&l, &root, FROM, TO);
	l.en.timestamp = TS;
	l.en.ext = ext;
	made_sct(&right, &logs, 0, &l.en);
	made_item(&items, &right);
	/* Behind version, id and time: 2 bytes of length and the extension. */
	tail = right.n - 43 - sizeof(index);
	for (k = 0; k < 3; k++) {
		buf_reset(&b);
		buf_add(&b, right.p, 41);
		buf_u16(&b, k == 0 ? 0 : (uint16_t)strlen(b64));
		if (k != 0)
			buf_str(&b, b64);
		buf_add(&b, right.p + right.n - tail, tail);
		if (k == 2)
			b.p[b.n - 1] ^= 1;
		made_item(&items, &b);
	}
	made_leaf_done(&l, &items, &cert);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.v[0].status, SCTS_VALID);
	assert_int_equal(s.v[0].leaf_index, 0x102);
	for (k = 1; k < 4; k++)
		assert_int_equal(s.v[k].status, SCTS_BAD_SIGNATURE);
	assert_non_null(strstr(s.v[1].reason, "dropped"));
	assert_non_null(strstr(s.v[2].reason, "(decoded, it verifies)"));
	assert_non_null(strstr(s.v[3].reason, "base64"));
	assert_null(strstr(s.v[3].reason, "(decoded"));
	scts_free(&s);
	/* Elsewhere an SCT has no extensions: nothing to be explained. */
	logs.logs[0].protocol = LOGLIST_RFC6962;
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_non_null(strstr(s.v[1].reason, "RFC 6962 2.1.4"));
	scts_free(&s);
	buf_free(&cert);
	buf_free(&items);
	buf_free(&right);
	buf_free(&b);
}

/* Lists that are malformed as a whole, in hex; the embedded one is right. */
static void
lists(void **state)
{
	static const char *const	bad[] = { "00", "0000", "0005aabb",
	    "000400020102ff", "00020000", "0003000201" };
	struct buf			cert = BUF_INIT, b = BUF_INIT;
	struct scts			s;
	size_t				i;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&b);
		data_hex(bad[i], &b);
		judge(buf_bytes(&cert), buf_bytes(&b), buf_bytes(&b), &s);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.v[0].status, SCTS_VALID);
		assert_int_equal(strncmp(s.reason, "tls: SCT list", 13), 0);
		assert_non_null(strstr(s.reason, "; ocsp: SCT list"));
		scts_free(&s);
	}
	buf_free(&cert);
	buf_free(&b);
}

/* The extension itself: what is in it is no list, or it does not belong. */
static void
extension(void **state)
{
#define SCTS_OID "1.3.6.1.4.1.11129.2.4.2"
#define POISON_OID "1.3.6.1.4.1.11129.2.4.3"
	static const struct {
		const char	*value[2];
		int		 poison;
		int		 rc;
		const char	*why;
	} cases[] = {
		{ { "", NULL }, 0, 0, "certificate: SCT extension" },
		{ { "0400", NULL }, 0, 0, "certificate: SCT list" },
		{ { "04020000", NULL }, 0, 0, "certificate: SCT list" },
		{ { "0406000400020102", NULL }, 1, 0,
		    "a precertificate holds no SCTs" },
		{ { "0406000400020102", "0406000400020102" }, 0, -1, "" },
		{ { NULL, NULL }, 0, 0, "" },
	};
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, b = BUF_INIT;
	struct scts_in		in = { .logs = &logs.list, .at = AT };
	struct scts		s;
	struct err		e;
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		made_leaf(&l, &root, FROM, TO);
		for (k = 0; k < 2 && cases[i].value[k] != NULL; k++) {
			buf_reset(&b);
			data_hex(cases[i].value[k], &b);
			made_raw_ext(l.x, SCTS_OID, 0, buf_bytes(&b));
		}
		if (cases[i].poison)
			made_raw_ext(l.x, POISON_OID, 1, (struct span){
			    (const uint8_t *)"\5\0", 2 });
		made_leaf_done(&l, NULL, &cert);
		in.cert = buf_bytes(&cert);
		err_clear(&e);
		assert_int_equal(scts_read(&in, &s, &e), cases[i].rc);
		if (cases[i].rc == -1)
			assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(s.n, 0);
		if (strstr(s.reason, cases[i].why) == NULL ||
		    (*cases[i].why == '\0' && s.reason[0] != '\0'))
			fail_msg("%zu: %s", i, s.reason);
		scts_free(&s);
	}
	in.cert = NONE;
	assert_int_equal(scts_read(&in, &s, NULL), -1);
	in.cert = SPAN_STR("\x30\x03\x02\x01\x01");
	assert_int_equal(scts_read(&in, &s, NULL), -1);
	buf_free(&cert);
	buf_free(&b);
}

/* A precertificate whose issuer is a Precertificate Signing Certificate. */
static void
presigner(void **state)
{
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, tbs = BUF_INIT;
	struct span		issuers[2];
	struct scts_in		in = { .issuers = issuers, .nissuers = 2,
				    .logs = &logs.list, .at = AT };
	struct scts		s;
	uint8_t			hash[32];

	(void)state;
	issuers[0] = buf_bytes(&root.der);
	issuers[1] = buf_bytes(&pre.der);
	made_leaf(&l, &pre, FROM, TO);
	made_raw_ext(l.x, POISON_OID, 1, (struct span){
	    (const uint8_t *)"\5\0", 2 });
	made_leaf_done(&l, NULL, &cert);
	in.cert = buf_bytes(&cert);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, 1);
	assert_int_equal(s.presigned, 1);
	assert_int_equal(cert_precert_tbs(in.cert, &issuers[1], 1, &tbs,
	    NULL, NULL), 0);
	sha_256(hash, tbs.p, tbs.n);
	assert_memory_equal(s.tbs_sha256, hash, 32);
	scts_free(&s);
	buf_free(&cert);
	buf_free(&tbs);
}

/*
 * Bytes are cut, never encoded anew: a certificate whose other extensions are
 * not DER (critical FALSE is written out) has a right SCT all the same.
 */
static void
not_der(void **state)
{
	struct made_ca		ca;
	struct forge		f = FORGE_INIT, g = FORGE_INIT;
	struct buf		tbs = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
	struct buf		sct = BUF_INIT, items = BUF_INIT;
	struct buf		cert = BUF_INIT;
	struct entry		en = { .type = ENTRY_PRECERT,
				    .timestamp = TS };
	struct span		issuer;
	struct scts_in		in = { .issuers = &issuer, .nissuers = 1,
				    .logs = &logs.list, .at = AT };
	struct scts		s;

	(void)state;
	made_ca(&ca, "", NULL, 0);
	issuer = buf_bytes(&ca.der);
	memcpy(en.issuer_key_hash, ca.key_hash, 32);
	data_hex("300c0603551d63010100" "04020400", &f.exts);
	forge_dns(&f, "x.example");
	forge_done(&f, &tbs);
	en.cert = buf_bytes(&tbs);
	made_sct(&sct, &logs, 0, &en);
	made_item(&items, &sct);
	made_list(&c, &items);
	forge_tlv(&b, DER_OCTETS, c.p, c.n);
	data_hex("300c0603551d63010100" "04020400", &g.exts);
	forge_ext(&g.exts, DER_OID_SCTS, 10, 0, b.p, b.n);
	forge_dns(&g, "x.example");
	buf_reset(&c);
	forge_done(&g, &c);
	/* The certificate around it. */
	buf_reset(&b);
	buf_u8(&b, 0);
	made_sign(ca.key, buf_bytes(&c), &b);
	buf_add(&c, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	forge_tlv(&c, DER_BITS, b.p, b.n);
	forge_tlv(&cert, DER_SEQ, c.p, c.n);
	in.cert = buf_bytes(&cert);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.v[0].reason, "");
	assert_int_equal(s.v[0].status, SCTS_VALID);
	scts_free(&s);
	made_ca_free(&ca);
	buf_free(&tbs);
	buf_free(&b);
	buf_free(&c);
	buf_free(&sct);
	buf_free(&items);
	buf_free(&cert);
}

/* The caps, at the limit and one above it. */
static void
limits(void **state)
{
	struct buf	cert = BUF_INIT, one = BUF_INIT, b = BUF_INIT;
	struct buf	list = BUF_INIT;
	struct entry	en = { .type = ENTRY_X509, .timestamp = TS };
	struct span	many[LIMIT_SCTS_ISSUERS + 1];
	struct scts_in	in = { .issuers = many, .logs = &logs.list,
			    .at = AT };
	struct scts	s;
	size_t		i, k;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	en.cert = buf_bytes(&cert);
	made_sct(&one, &logs, 1, &en);
	/* One is embedded, the others come by TLS. */
	for (k = LIMIT_SCTS - 1; k <= LIMIT_SCTS; k++) {
		buf_reset(&b);
		for (i = 0; i < k; i++)
			made_item(&b, &one);
		made_list(&list, &b);
		judge(buf_bytes(&cert), buf_bytes(&list), NONE, &s);
		assert_int_equal(s.n, k == LIMIT_SCTS ? 1 : LIMIT_SCTS);
		assert_int_equal(s.reason[0] == '\0', k != LIMIT_SCTS);
		scts_free(&s);
	}
	in.cert = buf_bytes(&cert);
	for (k = LIMIT_SCTS_ISSUERS; k <= LIMIT_SCTS_ISSUERS + 1; k++) {
		for (i = 0; i < k; i++)
			many[i] = buf_bytes(i == k - 1 ? &root.der :
			    &other.der);
		in.nissuers = k;
		assert_int_equal(scts_read(&in, &s, NULL), 0);
		assert_int_equal(s.issuer, k == LIMIT_SCTS_ISSUERS ?
		    (int)k - 1 : -1);
		scts_free(&s);
	}
	buf_free(&cert);
	buf_free(&one);
	buf_free(&b);
	buf_free(&list);
}

/* A spoiled certificate has a right SCT only if its TBS is the same. */
static void
spoiled(void **state)
{
	static const unsigned	times = 2000;
	struct buf		cert = BUF_INIT, bad = BUF_INIT;
	struct span		issuer = buf_bytes(&root.der);
	struct scts_in		in = { .issuers = &issuer, .nissuers = 1,
				    .logs = &logs.list, .at = AT };
	struct scts		s;
	uint64_t		seed = 7;
	uint8_t			good[32], *p;
	unsigned		i, read = 0, valid = 0;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	memcpy(good, s.tbs_sha256, 32);
	scts_free(&s);
	for (i = 0; i < times; i++) {
		data_spoil(&seed, buf_bytes(&cert), &bad);
		p = data_exact(buf_bytes(&bad));
		in.cert = (struct span){ p, bad.n };
		if (scts_read(&in, &s, NULL) == 0) {
			read++;
			if (s.n > 0 && s.v[0].status == SCTS_VALID) {
				valid++;
				assert_memory_equal(s.tbs_sha256, good, 32);
			}
		}
		scts_free(&s);
		free(p);
	}
	printf("%u spoiled certificates, %u read, %u with a valid SCT\n",
	    times, read, valid);
	assert_true(read > 0 && read < times);
	buf_free(&cert);
	buf_free(&bad);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(extensions),
		cmocka_unit_test(lists),
		cmocka_unit_test(extension),
		cmocka_unit_test(presigner),
		cmocka_unit_test(not_der),
		cmocka_unit_test(limits),
		cmocka_unit_test(spoiled),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
