/* JWS within JWS: external accounts and other keys. */
#include "tests/unit/acme/jws_fixture.h"

/* 32 bytes, in which both alphabets differ. */
#define EAB_URL	"-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8"
#define EAB_STD	"+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8="

/* The MAC of a binding, made anew. */
static void
check_mac(const json_t *o, const char *alg, const char *key64)
{
	const EVP_MD	*md = strcmp(alg, "HS512") == 0 ? EVP_sha512() :
	    strcmp(alg, "HS384") == 0 ? EVP_sha384() : EVP_sha256();
	struct buf	 key = BUF_INIT, sig = BUF_INIT;
	uint8_t		 mac[EVP_MAX_MD_SIZE];
	unsigned	 n;
	char		*in = input(o);

	unb64(key64, &key);
	unb64(text(o, "signature"), &sig);
	assert_non_null(HMAC(md, key.p, (int)key.n, (const uint8_t *)in,
	    strlen(in), mac, &n));
	assert_int_equal(sig.n, n);
	assert_memory_equal(sig.p, mac, n);
	free(in);
	buf_free(&key);
	buf_free(&sig);
}

static void
test_eab(void **state)
{
	static const char *const algs[] = { NULL, "HS256", "HS384", "HS512" };
	static const char *const keys[] = { EAB_URL, EAB_STD, EAB_URL "=",
	    " \n" EAB_URL "\r\n" };
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	struct buf	 b = BUF_INIT, jwk = BUF_INIT, p = BUF_INIT;
	struct err	 e = ERR_INIT;
	json_t		*o, *h;
	size_t		 i, k;

	(void)state;
	assert_int_equal(jws_jwk(key, &jwk, NULL), 0);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++) {
			const char	*alg = algs[i] != NULL ? algs[i] :
			    "HS256";

			buf_reset(&b);
			if (jws_eab(key, &(struct jws_eab){ algs[i],
			    "kid \"1\"", keys[k], URL }, &b, &e) == -1)
				fail_msg("%s", e.msg);
			o = parse(&b);
			h = inside(text(o, "protected"));
			assert_int_equal(json_object_size(h), 3);
			assert_string_equal(text(h, "alg"), alg);
			assert_string_equal(text(h, "kid"), "kid \"1\"");
			assert_string_equal(text(h, "url"), URL);
			unb64(text(o, "payload"), &p);
			assert_string_equal(buf_text(&p), buf_text(&jwk));
			check_mac(o, alg, EAB_URL);
			json_decref(o);
			json_decref(h);
		}
	buf_free(&b);
	buf_free(&jwk);
	buf_free(&p);
	EVP_PKEY_free(key);
}

/* base64url of so many zero bytes. */
static char *
zeros64(size_t n)
{
	struct buf	b = BUF_INIT;
	uint8_t		*z = calloc(1, n);

	enc_b64url(&b, z, n);
	free(z);
	return (char *)buf_detach(&b, &n);
}

static void
test_eab_refused(void **state)
{
	char		*most = zeros64(LIMIT_EAB_KEY);
	char		*more = zeros64(LIMIT_EAB_KEY + 1);
	char		*far = zeros64(LIMIT_EAB_KEY + 100);
	char		*least = zeros64(16), *less = zeros64(15);
	const struct {
		const char	*alg, *kid, *key;
		enum err_code	 code;
		const char	*words;
	} t[] = {
		{ "RS256", "k", EAB_URL, ERR_FORMAT, "HS256, HS384" },
		{ "none", "k", EAB_URL, ERR_FORMAT, "HS256, HS384" },
		{ NULL, "", EAB_URL, ERR_FORMAT, "empty \"kid\"" },
		{ NULL, "k", "", ERR_FORMAT, "0 bytes" },
		{ NULL, "k", "====", ERR_FORMAT, "not base64url" },
		{ NULL, "k", EAB_URL "==", ERR_FORMAT, "not base64url" },
		{ NULL, "k", EAB_URL "!", ERR_FORMAT, "not base64url" },
		{ NULL, "k", "ab cd", ERR_FORMAT, "not base64url" },
		{ NULL, "k", less, ERR_FORMAT, "15 bytes" },
		{ NULL, "k", more, ERR_LIMIT, "513 bytes" },
		{ NULL, "k", far, ERR_LIMIT, "characters" }
	};
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	struct buf	 b = BUF_INIT;
	struct err	 e;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		assert_int_equal(jws_eab(key, &(struct jws_eab){ t[i].alg,
		    t[i].kid, t[i].key, URL }, &b, &e), -1);
		assert_err(&e, t[i].code, t[i].words);
		assert_int_equal(b.n, 0);
	}
	assert_int_equal(jws_eab(key, &(struct jws_eab){ NULL, "k", most,
	    URL }, &b, NULL), 0);
	assert_int_equal(jws_eab(key, &(struct jws_eab){ NULL, "k", least,
	    URL }, &b, NULL), 0);
	buf_free(&b);
	EVP_PKEY_free(key);
	free(most);
	free(more);
	free(far);
	free(least);
	free(less);
}

static void
test_key_change(void **state)
{
	EVP_PKEY	*old = pkey_make(PKEY_RSA2048, NULL), *other;
	EVP_PKEY	*new = pkey_make(PKEY_P384, NULL);
	struct buf	 b = BUF_INIT;
	json_t		*o, *h, *p;
	char		*in;

	(void)state;
	assert_int_equal(jws_key_change(&(struct jws_change){ old, new, KID,
	    URL }, &b, NULL), 0);
	o = parse(&b);
	h = inside(text(o, "protected"));
	p = inside(text(o, "payload"));
	/* no nonce, no kid; the new key signs and stands in the header */
	assert_int_equal(json_object_size(h), 3);
	assert_string_equal(text(h, "alg"), "ES384");
	assert_string_equal(text(h, "url"), URL);
	other = from_jwk(json_object_get(h, "jwk"));
	assert_int_equal(EVP_PKEY_eq(other, new), 1);
	EVP_PKEY_free(other);
	in = input(o);
	assert_true(verify(new, "ES384", in, text(o, "signature")));
	assert_int_equal(json_object_size(p), 2);
	assert_string_equal(text(p, "account"), KID);
	other = from_jwk(json_object_get(p, "oldKey"));
	assert_int_equal(EVP_PKEY_eq(other, old), 1);
	EVP_PKEY_free(other);
	free(in);
	json_decref(o);
	json_decref(h);
	json_decref(p);
	buf_reset(&b);
	assert_int_equal(jws_key_change(&(struct jws_change){ old, new, "",
	    URL }, &b, NULL), -1);
	assert_int_equal(b.n, 0);
	buf_free(&b);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_eab),
		cmocka_unit_test(test_eab_refused),
		cmocka_unit_test(test_key_change)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
