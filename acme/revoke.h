#ifndef ACME_REVOKE_H
#define ACME_REVOKE_H

#include <stddef.h>
#include <stdint.h>

#include "acme/ask.h"
#include "acme/problem.h"
#include "base/cur.h"
#include "base/err.h"

/* Revocation (RFC 8555 7.6). */

/* Reasons of RFC 5280 5.3.1 that a subscriber can have. */
enum revoke_reason {
	REVOKE_UNSPECIFIED	= 0,
	REVOKE_KEY_COMPROMISE	= 1,
	REVOKE_AFFILIATION	= 3,	/* affiliationChanged */
	REVOKE_SUPERSEDED	= 4,
	REVOKE_CESSATION	= 5,	/* cessationOfOperation */
	REVOKE_PRIVILEGE	= 9	/* privilegeWithdrawn */
};

/* Who asks for it, by the key that signs. */
enum revoke_by {
	REVOKE_BY_ISSUING,	/* the account that ordered it */
	REVOKE_BY_OTHER,	/* an account that holds all authorizations */
	REVOKE_BY_KEY		/* the certificate's own key */
};

/* The reasons that a CA takes: 0, 1, 4 and 5 when ${n} is 0. */
struct revoke_allowed {
	const int	*reason;	/* borrowed */
	size_t		 n;
};

/* The name of a reason (RFC 5280), such as "keyCompromise"; NULL: none. */
const char *revoke_name(int reason);

/*
 * The payload: the certificate (DER) and the reason, which is left out when
 * it is 0.  Owned: free() it.  NULL with ERR_USAGE when the reason is not
 * among the allowed ones, or the key's own request has another reason than 0
 * or 1.
 */
char *revoke_new(struct span cert, int reason, enum revoke_by,
    const struct revoke_allowed *, struct err *);

/*
 * The reason that the CA will publish: as asked by the issuing account, 5 by
 * another, 1 by the certificate's key (Let's Encrypt; a CA by RFC 8555 alone
 * publishes what was asked).
 */
int revoke_published(int reason, enum revoke_by);

/*
 * Read the answer: 0 when it is revoked now, 1 when it was before (which is a
 * success, too: alreadyRevoked); -1 with ERR_HTTP and a sentence.  ${p} is
 * filled in for 1 and -1: problem_free() it in any case.
 */
int revoke_read(const struct acme_reply *, int64_t now, struct problem *p,
    struct err *);

#endif
