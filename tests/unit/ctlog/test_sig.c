#include "tests/unit/ctlog/data.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/limit.h"
#include "ctlog/sig.h"

/* A key of our own and its SubjectPublicKeyInfo. */
static EVP_PKEY *
make(EVP_PKEY *key, struct buf *spki)
{
	uint8_t	*p = NULL;
	int	 n;

	assert_non_null(key);
	n = i2d_PUBKEY(key, &p);
	assert_true(n > 0);
	buf_reset(spki);
	buf_add(spki, p, (size_t)n);
	OPENSSL_free(p);
	return key;
}

static void
sign(EVP_PKEY *key, const char *md, struct span data, struct buf *sig)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	size_t		 n = 1024;

	buf_reset(sig);
	assert_int_equal(EVP_DigestSignInit_ex(c, NULL, md, NULL, NULL, key,
	    NULL), 1);
	assert_int_equal(EVP_DigestSign(c, buf_room(sig, n), &n, data.p,
	    data.n), 1);
	sig->n = n;
	EVP_MD_CTX_free(c);
}

struct kind {
	const char	*name;
	const char	*curve;		/* NULL: RSA */
	size_t		 bits;
	const char	*md;
	uint8_t		 hash, alg;
	enum err_code	 want;
};

static const struct kind kinds[] = {
	{ "P-256", "P-256", 0, "SHA256", 4, 3, ERR_NONE },
	{ "P-384", "P-384", 0, "SHA256", 4, 3, ERR_NONE },
	{ "P-384 SHA-384", "P-384", 0, "SHA384", 5, 3, ERR_NONE },
	{ "RSA", NULL, 2048, "SHA256", 4, 1, ERR_NONE },
	{ "RSA SHA-384", NULL, 2048, "SHA384", 5, 1, ERR_NONE },
	{ "P-256 SHA-384", "P-256", 0, "SHA384", 5, 3, ERR_FORMAT },
	{ "P-521", "P-521", 0, "SHA256", 4, 3, ERR_FORMAT },
	{ "short RSA", NULL, 1024, "SHA256", 4, 1, ERR_FORMAT },
	{ "RSA said to be EC", NULL, 2048, "SHA256", 4, 3, ERR_FORMAT },
	{ "EC said to be RSA", "P-256", 0, "SHA256", 4, 1, ERR_FORMAT },
	{ "SHA-1", "P-256", 0, "SHA256", 2, 3, ERR_FORMAT },
	{ "no hash", "P-256", 0, "SHA256", 0, 3, ERR_FORMAT },
	{ "anonymous", "P-256", 0, "SHA256", 4, 0, ERR_FORMAT },
	{ "other hash", "P-384", 0, "SHA256", 5, 3, ERR_VERIFY },
};

static void
keys(void **state)
{
	static const uint8_t	 text[] = "what is signed";
	struct span		 data = { text, sizeof(text) };
	const struct kind	*k;
	struct buf		 spki = BUF_INIT, sig = BUF_INIT;
	struct err		 e;
	EVP_PKEY		*key;
	size_t			 i;
	int			 rc;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		k = &kinds[i];
		key = make(k->curve != NULL ? EVP_EC_gen(k->curve) :
		    EVP_RSA_gen((unsigned)k->bits), &spki);
		sign(key, k->md, data, &sig);
		err_clear(&e);
		rc = sig_verify(buf_bytes(&spki), k->hash, k->alg,
		    buf_bytes(&sig), data, &e);
		if (e.code != k->want || rc != (k->want == ERR_NONE ? 0 : -1))
			fail_msg("%s: %d %s", k->name, rc, e.msg);
		if (rc == 0) {
			sig.p[sig.n - 1] ^= 1;
			err_clear(&e);
			assert_int_equal(sig_verify(buf_bytes(&spki), k->hash,
			    k->alg, buf_bytes(&sig), data, &e), -1);
			assert_int_equal(e.code, ERR_VERIFY);
			sig.p[sig.n - 1] ^= 1;
			data.n--;
			assert_int_equal(sig_verify(buf_bytes(&spki), k->hash,
			    k->alg, buf_bytes(&sig), data, NULL), -1);
			data.n++;
			spki.n--;
			assert_int_equal(sig_verify(buf_bytes(&spki), k->hash,
			    k->alg, buf_bytes(&sig), data, NULL), -1);
			spki.n++;
			buf_u8(&spki, 0);
			assert_int_equal(sig_verify(buf_bytes(&spki), k->hash,
			    k->alg, buf_bytes(&sig), data, NULL), -1);
		}
		EVP_PKEY_free(key);
	}
	err_clear(&e);
	assert_int_equal(sig_verify((struct span){ NULL, 0 }, 4, 3,
	    buf_bytes(&sig), data, &e), -1);
	assert_non_null(strstr(e.msg, "no key"));
	key = make(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &spki);
	assert_int_equal(sig_verify(buf_bytes(&spki), 4, 3, buf_bytes(&sig),
	    data, NULL), -1);
	EVP_PKEY_free(key);
	buf_free(&spki);
	buf_free(&sig);
}

