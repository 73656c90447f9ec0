#include "tests/unit/acme/acme_fixture.h"

#include <openssl/pem.h>

#include "acme/ari.h"
#include "acme/got.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/der.h"
#include "tests/unit/pki/made.h"

#define NONE	{ NULL, 0 }

static struct made	root, ca;
static struct san	ordered;

static int
setup(void **state)
{
	(void)state;
	root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &root });
	ordered = NAMES("www.example.com");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	made_free(&root);
	made_free(&ca);
	san_free(&ordered);
	return 0;
}

static void
pem(struct buf *out, const struct made *m)
{
	BIO	*bio = BIO_new(BIO_s_mem());
	char	*p;
	long	 n;

	assert_int_equal(PEM_write_bio_X509(bio, m->x), 1);
	n = BIO_get_mem_data(bio, &p);
	buf_add(out, p, (size_t)n);
	BIO_free(bio);
}

/* A leaf of the CA, in 2026; what is not said is good. */
static struct made
leaf(struct made_spec s)
{
	if (s.cn == NULL)
		s.cn = "";
	if (s.issuer == NULL)
		s.issuer = &ca;
	return made_cert(s);
}

/* Read it in the middle of 2026 as the answer to an order of its key. */
static int
read_as(const struct made *m, struct span text, struct got *g, struct err *e)
{
	struct got_want	w = { { 0 }, &ordered, made_day("2026-07-01") };

	assert_int_equal(cert_key_hash(buf_bytes(&m->der), w.spki_sha256,
	    NULL), 0);
	return got_read(text, &w, g, e);
}

static void
test_good(void **state)
{
	struct made	m = leaf((struct made_spec){ .serial = 0x87654321,
			    .cn = "WWW.example.com" });
	struct buf	b = BUF_INIT, id = BUF_INIT, again = BUF_INIT;
	struct got	g;
	struct err	e = ERR_INIT;
	uint8_t		h[32];

	(void)state;
	pem(&b, &m);
	pem(&b, &ca);
	pem(&b, &root);
	if (read_as(&m, buf_bytes(&b), &g, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(g.n, 3);
	assert_int_equal(g.der[0].n, m.der.n);
	assert_memory_equal(g.der[0].p, m.der.p, m.der.n);
	assert_memory_equal(g.der[2].p, root.der.p, root.der.n);
	sha_256(h, m.der.p, m.der.n);
	assert_memory_equal(g.leaf.cert_sha256, h, 32);
	assert_string_equal(g.leaf.serial, "87654321");
	assert_true(g.leaf.not_before == made_day("2026-01-01"));
	assert_true(g.leaf.not_after == made_day("2027-01-01"));
	assert_int_equal(g.has_scts, 0);
	assert_int_equal(g.has_crldp, 0);
	assert_int_equal(g.short_lived, 0);
	/* the key identifier is that of ARI */
	assert_int_equal(ari_id(buf_bytes(&g.der[0]), &id, NULL), 0);
	buf_reset(&again);
	enc_b64url(&again, g.aki, g.naki);
	buf_str(&again, ".AIdlQyE");
	assert_string_equal(buf_text(&again), buf_text(&id));
	/* our PEM is OpenSSL's, whole and from the issuer on */
	buf_reset(&again);
	got_pem(&g, 0, &again);
	assert_int_equal(again.n, b.n);
	assert_memory_equal(again.p, b.p, b.n);
	buf_reset(&again);
	buf_reset(&b);
	pem(&b, &ca);
	pem(&b, &root);
	got_pem(&g, 1, &again);
	assert_string_equal(buf_text(&again), buf_text(&b));
	got_free(&g);
	got_free(&g);
	buf_free(&b);
	buf_free(&id);
	buf_free(&again);
	made_free(&m);
}

/* What the leaf says about itself. */
static void
test_facts(void **state)
{
	struct made	m = leaf((struct made_spec){ .from = "2026-06-30",
			    .to = "2026-07-05", .ext = {
			    { "crlDistributionPoints", "URI:http://c/1.crl",
			    NONE, 0 }, { "1.3.6.1.4.1.11129.2.4.2", NULL,
			    { (const uint8_t *)"\x04\x02\0\0", 4 }, 0 },
			    { "authorityKeyIdentifier", NULL, NONE, 0 } } });
	struct buf	b = BUF_INIT;
	struct got	g;

	(void)state;
	pem(&b, &m);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, NULL), 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.has_scts, 1);
	assert_int_equal(g.has_crldp, 1);
	assert_int_equal(g.short_lived, 1);
	assert_int_equal(g.naki, 0);
	got_free(&g);
	buf_free(&b);
	made_free(&m);
}

