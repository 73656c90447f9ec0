/* The form of OCSP answers, whole, cut and changed. */
#include "tests/unit/ocsp/ocsp_said_fixture.h"

static void
test_extensions(void **state)
{
	struct answer		a = plain();
	struct ocsp_said	s;
	struct buf		v = BUF_INIT;
	struct want		w = { OCSP_FAULT_MALFORMED, VALID, ISSUER,
	    FRESH, GOOD, NOTHING };

	(void)state;
	buf_str(&v, "\4\3abc");
	fix_extn(&a.exts, "1.2.3", 0, &v);
	fix_extn(&a.single_exts, "1.2.3", 0, &v);
	fix_extn(&a.single_exts, "1.3.6.1.4.1.11129.2.4.5", 0, &v);
	s = judge(&a);
	assert_int_equal(s.scts.n, 3);
	assert_memory_equal(s.scts.p, "abc", 3);
	check(s, fine);
	a = plain();
	fix_extn(&a.exts, "1.2.3", 1, &v);
	check(judge(&a), w);
	a = plain();
	fix_extn(&a.single_exts, "1.2.3", 1, &v);
	check(judge(&a), w);
	/* a list that is none: there is nothing to take out of it */
	a = plain();
	buf_reset(&v);
	buf_str(&v, "\xde\xad\xbe\xef");
	fix_extn(&a.single_exts, "1.3.6.1.4.1.11129.2.4.5", 1, &v);
	s = judge(&a);
	assert_int_equal(s.scts.n, 0);
	check(s, fine);
	buf_free(&v);
}

/* Outer statuses, with and without what does not belong there. */
static void
test_outer(void **state)
{
	static const struct {
		const char	*hex;
		int		 outer;
		unsigned	 faults;
	} t[] = {
		{ "30030a0101", 1, OCSP_FAULT_OUTER },
		{ "30030a0102", 2, OCSP_FAULT_OUTER },
		{ "30030a0103", 3, OCSP_FAULT_OUTER },
		{ "30030a0105", 5, OCSP_FAULT_OUTER },
		{ "30030a0106", 6, OCSP_FAULT_OUTER },
		{ "30030a0111", 17, OCSP_FAULT_OUTER },
		{ "30030a010300", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30050a0103a000", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30050a01030500", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30030a0100", 0, OCSP_FAULT_MALFORMED },
		{ "30030a01ff", -1, OCSP_FAULT_MALFORMED },
		{ "30040a020003", -1, OCSP_FAULT_MALFORMED },
		{ "3003020103", -1, OCSP_FAULT_MALFORMED },
		{ "30800a01030000", -1, OCSP_FAULT_MALFORMED },
		{ "3081030a0103", -1, OCSP_FAULT_MALFORMED },
		{ "3000", -1, OCSP_FAULT_MALFORMED },
		{ "", -1, OCSP_FAULT_MALFORMED },
		{ "3c68746d6c3e", -1, OCSP_FAULT_MALFORMED },
	};
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &b),
		    0);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(s.outer, t[i].outer);
		check(s, (struct want){ t[i].faults, OCSP_SIG_UNCHECKED, NONE,
		    STALE, NOTHING, NOTHING });
	}
	/* tryLater around an answer that would be good: it is not looked at */
	buf_reset(&b);
	fix_answer(&b, &a);
	for (i = 0; i + 2 < b.n && memcmp(b.p + i, "\x0a\x01\x00", 3) != 0;)
		i++;
	b.p[i + 2] = 3;
	ocsp_said_read(buf_bytes(&b), &in, &s);
	assert_int_equal(s.outer, 3);
	check(s, (struct want){ OCSP_FAULT_OUTER | OCSP_FAULT_MALFORMED,
	    OCSP_SIG_UNCHECKED, NONE, STALE, NOTHING, NOTHING });
	buf_free(&b);
}

/* Cut anywhere, or with a byte too many, nothing is believed. */
static void
test_cut(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	with(&a, &del);
	fix_answer(&b, &a);
	for (i = 0; i < b.n; i++) {
		ocsp_said_read((struct span){ b.p, i }, &in, &s);
		assert_int_equal(ocsp_said_counts(&s), NOTHING);
		assert_true((s.faults & OCSP_FAULT_MALFORMED) != 0);
		ocsp_said_free(&s);
	}
	buf_u8(&b, 0);
	ocsp_said_read(buf_bytes(&b), &in, &s);
	assert_int_equal(s.faults, OCSP_FAULT_MALFORMED);
	assert_int_equal(ocsp_said_counts(&s), NOTHING);
	ocsp_said_free(&s);
	buf_free(&b);
}

