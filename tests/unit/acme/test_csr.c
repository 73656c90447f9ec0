#include "tests/unit/acme/acme_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "acme/csr.h"
#include "acme/pkey.h"
#include "acme/tlv.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"
#include "tests/unit/pki/made_rsa.h"

/* A request by OpenSSL; what is not said is that of a good one. */
struct spec {
	const char	*key;		/* "P-256"; "rsa2048" */
	const char	*cn;		/* NULL: empty subject */
	const char	*san;		/* as OpenSSL's configuration has it;
					   "": none */
	const char	*ext;		/* another extension: name, text */
	const char	*ext_text;
	const EVP_MD	*md;
	EVP_PKEY	*other;		/* signs instead */
};

static EVP_PKEY *
key_of(const char *type)
{
	if (type == NULL || strncmp(type, "rsa", 3) != 0)
		return strcmp(type != NULL ? type : "", "ED25519") == 0 ?
		    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") :
		    EVP_EC_gen(type != NULL ? type : "P-256");
	return EVP_RSA_gen((unsigned)strtoul(type + 3, NULL, 10));
}

static void
push(STACK_OF(X509_EXTENSION) *l, const char *name, const char *value)
{
	X509_EXTENSION	*x;
	X509V3_CTX	 ctx;

	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	x = X509V3_EXT_nconf(NULL, &ctx, name, value);
	if (x == NULL)
		fail_msg("OpenSSL: %s=%s", name, value);
	sk_X509_EXTENSION_push(l, x);
}

static struct buf
make(const struct spec *s)
{
	X509_REQ	*r = X509_REQ_new();
	EVP_PKEY	*key = key_of(s->key);
	X509_NAME	*name = X509_NAME_new();
	struct buf	 b = BUF_INIT;
	uint8_t		*p;
	int		 n;

	STACK_OF(X509_EXTENSION) *l = sk_X509_EXTENSION_new_null();

	X509_REQ_set_version(r, 0);
	if (s->cn != NULL)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		    (const uint8_t *)s->cn, -1, -1, 0);
	X509_REQ_set_subject_name(r, name);
	X509_REQ_set_pubkey(r, key);
	if (s->ext != NULL)
		push(l, s->ext, s->ext_text);
	if (s->san == NULL || *s->san != '\0')
		push(l, "subjectAltName", s->san != NULL ? s->san :
		    "DNS:www.Example.com");
	if (sk_X509_EXTENSION_num(l) != 0)
		X509_REQ_add_extensions(r, l);
	X509_REQ_sign(r, s->other != NULL ? s->other : key,
	    s->key != NULL && strcmp(s->key, "ED25519") == 0 ? NULL :
	    s->md != NULL ? s->md : EVP_sha256());
	n = i2d_X509_REQ(r, NULL);
	assert_true(n > 0);
	p = buf_room(&b, (size_t)n);
	b.n = (size_t)i2d_X509_REQ(r, &p);
	sk_X509_EXTENSION_pop_free(l, X509_EXTENSION_free);
	X509_NAME_free(name);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
	return b;
}

/* As PEM under a label. */
static struct buf
pem_of(const struct buf *der, const char *label)
{
	struct buf	 b = BUF_INIT;
	BIO		*bio = BIO_new(BIO_s_mem());
	char		*p;
	long		 n;

	PEM_write_bio(bio, label, "", der->p, (long)der->n);
	n = BIO_get_mem_data(bio, &p);
	buf_add(&b, p, (size_t)n);
	BIO_free(bio);
	return b;
}