/* A key identifier of so many bytes. */
static size_t
aki_of(size_t n)
{
	struct buf	v = BUF_INIT, b = BUF_INIT;
	struct made	m;
	struct got	g;
	size_t		got;

	der_put(&v, 0x80, n);
	while (v.n < n + 2)
		buf_u8(&v, 'k');
	der_put(&b, DER_SEQ, v.n);
	buf_span(&b, buf_bytes(&v));
	m = leaf((struct made_spec){ .ext = { { "2.5.29.35", NULL,
	    buf_bytes(&b), 0 }, { "authorityKeyIdentifier", NULL, NONE, 0 }
	    } });
	buf_reset(&b);
	pem(&b, &m);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, NULL), 0);
	got = g.naki;
	assert_true(got == 0 || g.aki[got - 1] == 'k');
	got_free(&g);
	made_free(&m);
	buf_free(&b);
	buf_free(&v);
	return got;
}

static void
test_aki(void **state)
{
	(void)state;
	assert_int_equal(aki_of(1), 1);
	assert_int_equal(aki_of(GOT_AKI_MAX), GOT_AKI_MAX);
	assert_int_equal(aki_of(GOT_AKI_MAX + 1), 0);
}

#define SAN(text) { .ext = { { "subjectAltName", text, NONE, 0 } } }
#define EKU(text) { .ext = { { "extendedKeyUsage", text, NONE, 0 } } }

/* A leaf that is not what was ordered. */
static void
test_leaf(void **state)
{
	static const struct {
		struct made_spec	 s;
		enum err_code		 code;
		const char		*words;
	} t[] = {
		{ SAN("DNS:www.example.com,DNS:x.example"), ERR_VERIFY,
		    "x.example was not ordered" },
		{ SAN("DNS:*.example.com"), ERR_VERIFY,
		    "*.example.com was not ordered" },
		{ SAN("DNS:x.example"), ERR_VERIFY, "not ordered" },
		{ SAN("DNS:www.example.com,email:a@b"), ERR_FORMAT,
		    "rfc822Name" },
		{ SAN("DNS:www.example.com,URI:https://a"), ERR_FORMAT,
		    "uniformResourceIdentifier" },
		{ SAN(NULL), ERR_VERIFY, "no subjectAltName" },
		{ { .cn = "x.example" }, ERR_FORMAT,
		    "common name \"x.example\"" },
		{ EKU("clientAuth"), ERR_VERIFY, "serverAuth" },
		{ EKU("anyExtendedKeyUsage"), ERR_VERIFY, "serverAuth" },
		{ EKU(NULL), ERR_VERIFY, "serverAuth" },
		{ { .ext = { { "basicConstraints", "critical,CA:TRUE", NONE,
		    0 } } }, ERR_VERIFY, "CA certificate" },
		{ { .ext = { { "1.3.6.1.4.1.11129.2.4.3", NULL, {
		    (const uint8_t *)"\x05\x00", 2 }, 1 } } }, ERR_VERIFY,
		    "precertificate" },
		{ { .to = "2026-06-30" }, ERR_VERIFY,
		    "expired at 2026-06-30T00:00:00Z" },
		{ { .to = "2026-07-01" }, ERR_VERIFY, "expired" },
		{ { .from = "2026-07-01T01:00:01Z" }, ERR_VERIFY,
		    "only from 2026-07-01T01:00:01Z on" },
		{ { .from = "2026-06-01", .to = "2026-05-01" }, ERR_VERIFY,
		    "ends before it begins" }
	};
	struct made	m;
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m = leaf(t[i].s);
		buf_reset(&b);
		pem(&b, &m);
		pem(&b, &ca);
		err_clear(&e);
		if (read_as(&m, buf_bytes(&b), &g, &e) == 0)
			fail_msg("%zu was taken", i);
		assert_err(&e, t[i].code, t[i].words);
		assert_err(&e, t[i].code, "what the CA sent: ");
		got_free(&g);
		made_free(&m);
	}
	buf_free(&b);
}

/* Clocks differ: it may begin an hour from now, and end a second from now. */
static void
test_edges(void **state)
{
	static const char *const	from[] = { "2026-07-01T01:00:00Z",
	    "2026-07-01", "2026-06-01" };
	static const char *const	to[] = { "2027-01-01", "2026-07-01"
	    "T00:00:01Z", "2026-07-01T00:00:01Z" };
	struct made	m;
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < 3; i++) {
		m = leaf((struct made_spec){ .from = from[i], .to = to[i] });
		buf_reset(&b);
		pem(&b, &m);
		pem(&b, &ca);
		if (read_as(&m, buf_bytes(&b), &g, &e) == -1)
			fail_msg("%s", e.msg);
		got_free(&g);
		made_free(&m);
	}
	buf_free(&b);
}

