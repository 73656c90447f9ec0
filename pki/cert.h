#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* What there is to say about one certificate that matched. */

struct cert {
	/*
	 * The issuance: SHA-256 of the TBSCertificate without poison and SCT
	 * list.  For a precertificate by a Precertificate Signing Certificate
	 * it is right only when read from the log leaf (cert_read_tbs).
	 */
	uint8_t		 tbs_sha256[32];
	uint8_t		 cert_sha256[32];	/* zero when read from a TBS */
	uint8_t		 spki_sha256[32];
	char		 serial[130];	/* hex, no leading zeros, "-" in front of a
					   negative one */
	int64_t		 not_before;		/* microseconds */
	int64_t		 not_after;
	char		**names;	/* dNSName, IP, CN: shown, no doubles */
	size_t		 nnames;
	char		*subject;	/* one line, as shown */
	char		*issuer;
	char		 key_type[24];	/* p256, p384, rsa2048, ed25519, ... */
	int		 is_precert;	/* carries the poison extension */
	int		 is_ca;
};

/* Read a certificate or precertificate; cert_free() it in any case. */
int cert_read(struct span der, struct cert *, struct err *);

/* The same from a TBSCertificate, as the leaf of a precertificate has it. */
int cert_read_tbs(struct span tbs, struct cert *, struct err *);

/* Free what it owns; the struct may be used again. */
void cert_free(struct cert *);

/*
 * The TBSCertificate and issuer key hash of a precertificate's log leaf
 * (RFC 6962, 3.2): the poison is removed; when chain[0] is a Precertificate
 * Signing Certificate, issuer name and authority key identifier become its
 * issuer's, and the key hash is that of chain[1].  ${chain} is what follows
 * the precertificate, nearest first; it may be empty for a caller that wants
 * no key hash (issuer_key_hash NULL) and knows that the CA signed itself.
 */
int cert_precert_tbs(struct span precert, const struct span *chain,
    size_t nchain, struct buf *tbs, uint8_t issuer_key_hash[32],
    struct err *);

/*
 * Is this the precertificate of that leaf?  0, or -1 and what differs
 * (ERR_VERIFY) or cannot be read.  Without a chain there is no key to
 * compare: issuer_key_hash is NULL then.
 */
int cert_binds(struct span precert, struct span leaf_tbs,
    const struct span *chain, size_t nchain,
    const uint8_t issuer_key_hash[32], struct err *);

/*
 * Did the key of ${issuer} sign ${cert}, and does the name chain?  The
 * signature is checked over the raw TBS bytes.  1: yes; 0: no, and err says
 * what is wrong; -1: cannot be checked (unknown algorithm, unreadable).
 */
int cert_signed_by(struct span cert, struct span issuer, struct err *);

/*
 * Did this process find before that a key (SHA-256 of its
 * SubjectPublicKeyInfo) signed a certificate (SHA-256 of its DER)?  Good
 * signatures alone are kept, and of those the latest: 0 says nothing.
 */
int cert_signed_seen(const uint8_t cert[32], const uint8_t key[32]);
void cert_signed_keep(const uint8_t cert[32], const uint8_t key[32]);

/*
 * Check ${sig} over the very bytes ${data}, by an AlgorithmIdentifier and a
 * SubjectPublicKeyInfo, both DER: what cert_signed_by() stands on.  Returns
 * as it does.
 */
int cert_verify(struct span alg, struct span sig, struct span data,
    struct span spki, struct err *);

/* Is it a Precertificate Signing Certificate (RFC 6962, 3.1)?  1 or 0. */
int cert_is_presigner(struct span cert);

/* SHA-256 of the SubjectPublicKeyInfo of a certificate: 0 or -1. */
int cert_key_hash(struct span cert, uint8_t out[32], struct err *);

/* The key type of a SubjectPublicKeyInfo ("unknown" at worst). */
void cert_key_type(struct span spki, char *out, size_t cap);

#endif
