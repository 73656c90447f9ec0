#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/ptr.h"
#include "tests/unit/pki/data.h"
#include "tests/unit/pki/forge.h"

#define CRLDP	"\x55\x1d\x1f"
#define AIA	"\x2b\x06\x01\x05\x05\x07\x01\x01"
#define FEATURE	"\x2b\x06\x01\x05\x05\x07\x01\x18"
#define OCSP	"\x2b\x06\x01\x05\x05\x07\x30\x01"
#define ISSUERS	"\x2b\x06\x01\x05\x05\x07\x30\x02"

/* Wrap what is in ${b}. */
static void
wrap(struct buf *b, uint8_t tag)
{
	struct buf	v = BUF_INIT;

	forge_tlv(&v, tag, b->p, b->n);
	buf_free(b);
	*b = v;
}

/* A certificate around TBS bytes; the signature is none. */
static void
around(struct buf *tbs, struct buf *cert)
{
	buf_add(tbs, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	    "\x03\x02\x00\x00", 16);
	forge_tlv(cert, DER_SEQ, tbs->p, tbs->n);
	buf_free(tbs);
}

/* Read a certificate with one extension; the body is freed. */
static int
with_ext(const char *oid, size_t n, struct buf *body, struct ptr *p)
{
	struct forge	f = FORGE_INIT;
	struct buf	tbs = BUF_INIT, cert = BUF_INIT;
	struct err	e = ERR_INIT;
	int		r;

	forge_ext(&f.exts, oid, n, 0, body->p, body->n);
	forge_done(&f, &tbs);
	around(&tbs, &cert);
	r = ptr_read(buf_bytes(&cert), p, &e);
	if (r == -1) {
		assert_int_equal(e.code, ERR_FORMAT);
		assert_null(p->crl);
	}
	buf_free(&cert);
	buf_free(body);
	return r;
}

/* A DistributionPoint with these names, and more behind them. */
static void
point(struct buf *out, const char *const *uri, const char *more, size_t n)
{
	struct buf	b = BUF_INIT;

	for (; *uri != NULL; uri++)
		forge_tlv(&b, 0x86, *uri, strlen(*uri));
	wrap(&b, 0xa0);
	wrap(&b, 0xa0);
	buf_add(&b, more, n);
	forge_tlv(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

static void
test_crldp(void **state)
{
	static const char *const	one[] = { "http://c.test/1.crl", NULL };
	static const char *const	two[] = { "ldap://c.test/cn=x",
	    "HTTP://C.test/%7E2.crl?b=1&a=2", "http://c.test/1.crl", NULL };
	struct buf			b = BUF_INIT;
	struct ptr			p;

	(void)state;
	point(&b, one, "", 0);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 1);
	assert_string_equal(p.crl[0], one[0]);
	assert_int_equal(p.crl_partial, 0);
	ptr_free(&p);
	/* byte for byte, each once; reasons make it partial */
	point(&b, one, "", 0);
	point(&b, two, "\x81\x02\x05\xa0", 4);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 3);
	assert_string_equal(p.crl[0], one[0]);
	assert_string_equal(p.crl[1], two[0]);
	assert_string_equal(p.crl[2], two[1]);
	assert_int_equal(p.crl_partial, 1);
	assert_int_equal(p.odd, 0);
	ptr_free(&p);
	/* cRLIssuer alone; a name relative to it; nothing at all */
	buf_add(&b, "\xa2\x02\xa4\x00", 4);
	wrap(&b, DER_SEQ);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 1);
	assert_string_equal(p.crl[0], PTR_LOST);
	assert_int_equal(p.crl_partial, 1);
	ptr_free(&p);
	buf_add(&b, "\xa0\x02\xa1\x00", 4);
	wrap(&b, DER_SEQ);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 1);
	assert_string_equal(p.crl[0], PTR_LOST);
	ptr_free(&p);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 1);
	assert_string_equal(p.crl[0], PTR_LOST);
	ptr_free(&p);
	/* broken at each depth */
	buf_str(&b, "\x04\x02" "ab");
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), -1);
	buf_str(&b, "\x30\x04\x04\x02" "ab");
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), -1);
	buf_str(&b, "\x30\x06\x30\x04\xa0\x02\xa0\x05");
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), -1);
	buf_add(&b, "\x30\x08\x30\x06\xa0\x04\xa0\x02\x86\x05", 10);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), -1);
}

