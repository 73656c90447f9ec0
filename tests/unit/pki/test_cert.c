#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/name.h"
#include "pki/watch.h"
#include "tests/unit/pki/data.h"
#include "tests/unit/pki/forge.h"
#include "tests/unit/pki/made.h"

#define CT "sct/google-ct-testdata/"

/* Is the text among the names? */
static int
has_name(const struct cert *c, const char *text)
{
	size_t	i;

	for (i = 0; i < c->nnames; i++)
		if (strcmp(c->names[i], text) == 0)
			return 1;
	return 0;
}

/* Every dNSName that OpenSSL sees is among ours; how many those are. */
static size_t
compare_sans(X509 *x, const struct cert *c, const char *file)
{
	GENERAL_NAMES	*sans;
	GENERAL_NAME	*g;
	char		 text[1024];
	size_t		 n = 0;
	int		 i;

	sans = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		g = sk_GENERAL_NAME_value(sans, i);
		if (g->type != GEN_DNS || ASN1_STRING_length(g->d.ia5) == 0)
			continue;
		name_display(ASN1_STRING_get0_data(g->d.ia5),
		    (size_t)ASN1_STRING_length(g->d.ia5), text, sizeof(text));
		if (!has_name(c, text))
			fail_msg("%s: %s is missing", file, text);
		n++;
	}
	GENERAL_NAMES_free(sans);
	return n;
}

static void
compare_times(X509 *x, const struct cert *c, const char *file)
{
	struct tm	tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1 &&
	    (int64_t)timegm(&tm) * 1000000 != c->not_after)
		fail_msg("%s: notAfter", file);
	if (ASN1_TIME_to_tm(X509_get0_notBefore(x), &tm) == 1 &&
	    (int64_t)timegm(&tm) * 1000000 != c->not_before)
		fail_msg("%s: notBefore", file);
}

/* What was counted over a folder. */
struct count {
	size_t	n;
	size_t	theirs;
	size_t	ours;
	size_t	names;
};

/* One certificate through our reader, OpenSSL's, and the matching. */
static void
compare(struct span der, const struct watch_set *set, const char *file,
    struct count *k)
{
	struct watch_hit	hit[1];
	struct cert		c;
	struct der_tbs		t;
	struct span		tbs;
	const uint8_t		*q = der.p;
	X509			*x = d2i_X509(NULL, &q, (long)der.n);

	k->n++;
	k->theirs += x != NULL;
	if (cert_read(der, &c, NULL) == 0) {
		k->ours++;
		if (x != NULL) {
			k->names += compare_sans(x, &c, file);
			compare_times(x, &c, file);
		}
		cert_free(&c);
		assert_int_equal(der_cert(der, &tbs, NULL, NULL, NULL), 0);
		assert_int_equal(der_tbs(tbs, &t, NULL), 0);
		if (watch_tbs(set, &t, hit, 1) == 0)
			fail_msg("%s: not matched by \".\"", file);
	} else if (x != NULL)
		printf("only OpenSSL reads %s\n", file);
	X509_free(x);
	ERR_clear_error();
}

/* zlint's certificates with odd fields: our names agree with OpenSSL's. */
static void
test_zlint(void **state)
{
	static const char	*const dirs[] = {
		"certs/zlint", "certs/zlint/etsi", "certs/zlint/code_signing",
		"certs/zlint/smime", "certs/zlint/smime/MailboxAddressFromSAN"
	};
	struct watch_build	*b = watch_build_new();
	struct buf		 image = BUF_INIT, f = BUF_INIT;
	struct buf		 der = BUF_INIT;
	struct watch_set	 set;
	struct count		 k = { 0, 0, 0, 0 };
	const char		*p;
	char			**list;
	size_t			 i, j;

	(void)state;
	assert_int_equal(watch_build_file(b, ".\n", 2, "all", NULL), 0);
	watch_build_done(b, &image);
	assert_int_equal(watch_open(&set, image.p, image.n, NULL), 0);
	for (j = 0; j < sizeof(dirs) / sizeof(dirs[0]); j++) {
		list = data_list(dirs[j]);
		for (i = 0; list != NULL && list[i] != NULL; i++) {
			buf_reset(&f);
			if (data_read(list[i], &f) == -1 || f.n == 0)
				continue;
			p = buf_text(&f);
			if (data_pem(&p, "CERTIFICATE", &der) == 0)
				compare(buf_bytes(&der), &set, list[i], &k);
		}
		data_list_free(list);
	}
	if (k.n == 0)
		printf("SKIP 667 certificates: no test data\n");
	else
		printf("zlint: %zu certificates, OpenSSL reads %zu, we %zu; "
		    "%zu dNSNames agree\n", k.n, k.theirs, k.ours, k.names);
	assert_true(k.ours + 1 >= k.theirs);
	buf_free(&image);
	buf_free(&f);
	buf_free(&der);
}

