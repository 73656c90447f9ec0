#ifndef ACME_TLV_H
#define ACME_TLV_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* DER (X.690) that this folder writes itself. */

/* Append one element with ${n} bytes of content. */
void tlv_add(struct buf *, uint8_t tag, const void *, size_t n);

/* All that is in the buffer becomes the content of one element. */
void tlv_wrap(struct buf *, uint8_t tag);

/* Append an Extension (RFC 5280, 4.1): the OID's body, the value's DER. */
void tlv_ext(struct buf *, struct span oid, int critical, struct span value);

/* Append the AlgorithmIdentifier that tlv_sign() uses: 0, or -1 ERR_FORMAT
   when the key is none that pkey_how() takes. */
int tlv_alg(EVP_PKEY *, struct buf *, struct err *);

/*
 * Append SEQUENCE { tbs, algorithm, signature }, the shape of certificates
 * and of certificate requests (RFC 2986, 4.2): SHA-256, with P-384 SHA-384.
 * 0; -1 ERR_FORMAT for a key that may not be used, ERR_SYS when signing fails.
 */
int tlv_sign(EVP_PKEY *, struct span tbs, struct buf *out, struct err *);

#endif
