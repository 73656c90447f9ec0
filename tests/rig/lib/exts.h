#ifndef RIG_EXTS_H
#define RIG_EXTS_H

#include <openssl/x509.h>

#include "tests/rig/lib/issue.h"

/* Extensions of a certificate that say where and for whom. */

/*
 * Append the value of a SubjectAltName: the names that were given, else those
 * of the request (or NULL).
 */
int exts_san(const struct issue_opts *, X509_REQ *, struct buf *,
    struct err *);

/* How URLs are made into extensions: "{shard}" by the serial (hex). */
struct exts_urls {
	const struct issue_list *crl, *ocsp, *aia;	/* or NULL */
	long		 shards;
	const char	*serial;
};

/* Add CRLDP (one point a URL) and AIA (OCSP, then caIssuers). */
void exts_pointers(X509 *, const struct exts_urls *);

#endif
