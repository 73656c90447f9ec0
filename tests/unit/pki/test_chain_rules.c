#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "pki/chain_cert.h"
#include "pki/chain_profile.h"
#include "tests/unit/pki/ask.h"

/*
 * One path root <- CA <- leaf in which one certificate has one fault.  Each
 * is refused for that fault; beside it stands what X509_verify_cert of
 * OpenSSL 3.0 says under X509_STRICT, purpose sslserver and level 2.
 */

enum who { LEAF, CA, ROOT };

struct rule {
	const char		*what;
	enum who		 who;
	struct made_spec	 spec;		/* beside what is usual */
	const char		*reason;	/* NULL: trusted */
	int			 openssl;	/* it accepts */
};

#define EXT(n, t) { n, t, { NULL, 0 }, 0 }
#define RAW(n, bytes, crit) { n, NULL, { (const uint8_t *)(bytes), \
	sizeof(bytes) - 1 }, crit }

static struct made_spec
spec_of(const struct rule *r, enum who who, const char *cn,
    const struct made *issuer)
{
	struct made_spec	s = { .ca = who != LEAF };

	if (r->who == who)
		s = r->spec;
	s.ca = s.ca || who != LEAF;
	if (s.cn == NULL)
		s.cn = cn;
	s.issuer = issuer;
	return s;
}

static void
check(const struct rule *r)
{
	struct made	root, ca, leaf;
	struct ask	a = { .leaf = &leaf, .pool = { &ca },
			    .roots = { &root } };
	char		why[256];
	int		v, theirs;

	root = made_cert(spec_of(r, ROOT, "Root", NULL));
	ca = made_cert(spec_of(r, CA, "CA", &root));
	leaf = made_cert(spec_of(r, LEAF, "www.example.com", &ca));
	v = ask_us(&a, why, sizeof(why));
	theirs = ask_openssl(&a, 1);
	if ((v == CHAIN_TRUSTED) != (r->reason == NULL) ||
	    (r->reason != NULL && strstr(why, r->reason) == NULL))
		fail_msg("%s: %d %s", r->what, v, why);
	if (theirs != r->openssl)
		fail_msg("%s: OpenSSL says %d", r->what, theirs);
	made_free(&root);
	made_free(&ca);
	made_free(&leaf);
}

static void
check_all(const struct rule *r, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		check(&r[i]);
}

