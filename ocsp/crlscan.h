#ifndef OCSP_CRLSCAN_H
#define OCSP_CRLSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/limit.h"
#include "ocsp/crlset.h"

/*
 * One pass over a CRL (RFC 5280 section 5) in bounded memory: parse, hash,
 * probe the watched serials, verify.  Bytes come in pieces of any size; no
 * more than one entry and the extensions are held.  What was found counts
 * only when the signature is good, which is known at the end: hits are staged
 * until then.
 */

/*
 * What is wrong with a CRL as a source; the gravest one, 0 none.  The graver
 * comes first, but CRL_TOO_LARGE is as grave as CRL_MALFORMED.
 */
enum crl_fault {
	CRL_OK,
	CRL_MALFORMED,		/* cannot be parsed */
	CRL_BAD_SIGNATURE,	/* RFC 5280 6.3.3 (g) */
	CRL_WRONG_ISSUER,	/* issuer name, key usage without cRLSign */
	CRL_UNCHECKED,		/* an algorithm that we do not know */
	CRL_CRITICAL,		/* an unknown critical extension, CRL or entry */
	CRL_INDIRECT,		/* 5.2.5: other issuers' certificates */
	CRL_WRONG_SCOPE,	/* IDP is not the URL that certificates name;
				   attribute certificates only */
	CRL_DELTA,		/* 5.2.4 */
	CRL_PARTIAL,		/* onlySomeReasons, only CA, only user */
	CRL_FUTURE,		/* thisUpdate lies ahead (more than skew) */
	CRL_STALE,		/* nextUpdate has passed, or there is none */
	CRL_REWOUND,		/* number or thisUpdate lower than seen before */
	CRL_TOO_LARGE,		/* LIMIT_CRL bytes, LIMIT_CRL_ENTRY, ... */
	CRL_UNNUMBERED,		/* no number, or a critical one: against the
				   profile; the least grave */
	CRL_FAULT_MAX
};

/* How far thisUpdate may lie ahead: clocks differ. */
#define CRLSCAN_SKEW	(300 * 1000000LL)

/* "malformed", "bad_signature", ...; never NULL. */
const char *crl_fault_name(enum crl_fault);

/*
 * Of a fault, do the revocations that it lists still count?  A revoked entry
 * in any authentic CRL in scope is revoked, even when the CRL is stale,
 * rewound, postdated, a delta, or speaks of some reasons or one kind of
 * certificate only (serial numbers are unique for an issuer, 4.1.2.2).  What a
 * delta takes back (removeFromCRL) stays revoked: the complete CRL decides.
 * An indirect CRL or one of another scope says nothing, and one with an
 * unknown critical extension must not be used at all (5.2, 5.3).
 */
int crl_fault_revokes(enum crl_fault);

struct crlscan_in {
	struct span		 issuer;	/* certificate of the CA, DER */
	const char		*url;		/* where it was fetched, as the
						   certificates name it; NULL:
						   given as a file */
	int			 for_ca;	/* watched are CA certificates */
	const struct crlset	*set;		/* borrowed; NULL: none */
	int64_t			 now;		/* microseconds */
	const char		*last_number;	/* hex; NULL or "": none seen */
	int64_t			 last_this;	/* INT64_MIN: none */
	size_t			 keep;		/* keep up to so many bytes of
						   it for evidence; 0: none */
	/*
	 * A DistributionPointName (whole element, the content of [0] of a
	 * DistributionPoint): an IDP that names it is in scope, too, by any
	 * kind of name.  p NULL: none.
	 */
	struct span		 point;
	/*
	 * Microseconds after thisUpdate from which it is stale whatever it
	 * says; then nextUpdate may be missing.  0: nextUpdate decides.
	 */
	int64_t			 max_age;
	/*
	 * Hold it to the profile too: a number that is not critical (5.2.3,
	 * BR 7.2.2), without which nobody can say that it is the newest.
	 */
	int			 profile;
};

/* An entry of a watched serial; the first one when there are more. */
struct crlscan_hit {
	long		number;		/* in the set */
	int64_t		at;		/* revocationDate, microseconds */
	int		reason;		/* 5.3.1; -1: none given */
	int64_t		invalid_at;	/* invalidityDate; INT64_MIN: none */
	struct span	raw;		/* the entry, DER; owned by the result;
					   empty beyond LIMIT_CRL_RAW */
};

struct crlscan_out {
	enum crl_fault		 fault;
	char			 why[256];	/* a sentence, "" when OK */
	int			 authentic;	/* signature and issuer right */
	char			 number[130];	/* hex; "": none */
	int64_t			 this_update;	/* microseconds; INT64_MIN: not
						   read */
	int64_t			 next_update;	/* INT64_MIN: none */
	char			 sigalg[64];
	/*
	 * The IDP's URI: that of the scan if it is there, else the first of
	 * printable ASCII; "": none.  A partitioned CRL speaks of some
	 * certificates of its issuer only: crlscan_names() says of which.
	 */
	char			 idp[LIMIT_PTR_URL + 1];
	int			 partitioned;	/* IDP has a distributionPoint */
	struct span		 idp_names;	/* its GeneralNames, in tail */
	uint64_t		 bytes;
	uint64_t		 count;		/* entries */
	uint8_t			 tbs_sha256[32]; /* of the tbsCertList: what is
						   signed names the CRL; zero
						   when it did not come whole */
	uint8_t			 tbs_digest[64]; /* what is signed, hashed by */
	size_t			 ntbs_digest;	/* the hash of sigalg; 0 for
						   Ed25519 and Ed448 */
	struct buf		 header;	/* tbs up to the entries, DER */
	struct buf		 tail;		/* what follows the entries:
						   extensions, algorithm and
						   signature */
	struct buf		 kept;		/* all of it, if <= keep */
	struct crlscan_hit	*hits;		/* only when authentic */
	size_t			 nhits;
	struct buf		 raws;		/* the entries of hits */
};

struct crlscan;

/* Begin; ${in} and what it points to stay for the life of the scan. */
struct crlscan *crlscan_new(const struct crlscan_in *);

/*
 * The next bytes, which must not change meanwhile: they are read twice.  0
 * also when the CRL is already known to be bad (what follows is only hashed
 * and counted); -1 ERR_LIMIT beyond LIMIT_CRL, as soon as that is known:
 * stop fetching.
 */
int crlscan_update(struct crlscan *, const void *, size_t, struct err *);

/*
 * All of it was given: the verdict.  Always fills in ${out} (fault says what
 * is wrong); crlscan_out_free() it.  Then only crlscan_free() is left.
 */
void crlscan_finish(struct crlscan *, struct crlscan_out *);
void crlscan_free(struct crlscan *);
void crlscan_out_free(struct crlscan_out *);

/* A whole CRL in memory: new, update, finish and free. */
void crlscan_bytes(const struct crlscan_in *, struct span crl,
    struct crlscan_out *);

/*
 * Does the IDP name this URL, byte for byte (BR 7.2.2.1)?  1 also for a CRL
 * that is not partitioned.
 */
int crlscan_names(const struct crlscan_out *, const char *url);

#endif