/* OpenSSL's fuzz corpus through everything that reads hostile bytes. */
static void
test_corpus(void **state)
{
	char		**list = data_list("fuzz/openssl/x509");
	struct buf	 f = BUF_INIT, out = BUF_INIT;
	struct cert	 c;
	uint8_t		*p;
	struct span	 s;
	size_t		 i, n = 0, ok = 0;

	(void)state;
	for (i = 0; list != NULL && list[i] != NULL; i++) {
		buf_reset(&f);
		buf_reset(&out);
		if (data_read(list[i], &f) == -1 || f.n == 0)
			continue;
		n++;
		p = mem_zero(f.n);
		memcpy(p, f.p, f.n);
		s = (struct span){ p, f.n };
		ok += cert_read(s, &c, NULL) == 0;
		cert_free(&c);
		(void)cert_read_tbs(s, &c, NULL);
		cert_free(&c);
		(void)cert_precert_tbs(s, &s, 1, &out, NULL, NULL);
		(void)cert_signed_by(s, s, NULL);
		free(p);
	}
	if (n == 0)
		printf("SKIP 424 inputs: no test data\n");
	else
		printf("fuzz corpus: %zu inputs, %zu read\n", n, ok);
	data_list_free(list);
	buf_free(&f);
	buf_free(&out);
}

/* A precertificate, what follows it, and its final certificate. */
struct pair {
	const char	*pre;
	const char	*chain[2];
	const char	*cert;
};

static const struct pair	pairs[] = {
	{ CT "test-embedded-pre-cert.pem", { CT "ca-cert.pem", NULL },
	    CT "test-embedded-cert.pem" },
	{ CT "test-embedded-with-intermediate-pre-cert.pem",
	    { CT "intermediate-cert.pem", CT "ca-cert.pem" },
	    CT "test-embedded-with-intermediate-cert.pem" },
	{ CT "test-embedded-with-preca-pre-cert.pem",
	    { CT "ca-pre-cert.pem", CT "ca-cert.pem" },
	    CT "test-embedded-with-preca-cert.pem" },
	{ CT "test-embedded-with-intermediate-preca-pre-cert.pem",
	    { CT "intermediate-pre-cert.pem", CT "intermediate-cert.pem" },
	    CT "test-embedded-with-intermediate-preca-cert.pem" }
};