/* More names than the certificate has; another key. */
static void
test_order(void **state)
{
	struct made	m = leaf((struct made_spec){ .cn = "" });
	struct san	two = NAMES("www.example.com", "b.example");
	struct got_want	w = { { 0 }, &two, made_day("2026-07-01") };
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e = ERR_INIT;

	(void)state;
	pem(&b, &m);
	assert_int_equal(got_read(buf_bytes(&b), &w, &g, &e), -1);
	assert_err(&e, ERR_VERIFY, "not for our key");
	got_free(&g);
	err_clear(&e);
	assert_int_equal(cert_key_hash(buf_bytes(&m.der), w.spki_sha256,
	    NULL), 0);
	assert_int_equal(got_read(buf_bytes(&b), &w, &g, &e), -1);
	assert_err(&e, ERR_VERIFY, "b.example was ordered and is missing");
	got_free(&g);
	/* the issuer first */
	buf_reset(&b);
	pem(&b, &ca);
	pem(&b, &m);
	err_clear(&e);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, &e), -1);
	assert_err(&e, ERR_VERIFY, "not for our key");
	got_free(&g);
	buf_free(&b);
	san_free(&two);
	made_free(&m);
}

/* A chain that does not hold. */
static void
test_chain(void **state)
{
	struct made	m = leaf((struct made_spec){ .cn = "" });
	/* the same name with another key; no CA; expired; not yet valid */
	struct made	bad[] = {
		made_cert((struct made_spec){ .cn = "CA", .ca = 1,
		    .issuer = &root }),
		made_cert((struct made_spec){ .cn = "CA", .issuer = &root,
		    .key = &ca }),
		made_cert((struct made_spec){ .cn = "CA", .ca = 1,
		    .issuer = &root, .key = &ca, .to = "2026-06-01" }),
		made_cert((struct made_spec){ .cn = "CA", .ca = 1,
		    .issuer = &root, .key = &ca, .from = "2026-08-01" }),
		made_cert((struct made_spec){ .cn = "Other", .ca = 1,
		    .issuer = &root, .key = &ca })
	};
	static const char *const	words[] = { "does not verify",
	    "no CA certificate", "expired", "valid only from",
	    "name differs" };
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&b);
		pem(&b, &m);
		pem(&b, &bad[i]);
		err_clear(&e);
		assert_int_equal(read_as(&m, buf_bytes(&b), &g, &e), -1);
		assert_err(&e, ERR_VERIFY, words[i]);
		assert_err(&e, ERR_VERIFY, "certificate 2 of the chain");
		got_free(&g);
		made_free(&bad[i]);
	}
	/* the third one is looked at, too */
	buf_reset(&b);
	pem(&b, &m);
	pem(&b, &ca);
	pem(&b, &ca);
	err_clear(&e);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, &e), -1);
	assert_err(&e, ERR_VERIFY, "certificate 3 of the chain");
	got_free(&g);
	buf_free(&b);
	made_free(&m);
}

/* PEM that is not a plain chain of certificates. */
static void
test_form(void **state)
{
	static const struct {
		const char	*before, *after;
		enum err_code	 want;		/* ERR_NONE: it is taken */
	} t[] = {
		{ "", "", ERR_NONE }, { "\n", "\n\n", ERR_NONE },
		{ "\r\n", "\r\n", ERR_NONE },
		{ "subject=CN = a\n", "", ERR_FORMAT },
		{ "", "x", ERR_FORMAT }, { " ", "", ERR_FORMAT },
		{ "\n \n", "", ERR_FORMAT },
		{ "", "-----BEGIN PRIVATE KEY-----\nAAAA\n"
		    "-----END PRIVATE KEY-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nAAAA\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nAA\nAA\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nAA=\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nA A=\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\n\nAAAA\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nA: b\n\nAAAA\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT },
		{ "", "-----BEGIN CERTIFICATE-----\nAAAA\n"
		    "-----END CERTIFICATE-----\n", ERR_FORMAT }
	};
	struct made	m = leaf((struct made_spec){ .cn = "" });
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e;
	size_t		i;
	int		r;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		buf_str(&b, t[i].before);
		pem(&b, &m);
		buf_str(&b, "\n");	/* as CAs do */
		pem(&b, &ca);
		buf_str(&b, t[i].after);
		err_clear(&e);
		r = read_as(&m, buf_bytes(&b), &g, &e);
		if ((r == 0) != (t[i].want == ERR_NONE))
			fail_msg("%zu: %d %s", i, r, e.msg);
		assert_int_equal(e.code, t[i].want);
		got_free(&g);
	}
	err_clear(&e);
	assert_int_equal(read_as(&m, (struct span){ NULL, 0 }, &g, &e), -1);
	assert_err(&e, ERR_FORMAT, "no certificate");
	got_free(&g);
	assert_int_equal(read_as(&m, SPAN_STR("\n\n"), &g, NULL), -1);
	got_free(&g);
	buf_free(&b);
	made_free(&m);
}

