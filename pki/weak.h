#ifndef PKI_WEAK_H
#define PKI_WEAK_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Keys that are no secret: too small, Debian 2008 (CVE-2008-0166), ROCA
 * (CVE-2017-15361), primes that lie close together (Fermat), a factor shared
 * with another known key, small or even exponents, points that are not on
 * their curve.
 */
enum weak {
	WEAK_NO,
	WEAK_SIZE,		/* RSA or DSA below 2048 bits, a curve below
				   224 or that is not known */
	WEAK_EXPONENT,		/* 1, even, above 2^256; 3 is allowed */
	WEAK_DEBIAN,
	WEAK_ROCA,
	WEAK_CLOSE,		/* Fermat, 100 rounds */
	WEAK_SMALL_FACTOR,	/* below 752 (BR 6.1.6) */
	WEAK_SHARED,
	WEAK_POINT,
	WEAK_MAX
};

/* Fingerprints of Debian's keys, as openssl-blacklist writes them: lines of
   20 hex digits (the end of SHA-1 of "Modulus=HEX\n"), `#` comments. */
struct weak_list;

/* A list, to be freed; NULL and ERR_FORMAT, ERR_LIMIT (LIMIT_WEAK_LIST). */
struct weak_list *weak_list_read(struct span text, struct err *);
void weak_list_free(struct weak_list *);

/*
 * Judge a SubjectPublicKeyInfo; the list may be NULL.  *why: a sentence; ""
 * when all is well.  Of several faults the gravest: what gives the private
 * key away stands above a size.  WEAK_NO with a sentence: a key that cannot
 * be read, or an RSA key above LIMIT_RSA_BITS, is not judged.  Never SHARED.
 */
enum weak weak_key(struct span spki, const struct weak_list *, char *why,
    size_t cap);

/*
 * Shared factors: batch GCD over RSA moduli (each a SubjectPublicKeyInfo;
 * others are passed over).  bad[i] is 1 where key i has a factor of so many
 * ${bits} (2: any) in common with another, different modulus.  Small primes
 * that two broken moduli share give nothing away (weak_key() finds these); a
 * prime of a key has WEAK_SHARED_BITS.  Returns how many; -1 ERR_LIMIT when the
 * different ones have more than LIMIT_WEAK_BITS bits together.
 */
#define WEAK_SHARED_BITS	200
long weak_shared(const struct span *spki, size_t n, size_t bits, uint8_t *bad,
    struct err *);

/* "debian", "roca", ... */
const char *weak_name(enum weak);

#endif
