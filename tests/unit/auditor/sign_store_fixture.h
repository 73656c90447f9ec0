#ifndef TESTS_UNIT_AUDITOR_SIGN_STORE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_SIGN_STORE_FIXTURE_H

/* A store of keys in a folder of its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "acme/pkey.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/sign_fixture.h"

#define PASS	"correct horse battery staple"

static const struct sign_name	account = { SIGN_ACCOUNT, "a1", 0 };
static const struct sign_name	next = { SIGN_ACCOUNT, "a1", 1 };
static const struct sign_name	cert = { SIGN_CERT, "c-1", 0 };

/* Open it, and say why when that fails. */
static inline struct sign_store *
opened(const char *passphrase)
{
	struct err		e = ERR_INIT;
	struct sign_store	*s = sign_store_open(dir, passphrase, &e);

	if (s == NULL)
		fail_msg("%s", e.msg);
	return s;
}

/* The public key of a name; all zeros: there is none. */
static inline void
public_of(struct sign_store *s, struct sign_name k, uint8_t spki[32])
{
	EVP_PKEY	*key = sign_store_get(s, k, NULL);

	memset(spki, 0, 32);
	if (key != NULL)
		assert_int_equal(pkey_spki_sha256(key, spki, NULL), 0);
	EVP_PKEY_free(key);
}

static inline void
made(struct sign_store *s, struct sign_name k, const char *kind,
    uint8_t spki[32])
{
	struct err	 e = ERR_INIT;
	EVP_PKEY	*key;

	if (sign_store_make(s, k, kind, &key, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(pkey_spki_sha256(key, spki, NULL), 0);
	EVP_PKEY_free(key);
}

static inline size_t
files_in(const char *name)
{
	struct dirent	*d;
	size_t		 n = 0;
	DIR		*f = opendir(at(name));

	assert_non_null(f);
	while ((d = readdir(f)) != NULL)
		n += strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0;
	closedir(f);
	return n;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
