/* Certificates that are made here: names, exponents, serials at the edge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/name.h"
#include "pki/watch.h"
#include "tests/unit/pki/data.h"
#include "tests/unit/pki/forge.h"
#include "tests/unit/pki/made.h"

/* An RSA key that costs too much, or signs everything, verifies nothing. */
static void
test_exponents(void **state)
{
	static const struct {
		const char	*type;
		int		 rc;
	} t[] = {
		{ "rsa2048", 1 }, { "rsa2048e256", 1 }, { "rsa2048e257", -1 },
	};
	struct made	m;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		m = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
		    .key_type = t[i].type });
		assert_int_equal(cert_signed_by(buf_bytes(&m.der),
		    buf_bytes(&m.der), &e), t[i].rc);
		assert_int_equal(t[i].rc == -1, e.code == ERR_VERIFY);
		made_free(&m);
	}
}

/* Each name once, at its first place: SAN in order, then common names. */
static void
test_names_once(void **state)
{
	static const char *const	san[] = { "b.test", "a.test", "B.test",
	    "b.test", "c.test", "a.test", "b.test" };
	static const char *const	want[] = { "b.test", "a.test",
	    "B.test", "c.test", "d.test" };
	struct forge	f = FORGE_INIT;
	struct buf	tbs = BUF_INIT;
	struct cert	c;
	char		name[40];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(san) / sizeof(san[0]); i++)
		forge_dns(&f, san[i]);
	forge_cn(&f, DER_UTF8, "c.test");
	forge_cn(&f, DER_UTF8, "d.test");
	forge_done(&f, &tbs);
	assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, NULL), 0);
	for (i = 0; i < c.nnames && i < 5; i++)
		assert_string_equal(c.names[i], want[i]);
	assert_int_equal(c.nnames, 5);
	cert_free(&c);
	buf_free(&tbs);
	/* many, each twice */
	f = (struct forge)FORGE_INIT;
	for (i = 0; i < 20000; i++) {
		(void)snprintf(name, sizeof(name), "n%zu.test", i * 7 % 10000);
		forge_dns(&f, name);
	}
	forge_done(&f, &tbs);
	assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, NULL), 0);
	assert_int_equal(c.nnames, 10000);
	for (i = 0; i < c.nnames; i++) {
		(void)snprintf(name, sizeof(name), "n%zu.test", i * 7 % 10000);
		assert_string_equal(c.names[i], name);
	}
	cert_free(&c);
	buf_free(&tbs);
}

/* A TBSCertificate whose serial number is this content. */
static void
make_serial(const char *hex, struct buf *out)
{
	struct forge	f = FORGE_INIT;
	struct buf	tbs = BUF_INIT, v = BUF_INIT, b = BUF_INIT;
	struct span	body;

	forge_dns(&f, "www.example.com");
	forge_done(&f, &tbs);
	assert_int_equal(der_only(buf_bytes(&tbs), DER_SEQ, &body), 0);
	assert_int_equal(enc_unhex(hex, strlen(hex), &v), 0);
	/* version, and in place of 02 01 05 the other */
	buf_add(&b, body.p, 5);
	forge_tlv(&b, DER_INT, v.p, v.n);
	buf_add(&b, body.p + 8, body.n - 8);
	buf_reset(out);
	forge_tlv(out, DER_SEQ, b.p, b.n);
	buf_free(&tbs);
	buf_free(&v);
	buf_free(&b);
}

/*
 * Two numbers never have one text: a CRL lists numbers, and whoever looks for
 * the text of another finds nothing.
 */
static void
test_serials(void **state)
{
	static const struct {
		const char	*der;
		const char	*text;
	} t[] = {
		{ "00", "00" }, { "05", "05" }, { "7f", "7f" },
		{ "0080", "80" }, { "80", "-80" }, { "ff", "-01" },
		{ "008001", "8001" }, { "8001", "-7fff" },
		{ "000005", "05" }, { "ffff80", "-80" }, { "ff7f", "-81" },
		{ "ff00", "-0100" }, { "8000", "-8000" },
		{ "00ff00", "ff00" }, { "0000ff", "ff" },
	};
	struct buf	tbs = BUF_INIT;
	struct cert	c;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		make_serial(t[i].der, &tbs);
		assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, &e), 0);
		assert_string_equal(c.serial, t[i].text);
		cert_free(&c);
	}
	/* no octet is no number (X.690 8.3.1) */
	make_serial("", &tbs);
	assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&tbs);
}

/* The longest, of either sign, and one more byte. */
static void
test_serial_limit(void **state)
{
	char		hex[2 * LIMIT_SERIAL + 8], text[2 * LIMIT_SERIAL + 16];
	struct buf	tbs = BUF_INIT;
	struct cert	c;
	struct err	e = ERR_INIT;
	size_t		n;

	(void)state;
	for (n = LIMIT_SERIAL; n <= LIMIT_SERIAL + 1; n++) {
		memset(hex, '7', 2 * n);
		hex[2 * n] = '\0';
		make_serial(hex, &tbs);
		assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, &e),
		    n == LIMIT_SERIAL ? 0 : -1);
		assert_string_equal(n == LIMIT_SERIAL ? c.serial : "",
		    n == LIMIT_SERIAL ? hex : "");
		cert_free(&c);
		/* 80 00 ... is -2^(8n - 1) */
		memset(hex, '0', 2 * n);
		hex[0] = '8';
		make_serial(hex, &tbs);
		assert_int_equal(cert_read_tbs(buf_bytes(&tbs), &c, &e),
		    n == LIMIT_SERIAL ? 0 : -1);
		(void)snprintf(text, sizeof(text), "-%s", hex);
		assert_string_equal(n == LIMIT_SERIAL ? c.serial : text,
		    text);
		cert_free(&c);
	}
	buf_free(&tbs);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_names_once),
		cmocka_unit_test(test_exponents),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_serial_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
