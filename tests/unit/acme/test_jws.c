#include "tests/unit/acme/jws_fixture.h"

/*
 * RFC 7515, A.2 and A.3, and RFC 7638, 3.1: the signatures show that the
 * check of this test is one, and the keys go both ways.
 */
#define N_7638	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbf" \
    "AAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5J" \
    "sGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz" \
    "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh" \
    "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDK" \
    "gw"
#define T_7638	"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define X_A3	"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y_A3	"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define PAYLOAD	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6" \
    "Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define SIG_A3	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx" \
    "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define N_A2	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPd" \
    "dxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwO" \
    "WvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-K" \
    "XBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH" \
    "7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp" \
    "oQ"
#define SIG_A2	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOi" \
    "Zj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX" \
    "4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZR" \
    "mB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6Ie" \
    "YI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77" \
    "Rw"

static void
test_published(void **state)
{
	EVP_PKEY	*rsa = rsa_of(N_A2, "AQAB");
	EVP_PKEY	*ec = ec_of("P-256", X_A3, Y_A3);
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;

	(void)state;
	assert_true(verify(rsa, "RS256", "eyJhbGciOiJSUzI1NiJ9." PAYLOAD,
	    SIG_A2));
	assert_false(verify(rsa, "RS256", "eyJhbGciOiJSUzI1NiK9." PAYLOAD,
	    SIG_A2));
	assert_true(verify(ec, "ES256", "eyJhbGciOiJFUzI1NiJ9." PAYLOAD,
	    SIG_A3));
	assert_false(verify(ec, "ES256", "eyJhbGciOiJFUzI1NiK9." PAYLOAD,
	    SIG_A3));
	assert_int_equal(jws_jwk(ec, &b, &e), 0);
	assert_string_equal(buf_text(&b), "{\"crv\":\"P-256\",\"kty\":\"EC\","
	    "\"x\":\"" X_A3 "\",\"y\":\"" Y_A3 "\"}");
	buf_reset(&b);
	assert_int_equal(jws_jwk(rsa, &b, &e), 0);
	assert_string_equal(buf_text(&b), "{\"e\":\"AQAB\",\"kty\":\"RSA\","
	    "\"n\":\"" N_A2 "\"}");
	buf_free(&b);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void
test_thumbprint(void **state)
{
	EVP_PKEY	*key = rsa_of(N_7638, "AQAB");
	char		 t[JWS_THUMBPRINT];

	(void)state;
	assert_int_equal(jws_thumbprint(key, t, NULL), 0);
	assert_string_equal(t, T_7638);
	EVP_PKEY_free(key);
}

/* Sign and check as a CA does; gives the header, to be freed. */
static json_t *
round_trip(EVP_PKEY *key, const struct jws_ask *a)
{
	struct buf	 b = BUF_INIT, p = BUF_INIT;
	struct err	 e = ERR_INIT;
	json_t		*o, *h;
	EVP_PKEY	*other = NULL;
	char		*in;

	buf_str(&b, "x");	/* it appends */
	if (jws_sign(key, a, &b, &e) == -1)
		fail_msg("%s", e.msg);
	memmove(b.p, b.p + 1, --b.n);
	o = parse(&b);
	h = inside(text(o, "protected"));
	if (a->kid == NULL)
		other = from_jwk(json_object_get(h, "jwk"));
	in = input(o);
	assert_true(verify(other != NULL ? other : key, text(h, "alg"), in,
	    text(o, "signature")));
	in[3] = in[3] == 'A' ? 'B' : 'A';
	assert_false(verify(key, text(h, "alg"), in, text(o, "signature")));
	unb64(text(o, "payload"), &p);
	assert_string_equal(buf_text(&p), a->payload);
	assert_string_equal(text(h, "url"), a->url);
	free(in);
	EVP_PKEY_free(other);
	json_decref(o);
	buf_free(&b);
	buf_free(&p);
	return h;
}

static void
test_sign(void **state)
{
	static const struct {
		enum pkey_kind	 kind;
		const char	*alg;
	} t[] = {
		{ PKEY_P256, "ES256" }, { PKEY_P384, "ES384" },
		{ PKEY_RSA2048, "RS256" }
	};
	struct jws_ask	 a = { URL, "nOnce_-1", NULL, "{\"a\":1}" };
	EVP_PKEY	*key;
	json_t		*h;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		key = pkey_make(t[i].kind, NULL);
		a.kid = NULL;
		h = round_trip(key, &a);
		assert_string_equal(text(h, "alg"), t[i].alg);
		assert_string_equal(text(h, "nonce"), "nOnce_-1");
		assert_null(json_object_get(h, "kid"));
		assert_int_equal(json_object_size(h), 4);
		json_decref(h);
		a.kid = KID;
		h = round_trip(key, &a);
		assert_string_equal(text(h, "kid"), KID);
		assert_null(json_object_get(h, "jwk"));
		assert_int_equal(json_object_size(h), 4);
		json_decref(h);
		EVP_PKEY_free(key);
	}
}

/* POST-as-GET has an empty payload; an inner JWS has no nonce. */
static void
test_empty(void **state)
{
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	json_t		*h = round_trip(key, &(struct jws_ask){ URL, NULL,
			    KID, "" });

	(void)state;
	assert_int_equal(json_object_size(h), 3);
	assert_null(json_object_get(h, "nonce"));
	json_decref(h);
	EVP_PKEY_free(key);
}

