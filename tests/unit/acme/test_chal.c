#include "tests/unit/acme/acme_fixture.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "acme/chal.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/sha.h"

/* RFC 8555, 8.1, and the thumbprint of RFC 7638, 3.1. */
#define TOKEN	"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMB	"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define AUTHZ	TOKEN "." THUMB
/* base64url of its SHA-256, by Python's hashlib */
#define TXT	"ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"
/* base32 of 10 bytes of SHA-256 of an account URL, the same way */
#define LABEL1	"kvh7jr2d6tnrrsci"
/* the example of draft-ietf-acme-dns-account-label */
#define ACCOUNT	"https://example.com/acme/acct/ExampleAccount"

static void
test_types(void **state)
{
	static const struct {
		enum challenge_type	 t;
		const char		*name;
		int			 dns, wild, ip;
	} t[] = {
		{ CHALLENGE_HTTP_01, "http-01", 1, 0, 1 },
		{ CHALLENGE_DNS_01, "dns-01", 1, 1, 0 },
		{ CHALLENGE_TLS_ALPN_01, "tls-alpn-01", 1, 0, 1 },
		{ CHALLENGE_DNS_ACCOUNT_01, "dns-account-01", 1, 1, 0 },
		{ CHALLENGE_DNS_PERSIST_01, "dns-persist-01", 1, 1, 0 },
		{ CHALLENGE_MAX, NULL, 0, 0, 0 },
		{ 0, NULL, 0, 0, 0 }
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (t[i].name == NULL)
			assert_null(challenge_name(t[i].t));
		else
			assert_int_equal(challenge_of(t[i].name), t[i].t);
		assert_int_equal(chal_fits(t[i].t, "a.example"), t[i].dns);
		assert_int_equal(chal_fits(t[i].t, "*.a.example"), t[i].wild);
		assert_int_equal(chal_fits(t[i].t, "192.0.2.1"), t[i].ip);
		assert_int_equal(chal_fits(t[i].t, "2001:db8::1"), t[i].ip);
	}
	/* stored numbers */
	assert_int_equal(CHALLENGE_HTTP_01, 1);
	assert_int_equal(CHALLENGE_DNS_01, 2);
	assert_int_equal(CHALLENGE_TLS_ALPN_01, 3);
	assert_int_equal(CHALLENGE_DNS_ACCOUNT_01, 4);
	assert_int_equal(CHALLENGE_DNS_PERSIST_01, 5);
	assert_int_equal(CHALLENGE_MAX, 6);
	assert_int_equal(challenge_of("tls-sni-01"), 0);
	assert_int_equal(challenge_of(""), 0);
	assert_int_equal(challenge_of("HTTP-01"), 0);
}

