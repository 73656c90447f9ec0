#ifndef TESTS_UNIT_OCSP_MADE_CRL_H
#define TESTS_UNIT_OCSP_MADE_CRL_H

/*
 * CRLs made byte by byte, so that each part can be wrong, and signed by
 * OpenSSL; certificates of their issuers.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "ocsp/crlscan.h"
#include "pki/der.h"

/* AlgorithmIdentifiers */
#define MADE_ALG(s)	((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })
#define MADE_ES256	"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define MADE_ES384	"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define MADE_ES512	"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"
#define MADE_ES1	"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"
#define MADE_RS(n)	"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" n \
			"\x05"
#define MADE_ED25519	"\x30\x05\x06\x03\x2b\x65\x70"
#define MADE_ED448	"\x30\x05\x06\x03\x2b\x65\x71"
/* RSASSA-PSS, SHA-256, MGF1 with it, a salt of 32 bytes */
#define MADE_PSS	"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" \
    "\x0a\x30\x34\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" \
    "\x01\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" \
    "\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\xa2" \
    "\x03\x02\x01\x20"

/* 2026-06-15T12:00:00Z, within what made_new() says */
#define MADE_NOW	(1781524800 * CLK_SEC)

/* A CRL in parts; each is what goes there, tag and length included. */
struct made {
	EVP_PKEY	*key;		/* borrowed */
	const EVP_MD	*md;		/* NULL: EdDSA */
	int		 pss;
	struct span	 alg;		/* inside */
	struct span	 outer;		/* outside */
	struct buf	 version;
	struct buf	 issuer;
	struct buf	 times;
	struct buf	 entries;	/* content of the list */
	int		 list;		/* put it there even when empty */
	struct buf	 exts;		/* content of the list */
	int		 no_exts;	/* leave [0] out */
	struct buf	 more;		/* behind [0] */
};

/* Put what is in ${b} into an element. */
static inline void
made_in(struct buf *b, uint8_t tag)
{
	struct buf	x = BUF_INIT;

	der_put(&x, tag, b->n);
	buf_span(&x, buf_bytes(b));
	buf_free(b);
	*b = x;
}

/* A Name with one CN. */
static inline void
made_name(struct buf *out, uint8_t tag, const char *cn)
{
	struct buf	x = BUF_INIT;

	buf_str(&x, cn);
	made_in(&x, tag);
	buf_reset(out);
	der_put(out, DER_OID, 3);
	buf_str(out, DER_OID_CN);
	buf_span(out, buf_bytes(&x));
	made_in(out, DER_SEQ);
	made_in(out, DER_SET);
	made_in(out, DER_SEQ);
	buf_free(&x);
}

static inline void
made_time(struct buf *b, const char *utc)
{
	der_put(b, strlen(utc) == 13 ? DER_UTC : DER_GENTIME, strlen(utc));
	buf_str(b, utc);
}

/* An extension 2.5.29.${id}. */
static inline void
made_ext(struct buf *b, uint8_t id, int critical, const void *v, size_t n)
{
	struct buf	x = BUF_INIT;

	der_put(&x, DER_OID, 3);
	buf_u16(&x, 0x551d);
	buf_u8(&x, id);
	if (critical)
		buf_add(&x, "\x01\x01\xff", 3);
	der_put(&x, DER_OCTETS, n);
	buf_add(&x, v, n);
	der_put(b, DER_SEQ, x.n);
	buf_span(b, buf_bytes(&x));
	buf_free(&x);
}

/* An entry: serial content, date, body of extensions. */
static inline void
made_entry(struct buf *b, struct span serial, const char *date,
    struct span exts)
{
	struct buf	x = BUF_INIT;

	der_put(&x, DER_INT, serial.n);
	buf_span(&x, serial);
	made_time(&x, date);
	if (exts.n != 0) {
		der_put(&x, DER_SEQ, exts.n);
		buf_span(&x, exts);
	}
	der_put(b, DER_SEQ, x.n);
	buf_span(b, buf_bytes(&x));
	buf_free(&x);
}

#define MADE_S(s)	((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })
#define MADE_NONE	((struct span){ NULL, 0 })

/* An entry with a reason, or none (-1). */
static inline void
made_revoked(struct buf *b, struct span serial, const char *date, int reason)
{
	struct buf	x = BUF_INIT;
	uint8_t		v[3] = { 0x0a, 1, (uint8_t)reason };

	if (reason != -1)
		made_ext(&x, 21, 0, v, sizeof(v));
	made_entry(b, serial, date, buf_bytes(&x));
	buf_free(&x);
}

/* An issuingDistributionPoint with these URIs, and fields behind them. */
static inline void
made_idp(struct buf *b, const char *const *uris, struct span fields)
{
	struct buf	n = BUF_INIT, p = BUF_INIT, v = BUF_INIT;

	for (; uris != NULL && *uris != NULL; uris++) {
		der_put(&n, 0x86, strlen(*uris));
		buf_str(&n, *uris);
	}
	if (n.n != 0) {
		der_put(&p, 0xa0, n.n);
		buf_span(&p, buf_bytes(&n));
		buf_reset(&n);
		der_put(&n, 0xa0, p.n);
		buf_span(&n, buf_bytes(&p));
	}
	der_put(&v, DER_SEQ, n.n + fields.n);
	buf_span(&v, buf_bytes(&n));
	buf_span(&v, fields);
	made_ext(b, 28, 1, v.p, v.n);
	buf_free(&n);
	buf_free(&p);
	buf_free(&v);
}

