#include "tests/unit/ocsp/ocsp_fixture.h"

#include <openssl/ocsp.h>

#include "base/limit.h"
#include "ocsp/certid.h"

static struct party	ca;

/* What OpenSSL makes of the same question. */
static void
openssl_ask(const EVP_MD *md, const char *serial, struct span nonce,
    struct buf *out)
{
	OCSP_REQUEST	*r = OCSP_REQUEST_new();
	ASN1_INTEGER	*n = NULL;
	BIGNUM		*bn = NULL;
	OCSP_CERTID	*id;
	uint8_t		*der = NULL;
	int		 len;

	assert_true(BN_hex2bn(&bn, serial) > 0);
	n = BN_to_ASN1_INTEGER(bn, NULL);
	id = OCSP_cert_id_new(md, X509_get_subject_name(ca.x),
	    X509_get0_pubkey_bitstr(ca.x), n);
	assert_non_null(OCSP_request_add0_id(r, id));
	if (nonce.n != 0)
		assert_int_equal(OCSP_request_add1_nonce(r,
		    (uint8_t *)(uintptr_t)nonce.p, (int)nonce.n), 1);
	len = i2d_OCSP_REQUEST(r, &der);
	assert_true(len > 0);
	buf_reset(out);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	OCSP_REQUEST_free(r);
	ASN1_INTEGER_free(n);
	BN_free(bn);
}

static void
ask(enum ocsp_hash hash, const char *serial, struct span nonce,
    struct buf *out)
{
	struct ocsp_ask	a = { buf_bytes(&ca.der), serial, hash, nonce };
	struct err	e = ERR_INIT;

	buf_reset(out);
	if (ocsp_ask_der(&a, out, &e) == -1)
		fail_msg("%s", e.msg);
}

