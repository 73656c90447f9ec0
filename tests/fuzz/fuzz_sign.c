#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/pkey.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store.h"
#include "tests/fuzz/sign_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const uint8_t	authority[SIGN_AUTHORITY] = "authority";
static char		dir[] = "/tmp/cvfuzz.XXXXXX";

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *w)
{
	(void)st;
	(void)what;
	(void)w;
	return remove(path);
}

/* Remove the folder of the keys. */
static void
clean(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The keys that requests of the corpus name: always the same ones. */
static void
keys(struct sign *s)
{
	static const struct sign_name	names[] = {
		{ SIGN_ACCOUNT, "a1", 0 }, { SIGN_ACCOUNT, "a1", 1 },
		{ SIGN_CERT, "c1", 0 },
	};
	struct sign_setup		setup = { dir, NULL, NULL,
	    { authority, SIGN_AUTHORITY }, 0 };
	struct sign_store		*store;
	EVP_PKEY			*key;
	size_t				i;

	store = sign_store_open(dir, NULL, NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		key = sign_pem_read((struct span){ (const uint8_t *)pems[i],
		    strlen(pems[i]) }, NULL, NULL, NULL);
		if (store == NULL || key == NULL ||
		    sign_store_put(store, names[i], key, NULL) == -1)
			abort();
		EVP_PKEY_free(key);
	}
	sign_store_free(store);
	if (sign_open_keys(s, &setup, NULL) == -1)
		abort();
}

/* Keys of its own, whose files are removed at the end. */
static struct sign *
make(void)
{
	struct sign	*s;

	if (mkdtemp(dir) == NULL || (s = sign_new(dir, NULL)) == NULL ||
	    sign_secret(s, "soc",
	    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", NULL) == -1)
		abort();
	keys(s);
	(void)atexit(clean);
	return s;
}

/* These change the keys, and the corpus would say something else then. */
static int
changes(unsigned type)
{
	return type == SIGN_ACCOUNT_NEW || type == SIGN_CERT_NEW ||
	    type == SIGN_ROLLED || type == SIGN_CERT_DROP;
}

/* What answers with something, and what only says that it is done. */
static int
answers(unsigned type)
{
	return type == SIGN_WEBHOOK || type == SIGN_STATEMENT ||
	    type == SIGN_ACCOUNT_PUBLIC || type == SIGN_CERT_CSR ||
	    type == SIGN_ACME || type == SIGN_BIND || type == SIGN_ROLL;
}

/* Purposes that need the operator, whose authority must have come along. */
static int
needs_operator(const uint8_t *p)
{
	return p[0] == SIGN_ROLL || (p[0] == SIGN_ACME &&
	    (p[1] == ACME_ACCOUNT_CLOSE || p[1] == ACME_KEY_CHANGE ||
	    p[1] == ACME_REVOKE || p[1] == ACME_REVOKE_KEY));
}

/* A private key must not be in an answer. */
static void
check_private(struct span said)
{
	if (memmem(said.p, said.n, "PRIVATE", 7) != NULL ||
	    memmem(said.p, said.n, "\"d\":", 4) != NULL)
		abort();
}

/* What an engine that was taken over may ask: a type and a body. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sign	*s;
	struct buf		 answer = BUF_INIT;
	struct cur		 c, said;
	uint8_t			 code;

	if (n == 0 || changes(p[0]))
		return 0;
	if (s == NULL)
		s = make();
	sign_serve(&s, p[0], cur_of(p + 1, n - 1), -1, &answer);
	c = cur_span(buf_bytes(&answer));
	if (cur_u8(&c, &code) == -1 || code >= ERR_MAX ||
	    cur_vec32(&c, &said) == -1 || cur_left(&c) != 0)
		abort();
	if (code == ERR_NONE && cur_left(&said) != 0 && !answers(p[0]))
		abort();
	if (code == ERR_NONE && needs_operator(p) &&
	    memmem(p, n, authority, SIGN_AUTHORITY) == NULL)
		abort();
	if (code == ERR_NONE)
		check_private(cur_rest(&said));
	buf_free(&answer);
	return 0;
}
