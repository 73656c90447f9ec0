#ifndef TESTS_UNIT_PKI_MADE_H
#define TESTS_UNIT_PKI_MADE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/cur.h"
#include "base/mem.h"
#include "tests/unit/pki/made_rsa.h"

/* Certificates that a test makes for itself, with OpenSSL. */

/* An extension: as OpenSSL's configuration has it, or an OID and its DER. */
struct made_ext {
	const char	*name;		/* "basicConstraints", "1.2.3" */
	const char	*text;		/* "critical,CA:TRUE"; NULL: der */
	struct span	 der;
	int		 critical;	/* of der */
};

#define MADE_EXTS 10

struct made {
	EVP_PKEY	*key;
	X509		*x;
	struct buf	 der;
};

/* What is not said is that of a good certificate of its kind. */
struct made_spec {
	const char		*cn;		/* "": empty subject */
	const struct made	*issuer;	/* NULL: signs itself */
	const struct made	*key;		/* the same key; NULL: new */
	const char		*issuer_cn;	/* other than the issuer's */
	const char		*from, *to;	/* 2026-01-01, 2027-01-01 */
	long			 serial;	/* 0: the next one */
	int			 version;	/* 0: v3 */
	int			 ca;
	int			 bare;		/* no extensions but ext[] */
	const char		*key_type;	/* "P-256"; "rsa1024" */
	struct made_ext		 ext[MADE_EXTS];
};

/* "rsa2048e257": with an exponent of 257 bits. */
static inline EVP_PKEY *
made_key(const char *type)
{
	const char	*e;

	if (type != NULL && strncmp(type, "rsa", 3) == 0 &&
	    (e = strchr(type, 'e')) != NULL)
		return made_rsa((unsigned)strtoul(type + 3, NULL, 10),
		    (int)strtol(e + 1, NULL, 10));
	if (type != NULL && strncmp(type, "rsa", 3) == 0)
		return EVP_RSA_gen((unsigned)strtoul(type + 3, NULL, 10));
	return EVP_EC_gen(type != NULL ? type : "P-256");
}

static inline void
made_name(X509_NAME *n, const char *cn)
{
	if (*cn != '\0')
		(void)X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
		    (const unsigned char *)cn, -1, -1, 0);
}

static inline void
made_time(ASN1_TIME *t, const char *date)
{
	int64_t	us;

	if (clk_parse(date, &us) == -1)
		abort();
	(void)ASN1_TIME_adj(t, us / CLK_SEC, 0, 0);
}

static inline void
made_add(X509 *x, X509 *issuer, const struct made_ext *e)
{
	ASN1_OCTET_STRING	*v = ASN1_OCTET_STRING_new();
	ASN1_OBJECT		*oid;
	X509_EXTENSION		*ext;
	X509V3_CTX		 ctx;

	if (e->text != NULL) {
		X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
		ext = X509V3_EXT_nconf(NULL, &ctx, e->name, e->text);
	} else {
		oid = OBJ_txt2obj(e->name, 0);
		(void)ASN1_OCTET_STRING_set(v, e->der.p, (int)e->der.n);
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, e->critical, v);
		ASN1_OBJECT_free(oid);
	}
	if (ext == NULL || !X509_add_ext(x, ext, -1))
		abort();
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(v);
}

/* Add what a good certificate has, unless ext[] has it. */
static inline void
made_usual(X509 *x, X509 *issuer, const struct made_spec *s)
{
	const struct made_ext	ca[] = {
		{ "basicConstraints", "critical,CA:TRUE", { NULL, 0 }, 0 },
		{ "keyUsage", "critical,keyCertSign,cRLSign",
		    { NULL, 0 }, 0 },
		{ "subjectKeyIdentifier", "hash", { NULL, 0 }, 0 },
		{ "authorityKeyIdentifier", "keyid", { NULL, 0 }, 0 }
	}, leaf[] = {
		{ "keyUsage", "critical,digitalSignature", { NULL, 0 }, 0 },
		{ "extendedKeyUsage", "serverAuth", { NULL, 0 }, 0 },
		{ "subjectAltName", "DNS:www.example.com", { NULL, 0 }, 0 },
		{ "authorityKeyIdentifier", "keyid", { NULL, 0 }, 0 }
	};
	static const struct made_ext	aki = { "authorityKeyIdentifier",
	    NULL, { (const uint8_t *)"\x30\x03\x80\x01x", 5 }, 0 };
	size_t			i, k;

	for (i = 0; i < 4; i++) {
		const struct made_ext	*e = s->ca ? &ca[i] : &leaf[i];

		/* Of an issuer without a key identifier there is no copy. */
		if (i == 3 && X509_get_ext_by_NID(issuer,
		    NID_subject_key_identifier, -1) == -1)
			e = &aki;

		for (k = 0; k < MADE_EXTS && s->ext[k].name != NULL; k++)
			if (strcmp(s->ext[k].name, e->name) == 0)
				break;
		/* Who signs himself has no authority key identifier. */
		if ((k == MADE_EXTS || s->ext[k].name == NULL) &&
		    !(i == 3 && s->issuer == NULL))
			made_add(x, issuer, e);
	}
}

/* Make one; made_free() it. */
static inline struct made
made_cert(struct made_spec s)
{
	static long	 serial = 1000;
	struct made	 m = { NULL, X509_new(), BUF_INIT };
	X509		*issuer = s.issuer != NULL ? s.issuer->x : m.x;
	size_t		 i;
	int		 n;

	if (s.key != NULL) {
		m.key = s.key->key;
		EVP_PKEY_up_ref(m.key);
	} else
		m.key = made_key(s.key_type);
	X509_set_version(m.x, s.version != 0 ? s.version - 1 : 2);
	ASN1_INTEGER_set(X509_get_serialNumber(m.x), s.serial != 0 ?
	    s.serial : ++serial);
	made_time(X509_getm_notBefore(m.x), s.from != NULL ? s.from :
	    "2026-01-01");
	made_time(X509_getm_notAfter(m.x), s.to != NULL ? s.to :
	    "2027-01-01");
	made_name(X509_get_subject_name(m.x), s.cn);
	if (s.issuer_cn != NULL)
		made_name(X509_get_issuer_name(m.x), s.issuer_cn);
	else
		X509_set_issuer_name(m.x, X509_get_subject_name(issuer));
	X509_set_pubkey(m.x, m.key);
	if (!s.bare)
		made_usual(m.x, issuer, &s);
	/* An extension without a text and bytes is only left out. */
	for (i = 0; i < MADE_EXTS && s.ext[i].name != NULL; i++)
		if (s.ext[i].text != NULL || s.ext[i].der.p != NULL)
			made_add(m.x, issuer, &s.ext[i]);
	if (X509_sign(m.x, s.issuer != NULL ? s.issuer->key : m.key,
	    EVP_sha256()) == 0)
		abort();
	n = i2d_X509(m.x, NULL);
	uint8_t	*p = buf_room(&m.der, (size_t)n);
	m.der.n = (size_t)i2d_X509(m.x, &p);
	return m;
}

static inline void
made_free(struct made *m)
{
	EVP_PKEY_free(m->key);
	X509_free(m->x);
	buf_free(&m->der);
}

/* A day as microseconds. */
static inline int64_t
made_day(const char *date)
{
	int64_t	us;

	if (clk_parse(date, &us) == -1)
		abort();
	return us;
}

#endif