/* More keys than are kept ready, in turns, and each with its own alone. */
static void
many(void **state)
{
	enum { N = LIMIT_SIG_KEYS + 1 };
	static const uint8_t	text[] = "what is signed";
	struct span		data = { text, sizeof(text) };
	static struct buf	spki[N], sig[N];
	EVP_PKEY		*key;
	size_t			i, k;

	(void)state;
	for (i = 0; i < N; i++) {
		key = make(EVP_EC_gen("P-256"), &spki[i]);
		sign(key, "SHA256", data, &sig[i]);
		EVP_PKEY_free(key);
	}
	for (k = 0; k < 3; k++)
		for (i = 0; i < N; i++) {
			size_t	at = k == 1 ? N - 1 - i : i;

			assert_int_equal(sig_verify(buf_bytes(&spki[at]),
			    SIG_SHA256, SIG_ECDSA, buf_bytes(&sig[at]), data,
			    NULL), 0);
			assert_int_equal(sig_verify(buf_bytes(&spki[at]),
			    SIG_SHA256, SIG_ECDSA, buf_bytes(
			    &sig[(at + 1) % N]), data, NULL), -1);
		}
	/* A key that is kept is still not for other algorithms. */
	assert_int_equal(sig_verify(buf_bytes(&spki[0]), SIG_SHA384,
	    SIG_ECDSA, buf_bytes(&sig[0]), data, NULL), -1);
	assert_int_equal(sig_verify(buf_bytes(&spki[0]), SIG_SHA256, SIG_RSA,
	    buf_bytes(&sig[0]), data, NULL), -1);
	for (i = 0; i < N; i++) {
		buf_free(&spki[i]);
		buf_free(&sig[i]);
	}
}

static void
digitally_signed(void **state)
{
	static const uint8_t	in[] = { 4, 3, 0, 2, 9, 8, 7 };
	struct span		sig;
	struct cur		c;
	uint8_t			h, a, *p;
	size_t			n;

	(void)state;
	for (n = 0; n <= sizeof(in); n++) {
		p = data_exact((struct span){ in, n });
		c = cur_of(p, n);
		if (n == 6) {
			assert_int_equal(sig_read(&c, &h, &a, &sig, NULL), 0);
			assert_int_equal(h, 4);
			assert_int_equal(a, 3);
			assert_int_equal(sig.n, 2);
			assert_int_equal(sig.p[1], 8);
			assert_int_equal(cur_left(&c), 0);
		} else
			assert_int_equal(sig_read(&c, &h, &a, &sig, NULL),
			    -1);
		free(p);
	}
	c = cur_of("\4\3\0", 4);
	assert_int_equal(sig_read(&c, &h, &a, &sig, NULL), -1);
}

/* The test vectors of one Wycheproof file, all through sig_verify(). */
static void
wycheproof(const char *rel, const char *keyname, uint8_t hash, uint8_t alg)
{
	json_t		*o = data_json(rel), *g, *t;
	struct buf	 spki = BUF_INIT, sig = BUF_INIT, msg = BUF_INIT;
	const char	*want;
	size_t		 i, j, n = 0, good = 0;
	int		 rc;

	if (o == NULL) {
		data_skip(1, rel);
		return;
	}
	json_array_foreach(json_object_get(o, "testGroups"), i, g) {
		buf_reset(&spki);
		data_hex(json_string_value(json_object_get(g, keyname)),
		    &spki);
		json_array_foreach(json_object_get(g, "tests"), j, t) {
			buf_reset(&sig);
			buf_reset(&msg);
			data_hex(json_string_value(json_object_get(t, "sig")),
			    &sig);
			data_hex(json_string_value(json_object_get(t, "msg")),
			    &msg);
			rc = sig_verify(buf_bytes(&spki), hash, alg,
			    buf_bytes(&sig), buf_bytes(&msg), NULL);
			want = json_string_value(json_object_get(t,
			    "result"));
			if (strcmp(want, "acceptable") != 0 &&
			    rc != (strcmp(want, "valid") == 0 ? 0 : -1))
				fail_msg("%s: test %lld is %s", rel,
				    (long long)json_integer_value(
				    json_object_get(t, "tcId")), want);
			n++;
			good += rc == 0;
		}
	}
	assert_int_equal(n, json_integer_value(json_object_get(o,
	    "numberOfTests")));
	assert_true(good > 0 && good < n);
	printf("%zu tests of %s, %zu verify\n", n, rel, good);
	json_decref(o);
	buf_free(&spki);
	buf_free(&sig);
	buf_free(&msg);
}

static void
vectors(void **state)
{
	(void)state;
	wycheproof("jws/wycheproof/ecdsa_secp256r1_sha256_test.json",
	    "publicKeyDer", 4, 3);
	wycheproof("jws/wycheproof/ecdsa_secp384r1_sha384_test.json",
	    "publicKeyDer", 5, 3);
	wycheproof("jws/wycheproof/rsa_signature_2048_sha256_test.json",
	    "publicKeyDer", 4, 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(many),
		cmocka_unit_test(digitally_signed),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
