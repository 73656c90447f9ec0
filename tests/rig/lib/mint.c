#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "tests/rig/lib/mint.h"

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "rig: OpenSSL: %s\n", what);
	abort();
}

static void
add_name(X509_NAME *n, const char *type, const char *text)
{
	if (text != NULL)
		must(X509_NAME_add_entry_by_txt(n, type, MBSTRING_UTF8,
		    (const uint8_t *)text, -1, -1, 0), type);
}

static void
set_serial(X509 *x, const char *hex)
{
	BIGNUM *b = NULL;
	uint8_t r[16];

	if (hex == NULL) {
		must(RAND_bytes(r, sizeof(r)), "RAND_bytes");
		r[0] = (r[0] & 0x3f) | 0x40;
		b = BN_bin2bn(r, sizeof(r), NULL);
	} else
		must(BN_hex2bn(&b, hex) > 0, "serial");
	must(BN_to_ASN1_INTEGER(b, X509_get_serialNumber(x)) != NULL,
	    "serial");
	BN_free(b);
}

X509 *
mint_new(const struct mint *m)
{
	X509 *x = X509_new();
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	X509_NAME *n;

	must(x != NULL && X509_set_version(x, 2), "X509_new");
	set_serial(x, m->serial);
	must(X509_gmtime_adj(X509_getm_notBefore(x),
	    -m->age * 86400 - 3600) != NULL, "notBefore");
	must(X509_gmtime_adj(X509_getm_notAfter(x),
	    (m->days - m->age) * 86400 - 3601) != NULL, "notAfter");
	n = X509_get_subject_name(x);
	add_name(n, "C", m->country);
	add_name(n, "O", m->org);
	add_name(n, "CN", m->cn);
	must(X509_set_issuer_name(x, m->issuer == NULL ? n :
	    X509_get_subject_name(m->issuer)), "issuer");
	must(X509_set_pubkey(x, m->key), "key");
	X509V3_set_ctx(&ctx, m->issuer == NULL ? x : m->issuer, x, NULL, NULL,
	    0);
	mint_ext(x, "subjectKeyIdentifier", "hash");
	ext = X509V3_EXT_conf(NULL, &ctx, "authorityKeyIdentifier",
	    "keyid:always");
	must(ext != NULL && X509_add_ext(x, ext, -1), "AKI");
	X509_EXTENSION_free(ext);
	return x;
}

void
mint_ext(X509 *x, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf(NULL, &ctx, name, value);
	must(ext != NULL && X509_add_ext(x, ext, -1), name);
	X509_EXTENSION_free(ext);
}

void
mint_raw(X509 *x, const char *oid, int critical, struct span value)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	must(o != NULL && s != NULL &&
	    ASN1_OCTET_STRING_set(s, value.p, (int)value.n), oid);
	ext = X509_EXTENSION_create_by_OBJ(NULL, o, critical, s);
	must(ext != NULL && X509_add_ext(x, ext, -1), oid);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(o);
}

void
mint_sign(X509 *x, EVP_PKEY *k)
{
	must(X509_sign(x, k, EVP_sha256()) > 0, "X509_sign");
}

X509 *
mint_ca(const struct mint *m, const char *eku)
{
	X509 *x = mint_new(m);

	mint_ext(x, "basicConstraints", "critical,CA:TRUE");
	mint_ext(x, "keyUsage", "critical,keyCertSign,cRLSign");
	if (eku != NULL)
		mint_ext(x, "extendedKeyUsage", eku);
	return x;
}

char *
mint_serial(const X509 *x)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n == NULL ? NULL : BN_bn2hex(n), *s;

	must(hex != NULL, "serial");
	s = mem_str(hex);
	OPENSSL_free(hex);
	BN_free(n);
	return s;
}

void
mint_der(X509 *x, struct buf *out)
{
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der);

	must(n > 0, "i2d_X509");
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

X509 *
mint_load(const char *path, struct err *e)
{
	FILE *f = fopen(path, "r");
	X509 *x;

	if (f == NULL) {
		err_set(e, ERR_SYS, "%s: cannot read", path);
		return NULL;
	}
	x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (x == NULL)
		err_set(e, ERR_FORMAT, "%s: no certificate in PEM", path);
	return x;
}

int
mint_save(X509 *x, const char *path, const char *mode, struct err *e)
{
	FILE *f = fopen(path, mode);
	int ok;

	if (f == NULL)
		return err_set(e, ERR_SYS, "%s: cannot write", path);
	ok = PEM_write_X509(f, x);
	if (fclose(f) != 0 || !ok)
		return err_set(e, ERR_SYS, "%s: cannot write", path);
	return 0;
}
