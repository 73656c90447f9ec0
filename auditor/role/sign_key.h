#ifndef AUDITOR_ROLE_SIGN_KEY_H
#define AUDITOR_ROLE_SIGN_KEY_H

#include <openssl/evp.h>

#include "base/err.h"

/*
 * The instance key of a state directory: Ed25519, PKCS#8 PEM in instance.key.
 * It is made when there is none (0600, synced before it gets its name; when
 * two processes make one, both get the one that was first).  One that others
 * may read, or that is no Ed25519 key, is refused.  Free with
 * EVP_PKEY_free(); NULL and ERR_CONF, ERR_PERM or ERR_SYS.
 */
EVP_PKEY *sign_key_get(const char *state_dir, struct err *);

#endif
