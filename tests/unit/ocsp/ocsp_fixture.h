#ifndef TESTS_UNIT_OCSP_OCSP_FIXTURE_H
#define TESTS_UNIT_OCSP_OCSP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/clk.h"
#include "base/enc.h"
#include "ocsp/ocsp_ask.h"
#include "pki/der.h"

/* A CA with its responders, made by OpenSSL, and answers made by hand. */

#define T0	1795348800	/* 2026-11-22T12:00:00Z: now */
#define HOUR	3600
#define FIX_DAY	86400

struct party {
	EVP_PKEY	*key;
	X509		*x;
	struct buf	 der;
};

/* What a certificate is to be. */
struct wish {
	const char	*name;
	const struct party *issuer;	/* NULL: itself */
	const struct party *key;	/* NULL: a new one */
	const char	*basic, *eku, *usage;	/* NULL: none */
	int		 nocheck, critical;
	long		 from, to;	/* seconds around T0; 0, 0: a year */
	const EVP_MD	*md;		/* NULL: SHA-256 */
};

static inline void
fix_ext(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION	*ext;
	X509V3_CTX	 ctx;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static inline void
fix_critical(X509 *x)
{
	ASN1_OBJECT		*oid = OBJ_txt2obj("1.2.3.4", 1);
	ASN1_OCTET_STRING	*v = ASN1_OCTET_STRING_new();
	X509_EXTENSION		*ext;

	assert_int_equal(ASN1_OCTET_STRING_set(v, (const uint8_t *)"\5\0", 2),
	    1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, v);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(v);
	ASN1_OBJECT_free(oid);
}

static inline void
fix_party(struct party *p, const struct wish *w)
{
	static long	 serial = 100;
	const struct party *by = w->issuer != NULL ? w->issuer : p;
	X509_NAME	*name = X509_NAME_new();
	uint8_t		*der = NULL;
	int		 n;

	memset(p, 0, sizeof(*p));
	p->key = w->key != NULL ? w->key->key : EVP_EC_gen("P-256");
	assert_non_null(p->key);
	if (w->key != NULL)
		(void)EVP_PKEY_up_ref(p->key);
	p->x = X509_new();
	(void)X509_set_version(p->x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(p->x), serial++);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const uint8_t *)w->name, -1, -1, 0);
	(void)X509_set_subject_name(p->x, name);
	(void)X509_set_issuer_name(p->x, w->issuer != NULL ?
	    X509_get_subject_name(w->issuer->x) : name);
	X509_NAME_free(name);
	(void)ASN1_TIME_set(X509_getm_notBefore(p->x), T0 +
	    (w->from == 0 ? -365 * FIX_DAY : w->from));
	(void)ASN1_TIME_set(X509_getm_notAfter(p->x), T0 +
	    (w->to == 0 ? 365 * FIX_DAY : w->to));
	(void)X509_set_pubkey(p->x, p->key);
	fix_ext(p->x, by->x, NID_basic_constraints, w->basic);
	fix_ext(p->x, by->x, NID_ext_key_usage, w->eku);
	fix_ext(p->x, by->x, NID_key_usage, w->usage);
	fix_ext(p->x, by->x, NID_id_pkix_OCSP_noCheck,
	    w->nocheck ? "" : NULL);
	if (w->critical)
		fix_critical(p->x);
	assert_true(X509_sign(p->x, by->key, w->md != NULL ? w->md :
	    EVP_sha256()) > 0);
	n = i2d_X509(p->x, &der);
	assert_true(n > 0);
	buf_add(&p->der, der, (size_t)n);
	OPENSSL_free(der);
}

static inline void
fix_free(struct party *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->x);
	buf_free(&p->der);
}

/* --- answers ------------------------------------------------------------ */

