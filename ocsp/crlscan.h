#ifndef OCSP_CRLSCAN_H
#define OCSP_CRLSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ocsp/crlset.h"

/*
 * One pass over a CRL (RFC 5280 section 5) in bounded memory: parse, hash,
 * probe the watched serials, verify.  Bytes come in pieces of any size; no
 * more than one entry and the extensions are held.  What was found counts
 * only when the signature is good, which is known at the end: hits are staged
 * until then.
 */

/* What is wrong with a CRL as a source; the gravest one, 0 none. */
enum crl_fault {
	CRL_OK,
	CRL_MALFORMED,		/* cannot be parsed */
	CRL_BAD_SIGNATURE,	/* RFC 5280 6.3.3 (g) */
	CRL_WRONG_ISSUER,	/* issuer name, key usage without cRLSign */
	CRL_UNCHECKED,		/* an algorithm that we do not know */
	CRL_CRITICAL,		/* an unknown critical extension, CRL or entry */
	CRL_INDIRECT,		/* 5.2.5: other issuers' certificates */
	CRL_DELTA,		/* 5.2.4 */
	CRL_WRONG_SCOPE,	/* IDP is not the URL that certificates name */
	CRL_PARTIAL,		/* onlySomeReasons, only CA/user/attribute */
	CRL_FUTURE,		/* thisUpdate lies ahead (more than skew) */
	CRL_STALE,		/* nextUpdate has passed, or there is none */
	CRL_REWOUND,		/* number or thisUpdate lower than seen before */
	CRL_TOO_LARGE,		/* LIMIT_CRL bytes */
	CRL_FAULT_MAX
};

/* "malformed", "bad_signature", ...; never NULL. */
const char *crl_fault_name(enum crl_fault);

/*
 * Of a fault, do the revocations that it lists still count?  A revoked entry
 * in any authentic CRL in scope is revoked, even when the CRL is stale or
 * rewound; a delta, an indirect CRL or one of another scope says nothing.
 */
int crl_fault_revokes(enum crl_fault);

struct crlscan_in {
	struct span		 issuer;	/* certificate of the CA, DER */
	const char		*url;		/* where it was fetched, as the
						   certificates name it; NULL:
						   given as a file */
	int			 for_ca;	/* watched are CA certificates */
	const struct crlset	*set;		/* borrowed */
	int64_t			 now;		/* microseconds */
	const char		*last_number;	/* hex; NULL or "": none seen */
	int64_t			 last_this;	/* INT64_MIN: none */
	size_t			 keep;		/* keep up to so many bytes of
						   it for evidence; 0: none */
};

/* An entry of a watched serial. */
struct crlscan_hit {
	long		number;		/* in the set */
	int64_t		at;		/* revocationDate, microseconds */
	int		reason;		/* 5.3.1; -1: none given */
	int64_t		invalid_at;	/* invalidityDate; INT64_MIN: none */
	struct span	raw;		/* the entry, DER; owned by the result */
};

struct crlscan_out {
	enum crl_fault		 fault;
	char			 why[256];	/* a sentence, "" when OK */
	int			 authentic;	/* signature and issuer right */
	char			 number[130];	/* hex; "": none */
	int64_t			 this_update;	/* microseconds */
	int64_t			 next_update;	/* INT64_MIN: none */
	char			 sigalg[64];
	char			 idp[512];	/* its URI, "": none */
	uint64_t		 bytes;
	uint64_t		 count;		/* entries */
	uint8_t			 sha256[32];	/* of all of it */
	uint8_t			 tbs_digest[64]; /* what is signed, hashed by */
	size_t			 ntbs_digest;	/* the hash of sigalg */
	struct buf		 header;	/* tbs up to the entries, DER */
	struct buf		 tail;		/* what follows the entries */
	struct buf		 kept;		/* all of it, if <= keep */
	struct crlscan_hit	*hits;		/* only when authentic */
	size_t			 nhits;
};

struct crlscan;

/* Begin; ${in} and what it points to stay for the life of the scan. */
struct crlscan *crlscan_new(const struct crlscan_in *);

/*
 * The next bytes.  0 also when the CRL is already known to be bad (what
 * follows is only counted); -1 ERR_LIMIT beyond LIMIT_CRL: stop fetching.
 */
int crlscan_update(struct crlscan *, const void *, size_t, struct err *);

/*
 * All of it was given: the verdict.  Always fills in ${out} (fault says what
 * is wrong); crlscan_out_free() it.
 */
void crlscan_finish(struct crlscan *, struct crlscan_out *);
void crlscan_free(struct crlscan *);
void crlscan_out_free(struct crlscan_out *);

#endif