/* It accepts these. */
static void
test_accepted_by_openssl(void **state)
{
	static const struct rule	rules[] = {
		{ "good", LEAF, { .serial = 7 }, NULL, 1 },
		{ "version 1", LEAF, { .version = 1 },
		    "version 3", 0 },
		{ "serial number 0", LEAF, { .serial = -1,
		    .ext = { EXT("subjectAltName", "DNS:www.example.com") } },
		    "serial number", 1 },
		{ "EKU any", LEAF, { .ext = { EXT("extendedKeyUsage",
		    "serverAuth,anyExtendedKeyUsage") } }, "any", 1 },
		{ "EKU critical", LEAF, { .ext = { EXT("extendedKeyUsage",
		    "critical,serverAuth") } }, "critical", 1 },
		{ "no EKU", LEAF, { .ext = { EXT("extendedKeyUsage",
		    NULL) } }, "no extended key usage", 1 },
		{ "SAN critical beside a subject", LEAF, { .ext = {
		    EXT("subjectAltName", "critical,DNS:www.example.com") } },
		    "critical beside", 1 },
		{ "CN that is not in the SAN", LEAF, { .cn =
		    "other.example.com" }, "common name", 1 },
		{ "no SAN, CN as host name", LEAF, { .ext = {
		    EXT("subjectAltName", NULL) } }, "name", 1 },
		{ "underscore", LEAF, { .ext = { EXT("subjectAltName",
		    "DNS:www.example.com,DNS:a_b.example.com") } },
		    "dNSName", 1 },
		{ "address as dNSName", LEAF, { .ext = {
		    EXT("subjectAltName",
		    "DNS:www.example.com,DNS:192.0.2.1") } }, "dNSName", 1 },
		{ "address with a mask", LEAF, { .ext = {
		    RAW("subjectAltName", "\x30\x1b\x82\x0fwww.example.com"
		    "\x87\x08\xc0\0\x02\0\xff\xff\xff\0", 0) } },
		    "iPAddress", 1 },
		{ "partial wildcard", LEAF, { .cn = "words", .ext = {
		    EXT("subjectAltName", "DNS:w*.example.com") } }, "name",
		    1 },
		{ "name constraints in a leaf", LEAF, { .ext = {
		    EXT("nameConstraints", "permitted;DNS:example.com") } },
		    "name constraints, but not a CA", 1 },
		{ "EKU in a root", ROOT, { .ext = { EXT("extendedKeyUsage",
		    "serverAuth") } }, "root", 1 },
		{ "name constraint with a leading dot", CA, { .ext = {
		    EXT("nameConstraints",
		    "critical,permitted;DNS:.example.com") } }, "malformed",
		    1 },
		{ "wildcard against an excluded name", CA, { .ext = {
		    EXT("nameConstraints",
		    "critical,excluded;DNS:www.example.org") } }, NULL, 1 },
		{ "policy constraints not critical", CA, { .ext = {
		    EXT("policyConstraints", "inhibitPolicyMapping:0") } },
		    "policy constraints", 1 },
		{ "P-224", LEAF, { .key_type = "P-224" }, "curve", 1 },
		{ "secp256k1", LEAF, { .key_type = "secp256k1" }, "curve",
		    1 },
		{ "RSA of 2052 bits", LEAF, { .key_type = "rsa2052" },
		    "multiple of 8", 1 },
		{ "RSA with an exponent of 256 bits", LEAF, {
		    .key_type = "rsa2048e256" }, NULL, 1 },
		{ "RSA with an exponent of 257 bits", LEAF, {
		    .key_type = "rsa2048e257" }, "exponent", 1 },
		{ "an exponent of 256 bits in a CA", CA, {
		    .key_type = "rsa2048e256" }, NULL, 1 },
		/* such a signature costs too much to be looked at */
		{ "an exponent of 257 bits in a CA", CA, {
		    .key_type = "rsa2048e257" }, "issuer", 1 }
	};

	(void)state;
	check_all(rules, sizeof(rules) / sizeof(rules[0]));
}