struct answer {
	const struct party	*signer;	/* and ResponderID */
	const struct party	*id;		/* another ResponderID */
	int			 by_name;
	const struct party	*issuer;	/* of the CertID */
	const char		*serial;	/* hex of the INTEGER */
	enum ocsp_hash		 hash;
	char			 says;		/* g, r, u */
	int			 reason;	/* -1: none */
	long			 this, next, produced;	/* around T0 */
	int			 no_next;
	struct buf		 before;	/* other SingleResponses */
	struct buf		 single_exts, exts, certs;
	const EVP_MD		*md;
	int			 spoil;		/* a byte of the signature */
};

static inline void
fix_tlv(struct buf *b, uint8_t tag, const struct buf *v)
{
	der_put(b, tag, v->n);
	buf_span(b, buf_bytes(v));
}

/* Wrap what is in ${b}. */
static inline void
fix_wrap(struct buf *b, uint8_t tag)
{
	struct buf	v = BUF_INIT;

	fix_tlv(&v, tag, b);
	buf_free(b);
	*b = v;
}

static inline void
fix_time(struct buf *b, long at)
{
	time_t		t = T0 + at;
	struct tm	tm;
	char		s[32];

	(void)gmtime_r(&t, &tm);
	(void)strftime(s, sizeof(s), "%Y%m%d%H%M%SZ", &tm);
	der_put(b, DER_GENTIME, strlen(s));
	buf_str(b, s);
}

static inline void
fix_extn(struct buf *exts, const char *oid, int critical,
    const struct buf *value)
{
	ASN1_OBJECT	*obj = OBJ_txt2obj(oid, 1);
	struct buf	 b = BUF_INIT;

	der_put(&b, DER_OID, OBJ_length(obj));
	buf_add(&b, OBJ_get0_data(obj), OBJ_length(obj));
	if (critical)
		buf_add(&b, "\x01\x01\xff", 3);
	fix_tlv(&b, DER_OCTETS, value);
	fix_wrap(&b, DER_SEQ);
	buf_span(exts, buf_bytes(&b));
	buf_free(&b);
	ASN1_OBJECT_free(obj);
}

static inline void
fix_hash(struct buf *b, const EVP_MD *md, const uint8_t *p, size_t n)
{
	uint8_t		out[EVP_MAX_MD_SIZE];
	unsigned	len;

	assert_int_equal(EVP_Digest(p, n, out, &len, md, NULL), 1);
	der_put(b, DER_OCTETS, len);
	buf_add(b, out, len);
}

static inline void
fix_name(struct buf *b, const struct party *p)
{
	uint8_t	*der = NULL;
	int	 n = i2d_X509_NAME(X509_get_subject_name(p->x), &der);

	buf_add(b, der, (size_t)n);
	OPENSSL_free(der);
}

static inline void
fix_key_hash(struct buf *b, const struct party *p, const EVP_MD *md)
{
	const ASN1_BIT_STRING	*k = X509_get0_pubkey_bitstr(p->x);

	fix_hash(b, md, ASN1_STRING_get0_data(k),
	    (size_t)ASN1_STRING_length(k));
}

static inline void
fix_certid(struct buf *out, const struct answer *a)
{
	const EVP_MD	*md = a->hash == OCSP_SHA1 ? EVP_sha1() :
	    EVP_sha256();
	const char	*alg = a->hash == OCSP_SHA1 ? "300906052b0e03021a0500"
	    : "300d06096086480165030402010500";
	struct buf	 b = BUF_INIT, name = BUF_INIT;

	assert_int_equal(enc_unhex(alg, strlen(alg), &b), 0);
	fix_name(&name, a->issuer);
	fix_hash(&b, md, name.p, name.n);
	fix_key_hash(&b, a->issuer, md);
	der_put(&b, DER_INT, strlen(a->serial) / 2);
	assert_int_equal(enc_unhex(a->serial, strlen(a->serial), &b), 0);
	fix_tlv(out, DER_SEQ, &b);
	buf_free(&b);
	buf_free(&name);
}