static void
access_to(struct buf *out, const char *oid, uint8_t tag, const char *uri)
{
	struct buf	b = BUF_INIT;

	forge_tlv(&b, DER_OID, oid, 8);
	forge_tlv(&b, tag, uri, strlen(uri));
	forge_tlv(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

static void
test_aia(void **state)
{
	struct buf	b = BUF_INIT;
	struct ptr	p;

	(void)state;
	access_to(&b, OCSP, 0x86, "http://o.test");
	access_to(&b, ISSUERS, 0x86, "http://i.test/a.crt");
	access_to(&b, OCSP, 0x86, "http://o.test/");
	access_to(&b, OCSP, 0x82, "not.a.uri.test");
	access_to(&b, "\x2b\x06\x01\x05\x05\x07\x30\x03", 0x86,
	    "http://other.test");
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, 2);
	assert_string_equal(p.ocsp[0], "http://o.test");
	assert_string_equal(p.ocsp[1], "http://o.test/");
	assert_int_equal(p.naia, 1);
	assert_string_equal(p.aia[0], "http://i.test/a.crt");
	assert_int_equal(p.ncrl, 0);
	assert_int_equal(p.odd, 0);
	ptr_free(&p);
	ptr_free(&p);	/* again: nothing */
	access_to(&b, OCSP, 0x86, "http://o.test");
	b.p[1]--;
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), -1);
	ptr_free(&p);
}

/* What cannot be followed is counted. */
static void
test_odd(void **state)
{
	static const char *const bad[] = { "", "http://a b", "http://a\n",
	    "\thttp://a", "http://a\x7f", "http://\xc3\xa4" };
	char		long_url[LIMIT_PTR_URL + 2];
	struct buf	b = BUF_INIT, v = BUF_INIT;
	struct ptr	p;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		access_to(&b, OCSP, 0x86, bad[i]);
	/* a zero byte does not end it */
	forge_tlv(&v, DER_OID, OCSP, 8);
	forge_tlv(&v, 0x86, "http://a\0.test", 14);
	forge_tlv(&b, DER_SEQ, v.p, v.n);
	buf_free(&v);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, 1);
	assert_string_equal(p.ocsp[0], PTR_LOST);
	assert_int_equal(p.odd, i + 1);
	ptr_free(&p);
	memset(long_url, 'u', sizeof(long_url));
	long_url[LIMIT_PTR_URL + 1] = '\0';
	access_to(&b, OCSP, 0x86, long_url);
	long_url[LIMIT_PTR_URL] = '\0';
	access_to(&b, OCSP, 0x86, long_url);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, 1);
	assert_int_equal(strlen(p.ocsp[0]), LIMIT_PTR_URL);
	assert_int_equal(p.odd, 1);
	ptr_free(&p);
	/* so many of a kind */
	for (i = 0; i <= LIMIT_PTR_URLS; i++) {
		(void)snprintf(long_url, sizeof(long_url), "http://%zu.test",
		    i);
		access_to(&b, OCSP, 0x86, long_url);
	}
	access_to(&b, ISSUERS, 0x86, "http://i.test");
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, LIMIT_PTR_URLS);
	assert_int_equal(p.odd, 1);
	assert_int_equal(p.naia, 1);
	ptr_free(&p);
}

/*
 * A source that is named and cannot be asked is not none: a certificate with
 * such a CRL beside one that can be asked needs both, and one with nothing
 * else is not one that does without.
 */
