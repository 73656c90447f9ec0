#ifndef TESTS_UNIT_CTLOG_MADE_SCT_H
#define TESTS_UNIT_CTLOG_MADE_SCT_H

/*
 * Made-up logs, CAs and certificates with right SCTs, for tests, fuzzing and
 * benchmarks.  Dies when OpenSSL cannot.
 */

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/loglist.h"

#define MADE_LOGS 160

/* A list of logs whose private keys are ours. */
struct made_logs {
	struct loglist	 list;
	struct loglist_log logs[MADE_LOGS];
	EVP_PKEY	*key[MADE_LOGS];
};

/* A CA: its key, its certificate, and the hash of the key. */
struct made_ca {
	EVP_PKEY	*key;
	struct buf	 der;
	uint8_t		 key_hash[32];
	char		 name[40];
};

static inline void
made_must(int ok)
{
	if (!ok)
		abort();
}

/* ${n} usable RFC 6962 logs with P-256 keys, each of an operator of its own. */
static inline void
made_logs(struct made_logs *m, size_t n)
{
	struct loglist_log	*l;
	uint8_t			*spki;
	size_t			 i;
	int			 k;

	memset(m, 0, sizeof(*m));
	m->list.logs = m->logs;
	for (i = 0; i < n; i++) {
		m->key[i] = EVP_EC_gen("P-256");
		spki = NULL;
		k = i2d_PUBKEY(m->key[i], &spki);
		made_must(k > 0);
		l = &m->logs[i];
		l->key = mem_dup(spki, (size_t)k);
		l->nkey = (size_t)k;
		OPENSSL_free(spki);
		sha_256(l->log_id, l->key, l->nkey);
		l->operator = mem_printf("operator %zu", i);
		l->description = mem_printf("log %zu", i);
		l->state = LOGLIST_USABLE;
		l->state_at = 1;
	}
	m->list.nlogs = n;
}

static inline void
made_logs_free(struct made_logs *m)
{
	size_t	i;

	for (i = 0; i < m->list.nlogs; i++) {
		EVP_PKEY_free(m->key[i]);
		free(m->logs[i].key);
		free(m->logs[i].operator);
		free(m->logs[i].description);
	}
	memset(m, 0, sizeof(*m));
}

static inline void
made_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION	*e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	made_must(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* A certificate without signature: names, times (seconds), key. */
static inline X509 *
made_x509(const char *subject, const char *issuer, int64_t from, int64_t to,
    EVP_PKEY *key)
{
	X509		*x = X509_new();
	X509_NAME	*s, *i;

	made_must(x != NULL && X509_set_version(x, 2) == 1);
	s = X509_get_subject_name(x);
	i = X509_get_issuer_name(x);
	made_must(X509_NAME_add_entry_by_txt(s, "CN", MBSTRING_ASC,
	    (const uint8_t *)subject, -1, -1, 0) == 1 &&
	    X509_NAME_add_entry_by_txt(i, "CN", MBSTRING_ASC,
	    (const uint8_t *)issuer, -1, -1, 0) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 77) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)to) != NULL &&
	    X509_set_pubkey(x, key) == 1);
	return x;
}

static inline void
made_der(X509 *x, struct buf *out)
{
	uint8_t	*p = NULL;
	int	 n = i2d_X509(x, &p);

	made_must(n > 0);
	buf_reset(out);
	buf_add(out, p, (size_t)n);
	OPENSSL_free(p);
}

/*
 * A CA of that name, signed by ${up} or itself; a Precertificate Signing
 * Certificate when ${presign} is set.
 */
static inline void
made_ca(struct made_ca *c, const char *name, const struct made_ca *up,
    int presign)
{
	uint8_t	*p = NULL;
	X509	*x;
	int	 n;

	memset(c, 0, sizeof(*c));
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	c->key = EVP_EC_gen("P-256");
	x = made_x509(name, up != NULL ? up->name : name, 1700000000,
	    2000000000, c->key);
	made_ext(x, NID_basic_constraints, "critical,CA:TRUE");
	if (presign)
		made_ext(x, NID_ext_key_usage, "1.3.6.1.4.1.11129.2.4.4");
	made_must(X509_sign(x, up != NULL ? up->key : c->key,
	    EVP_sha256()) > 0);
	made_der(x, &c->der);
	X509_free(x);
	n = i2d_PUBKEY(c->key, &p);
	made_must(n > 0);
	sha_256(c->key_hash, p, (size_t)n);
	OPENSSL_free(p);
}

