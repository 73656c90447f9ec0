#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/pem.h"
#include "pki/roots.h"
#include "tests/unit/pki/forge.h"
#include "tests/unit/pki/made.h"

/* Three roots for all tests. */
static struct made	a, b, c;

static int
setup(void **state)
{
	(void)state;
	a = made_cert((struct made_spec){ .cn = "Root A", .ca = 1 });
	b = made_cert((struct made_spec){ .cn = "Root B", .ca = 1 });
	c = made_cert((struct made_spec){ .cn = "Root C", .ca = 1 });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	made_free(&a);
	made_free(&b);
	made_free(&c);
	return 0;
}

static struct span
of(const struct made *m)
{
	return buf_bytes(&m->der);
}

static void
hash(const struct made *m, uint8_t out[32])
{
	sha_256(out, m->der.p, m->der.n);
}

static void
put_pem(struct buf *out, const char *label, struct span der)
{
	struct buf	t = BUF_INIT;
	size_t		i;

	enc_b64(&t, der.p, der.n);
	buf_fmt(out, "-----BEGIN %s-----\n", label);
	for (i = 0; i < t.n; i += 64) {
		buf_add(out, t.p + i, t.n - i < 64 ? t.n - i : 64);
		buf_str(out, "\n");
	}
	buf_fmt(out, "-----END %s-----\n", label);
	buf_free(&t);
}

static void
test_add(void **state)
{
	struct roots		*r = roots_new("x");
	const struct root	*f;
	struct err		 e = ERR_INIT;
	uint8_t			 h[32];

	(void)state;
	assert_string_equal(r->program, "x");
	hash(&a, h);
	assert_null(roots_find(r, h));
	assert_int_equal(roots_add(r, of(&a), INT64_MIN, &e), 0);
	assert_int_equal(roots_add(r, of(&b), 30, &e), 0);
	assert_int_equal(roots_add(r, of(&b), 20, &e), 0);
	assert_int_equal(roots_add(r, of(&a), INT64_MIN, &e), 0);
	assert_int_equal(roots_add(r, of(&b), INT64_MIN, &e), 0);
	roots_done(r);
	assert_int_equal(r->n, 2);
	f = roots_find(r, h);
	assert_non_null(f);
	assert_int_equal(f->nder, a.der.n);
	assert_memory_equal(f->der, a.der.p, a.der.n);
	assert_true(f->distrust_after == INT64_MIN);
	assert_ptr_equal(roots_find_key(r, f->subject, f->spki), f);
	hash(&b, h);
	/* Of two dates the earlier one. */
	assert_true(roots_find(r, h)->distrust_after == 20);
	assert_null(roots_find_key(r, f->subject, roots_find(r, h)->spki));
	hash(&c, h);
	assert_null(roots_find(r, h));
	assert_int_equal(roots_add(r, (struct span){ a.der.p, 20 }, 0, &e),
	    -1);
	assert_int_equal(e.code, ERR_FORMAT);
	roots_free(r);
	roots_free(NULL);
}

/* Something like a certificate, with an extension of ${pad} bytes. */
static void
padded(struct buf *out, size_t pad)
{
	struct forge	f = FORGE_INIT;
	struct buf	tbs = BUF_INIT, value = BUF_INIT;

	memset(buf_room(&value, pad), 'x', pad);
	forge_ext(&f.exts, "\x2a\x03", 2, 0, value.p, pad);
	forge_done(&f, &tbs);
	buf_add(&tbs, "\x30\x03\x06\x01\x2a\x03\x02\x00\x00", 9);
	buf_reset(out);
	forge_tlv(out, DER_SEQ, tbs.p, tbs.n);
	buf_free(&tbs);
	buf_free(&value);
}