static void
test_lost(void **state)
{
	static const char *const	both[] = { "http://c.test/1.crl",
	    "http://c.test/2 .crl", NULL };
	char				url[40];
	const char			*one[] = { url, NULL };
	struct buf			b = BUF_INIT;
	struct ptr			p;
	size_t				i;

	(void)state;
	point(&b, both, "", 0);
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, 2);
	assert_string_equal(p.crl[0], both[0]);
	assert_string_equal(p.crl[1], PTR_LOST);
	assert_int_equal(p.odd, 1);
	ptr_free(&p);
	/* more than are kept */
	for (i = 0; i <= LIMIT_PTR_URLS + 1; i++) {
		(void)snprintf(url, sizeof(url), "http://c.test/%zu", i);
		point(&b, one, "", 0);
	}
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(CRLDP, 3, &b, &p), 0);
	assert_int_equal(p.ncrl, LIMIT_PTR_URLS + 1);
	assert_string_equal(p.crl[LIMIT_PTR_URLS], PTR_LOST);
	assert_int_equal(p.odd, 2);
	ptr_free(&p);
	/* of responders one is enough; a name is no URL */
	access_to(&b, OCSP, 0x82, "o.test");
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, 1);
	assert_string_equal(p.ocsp[0], PTR_LOST);
	ptr_free(&p);
	access_to(&b, OCSP, 0x86, "http://o.test/ ");
	access_to(&b, OCSP, 0x86, "http://o.test/");
	wrap(&b, DER_SEQ);
	assert_int_equal(with_ext(AIA, 8, &b, &p), 0);
	assert_int_equal(p.nocsp, 1);
	assert_string_equal(p.ocsp[0], "http://o.test/");
	ptr_free(&p);
}

static void
test_feature(void **state)
{
	static const struct {
		const char	*body;
		size_t		 n;
		int		 rc, must;
	} t[] = {
		{ "\x30\x03\x02\x01\x05", 5, 0, 1 },
		{ "\x30\x06\x02\x01\x11\x02\x01\x05", 8, 0, 1 },
		{ "\x30\x03\x02\x01\x11", 5, 0, 0 },
		{ "\x30\x04\x02\x02\x05\x05", 6, 0, 0 },
		{ "\x30\x00", 2, 0, 0 },
		{ "\x02\x01\x05", 3, -1, 0 },
		{ "\x30\x03\x04\x01\x05", 5, -1, 0 },
	};
	struct buf	b = BUF_INIT;
	struct ptr	p;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_add(&b, t[i].body, t[i].n);
		assert_int_equal(with_ext(FEATURE, 8, &b, &p), t[i].rc);
		assert_int_equal(p.must_staple, t[i].must);
		ptr_free(&p);
	}
}

/* Both ends of the validity count (RFC 5280, 4.1.2.5; BR 1.6.1). */
static void
test_short_lived(void **state)
{
	static const struct {
		const char	*from, *to;
		int		 ca, want;
	} t[] = {
		{ "260315000000Z", "260321235959Z", 0, 1 },
		{ "260315000000Z", "260322000000Z", 0, 0 },
		{ "260314235959Z", "260324235958Z", 0, 1 },
		{ "260314235959Z", "260324235959Z", 0, 0 },
		{ "240315000000Z", "240324235959Z", 0, 1 },
		{ "240314235959Z", "240315235959Z", 0, 0 },
		{ "260401000000Z", "260401000000Z", 0, 1 },
		{ "260401000000Z", "260331000000Z", 0, 0 },
		{ "260401000000Z", "260402000000Z", 1, 0 },
		{ "260401000000Z", "270401000000Z", 0, 0 },
	};
	struct forge	f;
	struct buf	tbs = BUF_INIT, cert = BUF_INIT;
	struct ptr	p;
	uint8_t		*at;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		f = (struct forge)FORGE_INIT;
		if (t[i].ca)
			forge_ext(&f.exts, DER_OID_BASIC, 3, 1,
			    "\x30\x03\x01\x01\xff", 5);
		forge_done(&f, &tbs);
		at = memmem(tbs.p, tbs.n, "260101000000Z", 13);
		assert_non_null(at);
		memcpy(at, t[i].from, 13);
		memcpy(at + 15, t[i].to, 13);
		around(&tbs, &cert);
		assert_int_equal(ptr_read(buf_bytes(&cert), &p, NULL), 0);
		assert_int_equal(p.short_lived, t[i].want);
		ptr_free(&p);
		buf_free(&cert);
	}
	assert_int_equal(ptr_read((struct span){ (const uint8_t *)"0", 1 },
	    &p, NULL), -1);
	ptr_free(&p);
}

