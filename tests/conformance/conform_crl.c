#include "tests/conformance/crl.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

/*
 * CRLs of BoringSSL, of Amazon and of rustls-webpki: what is said about a
 * certificate must be what they say.  Prints a line a suite and
 * "N passed, N failed, N skipped".
 */

/* --- BoringSSL: the name says good, bad, invalid or revoked --- */

static void
boringssl_file(struct suite *s, const char *name)
{
	struct crlscan_in	in = in_at("2017-03-09T00:00:00Z");
	struct subject		leaf = { .x = NULL }, issuers[4];
	struct buf		crl = BUF_INIT;
	char			rel[300], *what = NULL, *head = NULL;
	uint8_t			*der = NULL;
	long			 n;
	size_t			 ni = 0, i;
	enum verdict		 want = UNKNOWN;
	FILE			*f;

	(void)snprintf(rel, sizeof(rel), "revocation/boringssl/"
	    "crl_unittest/%s", name);
	f = fopen(path_of(rel), "r");
	while (f != NULL && PEM_read(f, &what, &head, &der, &n) == 1) {
		struct span	v = { der, (size_t)n };

		if (strcmp(what, "CRL") == 0)
			buf_span(&crl, v);
		else if (strcmp(what, "CERTIFICATE") == 0)
			(void)subject_read(&leaf, v);
		else if (ni < 4 && subject_read(&issuers[ni], v) == 0)
			ni++;
		OPENSSL_free(what);
		OPENSSL_free(head);
		OPENSSL_free(der);
	}
	if (f != NULL)
		(void)fclose(f);
	/* its callers ask for CRLs of at most seven days */
	in.max_age = 7 * 86400 * CLK_SEC;
	if (strncmp(name, "good", 4) == 0)
		want = GOOD;
	else if (strncmp(name, "revoked", 7) == 0)
		want = REVOKED;
	result(s, name, want, leaf.x == NULL ? UNKNOWN : judge(&leaf,
	    &(struct issuers){ issuers, ni }, buf_bytes(&crl), &in), "CRL");
	for (i = 0; i < ni; i++)
		subject_free(&issuers[i]);
	subject_free(&leaf);
	buf_free(&crl);
}

static void
boringssl(void)
{
	struct suite	s = { .name = "BoringSSL CRL" };
	struct dirent	**v = NULL;
	int		i, n = list("revocation/boringssl/crl_unittest", &v);

	if (n <= 0)
		absent(&s, 32, "revocation/boringssl/crl_unittest");
	for (i = 0; i < n; i++) {
		if (ends(v[i]->d_name, ".pem"))
			boringssl_file(&s, v[i]->d_name);
		free(v[i]);
	}
	free(v);
	summary(&s);
}

/* --- Amazon: real CRLs, real leaves --- */

static enum verdict
amazon_verdict(const char *name)
{
	return strncmp(name, "revoked.", 8) == 0 ? REVOKED : GOOD;
}

/* The leaf's CRL is the one whose URL it names; each CA has one. */
static void
amazon_leaf(struct suite *s, const char *name)
{
	struct crlscan_in	in = in_at("2025-02-23T00:00:00Z");
	struct subject		leaf, ca;
	struct buf		der = BUF_INIT, crl = BUF_INIT;
	struct dirent		**v = NULL;
	char			rel[400];
	int			i, n = list("crl/amazon", &v);

	(void)snprintf(rel, sizeof(rel), "crl/amazon/%s", name);
	load(rel, &der);
	if (subject_read(&leaf, buf_bytes(&der)) == -1)
		n = 0;
	for (i = 0; i < n; i++) {
		(void)snprintf(rel, sizeof(rel), "crl/amazon/%s",
		    v[i]->d_name);
		load(rel, &der);
		if (!ends(rel, ".cer") || subject_read(&ca,
		    buf_bytes(&der)) == -1) {
			free(v[i]);
			continue;
		}
		memcpy(rel + strlen(rel) - 3, "crl", 3);
		load(rel, &crl);
		if (crl.n != 0 && X509_NAME_cmp(X509_get_subject_name(ca.x),
		    X509_get_issuer_name(leaf.x)) == 0)
			result(s, name, amazon_verdict(name), judge(&leaf,
			    &(struct issuers){ &ca, 1 }, buf_bytes(&crl),
			    &in), v[i]->d_name);
		subject_free(&ca);
		free(v[i]);
	}
	free(v);
	subject_free(&leaf);
	buf_free(&der);
	buf_free(&crl);
}