/*
 * r, s, x and y that begin with a zero byte keep their width: one in 256 does,
 * so that each has been seen long before the end of this loop.
 */
static void
test_width(void **state)
{
	struct jws_ask	 a = { URL, NULL, NULL, "" };
	struct buf	 b = BUF_INIT, raw = BUF_INIT;
	EVP_PKEY	*key;
	json_t		*o, *h, *jwk;
	int		 r = 0, s = 0, x = 0, y = 0, i;

	(void)state;
	for (i = 0; i < 50000 && !(r && s && x && y); i++) {
		key = pkey_make(PKEY_P256, NULL);
		buf_reset(&b);
		assert_int_equal(jws_sign(key, &a, &b, NULL), 0);
		o = parse(&b);
		h = inside(text(o, "protected"));
		jwk = json_object_get(h, "jwk");
		unb64(text(o, "signature"), &raw);
		assert_int_equal(raw.n, 64);
		r |= raw.p[0] == 0;
		s |= raw.p[32] == 0;
		unb64(text(jwk, "x"), &raw);
		assert_int_equal(raw.n, 32);
		x |= raw.p[0] == 0;
		unb64(text(jwk, "y"), &raw);
		assert_int_equal(raw.n, 32);
		y |= raw.p[0] == 0;
		json_decref(h);
		json_decref(o);
		EVP_PKEY_free(key);
	}
	assert_true(r && s && x && y);
	buf_free(&b);
	buf_free(&raw);
}

/* What may not be sent is refused, and nothing is appended. */
static void
test_refused(void **state)
{
	static char	long_url[LIMIT_JWS_TEXT + 2];
	static char	long_nonce[LIMIT_NONCE + 2];
	const struct {
		struct jws_ask	 a;
		enum err_code	 code;
		const char	*words;
	} t[] = {
		{ { "https://a/\n", NULL, KID, "" }, ERR_FORMAT, "0x0a" },
		{ { "https://\xc3\xa4/", NULL, KID, "" }, ERR_FORMAT, "0xc3" },
		{ { "", NULL, KID, "" }, ERR_FORMAT, "empty \"url\"" },
		{ { URL, NULL, "", "" }, ERR_FORMAT, "empty \"kid\"" },
		{ { URL, "", KID, "" }, ERR_FORMAT, "nonce" },
		{ { URL, "a b", KID, "" }, ERR_FORMAT, "nonce" },
		{ { URL, "a\",\"x\":\"", KID, "" }, ERR_FORMAT, "nonce" },
		{ { URL, long_nonce, KID, "" }, ERR_FORMAT, "nonce" },
		{ { long_url, NULL, KID, "" }, ERR_LIMIT, "2049 bytes" },
		{ { URL, NULL, long_url, "" }, ERR_LIMIT, "2049 bytes" }
	};
	struct jws_ask	 a = { long_url, long_nonce, long_url, "" };
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	struct buf	 b = BUF_INIT;
	struct err	 e;
	size_t		 i;

	(void)state;
	memset(long_url, 'u', LIMIT_JWS_TEXT + 1);
	memset(long_nonce, 'n', LIMIT_NONCE + 1);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		assert_int_equal(jws_sign(key, &t[i].a, &b, &e), -1);
		assert_err(&e, t[i].code, t[i].words);
		assert_int_equal(b.n, 0);
	}
	long_url[LIMIT_JWS_TEXT] = '\0';
	long_nonce[LIMIT_NONCE] = '\0';
	assert_int_equal(jws_sign(key, &a, &b, NULL), 0);
	buf_free(&b);
	EVP_PKEY_free(key);
}

/* Quotes cannot break out of a text. */
static void
test_quotes(void **state)
{
	EVP_PKEY	*key = pkey_make(PKEY_P256, NULL);
	json_t		*h = round_trip(key, &(struct jws_ask){
			    "https://a/\",\"kid\":\"\\x", "N", KID, "{}" });

	(void)state;
	assert_string_equal(text(h, "kid"), KID);
	json_decref(h);
	EVP_PKEY_free(key);
}

/* Keys that no CA takes. */
static void
test_keys(void **state)
{
	EVP_PKEY	*bad[4];
	struct buf	 b = BUF_INIT;
	struct err	 e;
	char		 t[JWS_THUMBPRINT];
	size_t		 i;

	(void)state;
	bad[0] = EVP_RSA_gen(1024);
	bad[1] = EVP_EC_gen("P-521");
	bad[2] = EVP_EC_gen("secp256k1");
	bad[3] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (i = 0; i < 4; i++) {
		err_clear(&e);
		assert_int_equal(jws_jwk(bad[i], &b, &e), -1);
		assert_err(&e, ERR_FORMAT, "CAs take");
		assert_int_equal(jws_thumbprint(bad[i], t, NULL), -1);
		assert_string_equal(t, "");
		assert_int_equal(jws_sign(bad[i], &(struct jws_ask){ URL,
		    NULL, KID, "" }, &b, NULL), -1);
		assert_int_equal(b.n, 0);
		EVP_PKEY_free(bad[i]);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_thumbprint),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_keys)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