/* What a hostile CA would write files and run programs with. */
static void
test_token(void **state)
{
	static const char *const	bad[] = { "",
	    "../../../../etc/passwd", "evaGxfADs6pSRb2LAv9IZf1/Dt3juxGJ",
	    "evaGxfADs6pSRb2LAv9IZf1+Dt3juxGJ", "evaGxfADs6pSRb2LAv9IZf17==",
	    "evaGxfADs6pSRb2LAv9IZf17\n", " evaGxfADs6pSRb2LAv9IZf17",
	    "evaGxfADs6pSRb2LAv9IZf17;id", "evaGxfADs6pSRb2LAv9IZf1.7",
	    "$(id)_AAAAAAAAAAAAAAAAAAAA", "evaGxfADs6pSRb2LAv9IZf1\xc3\xa4" };
	char	s[LIMIT_TOKEN + 2];
	size_t	i;

	(void)state;
	assert_int_equal(chal_token_ok(TOKEN), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (chal_token_ok(bad[i]))
			fail_msg("taken: %s", bad[i]);
	for (i = 0; i <= LIMIT_TOKEN + 1; i++) {
		memset(s, '-', i);
		s[i] = '\0';
		assert_int_equal(chal_token_ok(s), i >= LIMIT_TOKEN_MIN &&
		    i <= LIMIT_TOKEN);
	}
}

static void
test_key_authz(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	char		txt[CHAL_TXT];

	(void)state;
	assert_int_equal(chal_key_authz(TOKEN, THUMB, &b, &e), 0);
	assert_string_equal(buf_text(&b), AUTHZ);
	chal_txt(buf_text(&b), txt);
	assert_string_equal(txt, TXT);
	buf_reset(&b);
	assert_int_equal(chal_key_authz("../x", THUMB, &b, &e), -1);
	assert_err(&e, ERR_FORMAT, "the token");
	err_clear(&e);
	assert_int_equal(chal_key_authz(TOKEN, THUMB "A", &b, &e), -1);
	assert_err(&e, ERR_FORMAT, "thumbprint");
	assert_int_equal(chal_key_authz(TOKEN, "", &b, NULL), -1);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void
test_owner(void **state)
{
	static const struct {
		enum challenge_type	 t;
		const char	*ident, *account, *want;
	} t[] = {
		{ CHALLENGE_DNS_01, "Example.com", NULL,
		    "_acme-challenge.example.com" },
		{ CHALLENGE_DNS_01, "*.example.com", NULL,
		    "_acme-challenge.example.com" },
		{ CHALLENGE_DNS_ACCOUNT_01, "example.org", ACCOUNT,
		    "_ujmmovf2vn55tgye._acme-challenge.example.org" },
		{ CHALLENGE_DNS_ACCOUNT_01, "*.example.org",
		    "https://ca.example/acme/acct/1",
		    "_" LABEL1 "._acme-challenge.example.org" },
		{ CHALLENGE_DNS_PERSIST_01, "example.com", NULL,
		    "_validation-persist.example.com" },
		{ CHALLENGE_DNS_PERSIST_01, "*.example.com", ACCOUNT,
		    "_validation-persist.example.com" },
		{ CHALLENGE_DNS_ACCOUNT_01, "example.org", NULL, NULL },
		{ CHALLENGE_DNS_ACCOUNT_01, "example.org", "", NULL },
		{ CHALLENGE_DNS_01, "192.0.2.1", NULL, NULL },
		{ CHALLENGE_DNS_PERSIST_01, "2001:db8::1", NULL, NULL },
		{ CHALLENGE_DNS_01, "a..example", NULL, NULL },
		{ CHALLENGE_HTTP_01, "example.com", NULL, NULL },
		{ CHALLENGE_TLS_ALPN_01, "example.com", NULL, NULL },
		{ 0, "example.com", NULL, NULL }
	};
	char		out[NAME_TEXT];
	struct err	e;
	size_t		i;
	int		r;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		r = chal_owner(t[i].t, t[i].ident, t[i].account, out, &e);
		if ((r == 0) != (t[i].want != NULL))
			fail_msg("%zu: %d %s", i, r, e.msg);
		if (r == 0)
			assert_string_equal(out, t[i].want);
		else
			assert_err(&e, ERR_FORMAT, "challenge");
	}
}

/* The label in front must still fit. */
static void
test_owner_long(void **state)
{
	char	s[300], out[NAME_TEXT];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(s); i++)
		s[i] = i % 50 == 49 ? '.' : 'a';
	s[253 - 16] = '\0';
	assert_int_equal(chal_owner(CHALLENGE_DNS_01, s, NULL, out, NULL), 0);
	assert_int_equal(strlen(out), 253);
	s[253 - 16] = 'a';
	s[253 - 15] = '\0';
	assert_int_equal(chal_owner(CHALLENGE_DNS_01, s, NULL, out, NULL), -1);
}

