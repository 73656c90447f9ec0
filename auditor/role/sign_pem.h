#ifndef AUDITOR_ROLE_SIGN_PEM_H
#define AUDITOR_ROLE_SIGN_PEM_H

#include <openssl/evp.h>

#include "acme/pkey.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Private keys as text.  Plain ones are "PRIVATE KEY" (PKCS #8, RFC 5958),
 * encrypted ones "ENCRYPTED PRIVATE KEY": PBES2 (RFC 8018) with scrypt
 * (RFC 7914, with its N = 16384, r = 8, p = 1: a guess costs 16 MB and some
 * 50 ms, and so does each key that is read) and AES-256-CBC, which `openssl
 * pkey` reads.  The passphrase is a machine's: better random than long.
 */

/*
 * Append the key to ${out}, encrypted unless ${passphrase} is NULL.  Whoever
 * has ${out} wipes it.  0, or -1 ERR_SYS when OpenSSL cannot.
 */
int sign_pem_write(EVP_PKEY *, const char *passphrase, struct buf *out,
    struct err *);

/*
 * Read a key; ${passphrase} may be NULL.  *encrypted (may be NULL) says
 * whether it was needed.  Free with EVP_PKEY_free().  NULL and ERR_CONF: no
 * key, encrypted and no passphrase given, the wrong passphrase, or a key of
 * a kind that certificates and accounts do not have here.
 */
EVP_PKEY *sign_pem_read(struct span text, const char *passphrase,
    int *encrypted, struct err *);

/* The kind of a key; PKEY_NONE: none that is used here. */
enum pkey_kind sign_pem_kind(EVP_PKEY *);

#endif
