#ifndef RIG_KEY_H
#define RIG_KEY_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

/* Key pairs: P-256, P-384, RSA.  An EVP_PKEY is freed by EVP_PKEY_free(). */

/*
 * A new key: "p256", "p384", "rsa" (2048 bits), "rsa4096"; weak ones:
 * "rsa1024", "close", "roca" (weakkey.h).
 */
EVP_PKEY *key_make(const char *, struct err *);

/* Write the private key as PEM; the public one. */
int key_save(EVP_PKEY *, const char *, struct err *);
int key_save_public(EVP_PKEY *, const char *, struct err *);

/* Read a private key. */
EVP_PKEY *key_load(const char *, struct err *);

/* Read the key in a file, or make one and write it there. */
EVP_PKEY *key_keep(const char *, const char *, struct err *);

/* Append the SubjectPublicKeyInfo; put its SHA-256 into 32 bytes. */
void key_spki(EVP_PKEY *, struct buf *);
void key_id(EVP_PKEY *, uint8_t *);

/* Append a plain SHA-256 signature (ECDSA: DER; RSA: PKCS#1 v1.5). */
void key_sign(EVP_PKEY *, struct span, struct buf *);

/* Append it as DigitallySigned (RFC 5246, 4.7): hash, algorithm, length. */
void key_digitally_sign(EVP_PKEY *, struct span, struct buf *);

/* Append the AlgorithmIdentifier of its SHA-256 signatures. */
void key_alg(EVP_PKEY *, struct buf *);

/*
 * Sign the bytes from ${at} on, which are a whole element, and append
 * algorithm and signature: the content of SIGNED{} (RFC 5280, 4.1).
 */
void key_signed(EVP_PKEY *, struct buf *, size_t);

#endif
