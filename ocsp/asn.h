#ifndef OCSP_ASN_H
#define OCSP_ASN_H

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/* OpenSSL's values as ours, for this folder only. */

/* An INTEGER in hex without leading zeros, "-" in front; 0 or -1. */
int asn_serial(const ASN1_INTEGER *, char *out, size_t cap);

/* UTCTime or GeneralizedTime in microseconds since 1970; 0 or -1. */
int asn_time(const ASN1_TIME *, int64_t *);

/* A name on one line (RFC 2253), to free(). */
char *asn_name(const X509_NAME *);

/* The name of a signature algorithm. */
void asn_algorithm(const X509_ALGOR *, char *out, size_t cap);

/* A SubjectPublicKeyInfo; NULL and the error. */
EVP_PKEY *asn_key(struct span spki, struct err *);

#endif