static void
amazon(void)
{
	struct suite	s = { .name = "Amazon CRL" };
	struct dirent	**v = NULL;
	int		i, n = list("crl/amazon", &v);

	if (n <= 0)
		absent(&s, 16, "crl/amazon");
	for (i = 0; i < n; i++) {
		if (ends(v[i]->d_name, ".cer"))
			amazon_leaf(&s, v[i]->d_name);
		free(v[i]);
	}
	free(v);
	summary(&s);
}

/* --- webpki: signed anew, because its issuers are not there --- */

static const char *const webpki_differ[] = {
	"crl.idp.no_distribution_point_name.der",
	"crl.missing.exts.der",
	"crl.negative.serial.der",
	NULL
};

/* What rustls-webpki's own tests say of each file. */
static const struct {
	const char	*name;
	enum verdict	 want;		/* of a serial that is not listed */
} webpki_files[] = {
	{ "crl.delta.der", UNKNOWN },
	{ "crl.empty.der", GOOD },
	{ "crl.entry.empty.ext.seq.der", GOOD },
	{ "crl.entry.invalid.reason.der", UNKNOWN },
	{ "crl.entry.invalidity.date.der", GOOD },
	{ "crl.entry.issuer.ext.der", UNKNOWN },
	{ "crl.entry.unknown.crit.ext.der", UNKNOWN },
	{ "crl.idp.explicit.false.bool.der", GOOD },
	{ "crl.idp.indirect_crl.der", UNKNOWN },
	{ "crl.idp.invalid.bool.der", UNKNOWN },
	{ "crl.idp.invalid.name.der", UNKNOWN },
	{ "crl.idp.name_relative_to_issuer.der", UNKNOWN },
	{ "crl.idp.no_distribution_point_name.der", UNKNOWN },
	{ "crl.idp.only_attribute_certs.der", UNKNOWN },
	{ "crl.idp.only_ca_certs.der", UNKNOWN },
	{ "crl.idp.only_some_reasons.der", UNKNOWN },
	{ "crl.idp.only_user_certs.der", GOOD },
	{ "crl.idp.unknown.tag.der", UNKNOWN },
	{ "crl.idp.valid.der", GOOD },
	{ "crl.invalid.this.update.time.der", UNKNOWN },
	{ "crl.mismatched.sigalg.der", UNKNOWN },
	{ "crl.missing.exts.der", UNKNOWN },
	{ "crl.missing.next.update.der", UNKNOWN },
	{ "crl.negative.crl.number.der", UNKNOWN },
	{ "crl.negative.serial.der", UNKNOWN },
	{ "crl.no.entry.exts.der", GOOD },
	{ "crl.too.long.crl.number.der", UNKNOWN },
	{ "crl.topbit.serial.der", GOOD },
	{ "crl.unknown.crit.ext.der", UNKNOWN },
	{ "crl.valid.der", GOOD },
	{ "crl.wrong.version.der", UNKNOWN },
};

/* A CRL in its parts, however wrong what is in them. */
struct parts {
	struct der	tbs, alg, sig, issuer, inner;
	int64_t		this_update;
};

static int
take_apart(struct span crl, struct parts *p)
{
	struct span	body;
	struct cur	c;
	struct der	d;

	if (der_only(crl, DER_SEQ, &body) == -1)
		return -1;
	c = cur_span(body);
	if (der_next(&c, &p->tbs) == -1 || der_next(&c, &p->alg) == -1 ||
	    der_next(&c, &p->sig) == -1)
		return -1;
	c = cur_span(p->tbs.body);
	if (der_next(&c, &d) == -1 ||
	    (d.tag == DER_INT && der_next(&c, &d) == -1))
		return -1;
	p->inner = d;
	if (der_next(&c, &p->issuer) == -1 || der_next(&c, &d) == -1)
		return -1;
	if (der_time(d.whole, &p->this_update) == -1)
		p->this_update = 0;
	return 0;
}