static void
test_sni(void **state)
{
	char		out[NAME_TEXT];
	struct err	e = ERR_INIT;

	(void)state;
	assert_int_equal(chal_sni("A.example", out, &e), 0);
	assert_string_equal(out, "a.example");
	assert_int_equal(chal_sni("192.0.2.1", out, &e), 0);
	assert_string_equal(out, "1.2.0.192.in-addr.arpa");
	assert_int_equal(chal_sni("2001:db8::1", out, &e), 0);
	assert_string_equal(out, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_int_equal(chal_sni("*.a.example", out, &e), -1);
	assert_err(&e, ERR_FORMAT, "cannot be validated");
	assert_int_equal(chal_sni("", out, NULL), -1);
}

#define CA	"ca.example"
#define ME	"https://ca.example/acme/acct/1"
#define NOW	(1800000000 * CLK_SEC)

/* What CAs take and what they do not: reference is RFC 8659, 4.2 and the
   draft. */
static void
test_persist_ok(void **state)
{
	static const struct {
		const char	*txt;
		int		 wildcard;
		enum err_code	 want;		/* ERR_NONE: it grants */
		const char	*words;
	} t[] = {
		{ CA "; accounturi=" ME, 0, ERR_NONE, "" },
		{ CA ";accounturi=" ME, 0, ERR_NONE, "" },
		{ "  CA.Example. ;\tACCOUNTURI = " ME " ", 0, ERR_NONE, "" },
		{ CA "; x=1; accounturi=" ME "; x=2; y-2=", 0, ERR_NONE, "" },
		{ CA "; policy=wildcard; accounturi=" ME, 1, ERR_NONE, "" },
		{ CA "; accounturi=" ME "; Policy=WildCard", 1, ERR_NONE, "" },
		{ CA "; accounturi=" ME "; policy=wildcard", 0, ERR_NONE, "" },
		{ CA "; accounturi=" ME "; policy=other", 0, ERR_NONE, "" },
		{ CA "; accounturi=" ME "; persistUntil=1800000000", 0,
		    ERR_NONE, "" },
		{ CA "; accounturi=" ME "; persistuntil=99999999999", 0,
		    ERR_NONE, "" },
		{ CA "; accounturi=" ME, 1, ERR_PERM, "wildcards" },
		{ CA "; accounturi=" ME "; policy=other", 1, ERR_PERM,
		    "wildcards" },
		{ CA "; accounturi=" ME "; persistUntil=1799999999", 0,
		    ERR_PERM, "is over" },
		{ CA "; accounturi=" ME "; persistUntil=0", 0, ERR_PERM,
		    "is over" },
		{ CA "; accounturi=" ME "0", 0, ERR_PERM, "another account" },
		{ CA "; accounturi=https://CA.example/acme/acct/1", 0,
		    ERR_PERM, "another account" },
		{ "other.example; accounturi=" ME, 0, ERR_NOENT,
		    "another issuer" },
		{ "other.example; accounturi=" ME ";", 0, ERR_NOENT,
		    "another issuer" },
		{ "v=spf1 -all", 0, ERR_NOENT, "another issuer" },
		{ CA, 0, ERR_FORMAT, "no accounturi" },
		{ CA "; accounturi=", 0, ERR_FORMAT, "no accounturi" },
		{ CA "; policy=wildcard", 0, ERR_FORMAT, "no accounturi" },
		{ CA "; accounturi=" ME ";", 0, ERR_FORMAT, "semicolon" },
		{ CA ";; accounturi=" ME, 0, ERR_FORMAT, "semicolon" },
		{ CA "; accounturi=" ME "; ", 0, ERR_FORMAT, "semicolon" },
		{ CA "; accounturi=" ME "; policy", 0, ERR_FORMAT,
		    "tag=value" },
		{ CA "; accounturi=" ME "; =1", 0, ERR_FORMAT, "tag=value" },
		{ CA "; accounturi=" ME "; -a=1", 0, ERR_FORMAT, "tag=value" },
		{ CA "; accounturi=" ME "; a_b=1", 0, ERR_FORMAT,
		    "tag=value" },
		{ CA "; accounturi=" ME "; accountURI=" ME, 0, ERR_FORMAT,
		    "twice" },
		{ CA "; accounturi=; accounturi=" ME, 0, ERR_FORMAT,
		    "twice" },
		{ CA "; accounturi=" ME "; policy=a; policy=wildcard", 1,
		    ERR_FORMAT, "twice" },
		{ CA "; accounturi=" ME "; x=a b", 0, ERR_FORMAT, "byte" },
		{ CA "; accounturi=" ME "; x=\xc3\xa4", 0, ERR_FORMAT,
		    "byte" },
		{ CA "; accounturi=" ME "; x=\x7f", 0, ERR_FORMAT, "byte" },
		{ CA "; accounturi=" ME "; persistUntil=", 0, ERR_FORMAT,
		    "persistUntil" },
		{ CA "; accounturi=" ME "; persistUntil=soon", 0, ERR_FORMAT,
		    "persistUntil" },
		{ CA "; accounturi=" ME "; persistUntil=-1", 0, ERR_FORMAT,
		    "persistUntil" },
		{ CA "; accounturi=" ME "; persistUntil=9999999999999999999",
		    0, ERR_FORMAT, "persistUntil" },
		{ "; accounturi=" ME, 0, ERR_FORMAT, "no issuer" },
		{ "", 0, ERR_FORMAT, "no" }
	};
	struct chal_persist	w = { CA, ME, 0, 0 };
	struct err		e;
	size_t			i;
	int			r;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		w.wildcard = t[i].wildcard;
		r = chal_persist_ok(SPAN_STR(t[i].txt), &w, NOW, &e);
		if (r != (t[i].want == ERR_NONE))
			fail_msg("%s: %d %s", t[i].txt, r, e.msg);
		assert_err(&e, t[i].want, t[i].words);
	}
	assert_int_equal(chal_persist_ok((struct span){ NULL, 0 }, &w, NOW,
	    NULL), 0);
}

