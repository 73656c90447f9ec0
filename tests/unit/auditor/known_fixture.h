#ifndef TESTS_UNIT_AUDITOR_KNOWN_FIXTURE_H
#define TESTS_UNIT_AUDITOR_KNOWN_FIXTURE_H

/* Certificates that are made known, in files and folders. */

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/known_import.h"
#include "auditor/cmd/material.h"
#include "auditor/conf.h"
#include "auditor/db/baseline.h"
#include "auditor/decide.h"
#include "auditor/db/known.h"
#include "auditor/db/source.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/owner.h"
#include "tests/unit/auditor/sql.h"

static struct conf	 conf;
static struct cmd_ctx	 ctx;
static char		 dir[64];
static EVP_PKEY		*keys[4];
static X509		*ca;

/* --- a CA, certificates, requests --- */

static inline X509_EXTENSION *
san(const char *names)
{
	return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
}

static inline X509 *
cert(int key, const char *cn, const char *alt, long serial)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_get_subject_name(x);
	X509_EXTENSION	*e;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 30);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_pubkey(x, keys[key]);
	X509_set_issuer_name(x, ca != NULL ? X509_get_subject_name(ca) : n);
	e = alt != NULL ? san(alt) : X509V3_EXT_conf_nid(NULL, NULL,
	    NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(x, keys[0], EVP_sha256());
	return x;
}

static inline X509_REQ *
request(int key, const char *cn, const char *alt)
{
	STACK_OF(X509_EXTENSION)	*st = sk_X509_EXTENSION_new_null();
	X509_REQ			*r = X509_REQ_new();

	X509_REQ_set_pubkey(r, keys[key]);
	if (cn != NULL)
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN",
		    MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	if (alt != NULL) {
		sk_X509_EXTENSION_push(st, san(alt));
		X509_REQ_add_extensions(r, st);
	}
	sk_X509_EXTENSION_pop_free(st, X509_EXTENSION_free);
	X509_REQ_sign(r, keys[key], EVP_sha256());
	return r;
}

/* What was written, at the end of a buffer. */
static inline void
pour(BIO *o, struct buf *b)
{
	char	*p;
	long	 n = BIO_get_mem_data(o, &p);

	buf_add(b, p, (size_t)n);
	BIO_free(o);
}

/* Append PEM, or DER, to a buffer. */
static inline void
put_cert(struct buf *b, X509 *x, int pem)
{
	BIO	*o = BIO_new(BIO_s_mem());

	if (pem)
		PEM_write_bio_X509(o, x);
	else
		i2d_X509_bio(o, x);
	pour(o, b);
}

static inline void
put_req(struct buf *b, X509_REQ *x, int pem)
{
	BIO	*o = BIO_new(BIO_s_mem());

	if (pem)
		PEM_write_bio_X509_REQ(o, x);
	else
		i2d_X509_REQ_bio(o, x);
	pour(o, b);
}

/* --- the database --- */

static inline int
clean(void **state)
{
	(void)state;
	sql("truncate issuance, certificate_name, known, expectation, source,"
	    " finding, finding_event, delivery, watch, entry_match"
	    " restart identity cascade");
	return 0;
}

/* --- reading --- */

static inline void
add(struct material_set *s, const struct buf *b)
{
	struct err e = ERR_INIT;

	if (material_parse(s, b->p, b->n, "test", &e) == -1)
		fail_msg("%s", e.msg);
}

/* --- importing --- */

static inline void
import(struct known_import *k, struct material_set *s)
{
	struct err e = ERR_INIT;

	if (known_import_all(&ctx, k, s, &e) == -1)
		fail_msg("%s", e.msg);
	material_free(s);
	memset(s, 0, sizeof(*s));
}

static inline int
setup(void)
{
	struct buf	der = BUF_INIT, csv = BUF_INIT;
	struct err	e = ERR_INIT;
	uint8_t		hash[32];
	char		hex[65];
	size_t		i;

	for (i = 0; i < 4; i++)
		keys[i] = EVP_EC_gen("P-256");
	ca = cert(0, "Test CA", NULL, 1);
	put_cert(&der, ca, 0);
	sha_256(hash, der.p, der.n);
	buf_fmt(&csv, "\"CA Owner\",\"SHA-256 Fingerprint\"\n"
	    "\"Test CA\",\"%s\"\n", enc_hex_to(hex, hash, 32));
	for (i = 0; i < 64; i++)
		if (csv.p[csv.n - 3 - i] >= 'a')
			csv.p[csv.n - 3 - i] = (uint8_t)(csv.p[csv.n - 3 - i]
			    - 32);
	if (owner_load_csv(buf_text(&csv), csv.n, &e) != 1) {
		fprintf(stderr, "csv: %s\n", e.msg);
		return -1;
	}
	buf_free(&der);
	buf_free(&csv);
	return 0;
}

/* All tests of a program: with a folder, keys and a CA, and without again. */
static int
begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cv-known-XXXXXX");
	if (mkdtemp(dir) == NULL || setup() == -1)
		return -1;
	ctx.db = db;
	ctx.conf = &conf;
	return 0;
}

static int
end(void **state)
{
	static const char	*const names[] = { "a.pem", "bad.der",
				    "sub/b.pem", "sub/README", "sub/.hidden",
				    "sub" };
	char			*path;
	size_t			 i;

	(void)state;
	for (i = 0; i < 4; i++)
		EVP_PKEY_free(keys[i]);
	X509_free(ca);
	owner_reset();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path = mem_printf("%s/%s", dir, names[i]);
		remove(path);
		free(path);
	}
	rmdir(dir);
	testdb_close(db);
	return 0;
}

#endif