/* A key for this algorithm, and a certificate of that name. */
static EVP_PKEY *
forge_ca(const struct parts *p, const EVP_MD **md, struct buf *cert)
{
	const uint8_t	*n = p->issuer.whole.p;
	uint8_t		*der = NULL;
	X509		*x = X509_new();
	X509_NAME	*name = d2i_X509_NAME(NULL, &n,
			    (long)p->issuer.whole.n);
	EVP_PKEY	*key;
	int		 k, rsa = p->inner.whole.n > 12;
	int		 sha384 = !rsa && p->inner.whole.p[11] == 3;

	key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen(sha384 ? "P-384" :
	    "P-256");
	*md = sha384 ? EVP_sha384() : EVP_sha256();
	if (name == NULL || key == NULL ||
	    X509_set_subject_name(x, name) != 1 ||
	    X509_set_issuer_name(x, name) != 1 ||
	    X509_set_pubkey(x, key) != 1 ||
	    ASN1_TIME_set(X509_getm_notBefore(x), 0) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(x), 0) == NULL ||
	    X509_sign(x, key, EVP_sha256()) <= 0)
		abort();
	k = i2d_X509(x, &der);
	buf_add(cert, der, (size_t)k);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_free(x);
	return key;
}

/* The same CRL with a signature by this key. */
static void
sign_anew(const struct parts *p, EVP_PKEY *key, const EVP_MD *md,
    struct buf *out)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	struct buf	 b = BUF_INIT;
	uint8_t		 sig[1024];
	size_t		 n = sizeof(sig);

	if (EVP_DigestSignInit(c, NULL, md, NULL, key) != 1 ||
	    EVP_DigestSign(c, sig, &n, p->tbs.whole.p, p->tbs.whole.n) != 1)
		abort();
	buf_span(&b, p->tbs.whole);
	buf_span(&b, p->alg.whole);
	der_put(&b, DER_BITS, n + 1);
	buf_u8(&b, 0);
	buf_add(&b, sig, n);
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
	EVP_MD_CTX_free(c);
}

static void
webpki_file(struct suite *s, const char *name, enum verdict want)
{
	struct crlscan_in	in = { .last_this = INT64_MIN };
	struct buf		crl = BUF_INIT, again = BUF_INIT;
	struct buf		cert = BUF_INIT;
	struct crlscan_out	o;
	struct parts		p;
	const EVP_MD		*md;
	EVP_PKEY		*key;
	char			rel[300];
	enum verdict		got = UNKNOWN;

	(void)snprintf(rel, sizeof(rel), "crl/webpki/%s", name);
	load(rel, &crl);
	if (take_apart(buf_bytes(&crl), &p) == -1) {
		absent(s, 1, rel);
		buf_free(&crl);
		return;
	}
	key = forge_ca(&p, &md, &cert);
	sign_anew(&p, key, md, &again);
	in.issuer = buf_bytes(&cert);
	in.now = p.this_update + CLK_SEC;
	crlscan_bytes(&in, buf_bytes(&again), &o);
	/* its URL is the one that it says */
	if (o.fault == CRL_OK)
		got = GOOD;
	result(s, name, want, got, o.why);
	crlscan_out_free(&o);
	EVP_PKEY_free(key);
	buf_free(&crl);
	buf_free(&again);
	buf_free(&cert);
}

static void
webpki(void)
{
	struct suite	s = { .name = "webpki CRL",
			    .deviations = webpki_differ };
	size_t		i;

	for (i = 0; i < sizeof(webpki_files) / sizeof(webpki_files[0]); i++)
		webpki_file(&s, webpki_files[i].name, webpki_files[i].want);
	summary(&s);
}

int
main(void)
{
	boringssl();
	amazon();
	webpki();
	return finish();
}