static void
check_pair(const struct pair *w)
{
	struct buf	pre = BUF_INIT, cert = BUF_INIT, leaf = BUF_INIT;
	struct buf	chain[2] = { BUF_INIT, BUF_INIT }, tbs = BUF_INIT;
	struct span	links[2], t;
	struct cert	a, b;
	struct err	e = ERR_INIT;
	uint8_t		hash[32], want[32];
	size_t		n = 0;

	assert_int_equal(data_cert(w->pre, &pre), 0);
	assert_int_equal(data_cert(w->cert, &cert), 0);
	for (; n < 2 && w->chain[n] != NULL; n++) {
		assert_int_equal(data_cert(w->chain[n], &chain[n]), 0);
		links[n] = buf_bytes(&chain[n]);
	}
	if (cert_precert_tbs(buf_bytes(&pre), links, n, &tbs, hash, &e) == -1)
		fail_msg("%s: %s", w->pre, e.msg);
	assert_int_equal(der_cert(buf_bytes(&cert), &t, NULL, NULL, NULL), 0);
	assert_int_equal(der_tbs_without(t, DER_OID_ARG(DER_OID_SCTS), &leaf,
	    NULL), 1);
	if (tbs.n != leaf.n || memcmp(tbs.p, leaf.p, tbs.n) != 0)
		fail_msg("%s: TBS differs (%zu, %zu bytes)", w->pre, tbs.n,
		    leaf.n);
	assert_int_equal(cert_key_hash(links[strstr(w->pre, "preca") != NULL],
	    want, NULL), 0);
	assert_memory_equal(hash, want, 32);
	assert_int_equal(cert_binds(buf_bytes(&pre), buf_bytes(&leaf), links,
	    n, hash, NULL), 0);
	hash[31] ^= 1;
	assert_int_equal(cert_binds(buf_bytes(&pre), buf_bytes(&leaf), links,
	    n, hash, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	hash[31] ^= 1;
	leaf.p[leaf.n - 1] ^= 1;
	assert_int_equal(cert_binds(buf_bytes(&pre), buf_bytes(&leaf), links,
	    n, hash, NULL), -1);
	leaf.p[leaf.n - 1] ^= 1;
	assert_int_equal(cert_binds(buf_bytes(&cert), buf_bytes(&leaf), links,
	    n, hash, NULL), -1);
	assert_int_equal(cert_signed_by(buf_bytes(&pre), links[0], NULL), 1);
	/* The leaf and the final certificate are one issuance. */
	assert_int_equal(cert_read_tbs(buf_bytes(&leaf), &a, NULL), 0);
	assert_int_equal(cert_read(buf_bytes(&cert), &b, NULL), 0);
	assert_memory_equal(a.tbs_sha256, b.tbs_sha256, 32);
	sha_256(want, leaf.p, leaf.n);
	assert_memory_equal(a.tbs_sha256, want, 32);
	assert_int_equal(b.is_precert, 0);
	cert_free(&a);
	cert_free(&b);
	assert_int_equal(cert_read(buf_bytes(&pre), &a, NULL), 0);
	assert_int_equal(a.is_precert, 1);
	cert_free(&a);
	buf_free(&pre);
	buf_free(&cert);
	buf_free(&leaf);
	buf_free(&tbs);
	buf_free(&chain[0]);
	buf_free(&chain[1]);
}

static void
test_precerts(void **state)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	if (data_cert(pairs[0].pre, &b) == -1)
		printf("SKIP 4 precertificates: no test data\n");
	else
		for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
			check_pair(&pairs[i]);
	buf_free(&b);
}

/* Every certificate that has its issuer in the bundle verifies. */
static void
test_signatures(void **state)
{
	struct buf	 f = BUF_INIT, *certs = NULL;
	struct der_tbs	 t, u;
	struct span	 ta, tb;
	size_t		 n = 0, cap = 0, i, j, ok = 0, off, self = 0;
	int		 r;

	(void)state;
	if (data_read("certs/mozilla-roots-go/bundle.der", &f) == -1) {
		printf("SKIP 120 roots: no test data\n");
		return;
	}
	for (off = 0; off < f.n; n++) {
		struct cur	c = cur_of(f.p + off, f.n - off);
		struct der	d;

		assert_int_equal(der_next_strict(&c, &d), 0);
		certs = mem_grow(certs, &cap, n + 1, sizeof(*certs));
		certs[n] = (struct buf)BUF_INIT;
		buf_span(&certs[n], d.whole);
		off += d.whole.n;
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(der_cert(buf_bytes(&certs[i]), &ta, NULL,
		    NULL, NULL), 0);
		assert_int_equal(der_tbs(ta, &t, NULL), 0);
		if (t.issuer.n != t.subject.n ||
		    memcmp(t.issuer.p, t.subject.p, t.issuer.n) != 0)
			continue;
		self++;
		r = cert_signed_by(buf_bytes(&certs[i]),
		    buf_bytes(&certs[i]), NULL);
		ok += r == 1;
		/* Flip a bit in the serial number: no longer. */
		certs[i].p[t.serial.p - certs[i].p] ^= 1;
		assert_int_equal(cert_signed_by(buf_bytes(&certs[i]),
		    buf_bytes(&certs[i]), NULL), 0);
		j = (i + 1) % n;
		assert_int_equal(der_cert(buf_bytes(&certs[j]), &tb, NULL,
		    NULL, NULL), 0);
		assert_int_equal(der_tbs(tb, &u, NULL), 0);
		assert_int_not_equal(cert_signed_by(buf_bytes(&certs[i]),
		    buf_bytes(&certs[j]), NULL), 1);
	}
	printf("roots: %zu, self-issued %zu, signatures right %zu\n", n, self,
	    ok);
	assert_int_equal(ok, self);
	for (i = 0; i < n; i++)
		buf_free(&certs[i]);
	free(certs);
	buf_free(&f);
}

/* A self-signed certificate of that kind, as DER. */
static void
make_signed(const char *alg, const char *group, int pss, struct buf *out)
{
	EVP_PKEY	*key = NULL;
	EVP_PKEY_CTX	*pctx = NULL;
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	X509		*x = X509_new();
	X509_NAME	*name;
	uint8_t		*der = NULL;
	int		 n;

	if (strcmp(alg, "RSA") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, alg, (size_t)2048);
	else if (strcmp(alg, "EC") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, alg, group);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, alg);
	assert_non_null(key);
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const uint8_t *)"a.org", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set(X509_getm_notBefore(x), 0);
	ASN1_TIME_set(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	assert_int_equal(EVP_DigestSignInit(ctx, &pctx,
	    strncmp(alg, "ED", 2) == 0 ? NULL : EVP_sha384(), NULL, key), 1);
	if (pss)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx,
		    RSA_PKCS1_PSS_PADDING), 1);
	assert_true(X509_sign_ctx(x, ctx) > 0);
	n = i2d_X509(x, &der);
	assert_true(n > 0);
	buf_reset(out);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/* Each kind of key and signature; one that is changed; another's key. */
