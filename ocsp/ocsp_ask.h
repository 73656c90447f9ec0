#ifndef OCSP_OCSP_ASK_H
#define OCSP_OCSP_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* OCSP requests and what an answer means, RFC 6960, 9654 and 9919. */

enum ocsp_hash { OCSP_SHA1, OCSP_SHA256 };

struct ocsp_ask {
	struct span	 issuer;	/* certificate, DER */
	const char	*serial;	/* hex, as struct cert has it */
	enum ocsp_hash	 hash;		/* of the CertID */
	struct span	 nonce;		/* 1 to 32 bytes; n 0: none */
};

/*
 * Append the DER OCSPRequest (RFC 6960 4.1.1), not signed.  0; -1 ERR_FORMAT
 * when issuer, serial number or nonce cannot be used; then nothing is added.
 */
int ocsp_ask_der(const struct ocsp_ask *, struct buf *, struct err *);

/*
 * The URL of a GET (RFC 6960 A.1, RFC 9919 5): base, one slash, the request
 * in base64 with `+`, `/`, `=` percent-encoded.  1 when it fits the 255 bytes
 * up to which GET is to be used; 0: POST the DER to ${base} as
 * application/ocsp-request (out is "" then).  A base with a query or a
 * fragment has no path that could be made longer: POST.
 */
int ocsp_ask_url(const char *base, struct span der, char *out, size_t cap);

/* --- the answer: each question by itself, none of them hides another --- */

/* UNCHECKED also with a digest that proves nothing: MD5, and SHA-1 from
   2022-06-01 on (BR 7.1.3.2), at the time of judging. */
enum ocsp_sig { OCSP_SIG_VALID, OCSP_SIG_BAD, OCSP_SIG_UNCHECKED };

enum ocsp_who {
	OCSP_WHO_NONE,		/* nobody that we may believe */
	OCSP_WHO_ISSUER,	/* the CA's own key */
	OCSP_WHO_DELEGATED	/* issued directly by it, with OCSPSigning */
};

enum ocsp_fresh { OCSP_FRESH, OCSP_FRESH_STALE, OCSP_FRESH_FUTURE };

enum ocsp_says { OCSP_SAYS_NOTHING, OCSP_SAYS_GOOD, OCSP_SAYS_REVOKED,
	OCSP_SAYS_UNKNOWN };

/* ABSENT also when none was sent: there is nothing to compare with. */
enum ocsp_nonce { OCSP_NONCE_ABSENT, OCSP_NONCE_MATCH, OCSP_NONCE_OTHER };

/* Faults of the responder that are worth a finding, as bits. */
#define OCSP_FAULT_MALFORMED	0x0001u
#define OCSP_FAULT_OUTER	0x0002u	/* tryLater, internalError, ... */
#define OCSP_FAULT_SIGNATURE	0x0004u
#define OCSP_FAULT_RESPONDER	0x0008u	/* not authorised (4.2.2.2) */
#define OCSP_FAULT_STALE	0x0010u
#define OCSP_FAULT_FUTURE	0x0020u
#define OCSP_FAULT_ABSENT	0x0040u	/* does not speak of this serial */
#define OCSP_FAULT_NONCE	0x0080u	/* another nonce than was sent */
#define OCSP_FAULT_NO_NEXT	0x0100u	/* no nextUpdate (BR 4.9.10) */
#define OCSP_FAULT_NO_NOCHECK	0x0200u	/* a delegate's certificate */
#define OCSP_FAULT_RESPONDER_EXPIRED 0x0400u

struct ocsp_said {
	int		 outer;		/* 4.2.1; 0: successful; -1 none */
	enum ocsp_sig	 sig;
	enum ocsp_who	 who;
	enum ocsp_fresh	 fresh;		/* STALE when it says nothing */
	enum ocsp_says	 says;		/* as written, whatever the rest */
	enum ocsp_nonce	 nonce;
	unsigned	 faults;
	int64_t		 this_update, next_update, produced_at; /* INT64_MIN */
	int64_t		 revoked_at;	/* INT64_MIN: not revoked */
	int		 reason;	/* -1: none */
	char		 responder[256];
	char		 why[256];	/* the gravest fault, a sentence */
	struct buf	 scts;		/* SignedCertificateTimestampList of the
					   single extension (RFC 6962 3.3):
					   1.3.6.1.4.1.11129.2.4.5 */
};

struct ocsp_read_in {
	struct span	 issuer;	/* certificate of the CA, DER */
	const char	*serial;	/* hex */
	struct span	 nonce;		/* that was sent; n 0: none */
	int64_t		 now;		/* microseconds */
	int64_t		 skew;		/* allowed on both sides */
	int64_t		 max_age;	/* without nextUpdate; microseconds */
};

/*
 * Judge an answer of at most LIMIT_BODY_OCSP bytes.  Never fails: what is
 * wrong is in ${said}, which ocsp_said_free() frees.
 *
 * Of several answers for the certificate the worst is taken (revoked, unknown,
 * good), of equal ones the fresh and then the newest.  A critical extension
 * that is not known makes the whole MALFORMED, and so it counts for nothing.
 * An answer that was signed ahead of now or before its thisUpdate is FUTURE.
 */
void ocsp_said_read(struct span der, const struct ocsp_read_in *,
    struct ocsp_said *);
void ocsp_said_free(struct ocsp_said *);

/*
 * The status that counts: GOOD or REVOKED only with a valid signature of an
 * authorised responder; GOOD only when fresh; anything else is NOTHING (a
 * stale "revoked" still counts).  UNKNOWN stays UNKNOWN, which is never good.
 * GOOD also needs the nonce that was sent, where there is one, and a delegate
 * who is valid now: a revocation that he signed in time outlives him.
 */
enum ocsp_says ocsp_said_counts(const struct ocsp_said *);

/* "stale", "responder", ... of one bit; the sentence is in why. */
const char *ocsp_fault_name(unsigned bit);

#endif
