#ifndef PKI_WEAK_RSA_H
#define PKI_WEAK_RSA_H

#include <stddef.h>

#include "base/cur.h"
#include "pki/weak.h"

/* RSA keys (RFC 8017, A.1.1). */

struct weak_rsa {
	struct span	n;	/* modulus, without leading zeros */
	struct span	e;	/* public exponent, the same */
	int		bits;	/* of the modulus */
};

/*
 * The RSA key of a SubjectPublicKeyInfo (rsaEncryption or RSASSA-PSS): 1, or
 * 0 when it is another or cannot be read.
 */
int weak_rsa_read(struct span spki, struct weak_rsa *);

/*
 * May it verify a signature?  With an exponent of 1 everything is signed, with
 * an even one nothing, and one of thousands of bits costs a hundred times what
 * 65537 does.  NULL: yes; else why not (BR 6.1.6: at most 256 bits).
 */
const char *weak_rsa_unfit(const struct weak_rsa *);

/* What can be seen of the key itself; at most LIMIT_RSA_BITS bits. */
enum weak weak_rsa(const struct weak_rsa *, char *why, size_t cap);

/* Is it in the list?  1 or 0. */
int weak_list_has(const struct weak_list *, const struct weak_rsa *);

#endif
