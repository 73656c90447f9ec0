#include "tests/unit/acme/acme_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "acme/pkey.h"
#include "base/limit.h"
#include "base/sha.h"

static const struct {
	enum pkey_kind	 kind;
	const char	*name;
	int		 bits;
} kinds[] = {
	{ PKEY_P256, "p256", 256 }, { PKEY_P384, "p384", 384 },
	{ PKEY_RSA2048, "rsa2048", 2048 }, { PKEY_RSA3072, "rsa3072", 3072 },
	{ PKEY_RSA4096, "rsa4096", 4096 }
};

/* Stored numbers stay what they are. */
static void
test_names(void **state)
{
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_int_equal(kinds[i].kind, i + 1);
		assert_string_equal(pkey_name(kinds[i].kind), kinds[i].name);
		assert_int_equal(pkey_kind_of(kinds[i].name), kinds[i].kind);
	}
	assert_int_equal(PKEY_MAX, i + 1);
	assert_int_equal(pkey_kind_of("none"), PKEY_NONE);
	assert_int_equal(pkey_kind_of(""), PKEY_NONE);
	assert_int_equal(pkey_kind_of("P256"), PKEY_NONE);
	assert_int_equal(pkey_kind_of("rsa1024"), PKEY_NONE);
	assert_string_equal(pkey_name(PKEY_MAX), "none");
}

/* Each kind is made as it is called, signs, and comes back from PEM. */
static void
test_round(void **state)
{
	EVP_PKEY	*key, *again;
	struct pkey_how	 how;
	struct buf	 pem = BUF_INIT, spki = BUF_INIT;
	uint8_t		 a[32], b[32];
	struct err	 e = ERR_INIT;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		key = pkey_make(kinds[i].kind, &e);
		assert_non_null(key);
		assert_int_equal(EVP_PKEY_get_bits(key), kinds[i].bits);
		assert_int_equal(pkey_how(key, &how, &e), 0);
		assert_int_equal(how.width, kinds[i].bits < 2048 ?
		    kinds[i].bits / 8 : 0);
		assert_int_equal(pkey_pem(key, &pem, &e), 0);
		assert_non_null(strstr(buf_text(&pem),
		    "-----BEGIN PRIVATE KEY-----\n"));
		again = pkey_read(buf_bytes(&pem), &e);
		assert_non_null(again);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		assert_int_equal(pkey_spki(again, &spki, &e), 0);
		sha_256(a, spki.p, spki.n);
		assert_int_equal(pkey_spki_sha256(key, b, &e), 0);
		assert_memory_equal(a, b, 32);
		pkey_wipe(&pem);
		assert_null(pem.p);
		buf_free(&spki);
		EVP_PKEY_free(key);
		EVP_PKEY_free(again);
	}
	assert_null(pkey_make(PKEY_NONE, &e));
	assert_err(&e, ERR_SYS, "make a key");
}

/* The signature of each digest, as OpenSSL checks it. */
static void
test_sign(void **state)
{
	static const enum pkey_kind	k[] = { PKEY_P256, PKEY_P384,
	    PKEY_RSA2048 };
	struct buf			sig = BUF_INIT;
	EVP_PKEY			*key;
	EVP_MD_CTX			*ctx;
	size_t				i;

	(void)state;
	for (i = 0; i < 3; i++) {
		key = pkey_make(k[i], NULL);
		buf_reset(&sig);
		buf_str(&sig, "in front");
		assert_int_equal(pkey_sign(key, SPAN_STR("data"), &sig, NULL),
		    0);
		ctx = EVP_MD_CTX_new();
		assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, i == 1 ?
		    EVP_sha384() : EVP_sha256(), NULL, key), 1);
		assert_int_equal(EVP_DigestVerify(ctx, sig.p + 8, sig.n - 8,
		    (const uint8_t *)"data", 4), 1);
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(key);
	}
	buf_free(&sig);
}

/* Older forms of PEM, and DER in PKCS #8. */
static void
test_forms(void **state)
{
	EVP_PKEY	*key, *again;
	BIO		*bio;
	struct buf	 der = BUF_INIT;
	const uint8_t	*p;
	char		*pem;
	long		 n;
	int		 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		key = pkey_make(i ? PKEY_RSA2048 : PKEY_P256, NULL);
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio,
		    key, NULL, NULL, 0, NULL, NULL), 1);
		n = BIO_get_mem_data(bio, &pem);
		assert_non_null(memmem(pem, (size_t)n, i ? "BEGIN RSA" :
		    "BEGIN EC", i ? 9 : 8));
		again = pkey_read((struct span){ (uint8_t *)pem, (size_t)n },
		    NULL);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		BIO_free(bio);
		EVP_PKEY_free(again);
		assert_int_equal(pkey_der(key, &der, NULL), 0);
		p = der.p;
		again = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		pkey_wipe(&der);
		EVP_PKEY_free(again);
		EVP_PKEY_free(key);
	}
}

static void
test_refused(void **state)
{
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	struct buf	 pem = BUF_INIT;
	BIO		*bio = BIO_new(BIO_s_mem());
	struct err	 e = ERR_INIT;
	char		*p;
	long		 n;

	(void)state;
	/* encrypted: nobody is asked for a password */
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key,
	    EVP_aes_128_cbc(), "pass", 4, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	assert_null(pkey_read((struct span){ (uint8_t *)p, (size_t)n }, &e));
	assert_err(&e, ERR_FORMAT, "encrypted");
	BIO_free(bio);
	assert_null(pkey_read((struct span){ NULL, 0 }, NULL));
	assert_null(pkey_read(SPAN_STR("-----BEGIN PRIVATE KEY-----\n"
	    "AAAA\n-----END PRIVATE KEY-----\n"), NULL));
	/* filled up to the limit with lines, and one byte more */
	assert_int_equal(pkey_pem(key, &pem, NULL), 0);
	while (pem.n < LIMIT_PKEY_PEM)
		buf_u8(&pem, '\n');
	EVP_PKEY_free(key);
	key = pkey_read(buf_bytes(&pem), NULL);
	assert_non_null(key);
	EVP_PKEY_free(key);
	buf_u8(&pem, '\n');
	err_clear(&e);
	assert_null(pkey_read(buf_bytes(&pem), &e));
	assert_err(&e, ERR_LIMIT, "16385 bytes");
	pkey_wipe(&pem);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