/* How many of OpenSSL's URIs are not in the list. */
static size_t
missing(const ASN1_STRING *uri, char *const *list, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (strlen(list[i]) == (size_t)ASN1_STRING_length(uri) &&
		    memcmp(list[i], ASN1_STRING_get0_data(uri),
		    strlen(list[i])) == 0)
			return 0;
	return 1;
}

/* The same certificate, read by OpenSSL: what of it do we not have? */
static size_t
compare(const struct buf *der, const struct ptr *p, size_t *seen)
{
	const uint8_t		*q = der->p;
	X509			*x = d2i_X509(NULL, &q, (long)der->n);
	AUTHORITY_INFO_ACCESS	*aia;
	ACCESS_DESCRIPTION	*ad;
	CRL_DIST_POINTS		*points;
	DIST_POINT_NAME		*name;
	GENERAL_NAME		*g;
	size_t			 miss = 0;
	int			 i, k;

	aia = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	for (i = 0; i < sk_ACCESS_DESCRIPTION_num(aia); i++) {
		ad = sk_ACCESS_DESCRIPTION_value(aia, i);
		k = OBJ_obj2nid(ad->method);
		if (ad->location->type != GEN_URI ||
		    (k != NID_ad_OCSP && k != NID_ad_ca_issuers))
			continue;
		(*seen)++;
		miss += k == NID_ad_OCSP ? missing(ad->location->d.ia5,
		    p->ocsp, p->nocsp) : missing(ad->location->d.ia5, p->aia,
		    p->naia);
	}
	points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	for (i = 0; i < sk_DIST_POINT_num(points); i++) {
		name = sk_DIST_POINT_value(points, i)->distpoint;
		for (k = 0; name != NULL && name->type == 0 &&
		    k < sk_GENERAL_NAME_num(name->name.fullname); k++) {
			g = sk_GENERAL_NAME_value(name->name.fullname, k);
			if (g->type != GEN_URI)
				continue;
			(*seen)++;
			miss += missing(g->d.ia5, p->crl, p->ncrl);
		}
	}
	AUTHORITY_INFO_ACCESS_free(aia);
	CRL_DIST_POINTS_free(points);
	X509_free(x);
	return miss;
}

/* Certificates of others: all that OpenSSL finds, or it is counted as odd. */
static void
test_real(void **state)
{
	char		**files = data_list("certs/zlint");
	struct buf	b = BUF_INIT;
	struct ptr	p;
	size_t		i, read = 0, seen = 0, odd = 0;

	(void)state;
	if (files == NULL) {
		(void)printf("SKIP 1 certificates of others are absent\n");
		return;
	}
	for (i = 0; files[i] != NULL; i++) {
		buf_reset(&b);
		if (data_cert(files[i], &b) == -1 ||
		    ptr_read(buf_bytes(&b), &p, NULL) == -1)
			continue;
		read++;
		if (compare(&b, &p, &seen) != p.odd)
			fail_msg("%s: not what OpenSSL reads", files[i]);
		odd += p.odd;
		ptr_free(&p);
	}
	(void)printf("%zu certificates with %zu URIs, %zu of them odd\n",
	    read, seen, odd);
	assert_true(read > 500 && seen > 500);
	data_list_free(files);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_crldp),
		cmocka_unit_test(test_aia),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_feature),
		cmocka_unit_test(test_short_lived),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
