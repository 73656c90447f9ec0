#ifndef RIG_CRLMSG_H
#define RIG_CRLMSG_H

#include <time.h>

#include <openssl/evp.h>

#include "base/buf.h"

/* Making CRLs (RFC 5280, 5). */

struct crl_say {
	struct span	 issuer;	/* Name, the whole element */
	time_t		 this, next;	/* next 0: none */
	struct span	 entries;	/* revokedCertificates' content */
	struct span	 exts;		/* crlExtensions' content */
	EVP_PKEY	*key;
	int		 bad;		/* spoil the signature */
};

/* What an IssuingDistributionPoint says (5.2.5). */
struct crl_idp {
	const char	*uri;		/* or NULL */
	int		 users, cas, indirect;
	int		 reasons;	/* onlySomeReasons: keyCompromise */
};

/* Append an entry: serial (content of the INTEGER), date, reason or -1. */
void crlmsg_entry(struct buf *, struct span, time_t, int);

/*
 * Append ${n} entries with random 16-byte serials from a seed.  That they are
 * made fast matters more than that they are good random numbers.
 */
void crlmsg_filler(struct buf *, uint64_t, uint64_t, time_t);

/* Append extensions: AKI (key id), CRL number, IDP, delta indicator. */
void crlmsg_aki(struct buf *, struct span);
void crlmsg_number(struct buf *, uint64_t);
void crlmsg_idp(struct buf *, const struct crl_idp *);
void crlmsg_delta(struct buf *, uint64_t);
void crlmsg_strange(struct buf *);

/* Append the signed list. */
void crlmsg_make(const struct crl_say *, struct buf *);

#endif
