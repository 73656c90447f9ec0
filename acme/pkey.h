#ifndef ACME_PKEY_H
#define ACME_PKEY_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Private keys of accounts and certificates.  What public CAs take for both:
 * P-256, P-384, RSA.  EVP_PKEY_free() what is made or read.
 */

/* Numbers are stored: never changed, only added to. */
enum pkey_kind {
	PKEY_NONE	= 0,
	PKEY_P256	= 1,
	PKEY_P384	= 2,
	PKEY_RSA2048	= 3,
	PKEY_RSA3072	= 4,
	PKEY_RSA4096	= 5,
	PKEY_MAX
};

/* "p256", "p384", "rsa2048", ...; the kind of a name, PKEY_NONE at worst. */
const char *pkey_name(enum pkey_kind);
enum pkey_kind pkey_kind_of(const char *name);

/* Make a key from the system's randomness; NULL and ERR_SYS. */
EVP_PKEY *pkey_make(enum pkey_kind, struct err *);

/* How a key signs. */
struct pkey_how {
	const char	*alg;	/* RFC 7518, 3.1: ES256, ES384, RS256 */
	const char	*crv;	/* RFC 7518, 6.2.1.1; NULL: RSA */
	const EVP_MD	*md;
	size_t		 width;	/* octets of a coordinate, of r and of s; 0:
				   RSA */
};

/*
 * P-256, P-384 and RSA of 2048 to 4096 bits may be used: 0; -1 ERR_FORMAT for
 * any other key.
 */
int pkey_how(EVP_PKEY *, struct pkey_how *, struct err *);

/*
 * Append the signature in OpenSSL's form, which is also X.509's: DER of r and
 * s, or PKCS #1 v1.5.  0; -1 ERR_FORMAT as pkey_how(), ERR_SYS.
 */
int pkey_sign(EVP_PKEY *, struct span data, struct buf *sig, struct err *);

/* Append the SubjectPublicKeyInfo; its SHA-256.  0 or -1 ERR_SYS. */
int pkey_spki(EVP_PKEY *, struct buf *, struct err *);
int pkey_spki_sha256(EVP_PKEY *, uint8_t out[32], struct err *);

/* Append the private key as PKCS #8, DER or PEM, not encrypted.  The buffer
   holds a secret then: pkey_wipe() it.  0 or -1 ERR_SYS. */
int pkey_der(EVP_PKEY *, struct buf *, struct err *);
int pkey_pem(EVP_PKEY *, struct buf *, struct err *);
void pkey_wipe(struct buf *);

/*
 * Read a PEM private key (PKCS #8, RFC 5915, PKCS #1), at most LIMIT_PKEY_PEM
 * bytes; whether pkey_how() takes it is another question.  NULL: ERR_LIMIT,
 * ERR_FORMAT (also when it is encrypted).
 */
EVP_PKEY *pkey_read(struct span pem, struct err *);

#endif
