#ifndef ACME_CSR_H
#define ACME_CSR_H

#include <openssl/types.h>
#include <stdint.h>

#include "acme/san.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* Certificate requests (PKCS #10, RFC 2986) as ACME takes them. */

/*
 * Append a request: empty subject, the names as subjectAltName, signed by the
 * key with SHA-256 (P-384: SHA-384).  0; -1 ERR_FORMAT: a key that pkey_how()
 * does not take, no names; ERR_SYS.
 */
int csr_make(EVP_PKEY *, const struct san *, struct buf *der, struct err *);

/* A request that somebody else made. */
struct csr {
	struct buf	der;
	struct san	names;
	uint8_t		spki_sha256[32];
	char		key_type[24];	/* as cert_key_type() says */
};

/*
 * Read a request, PEM with one block or DER, of at most LIMIT_CSR bytes, and
 * verify that its own key signed it.  Refused is what a CA would refuse after
 * the order is spent: no names in subjectAltName, names of other kinds, a
 * common name that is none of them, a weak key or one that CAs do not take, a
 * signature with SHA-1.  0; -1 ERR_FORMAT, ERR_LIMIT, ERR_VERIFY (signature).
 * csr_free() in any case.
 */
int csr_read(struct span, struct csr *, struct err *);
void csr_free(struct csr *);

#endif
