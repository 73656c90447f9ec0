#ifndef RIG_MINT_H
#define RIG_MINT_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

/* Making certificates with OpenSSL.  Programming errors abort. */

struct mint {
	const char	*cn;		/* UTF-8, or NULL: empty subject */
	const char	*org;		/* or NULL */
	const char	*country;	/* or NULL */
	X509		*issuer;	/* NULL: self-signed */
	EVP_PKEY	*signer;
	EVP_PKEY	*key;		/* of the subject */
	long		 days;
	long		 age;		/* days since notBefore */
	const char	*serial;	/* hex, or NULL: random */
};

/* An unsigned certificate with serial, dates, names, key, SKI and AKI. */
X509 *mint_new(const struct mint *);

/* Append an extension of OpenSSL's configuration syntax. */
void mint_ext(X509 *, const char *, const char *);

/* Append an extension: OID as text, critical, value. */
void mint_raw(X509 *, const char *, int, struct span);

/* Sign with SHA-256. */
void mint_sign(X509 *, EVP_PKEY *);

/* The serial in hex (to be freed). */
char *mint_serial(const X509 *);

/* A CA certificate, with this extended key usage or none, unsigned. */
X509 *mint_ca(const struct mint *, const char *);

/* Append the DER. */
void mint_der(X509 *, struct buf *);

/* Read and write PEM. */
X509 *mint_load(const char *, struct err *);
int mint_save(X509 *, const char *, const char *, struct err *);

#endif
