#ifndef AUDITOR_CERT_FIND_H
#define AUDITOR_CERT_FIND_H

#include <stddef.h>

#include "auditor/db/cert_store.h"
#include "auditor/db/db.h"
#include "base/err.h"

/* Of a key that shares a factor; cert_store_shared() stores it. */
#define CERT_FIND_SHARED "its RSA modulus has a prime in common with that of " \
	"another known key: whoever has both moduli has both private keys"

/*
 * From what was said of certificates to findings: sct.invalid,
 * ct_policy.violated, key.weak, chain.untrusted.  What concerns nobody makes
 * no sound: a certificate of before the watch that no endpoint serves, a CT
 * policy for a chain that no program trusts.  Findings whose reason is gone
 * resolve.  In the caller's transaction, after cert_store_said().
 */
int cert_find(struct db *, const struct cert_in *, size_t n, struct err *);

#endif