/* Append the SingleResponse that ${a} describes. */
static inline void
fix_single(struct buf *out, const struct answer *a)
{
	struct buf	b = BUF_INIT, v = BUF_INIT;

	fix_certid(&b, a);
	if (a->says == 'r') {
		fix_time(&v, -3 * FIX_DAY);
		if (a->reason != -1) {
			buf_add(&v, "\xa0\x03\x0a\x01", 4);
			buf_u8(&v, (uint8_t)a->reason);
		}
		fix_tlv(&b, 0xa1, &v);
		buf_reset(&v);
	} else
		buf_add(&b, a->says == 'g' ? "\x80\0" : "\x82\0", 2);
	fix_time(&b, a->this);
	if (!a->no_next) {
		fix_time(&v, a->next);
		fix_tlv(&b, 0xa0, &v);
	}
	if (a->single_exts.n != 0) {
		buf_reset(&v);
		fix_tlv(&v, DER_SEQ, &a->single_exts);
		fix_tlv(&b, 0xa1, &v);
	}
	fix_tlv(out, DER_SEQ, &b);
	buf_free(&b);
	buf_free(&v);
}

static inline void
fix_tbs(struct buf *out, const struct answer *a)
{
	const struct party *id = a->id != NULL ? a->id : a->signer;
	struct buf	b = BUF_INIT, v = BUF_INIT;

	if (a->by_name)
		fix_name(&v, id);
	else
		fix_key_hash(&v, id, EVP_sha1());
	fix_tlv(&b, a->by_name ? 0xa1 : 0xa2, &v);
	fix_time(&b, a->produced);
	buf_reset(&v);
	buf_span(&v, buf_bytes(&a->before));
	if (a->says != '\0')
		fix_single(&v, a);
	fix_tlv(&b, DER_SEQ, &v);
	if (a->exts.n != 0) {
		buf_reset(&v);
		fix_tlv(&v, DER_SEQ, &a->exts);
		fix_tlv(&b, 0xa1, &v);
	}
	fix_tlv(out, DER_SEQ, &b);
	buf_free(&b);
	buf_free(&v);
}

/* Sign ${tbs} and append the whole OCSPResponse. */
static inline void
fix_sign(struct buf *out, const struct answer *a, const struct buf *tbs)
{
	EVP_MD_CTX	*md = EVP_MD_CTX_new();
	struct buf	 b = BUF_INIT, v = BUF_INIT;
	size_t		 n = 600;
	int		 sha1 = a->md != NULL;

	buf_span(&b, buf_bytes(tbs));
	buf_add(&b, sha1 ? "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01" :
	    "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
	    sha1 ? 11 : 12);
	buf_u8(&v, 0);
	assert_int_equal(EVP_DigestSignInit(md, NULL, sha1 ? a->md :
	    EVP_sha256(), NULL, a->signer->key), 1);
	assert_int_equal(EVP_DigestSign(md, buf_room(&v, n), &n, tbs->p,
	    tbs->n), 1);
	v.n += n;
	if (a->spoil)
		v.p[v.n - 1] ^= 1;
	fix_tlv(&b, DER_BITS, &v);
	if (a->certs.n != 0) {
		buf_reset(&v);
		fix_tlv(&v, DER_SEQ, &a->certs);
		fix_tlv(&b, 0xa0, &v);
	}
	fix_wrap(&b, DER_SEQ);
	fix_wrap(&b, DER_OCTETS);
	buf_reset(&v);
	buf_add(&v, "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 11);
	buf_span(&v, buf_bytes(&b));
	fix_wrap(&v, DER_SEQ);
	fix_wrap(&v, 0xa0);
	buf_reset(&b);
	buf_add(&b, "\x0a\x01\0", 3);
	buf_span(&b, buf_bytes(&v));
	fix_tlv(out, DER_SEQ, &b);
	EVP_MD_CTX_free(md);
	buf_free(&b);
	buf_free(&v);
}

/* An OCSPResponse; the parts of ${a} are freed. */
static inline void
fix_answer(struct buf *out, struct answer *a)
{
	struct buf	tbs = BUF_INIT;

	fix_tbs(&tbs, a);
	fix_sign(out, a, &tbs);
	buf_free(&tbs);
	buf_free(&a->before);
	buf_free(&a->single_exts);
	buf_free(&a->exts);
	buf_free(&a->certs);
}

#endif