static void
test_persist_limit(void **state)
{
	char			s[LIMIT_PERSIST + 1];
	struct chal_persist	w = { CA, ME, 0, 0 };
	struct err		e = ERR_INIT;

	(void)state;
	memset(s, 'x', sizeof(s));
	memcpy(s, CA "; accounturi=" ME "; x=", strlen(CA "; accounturi=" ME
	    "; x="));
	assert_int_equal(chal_persist_ok((struct span){ (uint8_t *)s,
	    LIMIT_PERSIST }, &w, NOW, NULL), 1);
	assert_int_equal(chal_persist_ok((struct span){ (uint8_t *)s,
	    LIMIT_PERSIST + 1 }, &w, NOW, &e), 0);
	assert_err(&e, ERR_FORMAT, "too long");
}

static void
test_persist_txt(void **state)
{
	static const struct {
		struct chal_persist	 p;
		const char		*want;	/* NULL: refused */
	} t[] = {
		{ { CA, ME, 0, 0 }, CA "; accounturi=" ME },
		{ { CA, ME, 1, 0 }, CA "; accounturi=" ME
		    "; policy=wildcard" },
		{ { CA, ME, 0, 1767225599 }, CA "; accounturi=" ME
		    "; persistUntil=1767225599" },
		{ { CA, ME, 1, 1767225599 }, CA "; accounturi=" ME
		    "; policy=wildcard; persistUntil=1767225599" },
		{ { CA, ME "; policy=wildcard", 0, 0 }, NULL },
		{ { CA, "", 0, 0 }, NULL }, { { CA, "a b", 0, 0 }, NULL },
		{ { "", ME, 0, 0 }, NULL }, { { "a b", ME, 0, 0 }, NULL },
		{ { CA, ME, 0, -1 }, NULL }
	};
	struct buf	b = BUF_INIT;
	struct err	e;
	size_t		i;
	int		r;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		err_clear(&e);
		r = chal_persist_txt(&t[i].p, &b, &e);
		if ((r == 0) != (t[i].want != NULL))
			fail_msg("%zu: %d %s", i, r, e.msg);
		assert_string_equal(buf_text(&b), r == 0 ? t[i].want : "");
		if (r == -1)
			assert_err(&e, e.code, "dns-persist-01: ");
	}
	buf_free(&b);
}