/* What both refuse, we by our own rules first, and what passes beside it. */
static void
test_refused_by_both(void **state)
{
	static const struct rule	rules[] = {
		{ "EKU client", LEAF, { .ext = { EXT("extendedKeyUsage",
		    "clientAuth") } }, "serverAuth", 0 },
		{ "EKU client in a CA", CA, { .ext = {
		    EXT("extendedKeyUsage", "clientAuth") } },
		    "intermediate 1: its extended key usage", 0 },
		{ "CA false", CA, { .ext = { EXT("basicConstraints",
		    "critical,CA:FALSE") } }, "not a CA", 0 },
		{ "no basic constraints", CA, { .ext = {
		    EXT("basicConstraints", NULL) } }, "not a CA", 0 },
		{ "no keyCertSign", CA, { .ext = { EXT("keyUsage",
		    "critical,cRLSign") } }, "keyCertSign", 0 },
		{ "basic constraints not critical", ROOT, { .ext = {
		    EXT("basicConstraints", "CA:TRUE") } }, "not critical",
		    0 },
		{ "path length", ROOT, { .ext = { EXT("basicConstraints",
		    "critical,CA:TRUE,pathlen:0") } }, "path length", 0 },
		{ "path length that fits", ROOT, { .ext = {
		    EXT("basicConstraints", "critical,CA:TRUE,pathlen:1") } },
		    NULL, 1 },
		{ "no SKI", CA, { .ext = { EXT("subjectKeyIdentifier",
		    NULL) } }, "subject key identifier", 0 },
		{ "SKI critical", CA, { .ext = { RAW("subjectKeyIdentifier",
		    "\x04\x04" "abcd", 1) } }, "subject key identifier", 0 },
		{ "no AKI", LEAF, { .ext = { EXT("authorityKeyIdentifier",
		    NULL) } }, "authority key identifier", 0 },
		{ "no AKI in a CA", CA, { .ext = {
		    EXT("authorityKeyIdentifier", NULL) } },
		    "intermediate 1: no authority key identifier", 0 },
		{ "empty subject, SAN not critical", LEAF, { .cn = "" },
		    "subject is empty", 0 },
		{ "empty subject, SAN critical", LEAF, { .cn = "", .ext = {
		    EXT("subjectAltName", "critical,DNS:www.example.com") } },
		    NULL, 1 },
		{ "unknown critical extension", LEAF, { .ext = {
		    RAW("1.2.3.4", "\x05\x00", 1) } }, "unknown", 0 },
		{ "unknown extension", LEAF, { .ext = {
		    RAW("1.2.3.4", "\x05\x00", 0) } }, NULL, 1 },
		{ "unknown critical extension of the root", ROOT, { .ext = {
		    RAW("1.2.3.4", "\x05\x00", 1) } }, "root: an unknown",
		    0 },
		{ "an extension twice", LEAF, { .ext = {
		    RAW("1.2.3.4", "\x05\x00", 0),
		    RAW("1.2.3.4", "\x05\x00", 0) } }, "twice", 1 },
		{ "AIA critical", LEAF, { .ext = { EXT("authorityInfoAccess",
		    "critical,caIssuers;URI:http://a.example/") } },
		    "critical", 0 },
		{ "AIA of nothing", LEAF, { .ext = {
		    RAW("authorityInfoAccess", "\x30\x00", 0) } },
		    "authority information access", 1 },
		{ "EKU of nothing", LEAF, { .ext = { RAW("extendedKeyUsage",
		    "\x30\x00", 0) } }, "without a usage", 0 },
		{ "keyCertSign in a leaf", LEAF, { .ext = { EXT("keyUsage",
		    "digitalSignature,keyCertSign") } }, "keyCertSign", 0 },
		{ "a CA as leaf", LEAF, { .ext = { EXT("basicConstraints",
		    "critical,CA:TRUE") } }, "a CA", 0 },
		{ "RSA of 1024 bits", LEAF, { .key_type = "rsa1024" },
		    "2048", 0 },
		{ "RSA of 1024 bits in a CA", CA, { .key_type = "rsa1024" },
		    "2048", 0 },
		{ "excluded name", CA, { .ext = { EXT("nameConstraints",
		    "critical,excluded;DNS:example.com") } }, "excluded", 0 },
		{ "permitted, not critical", CA, { .ext = {
		    EXT("nameConstraints", "permitted;DNS:example.com") } },
		    NULL, 1 }
	};

	(void)state;
	check_all(rules, sizeof(rules) / sizeof(rules[0]));
}

/* Policies decide only where a CA demands them. */
static void
test_policies(void **state)
{
	static const struct rule	rules[] = {
		{ "malformed policies that nobody asks for", LEAF, { .ext = {
		    RAW("certificatePolicies", "\x30\x00", 0) } }, NULL, 1 },
		{ "policies demanded, none there", CA, { .ext = {
		    RAW("certificatePolicies",
		    "\x30\x07\x30\x05\x06\x03\x2a\x03\x04", 0),
		    EXT("policyConstraints",
		    "critical,requireExplicitPolicy:0") } },
		    "explicit policy", 1 }
	};

	(void)state;
	check_all(rules, sizeof(rules) / sizeof(rules[0]));
}