static void
test_size(void **state)
{
	struct roots	*r = roots_new("x");
	struct buf	 der = BUF_INIT;
	struct err	 e = ERR_INIT;
	size_t		 pad = LIMIT_BODY_ISSUER - 1000;

	(void)state;
	padded(&der, pad);
	pad += LIMIT_BODY_ISSUER - der.n;
	padded(&der, pad);
	assert_int_equal(der.n, LIMIT_BODY_ISSUER);
	assert_int_equal(roots_add(r, buf_bytes(&der), INT64_MIN, &e), 0);
	padded(&der, pad + 1);
	assert_int_equal(roots_add(r, buf_bytes(&der), INT64_MIN, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&der);
	roots_free(r);
}

static void
test_pem(void **state)
{
	struct roots	*r = roots_new("x");
	struct buf	 t = BUF_INIT;
	struct err	 e = ERR_INIT;
	size_t		 bad;

	(void)state;
	buf_str(&t, "# a comment\n");
	put_pem(&t, "CERTIFICATE", of(&a));
	put_pem(&t, "PRIVATE KEY", of(&c));
	put_pem(&t, "CERTIFICATE", (struct span){ b.der.p, 30 });
	buf_str(&t, "-----BEGIN CERTIFICATE-----\nAAA*\n"
	    "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n");
	put_pem(&t, "CERTIFICATE", of(&b));
	assert_int_equal(roots_pem(r, buf_bytes(&t), &bad, &e), 2);
	assert_int_equal(bad, 3);
	roots_done(r);
	assert_int_equal(r->n, 2);
	assert_int_equal(roots_pem(r, SPAN_STR("nothing"), NULL, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&t);
	roots_free(r);
}

/* At the cap and one above it. */
static void
test_pem_limit(void **state)
{
	struct roots	*r = roots_new("x");
	struct buf	 t = BUF_INIT;
	struct err	 e = ERR_INIT;

	(void)state;
	put_pem(&t, "CERTIFICATE", of(&a));
	memset(buf_room(&t, LIMIT_ROOTS + 1), '\n', LIMIT_ROOTS + 1);
	t.n = LIMIT_ROOTS;
	assert_int_equal(roots_pem(r, buf_bytes(&t), NULL, &e), 1);
	t.n++;
	assert_int_equal(roots_pem(r, buf_bytes(&t), NULL, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	err_clear(&e);
	assert_int_equal(roots_certdata(r, buf_bytes(&t), &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&t);
	roots_free(r);
}

/* --- certdata.txt --- */

static void
octal(struct buf *out, const char *name, struct span v)
{
	size_t	i;

	buf_fmt(out, "%s MULTILINE_OCTAL\n", name);
	for (i = 0; i < v.n; i++)
		buf_fmt(out, "\\%03o%s", v.p[i], i % 16 == 15 ? "\n" : "");
	buf_fmt(out, "%sEND\n", i % 16 == 0 ? "" : "\n");
}

static void
object(struct buf *out, const char *class, const struct made *m)
{
	static const uint8_t	serial[] = { 2, 1, 5 };
	unsigned char		*name = NULL;
	int			n;

	n = i2d_X509_NAME(X509_get_issuer_name(m->x), &name);
	buf_fmt(out, "\n# %s\nCKA_CLASS CK_OBJECT_CLASS %s\n"
	    "CKA_TOKEN CK_BBOOL CK_TRUE\nCKA_LABEL UTF8 \"A \\\"label\\\"\"\n",
	    class, class);
	octal(out, "CKA_ISSUER", (struct span){ name, (size_t)n });
	octal(out, "CKA_SERIAL_NUMBER", (struct span){ serial, 3 });
	OPENSSL_free(name);
}

static void
cert_object(struct buf *out, const struct made *m, const char *distrust)
{
	object(out, "CKO_CERTIFICATE", m);
	octal(out, "CKA_VALUE", of(m));
	if (distrust == NULL)
		buf_str(out, "CKA_NSS_SERVER_DISTRUST_AFTER CK_BBOOL "
		    "CK_FALSE\n");
	else
		octal(out, "CKA_NSS_SERVER_DISTRUST_AFTER",
		    SPAN_STR(distrust));
	buf_str(out, "CKA_NSS_EMAIL_DISTRUST_AFTER CK_BBOOL CK_FALSE\n");
}

static void
trust_object(struct buf *out, const struct made *m, const char *server)
{
	object(out, "CKO_NSS_TRUST", m);
	octal(out, "CKA_CERT_SHA1_HASH", SPAN_STR("12345678901234567890"));
	buf_fmt(out, "CKA_TRUST_SERVER_AUTH CK_TRUST %s\n"
	    "CKA_TRUST_EMAIL_PROTECTION CK_TRUST "
	    "CKT_NSS_TRUSTED_DELEGATOR\n", server);
}

static void
test_certdata(void **state)
{
	struct roots		*r = roots_new("mozilla");
	struct buf		 t = BUF_INIT;
	const struct root	*f;
	struct err		 e = ERR_INIT;
	uint8_t			 h[32];

	(void)state;
	buf_str(&t, "# comment\nBEGINDATA\nCKA_CLASS CK_OBJECT_CLASS "
	    "CKO_NSS_BUILTIN_ROOT_LIST\n");
	/* Trust is bound by issuer and serial, not by what is near. */
	cert_object(&t, &a, NULL);
	cert_object(&t, &b, "241130235959Z");
	trust_object(&t, &b, "CKT_NSS_TRUSTED_DELEGATOR");
	trust_object(&t, &a, "CKT_NSS_TRUSTED_DELEGATOR");
	cert_object(&t, &c, NULL);
	trust_object(&t, &c, "CKT_NSS_MUST_VERIFY_TRUST");
	assert_int_equal(roots_certdata(r, buf_bytes(&t), &e), 2);
	roots_done(r);
	assert_int_equal(r->n, 2);
	hash(&a, h);
	f = roots_find(r, h);
	assert_non_null(f);
	assert_true(f->distrust_after == INT64_MIN);
	hash(&b, h);
	assert_true(roots_find(r, h)->distrust_after ==
	    made_day("2024-11-30T23:59:59Z"));
	hash(&c, h);
	assert_null(roots_find(r, h));
	buf_free(&t);
	roots_free(r);
}

static void
test_certdata_bad(void **state)
{
	static const char *const	bad[] = {
		"", "CKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE\n",
		"CKA_VALUE MULTILINE_OCTAL\n\\060\n",
		"CKA_VALUE MULTILINE_OCTAL\n\\060\\\nEND\n",
		"CKA_VALUE MULTILINE_OCTAL\n\\480\nEND\n",
		"CKA_VALUE MULTILINE_OCTAL\n\\060\\06x\nEND\n",
		("CKA_NSS_SERVER_DISTRUST_AFTER MULTILINE_OCTAL\n\\060\n"
		    "END\n")
	};
	struct roots			*r = roots_new("mozilla");
	struct err			e;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(roots_certdata(r, SPAN_STR(bad[i]), &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	assert_int_equal(r->n, 0);
	roots_free(r);
}

/* --- CCADB --- */

static void
record(struct buf *out, const struct made *m, const char *rest)
{
	char	hex[65];
	uint8_t	h[32];

	hash(m, h);
	buf_fmt(out, "\"Owner, Inc.\",%s,%s\r\n", enc_hex_to(hex, h, 32),
	    rest);
}

static void
pem_record(struct buf *out, const struct made *m)
{
	buf_str(out, "x,\"");
	put_pem(out, "CERTIFICATE", of(m));
	buf_str(out, "\"\n");
}

static void
test_ccadb(void **state)
{
	struct roots	*r = roots_new("chrome"), *m = roots_new("mozilla");
	struct buf	 t = BUF_INIT, p = BUF_INIT;
	struct err	 e = ERR_INIT;
	uint8_t		 h[32];

	(void)state;
	buf_str(&t, "\xef\xbb\xbf" "CA Owner,SHA-256 Fingerprint,"
	    "\"Chrome Status\",Mozilla Status,Certificate Record Type,"
	    "Distrust for TLS After Date,TLS Capable\r\n");
	record(&t, &a, "Included,Included,Root Certificate,,True");
	record(&t, &b, "Included,Removed,Root Certificate,2025.04.15,True");
	record(&t, &c, "Included,Included,Intermediate Certificate,,True");
	record(&t, &c, "Included,Included,Root Certificate,,False");
	buf_str(&p, "Name,X.509 Certificate (PEM)\n");
	pem_record(&p, &c);
	pem_record(&p, &b);
	pem_record(&p, &a);
	assert_int_equal(roots_ccadb(r, "Google Chrome", buf_bytes(&t),
	    buf_bytes(&p), &e), 2);
	roots_done(r);
	assert_int_equal(r->n, 2);
	hash(&b, h);
	assert_true(roots_find(r, h)->distrust_after ==
	    made_day("2025-04-15T23:59:59Z"));
	assert_int_equal(roots_ccadb(m, "Mozilla", buf_bytes(&t),
	    buf_bytes(&p), &e), 1);
	assert_int_equal(roots_ccadb(m, "Apple", buf_bytes(&t),
	    buf_bytes(&p), &e), -1);
	assert_non_null(strstr(e.msg, "Apple Status"));
	buf_free(&t);
	buf_free(&p);
	roots_free(r);
	roots_free(m);
}

static void
test_ccadb_bad(void **state)
{
	static const char	head[] = "SHA-256 Fingerprint,Apple Status,"
				    "Distrust for TLS After Date\n";
	struct buf		t = BUF_INIT, p = BUF_INIT;
	struct roots		*r = roots_new("apple");
	struct err		e = ERR_INIT;
	size_t			i;

	(void)state;
	buf_str(&p, "X.509 Certificate (PEM)\n\"\n");
	put_pem(&p, "CERTIFICATE", of(&a));
	buf_str(&p, "\"\n");
	for (i = 0; i < 6; i++) {
		buf_reset(&t);
		buf_str(&t, i == 0 ? "a,b\n" : head);
		if (i == 1)
			buf_str(&t, "12,Included,\n");
		else if (i == 2)
			buf_str(&t, "\"12");
		else if (i == 3 || i == 4)
			record(&t, &a, i == 3 ? "Included,x" :
			    "Removed,");
		else if (i == 5)
			buf_str(&t, "0102030405060708090a0b0c0d0e0f100102030"
			    "405060708090a0b0c0d0e0f10,Included,\n");
		/* record() writes the owner first. */
		if (i == 3 || i == 4) {
			struct buf	h = BUF_INIT;

			buf_str(&h, "Owner,");
			buf_span(&h, buf_bytes(&t));
			buf_free(&t);
			t = h;
		}
		err_clear(&e);
		assert_int_equal(roots_ccadb(r, "Apple", buf_bytes(&t),
		    buf_bytes(&p), &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	err_clear(&e);
	assert_int_equal(roots_ccadb(r, "Apple", (struct span){ t.p,
	    (size_t)LIMIT_CCADB + 1 }, buf_bytes(&p), &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(r->n, 0);
	buf_free(&t);
	buf_free(&p);
	roots_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_pem_limit),
		cmocka_unit_test(test_certdata),
		cmocka_unit_test(test_certdata_bad),
		cmocka_unit_test(test_ccadb),
		cmocka_unit_test(test_ccadb_bad)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
