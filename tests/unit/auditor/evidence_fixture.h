#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/evidence_json.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/loglist.h"
#include "ctlog/sth.h"
#include "pki/cert.h"

/*
 * A CA, a log with a key and a tree of LEAVES entries, among them a
 * precertificate and its certificate; everything made new for each run.
 */

#define LEAVES	11
#define PRE_AT	3	/* index of the precertificate */
#define CERT_AT	6
#define LOG_URL	"https://log.example/2026/"

struct world {
	EVP_PKEY		*ca_key, *log_key;
	struct buf		 ca, pre, cert;		/* DER */
	struct buf		 spki;			/* of the log */
	uint8_t			 log_id[32];
	struct buf		 leaf[LEAVES];
	uint8_t			 hash[LEAVES][32];
	struct loglist		 list;
	struct loglist_log	 log;
};

static inline void
need(int ok, const char *what)
{
	if (!ok) {
		(void)fprintf(stderr, "%s\n", what);
		exit(1);
	}
}

static inline void
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	 c;
	X509_EXTENSION	*ext;

	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	need(ext != NULL && X509_add_ext(x, ext, -1) == 1, "extension");
	X509_EXTENSION_free(ext);
}

/* A certificate; ${poison} makes it a precertificate. */
static inline X509 *
make_cert(EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, const char *name,
    const char *san, int poison)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_NAME_new();
	ASN1_OBJECT	*oid;
	X509_EXTENSION	*ext;
	ASN1_OCTET_STRING *null = ASN1_OCTET_STRING_new();

	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
	(void)ASN1_TIME_set_string(X509_getm_notBefore(x), "20260101000000Z");
	(void)ASN1_TIME_set_string(X509_getm_notAfter(x), "20270101000000Z");
	(void)X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	(void)X509_set_subject_name(x, n);
	(void)X509_set_issuer_name(x, issuer == NULL ? n :
	    X509_get_subject_name(issuer));
	(void)X509_set_pubkey(x, key);
	if (san != NULL)
		add_ext(x, issuer, NID_subject_alt_name, san);
	else
		add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE");
	if (poison) {
		oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.3", 1);
		(void)ASN1_OCTET_STRING_set(null,
		    (const unsigned char *)"\x05\x00", 2);
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, null);
		(void)X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
		ASN1_OBJECT_free(oid);
	}
	need(X509_sign(x, signer, EVP_sha256()) > 0, "X509_sign");
	ASN1_OCTET_STRING_free(null);
	X509_NAME_free(n);
	return x;
}

static inline void
put_cert(X509 *x, struct buf *b)
{
	unsigned char	*p = NULL;
	int		 n = i2d_X509(x, &p);

	buf_add(b, p, (size_t)n);
	OPENSSL_free(p);
}

static inline void
make_leaves(struct world *w)
{
	struct buf	tbs = BUF_INIT;
	struct span	ca = buf_bytes(&w->ca);
	struct entry	e;
	size_t		i;

	for (i = 0; i < LEAVES; i++) {
		memset(&e, 0, sizeof(e));
		e.timestamp = 1767225600000ULL + i;
		e.leaf_index = -1;
		e.type = i == PRE_AT ? ENTRY_PRECERT : ENTRY_X509;
		e.cert = buf_bytes(i == CERT_AT ? &w->cert : &w->ca);
		if (i == PRE_AT) {
			need(cert_precert_tbs(buf_bytes(&w->pre), &ca, 1,
			    &tbs, e.issuer_key_hash, NULL) == 0, "tbs");
			e.cert = buf_bytes(&tbs);
		}
		entry_put(&w->leaf[i], &e);
		evidence_leaf_hash(buf_bytes(&w->leaf[i]), w->hash[i]);
	}
	buf_free(&tbs);
}

