/* The CRLs that CCADB lists. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "pki/ccadb.h"

#define HEAD	"CA Owner,SHA-256 Fingerprint,Full CRL Issued By This CA," \
		"JSON Array of Partitioned CRLs\r\n"

/* The CA whose fingerprint is 32 times this byte. */
static void
ca(struct ccadb_ca *v, uint8_t b)
{
	memset(v, 0, sizeof(*v));
	memset(v->sha256, b, 32);
}

/* A record of it; fields as they are written. */
static void
record(struct buf *t, uint8_t b, const char *fields)
{
	uint8_t	h[32];
	char	hex[65];

	memset(h, b, 32);
	buf_fmt(t, "\"Owner, Inc.\",%s,%s\r\n", enc_hex_to(hex, h, 32),
	    fields);
}

/* What is read of one CA with these two fields. */
static void
one(struct ccadb_ca *v, const char *fields)
{
	struct buf	t = BUF_INIT;
	struct err	e = ERR_INIT;

	ca(v, 0xa1);
	buf_str(&t, HEAD);
	record(&t, 0x01, "http://other.example/,");
	record(&t, 0xa1, fields);
	record(&t, 0xff, ",\"[\"\"http://other.example/\"\"]\"");
	assert_int_equal(ccadb_crls(buf_bytes(&t), v, 1, &e), 1);
	assert_int_equal(v->listed, 1);
	buf_free(&t);
}

/* The CRLs, in one line. */
static void
says(const char *fields, const char *want)
{
	struct ccadb_ca	v;
	struct buf	got = BUF_INIT;
	size_t		i;

	one(&v, fields);
	for (i = 0; i < v.ncrl; i++)
		buf_fmt(&got, "%s%s", i == 0 ? "" : " ", v.crl[i]);
	assert_string_equal(buf_text(&got), want);
	buf_free(&got);
	ccadb_free(&v, 1);
}

static void
test_lists(void **state)
{
	(void)state;
	says("http://a.example/full.crl,", "http://a.example/full.crl");
	says(",\"[\"\"http://a.example/1.crl\"\",\"\"http://a.example/2.crl"
	    "\"\"]\"", "http://a.example/1.crl http://a.example/2.crl");
	/* in order, each once; both columns together; escapes */
	says("http://a.example/3,\"[ \"\"http://a.example/2\"\" ,\n"
	    "\"\"http:\\/\\/a.example\\/1\"\", \"\"http://a.example/2\"\" ]\"",
	    "http://a.example/1 http://a.example/2 http://a.example/3");
	/* what CAs wrote */
	says(",\"[http://a.example/1,http://a.example/2]\"",
	    "http://a.example/1 http://a.example/2");
	says("\" \"\"HTTPS://a.example/x\"\" \",", "HTTPS://a.example/x");
	/* not issuing yet, or not any more */
	says(",\"[\"\"\"\"]\"", "");
	says(",[]", "");
	says(",", "");
	says("expired,Revoked", "");
}

/* What cannot be followed is not forgotten. */
static void
test_left(void **state)
{
	char		fields[LIMIT_PTR_URL + 200];
	struct ccadb_ca	v;
	size_t		i;

	(void)state;
	says("ldap://a.example/x,", "ccadb:ldap://a.example/x");
	says(",\"[\"\"http://a.example/1\"\",\"\"file:///etc/passwd\"\"]\"",
	    "ccadb:file:///etc/passwd http://a.example/1");
	says(",\"[\"\"http://a.example/\\u0031\"\"]\"",
	    "ccadb:http://a.example/?\\u0031");
	says(",\"[\"\"http://a.example/\x01\xc3\xa4\"\"]\"",
	    "ccadb:http://a.example/???");
	says("http://,", "ccadb:http://");
	says("http:a,", "ccadb:http:a");

	/* at the limit of a URL, and one above it */
	for (i = 0; i < 2; i++) {
		memset(fields, 'x', sizeof(fields));
		memcpy(fields, "http://a/", 9);
		memcpy(fields + LIMIT_PTR_URL + i, ",", 2);
		one(&v, fields);
		assert_int_equal(v.ncrl, 1);
		assert_int_equal(strlen(v.crl[0]), i == 0 ? LIMIT_PTR_URL :
		    126);
		assert_int_equal(strncmp(v.crl[0], "ccadb:", 6) == 0, i);
		ccadb_free(&v, 1);
	}
}

/* As many partitions as there may be, and one more. */
static void
test_many(void **state)
{
	struct ccadb_ca	v;
	struct buf	t = BUF_INIT;
	unsigned	i, k, n;
	size_t		left;

	(void)state;
	for (k = 0; k < 2; k++) {
		n = LIMIT_CCADB_CRLS + k;
		buf_reset(&t);
		buf_str(&t, ",\"[");
		for (i = 0; i < n; i++)
			buf_fmt(&t, "%s\"\"http://a.example/%u\"\"",
			    i == 0 ? "" : ",", i);
		buf_str(&t, "]\"");
		one(&v, buf_text(&t));
		assert_int_equal(v.ncrl, n);
		for (left = 0, i = 0; i < v.ncrl; i++)
			left += strncmp(v.crl[i], "ccadb:", 6) == 0;
		assert_int_equal(left, k);
		ccadb_free(&v, 1);
	}
	buf_free(&t);
}

/* Several CAs in any order; a fingerprint that is none belongs to nobody. */
static void
test_find(void **state)
{
	struct ccadb_ca	v[3];
	struct buf	t = BUF_INIT;
	struct err	e = ERR_INIT;

	(void)state;
	ca(&v[0], 0xcc);
	ca(&v[1], 0x00);
	ca(&v[2], 0xaa);
	buf_str(&t, "\xef\xbb\xbf" "JSON_Array_of_All_Full_CRL_URLs,x,"
	    "sha_256_fingerprint\n");
	buf_str(&t, "http://a.example/,,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	buf_str(&t, "http://z.example/,,aaaa\nhttp://z.example/,,zz\n");
	buf_str(&t, "\"[\"\"http://c.example/\"\"]\",,CCCCCCCCCCCCCCCCCCCCCCCC"
	    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC");
	assert_int_equal(ccadb_crls(buf_bytes(&t), v, 3, &e), 2);
	assert_int_equal(v[0].ncrl, 1);
	assert_string_equal(v[0].crl[0], "http://c.example/");
	assert_int_equal(v[1].listed, 0);
	assert_int_equal(v[1].ncrl, 0);
	assert_string_equal(v[2].crl[0], "http://a.example/");
	ccadb_free(v, 3);
	assert_int_equal(ccadb_crls(buf_bytes(&t), v, 0, &e), 0);
	buf_free(&t);
}

static void
test_bad(void **state)
{
	static const char *const	bad[] = { "", "a,b\n",
	    "SHA-256 Fingerprint,CA Owner\n",
	    "JSON Array of Partitioned CRLs,CA Owner\n", "\"open",
	    HEAD "x,y,\"open" };
	struct ccadb_ca			v;
	struct err			e;
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ca(&v, 1);
		err_clear(&e);
		assert_int_equal(ccadb_crls((struct span){
		    (const uint8_t *)bad[i], strlen(bad[i]) }, &v, 1, &e),
		    -1);
		assert_int_equal(e.code, ERR_FORMAT);
		ccadb_free(&v, 1);
	}
	ca(&v, 1);
	err_clear(&e);
	assert_int_equal(ccadb_crls((struct span){ (const uint8_t *)HEAD,
	    (size_t)LIMIT_CCADB + 1 }, &v, 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