static void
test_kinds(void **state)
{
	static const struct {
		const char	*alg;
		const char	*group;
		int		 pss;
		const char	*type;
	} kinds[] = {
		{ "EC", "P-256", 0, "p256" }, { "EC", "P-384", 0, "p384" },
		{ "EC", "P-521", 0, "p521" }, { "RSA", NULL, 0, "rsa2048" },
		{ "RSA", NULL, 1, "rsa2048" },
		{ "ED25519", NULL, 0, "ed25519" }
	};
	struct buf	der = BUF_INIT, other = BUF_INIT;
	struct cert	c;
	struct err	e;
	size_t		i;

	(void)state;
	make_signed("EC", "P-256", 0, &other);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_signed(kinds[i].alg, kinds[i].group, kinds[i].pss, &der);
		err_clear(&e);
		if (cert_signed_by(buf_bytes(&der), buf_bytes(&der), &e) != 1)
			fail_msg("%s %d: %s", kinds[i].type, kinds[i].pss,
			    e.msg);
		assert_int_equal(cert_read(buf_bytes(&der), &c, NULL), 0);
		assert_string_equal(c.key_type, kinds[i].type);
		assert_string_equal(c.serial, "07");
		assert_string_equal(c.subject, "CN=a.org");
		assert_int_equal(c.nnames, 1);
		assert_int_equal(c.not_after, 86400LL * 1000000);
		cert_free(&c);
		assert_int_equal(cert_signed_by(buf_bytes(&der),
		    buf_bytes(&other), &e), 0);
		der.p[der.n - 1] ^= 1;
		assert_int_equal(cert_signed_by(buf_bytes(&der),
		    buf_bytes(&der), &e), 0);
	}
	assert_int_equal(cert_signed_by(buf_bytes(&other),
	    (struct span){ other.p, 10 }, &e), -1);
	buf_free(&der);
	buf_free(&other);
}

/* Keys that are remembered, forgotten and read again are the right ones. */
static void
test_keys(void **state)
{
	enum { N = LIMIT_CERT_KEYS + 1 };
	struct buf	der[N];
	size_t		round, i;

	(void)state;
	memset(der, 0, sizeof(der));
	for (i = 0; i < N; i++)
		make_signed("EC", "P-256", 0, &der[i]);
	for (round = 0; round < 4; round++)
		for (i = 0; i < N - round % 2; i++) {
			assert_int_equal(cert_signed_by(buf_bytes(&der[i]),
			    buf_bytes(&der[i]), NULL), 1);
			assert_int_equal(cert_signed_by(buf_bytes(&der[i]),
			    buf_bytes(&der[i * 7 % N == i ? (i + 1) % N :
			    i * 7 % N]), NULL), 0);
		}
	for (i = 0; i < N; i++)
		buf_free(&der[i]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_zlint),
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_precerts),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