/* The certificate, as OpenSSL reads it. */
static X509 *
alpn_cert(const char *ident, int64_t at, EVP_PKEY **key)
{
	struct chal_alpn	 a;
	struct err		 e = ERR_INIT;
	const uint8_t		*p;
	X509			*x;

	if (chal_alpn(ident, AUTHZ, at, &a, &e) == -1)
		fail_msg("%s", e.msg);
	p = a.cert.p;
	x = d2i_X509(NULL, &p, (long)a.cert.n);
	assert_non_null(x);
	assert_ptr_equal(p, a.cert.p + a.cert.n);
	p = a.key.p;
	*key = d2i_AutoPrivateKey(NULL, &p, (long)a.key.n);
	assert_non_null(*key);
	chal_alpn_free(&a);
	assert_null(a.key.p);
	return x;
}

/* RFC 8737, 3. */
static void
check_alpn(X509 *x, EVP_PKEY *key, int64_t at)
{
	ASN1_OBJECT		*oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	X509_EXTENSION		*ext;
	ASN1_OCTET_STRING	*v;
	uint8_t			 want[34] = { 0x04, 0x20 };
	time_t			 t = (time_t)(at / CLK_SEC);

	assert_int_equal(X509_get_version(x), 2);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(X509_verify(x, key), 1);
	assert_int_equal(X509_check_issued(x, x), X509_V_OK);
	assert_true(X509_cmp_time(X509_get0_notBefore(x), &t) < 0);
	assert_true(X509_cmp_time(X509_get0_notAfter(x), &t) > 0);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
	assert_int_equal(X509_get_ext_count(x), 2);
	ext = X509_get_ext(x, X509_get_ext_by_OBJ(x, oid, -1));
	assert_non_null(ext);
	assert_int_equal(X509_EXTENSION_get_critical(ext), 1);
	v = X509_EXTENSION_get_data(ext);
	sha_256(want + 2, AUTHZ, strlen(AUTHZ));
	assert_int_equal(ASN1_STRING_length(v), 34);
	assert_memory_equal(ASN1_STRING_get0_data(v), want, 34);
	ASN1_OBJECT_free(oid);
}

static void
test_alpn(void **state)
{
	static const struct {
		const char	*ident;
		int		 type;
		const char	*value;
		int		 n;
		int64_t		 at;
	} t[] = {
		{ "A.example", GEN_DNS, "a.example", 9, NOW },
		{ "192.0.2.1", GEN_IPADD, "\xc0\0\2\1", 4, NOW },
		{ "2001:db8::1", GEN_IPADD,
		    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, NOW },
		/* around the year 2050 times are written in two ways */
		{ "a.example", GEN_DNS, "a.example", 9,
		    2524608000 * CLK_SEC }
	};
	GENERAL_NAMES	*g;
	GENERAL_NAME	*one;
	ASN1_STRING	*s;
	EVP_PKEY	*key;
	X509		*x;
	size_t		 i;
	int		 type;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		x = alpn_cert(t[i].ident, t[i].at, &key);
		check_alpn(x, key, t[i].at);
		g = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
		assert_int_equal(sk_GENERAL_NAME_num(g), 1);
		one = sk_GENERAL_NAME_value(g, 0);
		s = GENERAL_NAME_get0_value(one, &type);
		assert_int_equal(type, t[i].type);
		assert_int_equal(ASN1_STRING_length(s), t[i].n);
		assert_memory_equal(ASN1_STRING_get0_data(s), t[i].value,
		    (size_t)t[i].n);
		GENERAL_NAMES_free(g);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

static void
test_alpn_refused(void **state)
{
	struct chal_alpn	a;
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(chal_alpn("*.a.example", AUTHZ, NOW, &a, &e), -1);
	assert_err(&e, ERR_FORMAT, "cannot be validated");
	chal_alpn_free(&a);
	err_clear(&e);
	assert_int_equal(chal_alpn("a.example", "", NOW, &a, &e), -1);
	assert_err(&e, ERR_FORMAT, "no key authorization");
	chal_alpn_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_key_authz),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_owner_long),
		cmocka_unit_test(test_sni),
		cmocka_unit_test(test_persist_ok),
		cmocka_unit_test(test_persist_limit),
		cmocka_unit_test(test_persist_txt),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_alpn_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