static inline void
made_ca_free(struct made_ca *c)
{
	EVP_PKEY_free(c->key);
	buf_free(&c->der);
}

/* Append an SCT of log ${i} over ${subject} (timestamp and ext in it). */
static inline void
made_sct(struct buf *out, const struct made_logs *m, size_t i,
    const struct entry *subject)
{
	struct buf	b = BUF_INIT;
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	uint8_t		sig[256];
	size_t		n = sizeof(sig);

	entry_put(&b, subject);
	made_must(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL,
	    m->key[i]) == 1 && EVP_DigestSign(c, sig, &n, b.p, b.n) == 1);
	EVP_MD_CTX_free(c);
	buf_free(&b);
	buf_u8(out, 0);
	buf_add(out, m->logs[i].log_id, 32);
	buf_u64(out, subject->timestamp);
	buf_u16(out, (uint16_t)subject->ext.n);
	buf_span(out, subject->ext);
	buf_u16(out, 0x0403);
	buf_u16(out, (uint16_t)n);
	buf_add(out, sig, n);
}

/* Append to a list under way: a 16-bit length and the SCT. */
static inline void
made_item(struct buf *list, const struct buf *sct)
{
	buf_u16(list, (uint16_t)sct->n);
	buf_add(list, sct->p, sct->n);
}

/* The list whose items these are. */
static inline void
made_list(struct buf *out, const struct buf *items)
{
	buf_reset(out);
	buf_u16(out, (uint16_t)items->n);
	buf_add(out, items->p, items->n);
}

/* A leaf certificate under way. */
struct made_leaf {
	X509			*x;
	const struct made_ca	*ca;
	struct buf		 tbs;	/* as logs sign it */
	struct entry		 en;	/* the precert entry: set the rest */
};

/* Begin: valid from ${from} to ${to} (seconds). */
static inline void
made_leaf(struct made_leaf *l, const struct made_ca *ca, int64_t from,
    int64_t to)
{
	EVP_PKEY	*key = EVP_EC_gen("P-256");
	uint8_t		*p = NULL;
	int		 n;

	memset(l, 0, sizeof(*l));
	l->ca = ca;
	l->x = made_x509("leaf.example", ca->name, from, to, key);
	made_ext(l->x, NID_subject_alt_name, "DNS:leaf.example,"
	    "DNS:www.leaf.example");
	made_ext(l->x, NID_ext_key_usage, "serverAuth");
	EVP_PKEY_free(key);
	made_must(X509_sign(l->x, ca->key, EVP_sha256()) > 0);
	n = i2d_re_X509_tbs(l->x, &p);
	made_must(n > 0);
	buf_add(&l->tbs, p, (size_t)n);
	OPENSSL_free(p);
	l->en.type = ENTRY_PRECERT;
	l->en.cert = buf_bytes(&l->tbs);
	memcpy(l->en.issuer_key_hash, ca->key_hash, 32);
}

/* An extension by its OID in dots, with that content of extnValue. */
static inline void
made_raw_ext(X509 *x, const char *oid, int critical, struct span value)
{
	ASN1_OBJECT		*o = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING	*s = ASN1_OCTET_STRING_new();
	X509_EXTENSION		*e;

	made_must(ASN1_OCTET_STRING_set(s, value.p, (int)value.n) == 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, o, critical, s);
	made_must(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(o);
}

/* End: with these SCTs (items of a list; NULL: none) it is signed. */
static inline void
made_leaf_done(struct made_leaf *l, const struct buf *items, struct buf *out)
{
	struct buf		list = BUF_INIT;
	ASN1_OCTET_STRING	*s;
	uint8_t			*p = NULL;
	int			 n;

	if (items != NULL) {
		made_list(&list, items);
		s = ASN1_OCTET_STRING_new();
		made_must(ASN1_OCTET_STRING_set(s, list.p, (int)list.n) == 1);
		n = i2d_ASN1_OCTET_STRING(s, &p);
		made_raw_ext(l->x, "1.3.6.1.4.1.11129.2.4.2", 0,
		    (struct span){ p, (size_t)n });
		OPENSSL_free(p);
		ASN1_OCTET_STRING_free(s);
	}
	made_must(X509_sign(l->x, l->ca->key, EVP_sha256()) > 0);
	made_der(l->x, out);
	X509_free(l->x);
	buf_free(&l->tbs);
	buf_free(&list);
}

#endif