/* What we make is what OpenSSL reads: signature, key, names, no subject. */
static void
test_make(void **state)
{
	static const struct {
		enum pkey_kind	kind;
		int		nid;
	} t[] = {
		{ PKEY_P256, NID_ecdsa_with_SHA256 },
		{ PKEY_P384, NID_ecdsa_with_SHA384 },
		{ PKEY_RSA2048, NID_sha256WithRSAEncryption },
		{ PKEY_RSA3072, NID_sha256WithRSAEncryption }
	};
	struct san	 names = NAMES("x.example", "*.x.example", "192.0.2.1",
			    "2001:db8::1");
	struct buf	 der = BUF_INIT;
	struct csr	 c;
	struct err	 e = ERR_INIT;
	EVP_PKEY	*key;
	X509_REQ	*r;
	uint8_t		 h[32];
	const uint8_t	*p;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		key = pkey_make(t[i].kind, NULL);
		buf_reset(&der);
		if (csr_make(key, &names, &der, &e) == -1)
			fail_msg("%s", e.msg);
		p = der.p;
		r = d2i_X509_REQ(NULL, &p, (long)der.n);
		assert_non_null(r);
		assert_ptr_equal(p, der.p + der.n);
		assert_int_equal(X509_REQ_verify(r, key), 1);
		assert_int_equal(X509_REQ_get_version(r), 0);
		assert_int_equal(X509_REQ_get_signature_nid(r), t[i].nid);
		assert_int_equal(X509_NAME_entry_count(
		    X509_REQ_get_subject_name(r)), 0);
		STACK_OF(X509_EXTENSION) *x = X509_REQ_get_extensions(r);
		assert_int_equal(sk_X509_EXTENSION_num(x), 1);
		GENERAL_NAMES	*g = X509V3_get_d2i(x, NID_subject_alt_name,
		    NULL, NULL);
		assert_int_equal(sk_GENERAL_NAME_num(g), 4);
		GENERAL_NAMES_free(g);
		sk_X509_EXTENSION_pop_free(x, X509_EXTENSION_free);
		X509_REQ_free(r);
		/* and we, too */
		if (csr_read(buf_bytes(&der), &c, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(san_same(&names, &c.names, NULL), 0);
		assert_string_equal(c.key_type, pkey_name(t[i].kind));
		assert_int_equal(pkey_spki_sha256(key, h, NULL), 0);
		assert_memory_equal(h, c.spki_sha256, 32);
		csr_free(&c);
		EVP_PKEY_free(key);
	}
	buf_free(&der);
	san_free(&names);
}

static void
test_make_refused(void **state)
{
	struct san	 none = SAN_INIT, one = NAMES("a.example");
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	EVP_PKEY	*bad = EVP_EC_gen("P-521");
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;

	(void)state;
	assert_int_equal(csr_make(key, &none, &b, &e), -1);
	assert_err(&e, ERR_FORMAT, "no names");
	err_clear(&e);
	assert_int_equal(csr_make(bad, &one, &b, &e), -1);
	assert_err(&e, ERR_FORMAT, "certificate request: a key that is "
	    "neither");
	assert_int_equal(b.n, 0);
	buf_free(&b);
	san_free(&one);
	EVP_PKEY_free(key);
	EVP_PKEY_free(bad);
}

/* Requests of others, in each form. */
static void
test_read(void **state)
{
	static const struct {
		struct spec	 s;
		const char	*first;
		size_t		 n;
		const char	*type;
	} t[] = {
		{ { .key = NULL }, "www.example.com", 1, "p256" },
		{ { .key = "P-384" }, "www.example.com", 1, "p384" },
		{ { .key = "P-521" }, "www.example.com", 1, "p521" },
		{ { .key = "rsa2048" }, "www.example.com", 1, "rsa2048" },
		{ { .cn = "WWW.example.com" }, "www.example.com", 1, "p256" },
		{ { .san = "DNS:b.example,DNS:*.A.example,DNS:B.example,"
		    "IP:192.0.2.1,IP:2001:db8::1" }, "*.a.example", 4,
		    "p256" },
		{ { .ext = "keyUsage", .ext_text = "digitalSignature" },
		    "www.example.com", 1, "p256" },
		{ { .ext = "tlsfeature", .ext_text = "status_request" },
		    "www.example.com", 1, "p256" }
	};
	struct buf	der, pem;
	struct csr	c;
	struct err	e = ERR_INIT;
	size_t		i, k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		der = make(&t[i].s);
		for (k = 0; k < 3; k++) {
			pem = k == 0 ? (struct buf)BUF_INIT : pem_of(&der,
			    k == 1 ? "CERTIFICATE REQUEST" :
			    "NEW CERTIFICATE REQUEST");
			if (csr_read(buf_bytes(k == 0 ? &der : &pem), &c, &e)
			    == -1)
				fail_msg("%zu: %s", i, e.msg);
			assert_int_equal(c.names.n, t[i].n);
			assert_string_equal(c.names.v[0], t[i].first);
			assert_string_equal(c.key_type, t[i].type);
			assert_int_equal(c.der.n, der.n);
			assert_memory_equal(c.der.p, der.p, der.n);
			csr_free(&c);
			buf_free(&pem);
		}
		buf_free(&der);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		struct spec	 s;
		enum err_code	 code;
		const char	*words;
	} t[] = {
		{ { .san = "" }, ERR_FORMAT, "no names" },
		{ { .san = "", .cn = "a.example" }, ERR_FORMAT, "no names" },
		{ { .san = "", .ext = "keyUsage",
		    .ext_text = "digitalSignature" }, ERR_FORMAT, "no names" },
		{ { .cn = "b.example" }, ERR_FORMAT,
		    "common name \"b.example\"" },
		{ { .san = "DNS:a.example,email:a@a.example" }, ERR_FORMAT,
		    "rfc822Name" },
		{ { .san = "URI:https://a.example" }, ERR_FORMAT,
		    "uniformResourceIdentifier" },
		{ { .san = "DNS:192.0.2.1" }, ERR_FORMAT, "iPAddress" },
		{ { .san = "DNS:a..example" }, ERR_FORMAT, "a..example" },
		{ { .ext = "subjectAltName", .ext_text = "DNS:b.example" },
		    ERR_FORMAT, "cannot be read" },
		{ { .key = "rsa1024" }, ERR_FORMAT, "no good" },
		{ { .key = "P-224" }, ERR_FORMAT, "type p224" },
		{ { .key = "secp256k1" }, ERR_FORMAT, "type secp256k1" },
		{ { .key = "ED25519" }, ERR_FORMAT, "type ed25519" }
	};
	struct buf	der;
	struct csr	c;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		der = make(&t[i].s);
		err_clear(&e);
		if (csr_read(buf_bytes(&der), &c, &e) == 0)
			fail_msg("%zu was taken", i);
		assert_err(&e, t[i].code, t[i].words);
		assert_err(&e, t[i].code, "certificate request: ");
		csr_free(&c);
		buf_free(&der);
	}
}

