#ifndef PKI_ECDSA_H
#define PKI_ECDSA_H

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

/*
 * ECDSA signatures of one P-384 key, checked with tables of multiples of the
 * key and of the base point (FIPS 186-5, 6.4.2).  OpenSSL 3.0 has fast code
 * for P-256 and none for P-384, which many intermediates use: it takes two and
 * a half times as long.  The arithmetic on the curve is OpenSSL's.
 */
struct ecdsa;

/*
 * The tables of a key, 140 KB; making them takes as long as two signatures.
 * NULL when it is no key on the named curve P-384, or OpenSSL cannot.
 */
struct ecdsa *ecdsa_new(EVP_PKEY *);
void ecdsa_free(struct ecdsa *);

/*
 * Is ${sig}, an Ecdsa-Sig-Value in DER (RFC 3279, 2.2.3), over the digest of
 * ${n} bytes?  1: it is; 0: it is not; -1: OpenSSL could not compute it.
 */
int ecdsa_verify(struct ecdsa *, struct span sig, const uint8_t *digest,
    size_t n);

#endif
