#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/authority.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

static X509 *
load_cert(const char *dir, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s.pem", dir, name);
	X509 *x = mint_load(path, e);

	free(path);
	return x;
}

static EVP_PKEY *
load_key(const char *dir, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s.key", dir, name);
	EVP_PKEY *k = key_load(path, e);

	free(path);
	return k;
}

int
authority_open(struct authority *ca, const char *dir, struct err *e)
{
	memset(ca, 0, sizeof(*ca));
	ca->root = load_cert(dir, "root", e);
	ca->inter = load_cert(dir, "int", e);
	ca->pre = load_cert(dir, "pre", e);
	ca->root_key = load_key(dir, "root", e);
	ca->inter_key = load_key(dir, "int", e);
	ca->pre_key = load_key(dir, "pre", e);
	return ca->root == NULL || ca->inter == NULL || ca->pre == NULL ||
	    ca->root_key == NULL || ca->inter_key == NULL ||
	    ca->pre_key == NULL ? -1 : 0;
}

void
authority_free(struct authority *ca)
{
	X509_free(ca->root);
	X509_free(ca->inter);
	X509_free(ca->pre);
	EVP_PKEY_free(ca->root_key);
	EVP_PKEY_free(ca->inter_key);
	EVP_PKEY_free(ca->pre_key);
}