/* More of them than OpenSSL has room for is their fault, not our memory. */
static void
test_many_policies(void **state)
{
	struct buf	list = BUF_INIT, oids = BUF_INIT, maps = BUF_INIT;
	struct made	root, ca, leaf;
	struct ask	a = { .leaf = &leaf, .pool = { &ca },
			    .roots = { &root } };
	struct made_ext	all = { "certificatePolicies", NULL, { NULL, 0 }, 0 };
	char		why[256];
	size_t		i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		if (i < 100)
			buf_add(&list, (uint8_t[]){ 0x30, 5, 6, 3, 0x2a, 3,
			    (uint8_t)i }, 7);
		buf_fmt(&maps, "%s1.2.3.%zu:1.2.3.%zu", i == 0 ? "critical," :
		    ",", i % 100, (i * 7 + 1 + i / 100) % 100);
	}
	der_put(&oids, DER_SEQ, list.n);
	buf_span(&oids, buf_bytes(&list));
	all.der = buf_bytes(&oids);
	root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1,
	    .issuer = &root, .ext = { all,
	    EXT("policyMappings", buf_text(&maps)),
	    EXT("policyConstraints", "critical,requireExplicitPolicy:0") } });
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca, .ext = { all } });
	assert_int_equal(ask_us(&a, why, sizeof(why)), CHAIN_UNTRUSTED);
	assert_non_null(strstr(why, "too many policies"));
	made_free(&root);
	made_free(&ca);
	made_free(&leaf);
	buf_free(&list);
	buf_free(&oids);
	buf_free(&maps);
}

/* --- what X509_sign does not make --- */

/* Replace bytes in the DER of a leaf (same length) and read it anew. */
static const char *
profile_of(const struct made *m, const char *find, const char *put, size_t n,
    enum chain_role role)
{
	struct buf		b = BUF_INIT;
	struct chain_cert	c;
	const char		*r;
	uint8_t			*p;

	buf_span(&b, buf_bytes(&m->der));
	p = memmem(b.p, b.n, find, n);
	assert_non_null(p);
	memcpy(p, put, n);
	assert_int_equal(chain_cert_read(buf_bytes(&b), &c, NULL), 0);
	r = chain_profile(&c, role, 0);
	chain_cert_free(&c);
	buf_free(&b);
	return r;
}

static void
test_fields(void **state)
{
	struct made	r = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct made	m = made_cert((struct made_spec){
			    .cn = "www.example.com", .issuer = &r,
			    .serial = 0x41424344 });
	const char	*s;

	(void)state;
	s = profile_of(&m, "ABCD", "ABCD", 4, CHAIN_LEAF);
	assert_null(s);
	s = profile_of(&m, "\x02\x04" "ABCD", "\x02\x04\x81" "BCD", 6,
	    CHAIN_LEAF);
	assert_non_null(strstr(s, "not positive"));
	s = profile_of(&m, "\x02\x04" "ABCD", "\x02\x04\0\0\0\0", 6,
	    CHAIN_LEAF);
	assert_non_null(strstr(s, "not positive"));
	/* ecdsa-with-SHA1, with-SHA224, SHA-256 (as it is). */
	s = profile_of(&m, "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
	    "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x01", 10, CHAIN_LEAF);
	assert_non_null(strstr(s, "signature algorithm"));
	/* Roots sign themselves as they like. */
	s = profile_of(&r, "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
	    "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x01", 10, CHAIN_ROOT);
	assert_null(s);
	made_free(&m);
	made_free(&r);
}

/* A serial number of 20 octets, and of 21. */
static void
test_serial_length(void **state)
{
	struct made		r = made_cert((struct made_spec){
				    .cn = "Root", .ca = 1 });
	struct made		m = made_cert((struct made_spec){
				    .cn = "www.example.com", .issuer = &r });
	struct chain_cert	c;
	static const uint8_t	serial[21] = { 1 };

	(void)state;
	assert_int_equal(chain_cert_read(buf_bytes(&m.der), &c, NULL), 0);
	c.t.serial = (struct span){ serial, 20 };
	assert_null(chain_profile(&c, CHAIN_LEAF, 0));
	c.t.serial.n = 21;
	assert_non_null(strstr(chain_profile(&c, CHAIN_LEAF, 0),
	    "20 octets"));
	chain_cert_free(&c);
	made_free(&m);
	made_free(&r);
}

