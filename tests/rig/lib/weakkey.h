#ifndef RIG_WEAKKEY_H
#define RIG_WEAKKEY_H

#include <openssl/evp.h>

/* RSA keys that anybody can break.  2048 bits. */

/* Two primes that are almost the same: Fermat's method finds them. */
EVP_PKEY *weakkey_close(void);

/*
 * Primes of the form k * M + 65537^a mod M, M the product of the first 126
 * primes: ROCA, CVE-2017-15361.
 */
EVP_PKEY *weakkey_roca(void);

#endif