/* Another key's signature, a changed byte, SHA-1. */
static void
test_signature(void **state)
{
	EVP_PKEY	*other = pkey_make(PKEY_P256, NULL);
	struct buf	 der;
	struct csr	 c;
	struct err	 e = ERR_INIT;
	uint8_t		*at;

	(void)state;
	der = make(&(struct spec){ .other = other });
	assert_int_equal(csr_read(buf_bytes(&der), &c, &e), -1);
	assert_err(&e, ERR_VERIFY, "did not sign it");
	csr_free(&c);
	buf_free(&der);
	err_clear(&e);
	der = make(&(struct spec){ .key = NULL });
	at = memmem(der.p, der.n, "www.Example", 11);
	assert_non_null(at);
	at[0] = 'v';
	assert_int_equal(csr_read(buf_bytes(&der), &c, &e), -1);
	assert_err(&e, ERR_VERIFY, "did not sign it");
	csr_free(&c);
	buf_free(&der);
	err_clear(&e);
	der = make(&(struct spec){ .md = EVP_sha1() });
	assert_int_equal(csr_read(buf_bytes(&der), &c, &e), -1);
	assert_err(&e, ERR_FORMAT, "an algorithm");
	csr_free(&c);
	buf_free(&der);
	EVP_PKEY_free(other);
}

/* An exponent that makes each check of a signature slow. */
static void
test_weak(void **state)
{
	EVP_PKEY	*key = made_rsa(2048, 257);
	struct san	 names = NAMES("a.example");
	struct buf	 der = BUF_INIT;
	struct csr	 c;
	struct err	 e = ERR_INIT;

	(void)state;
	assert_int_equal(csr_make(key, &names, &der, &e), 0);
	assert_int_equal(csr_read(buf_bytes(&der), &c, &e), -1);
	assert_err(&e, ERR_FORMAT, "no good");
	csr_free(&c);
	buf_free(&der);
	san_free(&names);
	EVP_PKEY_free(key);
}

#define EXTREQ	"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define SAN	"\x30\x10\x06\x03\x55\x1d\x11\x04\x09\x30\x07\x82\x05" \
		"a.tld"
#define ATTR	"\x30\x21" EXTREQ "\x31\x14\x30\x12" SAN
#define CHALLENGE "\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07" \
		"\x31\x05\x0c\x03pwd"