/* RFC 5280, 4.1.2.5: seconds, Z, and the one type or the other. */
static void
test_time_form(void **state)
{
	static const struct {
		const char	*der;
		int		 good;
	} table[] = {
		{ "\x17\x0d" "270101000000Z", 1 },
		{ "\x18\x0f" "20500101000000Z", 1 },
		{ "\x18\x0f" "20270101000000Z", 0 },
		{ "\x17\x0b" "2701010000Z", 0 },
		{ "\x17\x0f" "2701010000+0000", 0 },
		{ "\x17\x11" "270101000000+0000", 0 },
		{ "\x18\x11" "20500101000000.5Z", 0 }
	};
	struct made		r = made_cert((struct made_spec){
				    .cn = "Root", .ca = 1 });
	struct made		m = made_cert((struct made_spec){
				    .cn = "www.example.com", .issuer = &r });
	struct chain_cert	c;
	size_t			i;

	(void)state;
	assert_int_equal(chain_cert_read(buf_bytes(&m.der), &c, NULL), 0);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		c.t.not_after = SPAN_STR(table[i].der);
		if ((chain_profile(&c, CHAIN_LEAF, 0) == NULL) !=
		    table[i].good)
			fail_msg("%s", table[i].der);
	}
	chain_cert_free(&c);
	made_free(&m);
	made_free(&r);
}

/*
 * Roots that were made before there was a profile of roots: what programs
 * forgave them is forgiven, and nothing to those of no or a later date.
 */
static void
test_old_roots(void **state)
{
	static const struct made_ext	odd[] = {
		EXT("subjectKeyIdentifier", NULL),
		EXT("basicConstraints", "CA:TRUE"),
		RAW("authorityKeyIdentifier", "\x30\x03\x82\x01\x05", 0)
	};
	static const struct {
		const char	*from;
		int		 good;
	} when[] = {
		{ "1970-01-01T00:00:01Z", 0 }, { "1996-06-29", 0 },
		{ "2012-06-27", 1 }, { "2023-09-14", 1 },
		{ "2023-09-15", 0 }, { "2026-01-01", 0 }
	};
	size_t				i, k;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (k = 0; k < sizeof(when) / sizeof(when[0]); k++) {
			struct made	r = made_cert((struct made_spec){
					    .cn = "Root", .ca = 1,
					    .from = when[k].from,
					    .ext = { odd[i] } });
			struct chain_cert c;

			assert_int_equal(chain_cert_read(buf_bytes(&r.der),
			    &c, NULL), 0);
			if ((chain_profile(&c, CHAIN_ROOT, 0) == NULL) !=
			    when[k].good)
				fail_msg("%zu %s", i, when[k].from);
			/* As an intermediate it is measured. */
			if (i != 2)
				assert_non_null(chain_profile(&c, CHAIN_CA,
				    0));
			chain_cert_free(&c);
			made_free(&r);
		}
}

/* Extensions in any number are read in reasonable time. */
static void
test_many_extensions(void **state)
{
	struct made		r = made_cert((struct made_spec){
				    .cn = "Root", .ca = 1 });
	struct made		m = made_cert((struct made_spec){
				    .cn = "www.example.com", .issuer = &r });
	struct chain_cert	c;
	struct buf		b = BUF_INIT;
	unsigned		i;

	(void)state;
	assert_int_equal(chain_cert_read(buf_bytes(&m.der), &c, NULL), 0);
	for (i = 0; i < 100000; i++) {
		buf_add(&b, "\x30\x09\x06\x05\x2a\x03", 6);
		buf_u8(&b, (uint8_t)(i >> 14 & 0x7f));
		buf_u8(&b, (uint8_t)(i >> 7 & 0x7f));
		buf_u8(&b, (uint8_t)(i & 0x7f));
		buf_add(&b, "\x04\x00", 2);
	}
	c.t.exts = buf_bytes(&b);
	assert_null(chain_cert_exts(&c)->fault);
	c.asked = 0;
	buf_add(&b, b.p, 11);
	c.t.exts = buf_bytes(&b);
	assert_non_null(chain_cert_exts(&c)->fault);
	chain_cert_free(&c);
	buf_free(&b);
	made_free(&m);
	made_free(&r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_accepted_by_openssl),
		cmocka_unit_test(test_refused_by_both),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_many_policies),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_serial_length),
		cmocka_unit_test(test_time_form),
		cmocka_unit_test(test_old_roots),
		cmocka_unit_test(test_many_extensions)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