/* Lines of CR LF; lines that are too long; no byte may be missing. */
static void
test_lines(void **state)
{
	struct made	m = leaf((struct made_spec){ .cn = "" });
	struct buf	b = BUF_INIT, crlf = BUF_INIT, one = BUF_INIT;
	struct got	g;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	pem(&b, &m);
	for (i = 0; i < b.n; i++) {
		if (b.p[i] == '\n')
			buf_u8(&crlf, '\r');
		buf_u8(&crlf, b.p[i]);
	}
	assert_int_equal(read_as(&m, buf_bytes(&crlf), &g, &e), 0);
	got_free(&g);
	buf_str(&one, "-----BEGIN CERTIFICATE-----\n");
	enc_b64(&one, m.der.p, m.der.n);
	buf_str(&one, "\n-----END CERTIFICATE-----\n");
	assert_int_equal(read_as(&m, buf_bytes(&one), &g, &e), -1);
	assert_err(&e, ERR_FORMAT, "block 1 cannot be read");
	got_free(&g);
	/* without the last newline it is whole */
	for (i = 0; i < b.n; i++) {
		assert_int_equal(read_as(&m, (struct span){ b.p, i }, &g,
		    NULL), i == b.n - 1 ? 0 : -1);
		got_free(&g);
	}
	buf_free(&b);
	buf_free(&crlf);
	buf_free(&one);
	made_free(&m);
}

static void
test_leads_to(void **state)
{
	struct made	m = leaf((struct made_spec){ .cn = "www.example.com" });
	struct buf	one = BUF_INIT, two = BUF_INIT, all = BUF_INIT;

	(void)state;
	pem(&one, &m);
	buf_span(&two, buf_bytes(&one));
	pem(&two, &ca);
	buf_span(&all, buf_bytes(&two));
	pem(&all, &root);
	/* the issuer's, or the subject's, of the topmost one only */
	assert_int_equal(got_leads_to(buf_bytes(&one), "CA"), 1);
	assert_int_equal(got_leads_to(buf_bytes(&one), "Root"), 0);
	assert_int_equal(got_leads_to(buf_bytes(&two), "Root"), 1);
	assert_int_equal(got_leads_to(buf_bytes(&two), "CA"), 1);
	assert_int_equal(got_leads_to(buf_bytes(&two), "www.example.com"), 0);
	assert_int_equal(got_leads_to(buf_bytes(&all), "rOOT"), 1);
	assert_int_equal(got_leads_to(buf_bytes(&all), "CA"), 0);
	assert_int_equal(got_leads_to(buf_bytes(&all), "Roo"), 0);
	assert_int_equal(got_leads_to(buf_bytes(&all), "Root X"), 0);
	assert_int_equal(got_leads_to(buf_bytes(&all), ""), 0);
	/* what cannot be read */
	assert_int_equal(got_leads_to((struct span)NONE, "Root"), 0);
	assert_int_equal(got_leads_to((struct span){ all.p, all.n - 9 },
	    "Root"), 0);
	made_free(&m);
	buf_free(&one);
	buf_free(&two);
	buf_free(&all);
}

static void
test_limits(void **state)
{
	struct made	m = leaf((struct made_spec){ .cn = "" });
	struct buf	b = BUF_INIT;
	struct got	g;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	pem(&b, &m);
	pem(&b, &ca);
	while (b.n < LIMIT_GOT)
		buf_u8(&b, '\n');
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, NULL), 0);
	got_free(&g);
	buf_u8(&b, '\n');
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, &e), -1);
	assert_err(&e, ERR_LIMIT, "524289 bytes");
	got_free(&g);
	/* a root that signs itself may stand there again and again */
	buf_reset(&b);
	pem(&b, &m);
	pem(&b, &ca);
	for (i = 2; i < LIMIT_GOT_CERTS; i++)
		pem(&b, &root);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, NULL), 0);
	assert_int_equal(g.n, LIMIT_GOT_CERTS);
	got_free(&g);
	pem(&b, &root);
	err_clear(&e);
	assert_int_equal(read_as(&m, buf_bytes(&b), &g, &e), -1);
	assert_err(&e, ERR_LIMIT, "more than 10");
	got_free(&g);
	buf_free(&b);
	made_free(&m);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_aki),
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_leads_to),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