static inline void
world_make(struct world *w)
{
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	X509		*ca, *pre, *cert;
	unsigned char	*p = NULL;
	int		 n;

	memset(w, 0, sizeof(*w));
	w->ca_key = EVP_EC_gen("P-256");
	w->log_key = EVP_EC_gen("P-256");
	ca = make_cert(w->ca_key, NULL, w->ca_key, "Test CA", NULL, 0);
	pre = make_cert(key, ca, w->ca_key, "shop.example",
	    "DNS:shop.example,DNS:*.shop.example", 1);
	cert = make_cert(key, ca, w->ca_key, "shop.example",
	    "DNS:shop.example,DNS:*.shop.example", 0);
	put_cert(ca, &w->ca);
	put_cert(pre, &w->pre);
	put_cert(cert, &w->cert);
	X509_free(ca);
	X509_free(pre);
	X509_free(cert);
	EVP_PKEY_free(key);
	n = i2d_PUBKEY(w->log_key, &p);
	buf_add(&w->spki, p, (size_t)n);
	OPENSSL_free(p);
	sha_256(w->log_id, w->spki.p, w->spki.n);
	make_leaves(w);
	w->log.key = w->spki.p;
	w->log.nkey = w->spki.n;
	memcpy(w->log.log_id, w->log_id, 32);
	w->log.submit_url = w->log.url = (char *)(uintptr_t)LOG_URL;
	w->log.description = (char *)(uintptr_t)"test log";
	w->log.operator = (char *)(uintptr_t)"nobody";
	w->list.logs = &w->log;
	w->list.nlogs = 1;
}

static inline void
world_free(struct world *w)
{
	size_t	i;

	EVP_PKEY_free(w->ca_key);
	EVP_PKEY_free(w->log_key);
	buf_free(&w->ca);
	buf_free(&w->pre);
	buf_free(&w->cert);
	buf_free(&w->spki);
	for (i = 0; i < LEAVES; i++)
		buf_free(&w->leaf[i]);
}

/* RFC 6962 2.1, word for word: MTH, PATH and PROOF of leaves [a, b). */
static inline size_t
split(size_t n)
{
	size_t	k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static inline void
mth(const struct world *w, size_t a, size_t b, uint8_t out[32])
{
	uint8_t	l[32], r[32];
	size_t	k;

	if (b - a == 1) {
		memcpy(out, w->hash[a], 32);
		return;
	}
	k = a + split(b - a);
	mth(w, a, k, l);
	mth(w, k, b, r);
	sha_node(out, l, r);
}

static inline void
add_mth(const struct world *w, size_t a, size_t b, struct buf *out)
{
	uint8_t	h[32];

	mth(w, a, b, h);
	buf_add(out, h, 32);
}

static inline void
path_of(const struct world *w, size_t m, size_t a, size_t b, struct buf *out)
{
	size_t	k;

	if (b - a == 1)
		return;
	k = a + split(b - a);
	if (m < k) {
		path_of(w, m, a, k, out);
		add_mth(w, k, b, out);
	} else {
		path_of(w, m, k, b, out);
		add_mth(w, a, k, out);
	}
}

static inline void
proof_of(const struct world *w, size_t m, size_t a, size_t b, int whole,
    struct buf *out)
{
	size_t	k;

	if (m == b - a) {
		if (!whole)
			add_mth(w, a, b, out);
		return;
	}
	k = split(b - a);
	if (m <= k) {
		proof_of(w, m, a, a + k, whole, out);
		add_mth(w, a + k, b, out);
	} else {
		proof_of(w, m - k, a + k, b, 0, out);
		add_mth(w, a, a + k, out);
	}
}

/* get-sth JSON of a tree of ${size}; ${root} NULL: the true one. */
static inline void
make_sth(const struct world *w, size_t size, uint64_t ms,
    const uint8_t *root, struct buf *out)
{
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	struct sth	 h;
	uint8_t		 signed_[STH_SIGNED], sig[128];
	size_t		 n = sizeof(sig);
	struct buf	 ds = BUF_INIT;

	memset(&h, 0, sizeof(h));
	h.tree_size = size;
	h.timestamp = ms;
	if (root != NULL)
		memcpy(h.root, root, 32);
	else
		mth(w, 0, size, h.root);
	sth_signed(&h, signed_);
	need(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, w->log_key)
	    == 1 && EVP_DigestSign(ctx, sig, &n, signed_, STH_SIGNED) == 1,
	    "signing a head");
	EVP_MD_CTX_free(ctx);
	buf_u8(&ds, 4);
	buf_u8(&ds, 3);
	buf_u16(&ds, (uint16_t)n);
	buf_add(&ds, sig, n);
	buf_fmt(out, "{\"tree_size\":%zu,\"timestamp\":%llu,"
	    "\"sha256_root_hash\":\"", size, (unsigned long long)ms);
	enc_b64(out, h.root, 32);
	buf_str(out, "\",\"tree_head_signature\":\"");
	enc_b64(out, ds.p, ds.n);
	buf_str(out, "\"}");
	buf_free(&ds);
}

#endif