/* A version 2 CRL by "Made CA" of 2026, number 0x0123, no entries. */
static inline void
made_new(struct made *m, EVP_PKEY *key)
{
	memset(m, 0, sizeof(*m));
	m->key = key;
	m->md = EVP_sha256();
	m->alg = m->outer = MADE_ALG(MADE_ES256);
	buf_add(&m->version, "\x02\x01\x01", 3);
	made_name(&m->issuer, DER_UTF8, "Made CA");
	made_time(&m->times, "260610000000Z");
	made_time(&m->times, "260620000000Z");
	made_ext(&m->exts, 20, 0, "\x02\x02\x01\x23", 4);
}

static inline void
made_free(struct made *m)
{
	buf_free(&m->version);
	buf_free(&m->issuer);
	buf_free(&m->times);
	buf_free(&m->entries);
	buf_free(&m->exts);
	buf_free(&m->more);
}

/* Sign ${tbs}: append the signature bits. */
static inline void
made_sign(const struct made *m, struct span tbs, struct buf *out)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	EVP_PKEY_CTX	*k;
	size_t		 n = 0;

	assert_int_equal(EVP_DigestSignInit(c, &k, m->md, NULL, m->key), 1);
	if (m->pss) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(k,
		    RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(k, 32), 1);
	}
	assert_int_equal(EVP_DigestSign(c, NULL, &n, tbs.p, tbs.n), 1);
	assert_int_equal(EVP_DigestSign(c, buf_room(out, n), &n, tbs.p,
	    tbs.n), 1);
	out->n += n;
	EVP_MD_CTX_free(c);
}

/* The tbsCertList. */
static inline void
made_tbs(const struct made *m, struct buf *out)
{
	struct buf	t = BUF_INIT, x = BUF_INIT;

	buf_span(&t, buf_bytes(&m->version));
	buf_span(&t, m->alg);
	buf_span(&t, buf_bytes(&m->issuer));
	buf_span(&t, buf_bytes(&m->times));
	if (m->entries.n != 0 || m->list) {
		der_put(&t, DER_SEQ, m->entries.n);
		buf_span(&t, buf_bytes(&m->entries));
	}
	if (!m->no_exts) {
		der_put(&x, DER_SEQ, m->exts.n);
		buf_span(&x, buf_bytes(&m->exts));
		der_put(&t, 0xa0, x.n);
		buf_span(&t, buf_bytes(&x));
	}
	buf_span(&t, buf_bytes(&m->more));
	der_put(out, DER_SEQ, t.n);
	buf_span(out, buf_bytes(&t));
	buf_free(&t);
	buf_free(&x);
}

/* Put a CRL together from the tbs and a signature. */
static inline void
made_wrap(struct span tbs, struct span alg, struct span sig, struct buf *out)
{
	struct buf	b = BUF_INIT;

	buf_span(&b, tbs);
	buf_span(&b, alg);
	der_put(&b, DER_BITS, sig.n + 1);
	buf_u8(&b, 0);
	buf_span(&b, sig);
	buf_reset(out);
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
}

static inline void
made_crl(const struct made *m, struct buf *out)
{
	struct buf	tbs = BUF_INIT, sig = BUF_INIT;

	made_tbs(m, &tbs);
	made_sign(m, buf_bytes(&tbs), &sig);
	made_wrap(buf_bytes(&tbs), m->outer, buf_bytes(&sig), out);
	buf_free(&tbs);
	buf_free(&sig);
}

static inline void
made_add(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	 c;
	X509_EXTENSION	*e;

	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* A certificate by ${issuer} (NULL: itself) with this CN; X509_free() it. */
static inline X509 *
made_x509(const char *cn, EVP_PKEY *key, X509 *issuer, long serial)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_get_subject_name(x);

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), serial),
	    1);
	assert_int_equal(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const uint8_t *)cn, -1, -1, 0), 1);
	assert_int_equal(X509_set_issuer_name(x, issuer != NULL ?
	    X509_get_subject_name(issuer) : n), 1);
	(void)ASN1_TIME_set_string(X509_getm_notBefore(x), "260101000000Z");
	(void)ASN1_TIME_set_string(X509_getm_notAfter(x), "270101000000Z");
	assert_int_equal(X509_set_pubkey(x, key), 1);
	if (issuer == NULL)
		made_add(x, x, NID_basic_constraints, "critical,CA:TRUE");
	return x;
}

/* Sign it, and its DER. */
static inline void
made_der(X509 *x, EVP_PKEY *by, struct buf *out)
{
	uint8_t	*der = NULL;
	int	 n, id = EVP_PKEY_get_base_id(by);

	assert_true(X509_sign(x, by, id == EVP_PKEY_ED25519 ||
	    id == EVP_PKEY_ED448 ? NULL : EVP_sha256()) > 0);
	n = i2d_X509(x, &der);
	assert_true(n > 0);
	buf_reset(out);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

/* The certificate of a CA; ${usage} is its keyUsage, NULL none. */
static inline void
made_ca(const char *cn, EVP_PKEY *key, const char *usage, struct buf *out)
{
	X509	*x = made_x509(cn, key, NULL, 1);

	if (usage != NULL)
		made_add(x, x, NID_key_usage, usage);
	made_der(x, key, out);
	X509_free(x);
}

#endif
