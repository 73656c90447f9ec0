#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "tests/rig/lib/der.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/weakkey.h"

EVP_PKEY *
key_make(const char *type, struct err *e)
{
	EVP_PKEY *k = NULL;

	if (strcmp(type, "p256") == 0)
		k = EVP_EC_gen("P-256");
	else if (strcmp(type, "p384") == 0)
		k = EVP_EC_gen("P-384");
	else if (strcmp(type, "rsa") == 0)
		k = EVP_RSA_gen(2048);
	else if (strcmp(type, "rsa4096") == 0)
		k = EVP_RSA_gen(4096);
	else if (strcmp(type, "rsa1024") == 0)
		k = EVP_RSA_gen(1024);
	else if (strcmp(type, "close") == 0)
		k = weakkey_close();
	else if (strcmp(type, "roca") == 0)
		k = weakkey_roca();
	if (k == NULL)
		err_set(e, ERR_USAGE, "key type %s: must be p256, p384, rsa, "
		    "rsa4096, rsa1024, close or roca", type);
	return k;
}

static FILE *
create(const char *path, struct err *e)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		err_set(e, ERR_SYS, "%s: cannot write", path);
	return f;
}

int
key_save(EVP_PKEY *k, const char *path, struct err *e)
{
	FILE *f = create(path, e);
	int ok;

	if (f == NULL)
		return -1;
	ok = PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
	if (fclose(f) != 0 || !ok)
		return err_set(e, ERR_SYS, "%s: cannot write", path);
	return 0;
}

int
key_save_public(EVP_PKEY *k, const char *path, struct err *e)
{
	FILE *f = create(path, e);
	int ok;

	if (f == NULL)
		return -1;
	ok = PEM_write_PUBKEY(f, k);
	if (fclose(f) != 0 || !ok)
		return err_set(e, ERR_SYS, "%s: cannot write", path);
	return 0;
}

EVP_PKEY *
key_load(const char *path, struct err *e)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *k;

	if (f == NULL) {
		err_set(e, ERR_SYS, "%s: cannot read", path);
		return NULL;
	}
	k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (k == NULL)
		err_set(e, ERR_FORMAT, "%s: no private key in PEM", path);
	return k;
}

EVP_PKEY *
key_keep(const char *path, const char *type, struct err *e)
{
	EVP_PKEY *k;

	if (access(path, F_OK) == 0)
		return key_load(path, e);
	k = key_make(type, e);
	if (k != NULL && key_save(k, path, e) == -1) {
		EVP_PKEY_free(k);
		k = NULL;
	}
	return k;
}

void
key_spki(EVP_PKEY *k, struct buf *out)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(k, &der);

	if (n <= 0)
		abort();
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

void
key_id(EVP_PKEY *k, uint8_t *id)
{
	struct buf b = BUF_INIT;

	key_spki(k, &b);
	SHA256(b.p, b.n, id);
	buf_free(&b);
}

void
key_sign(EVP_PKEY *k, struct span data, struct buf *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(k);

	if (c == NULL || EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL,
	    k) != 1 || EVP_DigestSign(c, buf_room(out, n), &n, data.p,
	    data.n) != 1)
		abort();
	out->n += n;
	buf_add(out, "", 0);
	EVP_MD_CTX_free(c);
}

void
key_digitally_sign(EVP_PKEY *k, struct span data, struct buf *out)
{
	struct buf sig = BUF_INIT;

	key_sign(k, data, &sig);
	buf_u8(out, 4);			/* sha256 */
	buf_u8(out, EVP_PKEY_get_base_id(k) == EVP_PKEY_RSA ? 1 : 3);
	buf_u16(out, (uint16_t)sig.n);
	buf_add(out, sig.p, sig.n);
	buf_free(&sig);
}

void
key_alg(EVP_PKEY *k, struct buf *out)
{
	size_t at = out->n;

	if (EVP_PKEY_get_base_id(k) == EVP_PKEY_RSA) {
		der_put(out, DER_OID, "\x2a\x86\x48\x86\xf7\x0d\1\1\x0b", 9);
		der_put(out, DER_NULL, "", 0);
	} else
		der_put(out, DER_OID, "\x2a\x86\x48\xce\x3d\4\3\2", 8);
	der_around(out, at, DER_SEQ);
}

void
key_signed(EVP_PKEY *k, struct buf *out, size_t at)
{
	struct buf sig = BUF_INIT;
	struct span tbs = { out->p + at, out->n - at };

	buf_u8(&sig, 0);		/* unused bits */
	key_sign(k, tbs, &sig);
	key_alg(k, out);
	der_wrap(out, DER_BITS, &sig);
	buf_free(&sig);
}
