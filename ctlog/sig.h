#ifndef CTLOG_SIG_H
#define CTLOG_SIG_H

#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/* Signatures of logs: DigitallySigned of RFC 5246 4.7, RFC 6962 2.1.4. */

enum { SIG_SHA256 = 4, SIG_SHA384 = 5 };
enum { SIG_RSA = 1, SIG_ECDSA = 3 };

/*
 * Check ${sig} over ${data} with a DER SubjectPublicKeyInfo.  RFC 6962 2.1.4
 * allows P-256 and RSA of at least 2,048 bits with SHA-256; P-384 is taken
 * too, and RSA and P-384 also with SHA-384.  An empty key, another kind of
 * key, or algorithms that do not fit the key are errors.  ERR_VERIFY: the
 * signature is wrong; ERR_FORMAT: it cannot be checked.
 */
int sig_verify(struct span spki, uint8_t hash_alg, uint8_t sig_alg,
    struct span sig, struct span data, struct err *);

/* Read a DigitallySigned that ends where the cursor ends. */
int sig_read(struct cur *, uint8_t *hash_alg, uint8_t *sig_alg,
    struct span *sig, struct err *);

#endif