/* No bit of what is signed can be turned. */
static void
test_flipped(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT, tbs = BUF_INIT;
	uint8_t			*p;
	size_t			i, good = 0;

	(void)state;
	fix_tbs(&tbs, &a);
	fix_sign(&b, &a, &tbs);
	p = memmem(b.p, b.n, tbs.p, tbs.n);
	assert_non_null(p);
	for (i = 0; i < tbs.n * 8; i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		good += ocsp_said_counts(&s) != NOTHING;
		ocsp_said_free(&s);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(good, 0);
	ocsp_said_read(buf_bytes(&b), &in, &s);
	check(s, fine);
	buf_free(&b);
	buf_free(&tbs);
}

/* A SingleResponse of 39 bytes about nothing. */
static void
put_small(struct buf *b)
{
	buf_add(b, "\x30\x25\x30\x10\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a\x04"
	    "\0\x04\0\x02\x01\x01\x80\0\x18\x0f" "20261122120000Z", 39);
}

static void
test_limits(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a;
	struct buf		b = BUF_INIT, pad = BUF_INIT;
	size_t			i, n;

	(void)state;
	for (n = LIMIT_OCSP_SINGLES - 1; n <= LIMIT_OCSP_SINGLES; n++) {
		a = plain();
		for (i = 0; i < n; i++)
			put_small(&a.before);
		check(judge(&a), n < LIMIT_OCSP_SINGLES ? fine :
		    (struct want){ OCSP_FAULT_MALFORMED, OCSP_SIG_UNCHECKED,
		    NONE, STALE, NOTHING, NOTHING });
	}
	/* an answer of LIMIT_BODY_OCSP bytes, and of one more */
	a = plain();
	fix_extn(&a.exts, "1.2.3", 0, &pad);
	fix_answer(&b, &a);
	n = LIMIT_BODY_OCSP - b.n - 24;
	do {
		n++;
		buf_free(&pad);
		memset(buf_room(&pad, n), 0, n);
		pad.n = n;
		a = plain();
		fix_extn(&a.exts, "1.2.3", 0, &pad);
		buf_reset(&b);
		fix_answer(&b, &a);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(s.faults, b.n <= LIMIT_BODY_OCSP ? 0 :
		    OCSP_FAULT_MALFORMED);
		ocsp_said_free(&s);
	} while (b.n <= LIMIT_BODY_OCSP);
	buf_free(&b);
	buf_free(&pad);
}

/* Made by OpenSSL's own responder functions, now. */
static void
test_openssl(void **state)
{
	static const uint8_t	nonce[32] = { 7 };
	OCSP_BASICRESP		*br = OCSP_BASICRESP_new();
	OCSP_RESPONSE		*r;
	ASN1_INTEGER		*n = ASN1_INTEGER_new();
	ASN1_TIME		*this, *next;
	OCSP_CERTID		*id;
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	uint8_t			*der = NULL;
	time_t			now = time(NULL);
	struct party		p, o;
	struct wish		w = { .name = "Root", .basic = "CA:TRUE",
	    .from = now - T0 - FIX_DAY, .to = now - T0 + FIX_DAY };
	int			len;

	(void)state;
	fix_party(&p, &w);
	w = (struct wish){ .name = "O", .issuer = &p, .eku = "OCSPSigning",
	    .nocheck = 1, .from = w.from, .to = w.to };
	fix_party(&o, &w);
	(void)ASN1_INTEGER_set(n, 0x0a0b0c);
	id = OCSP_cert_id_new(EVP_sha256(), X509_get_subject_name(p.x),
	    X509_get0_pubkey_bitstr(p.x), n);
	this = ASN1_TIME_set(NULL, now);
	next = ASN1_TIME_set(NULL, now + HOUR);
	assert_non_null(OCSP_basic_add1_status(br, id,
	    V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
	    this, this, next));
	(void)OCSP_basic_add1_nonce(br, (uint8_t *)(uintptr_t)nonce, 32);
	assert_int_equal(OCSP_basic_sign(br, o.x, o.key, EVP_sha256(), NULL,
	    0), 1);
	r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, br);
	len = i2d_OCSP_RESPONSE(r, &der);
	in.issuer = buf_bytes(&p.der);
	in.now = (int64_t)now * CLK_SEC;
	in.nonce = (struct span){ nonce, 32 };
	ocsp_said_read((struct span){ der, (size_t)len }, &in, &s);
	assert_int_equal(s.reason, 1);
	assert_int_equal(s.nonce, OCSP_NONCE_MATCH);
	assert_string_equal(s.responder, "CN=O");
	check(s, (struct want){ 0, VALID, DELEG, FRESH, REVOKED, REVOKED });
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(br);
	OCSP_CERTID_free(id);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	fix_free(&p);
	fix_free(&o);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_openssl)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