/* Byte for byte what OpenSSL asks. */
static void
test_as_openssl(void **state)
{
	static const char *const serials[] = { "01", "7f", "80", "ff", "0100",
	    "03fffc", "03fefc", "-01", "-80", "-8000", "-ff",
	    "f123456789abcdef0123456789abcdef0123", "00", "0000a0" };
	uint8_t		nonce[32];
	struct buf	a = BUF_INIT, b = BUF_INIT;
	size_t		i, n, count = 0;

	(void)state;
	for (i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(i * 37 + 1);
	for (i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
		for (n = 0; n <= 32; n += n < 2 ? 1 : 30, count++) {
			ask(OCSP_SHA1, serials[i], (struct span){ nonce, n },
			    &a);
			openssl_ask(EVP_sha1(), serials[i], (struct span){
			    nonce, n }, &b);
			assert_int_equal(a.n, b.n);
			assert_memory_equal(a.p, b.p, a.n);
			ask(OCSP_SHA256, serials[i], (struct span){ nonce,
			    n }, &a);
			openssl_ask(EVP_sha256(), serials[i], (struct span){
			    nonce, n }, &b);
			assert_int_equal(a.n, b.n);
			assert_memory_equal(a.p, b.p, a.n);
		}
	assert_int_equal(count, 4 * sizeof(serials) / sizeof(serials[0]));
	buf_free(&a);
	buf_free(&b);
}

/* What was measured for a serial number of 18 bytes. */
static void
test_sizes(void **state)
{
	static const struct {
		enum ocsp_hash	hash;
		size_t		nonce, der, b64;
	} t[] = {
		{ OCSP_SHA1, 0, 85, 116 }, { OCSP_SHA1, 16, 122, 164 },
		{ OCSP_SHA256, 0, 113, 152 }, { OCSP_SHA256, 16, 152, 204 },
		{ OCSP_SHA1, 32, 140, 188 }, { OCSP_SHA256, 32, 168, 224 }
	};
	static const uint8_t	nonce[32];
	struct buf		b = BUF_INIT, text = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ask(t[i].hash, "712233445566778899aabbccddeeff001122",
		    (struct span){ nonce, t[i].nonce }, &b);
		assert_int_equal(b.n, t[i].der);
		buf_reset(&text);
		enc_b64(&text, b.p, b.n);
		assert_int_equal(text.n, t[i].b64);
	}
	buf_free(&b);
	buf_free(&text);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "", "-", "0x1", "g1", "1 ", "--1",
	    "12 34" };
	uint8_t		nonce[33] = { 0 };
	char		serial[2 * LIMIT_SERIAL + 2];
	struct ocsp_ask	a = { buf_bytes(&ca.der), "01", OCSP_SHA1,
	    { NULL, 0 } };
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a.serial = bad[i];
		assert_int_equal(ocsp_ask_der(&a, &b, NULL), -1);
	}
	memset(serial, 'a', sizeof(serial));
	serial[2 * LIMIT_SERIAL] = '\0';
	a.serial = serial;
	assert_int_equal(ocsp_ask_der(&a, &b, NULL), 0);
	serial[2 * LIMIT_SERIAL] = 'a';
	serial[2 * LIMIT_SERIAL + 1] = '\0';
	buf_reset(&b);
	assert_int_equal(ocsp_ask_der(&a, &b, NULL), -1);
	a.serial = "5";		/* half a byte is a number, too */
	assert_int_equal(ocsp_ask_der(&a, &b, NULL), 0);
	assert_memory_equal(b.p + b.n - 3, "\x02\x01\x05", 3);
	buf_reset(&b);
	a.nonce = (struct span){ nonce, 32 };
	assert_int_equal(ocsp_ask_der(&a, &b, NULL), 0);
	buf_reset(&b);
	a.nonce.n = 33;
	assert_int_equal(ocsp_ask_der(&a, &b, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(b.n, 0);
	a.nonce.n = 0;
	a.issuer = (struct span){ ca.der.p, ca.der.n - 1 };
	assert_int_equal(ocsp_ask_der(&a, &b, NULL), -1);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

/* Undo the encoding of a path, by another way than it was made. */
static void
undo(const char *path, struct buf *der)
{
	struct buf	b = BUF_INIT;
	unsigned	v;

	for (; *path != '\0'; path++)
		if (*path == '%') {
			assert_int_equal(sscanf(path + 1, "%2x", &v), 1);
			buf_u8(&b, (uint8_t)v);
			path += 2;
		} else {
			assert_null(strchr("+/=", *path));
			buf_u8(&b, (uint8_t)*path);
		}
	buf_reset(der);
	assert_int_equal(enc_unb64(buf_text(&b), b.n, der), 0);
	buf_free(&b);
}

static void
test_url(void **state)
{
	static const struct {
		const char	*base, *front;
	} t[] = {
		{ "http://o.test", "http://o.test/" },
		{ "http://o.test/", "http://o.test/" },
		{ "http://o.test//", "http://o.test/" },
		{ "http://o.test/a/b", "http://o.test/a/b/" },
		{ "http://o.test/a/b/", "http://o.test/a/b/" },
	};
	struct buf	b = BUF_INIT, back = BUF_INIT;
	char		url[300];
	size_t		i, n;

	(void)state;
	ask(OCSP_SHA256, "0102", (struct span){ NULL, 0 }, &b);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(ocsp_ask_url(t[i].base, buf_bytes(&b), url,
		    sizeof(url)), 1);
		n = strlen(t[i].front);
		assert_memory_equal(url, t[i].front, n);
		undo(url + n, &back);
		assert_int_equal(back.n, b.n);
		assert_memory_equal(back.p, b.p, b.n);
	}
	/* behind a query there is no path */
	assert_int_equal(ocsp_ask_url("http://o.test/?x=1", buf_bytes(&b),
	    url, sizeof(url)), 0);
	assert_string_equal(url, "");
	buf_free(&b);
	buf_free(&back);
}

/* The two classic traps: base64 that holds a slash, and a plus. */
static void
test_url_traps(void **state)
{
	static const uint8_t	slash[] = { 0x03, 0xff, 0xfc };
	static const uint8_t	plus[] = { 0x03, 0xef, 0xbe };
	static const uint8_t	pad[] = { 0xfb, 0xff, 0xfe, 0xff };
	char			url[100];

	(void)state;
	assert_int_equal(ocsp_ask_url("http://o.test", (struct span){ slash,
	    3 }, url, sizeof(url)), 1);
	assert_string_equal(url, "http://o.test/A%2F%2F8");
	assert_int_equal(ocsp_ask_url("http://o.test", (struct span){ plus,
	    3 }, url, sizeof(url)), 1);
	assert_string_equal(url, "http://o.test/A%2B%2B%2B");
	assert_int_equal(ocsp_ask_url("http://o.test", (struct span){ pad,
	    4 }, url, sizeof(url)), 1);
	assert_string_equal(url, "http://o.test/%2B%2F%2F%2B%2Fw%3D%3D");
}

/* 255 bytes are a GET, 256 a POST (RFC 9919 5). */
static void
test_url_limit(void **state)
{
	static const uint8_t	der[3];	/* "AAAA" */
	char			base[300], url[300];
	size_t			n;

	(void)state;
	memset(base, 'a', sizeof(base));
	memcpy(base, "http://", 7);
	base[250] = '\0';
	assert_int_equal(ocsp_ask_url(base, (struct span){ der, 3 }, url,
	    sizeof(url)), 1);
	assert_int_equal(strlen(url), 255);
	base[250] = 'a';
	base[251] = '\0';
	assert_int_equal(ocsp_ask_url(base, (struct span){ der, 3 }, url,
	    sizeof(url)), 0);
	assert_string_equal(url, "");
	/* and never more than there is room for */
	for (n = 0; n <= 20; n++) {
		memset(url, 'x', sizeof(url));
		assert_int_equal(ocsp_ask_url("http://o.test", (struct span){
		    der, 3 }, url, n), n >= 19);
		assert_true(url[n] == 'x');
	}
}

/* A CertID is read as it was made, and means what it should. */
static void
test_certid(void **state)
{
	struct answer		a = { .issuer = &ca, .serial = "00c0ffee" };
	struct certid_ca	of;
	struct certid		id;
	struct buf		b = BUF_INIT, s = BUF_INIT, d = BUF_INIT;
	struct span		body;
	int			h;

	(void)state;
	assert_int_equal(certid_ca(buf_bytes(&ca.der), &of, NULL), 0);
	assert_int_equal(certid_serial("c0ffee", &s, NULL), 0);
	assert_int_equal(s.n, 4);
	for (h = OCSP_SHA1; h <= OCSP_SHA256; h++) {
		buf_reset(&b);
		buf_reset(&d);
		a.hash = (enum ocsp_hash)h;
		assert_int_equal(certid_put(&of, a.hash, buf_bytes(&s), &b),
		    0);
		fix_certid(&d, &a);
		assert_int_equal(b.n, d.n);
		assert_memory_equal(b.p, d.p, d.n);
		assert_int_equal(der_only(buf_bytes(&b), DER_SEQ, &body), 0);
		assert_int_equal(certid_read(body, &id), 0);
		assert_int_equal(certid_is(&id, &of, buf_bytes(&s)),
		    CERTID_SAME);
		id.serial.n--;
		assert_int_equal(certid_is(&id, &of, buf_bytes(&s)),
		    CERTID_OTHER);
		id.serial.n++;
		id.name.n--;
		assert_int_equal(certid_is(&id, &of, buf_bytes(&s)),
		    CERTID_SERIAL);
		for (; body.n > 0; body.n--)
			if (body.n != b.n - 2)
				assert_int_equal(certid_read(body, &id), -1);
	}
	buf_free(&b);
	buf_free(&s);
	buf_free(&d);
}

/* Serial numbers as text, and back. */
static void
test_serial(void **state)
{
	static const struct {
		const char	*hex, *text;
	} t[] = {
		{ "00", "00" }, { "01", "01" }, { "7f", "7f" },
		{ "0080", "80" }, { "80", "-80" }, { "ff", "-01" },
		{ "ff7f", "-81" }, { "8000", "-8000" }, { "000005", "05" },
		{ "ff00", "-0100" }, { "00f00d", "f00d" },
	};
	uint8_t		big[LIMIT_SERIAL + 2] = { 0 };
	char		text[CERTID_TEXT];
	struct buf	b = BUF_INIT, d = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		buf_reset(&d);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &b),
		    0);
		assert_int_equal(certid_serial_text(buf_bytes(&b), text), 0);
		assert_string_equal(text, t[i].text);
		assert_int_equal(certid_serial(text, &d, NULL), 0);
		if (strcmp(t[i].hex, "000005") != 0) {
			assert_int_equal(d.n, b.n);
			assert_memory_equal(d.p, b.p, b.n);
		}
	}
	memset(big + 1, 0xee, sizeof(big) - 1);
	assert_int_equal(certid_serial_text((struct span){ big, LIMIT_SERIAL +
	    1 }, text), 0);
	assert_int_equal(strlen(text), 2 * LIMIT_SERIAL);
	assert_int_equal(certid_serial_text((struct span){ big + 1,
	    LIMIT_SERIAL }, text), 0);
	assert_int_equal(strlen(text), 2 * LIMIT_SERIAL + 1);
	assert_int_equal(certid_serial_text((struct span){ big, LIMIT_SERIAL +
	    2 }, text), -1);
	assert_int_equal(certid_serial_text((struct span){ big, 0 }, text),
	    -1);
	buf_free(&b);
	buf_free(&d);
}

static int
setup(void **state)
{
	struct wish	w = { .name = "CA", .basic = "critical,CA:TRUE" };

	(void)state;
	fix_party(&ca, &w);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fix_free(&ca);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_as_openssl),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_url_traps),
		cmocka_unit_test(test_url_limit),
		cmocka_unit_test(test_certid),
		cmocka_unit_test(test_serial),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