/* Attributes as OpenSSL would not write them, signed all the same. */
static void
test_attributes(void **state)
{
	static const struct {
		const char	*attrs;
		size_t		 n;
		int		 version;
		const char	*words;		/* NULL: it is good */
	} t[] = {
		{ ATTR, 35, 0, NULL },
		{ CHALLENGE ATTR, 55, 0, NULL },
		{ ATTR CHALLENGE, 55, 0, NULL },
		{ ATTR, 35, 1, "PKCS #10" },
		{ "", 0, 0, "no names" },
		{ CHALLENGE, 20, 0, "no names" },
		/* two attributes, two values, two names in one value */
		{ ATTR ATTR, 70, 0, "cannot be read" },
		{ "\x30\x35" EXTREQ "\x31\x28\x30\x12" SAN "\x30\x12" SAN,
		    55, 0, "cannot be read" },
		{ "\x30\x33" EXTREQ "\x31\x26\x30\x24" SAN SAN, 53, 0,
		    "cannot be read" },
		/* no value, no extension */
		{ "\x30\x0d" EXTREQ "\x31\x00", 15, 0, "cannot be read" },
		{ "\x30\x0f" EXTREQ "\x31\x02\x30\x00", 17, 0, "no names" },
		{ "\x30\x0b" EXTREQ, 13, 0, "cannot be read" },
		{ "\x04\x00", 2, 0, "cannot be read" }
	};
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	struct buf	 info = BUF_INIT, der = BUF_INIT;
	struct csr	 c;
	struct err	 e;
	size_t		 i;
	int		 r;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&info);
		buf_reset(&der);
		err_clear(&e);
		buf_add(&info, t[i].version ? "\2\1\1\x30" : "\2\1\0\x30", 5);
		assert_int_equal(pkey_spki(key, &info, NULL), 0);
		tlv_add(&info, 0xa0, t[i].attrs, t[i].n);
		tlv_wrap(&info, DER_SEQ);
		assert_int_equal(tlv_sign(key, buf_bytes(&info), &der, NULL),
		    0);
		r = csr_read(buf_bytes(&der), &c, &e);
		if ((r == 0) != (t[i].words == NULL))
			fail_msg("%zu: %d %s", i, r, e.msg);
		if (r == -1)
			assert_err(&e, ERR_FORMAT, t[i].words);
		csr_free(&c);
	}
	buf_free(&info);
	buf_free(&der);
	EVP_PKEY_free(key);
}

/* No beginning, no byte more, and no other file is a request. */
static void
test_form(void **state)
{
	struct buf	der = make(&(struct spec){ .key = NULL });
	struct buf	pem = pem_of(&der, "CERTIFICATE REQUEST");
	struct buf	two = BUF_INIT, b = BUF_INIT;
	struct csr	c;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < der.n; i++) {
		assert_int_equal(csr_read((struct span){ der.p, i }, &c,
		    NULL), -1);
		csr_free(&c);
	}
	buf_span(&b, buf_bytes(&der));
	buf_u8(&b, 0);
	assert_int_equal(csr_read(buf_bytes(&b), &c, &e), -1);
	assert_err(&e, ERR_FORMAT, "neither DER nor PEM");
	csr_free(&c);
	buf_span(&two, buf_bytes(&pem));
	buf_span(&two, buf_bytes(&pem));
	err_clear(&e);
	assert_int_equal(csr_read(buf_bytes(&two), &c, &e), -1);
	assert_err(&e, ERR_FORMAT, "more than one");
	csr_free(&c);
	buf_free(&b);
	b = pem_of(&der, "CERTIFICATE");
	assert_int_equal(csr_read(buf_bytes(&b), &c, NULL), -1);
	csr_free(&c);
	buf_free(&b);
	b = pem_of(&(struct buf){ (uint8_t *)"\x30\x02\x05\x00", 4, 4 },
	    "CERTIFICATE REQUEST");
	err_clear(&e);
	assert_int_equal(csr_read(buf_bytes(&b), &c, &e), -1);
	assert_err(&e, ERR_FORMAT, "PKCS #10");
	csr_free(&c);
	buf_free(&b);
	buf_free(&der);
	buf_free(&pem);
	buf_free(&two);
}

/* Filled up with text behind the block. */
static void
test_limit(void **state)
{
	struct buf	der = make(&(struct spec){ .key = NULL });
	struct buf	pem = pem_of(&der, "CERTIFICATE REQUEST");
	struct csr	c;
	struct err	e = ERR_INIT;

	(void)state;
	while (pem.n < LIMIT_CSR)
		buf_u8(&pem, '\n');
	assert_int_equal(csr_read(buf_bytes(&pem), &c, NULL), 0);
	csr_free(&c);
	buf_u8(&pem, '\n');
	assert_int_equal(csr_read(buf_bytes(&pem), &c, &e), -1);
	assert_err(&e, ERR_LIMIT, "393217 bytes");
	csr_free(&c);
	buf_free(&der);
	buf_free(&pem);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_make_refused),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
