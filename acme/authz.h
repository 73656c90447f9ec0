#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include <stddef.h>
#include <stdint.h>

#include "acme/order.h"
#include "acme/problem.h"
#include "acme/url.h"
#include "base/cur.h"
#include "base/err.h"

/* Authorizations and their challenges (RFC 8555 7.1.4, 7.1.5, 7.5, 8). */

/* Stored: never changed, only added to.  Unknown ones are skipped. */
enum challenge_type {
	CHALLENGE_HTTP_01	= 1,	/* RFC 8555 8.3 */
	CHALLENGE_DNS_01	= 2,	/* RFC 8555 8.4 */
	CHALLENGE_TLS_ALPN_01	= 3,	/* RFC 8737 */
	CHALLENGE_DNS_ACCOUNT_01 = 4,	/* draft-ietf-acme-dns-account-label */
	CHALLENGE_DNS_PERSIST_01 = 5,	/* draft-ietf-acme-dns-persist */
	CHALLENGE_MAX
};

/* Its name, such as "http-01"; NULL: no such type.  And back: 0, none. */
const char *challenge_name(enum challenge_type);
enum challenge_type challenge_of(const char *);

/* Can it prove this identifier (RFC 8555 8.3, RFC 8737 3, RFC 8738 4)? */
int challenge_fits(enum challenge_type, const struct order_ident *);

enum challenge_status {
	CHALLENGE_PENDING	= 1,
	CHALLENGE_PROCESSING	= 2,
	CHALLENGE_VALID		= 3,
	CHALLENGE_INVALID	= 4
};

struct challenge {
	enum challenge_type	 type;
	enum challenge_status	 status;
	char			*url;
	char			*token;		/* NULL: dns-persist-01 */
	char			*account;	/* accounturi, or NULL */
	char			**issuers;	/* issuer-domain-names */
	size_t			 nissuers;
	int			 failed;	/* error is filled in */
	struct problem		 error;
};

/* Stored: never changed, only added to. */
enum authz_status {
	AUTHZ_PENDING		= 1,
	AUTHZ_VALID		= 2,
	AUTHZ_INVALID		= 3,
	AUTHZ_DEACTIVATED	= 4,
	AUTHZ_EXPIRED		= 5,
	AUTHZ_REVOKED		= 6
};

struct authz {
	enum authz_status	 status;
	struct order_ident	 ident;
	struct challenge	*challenge;	/* one of each known type */
	size_t			 nchallenges;
	size_t			 skipped;	/* challenges of others */
};

/*
 * Read an authorization, which must be for one of the identifiers that were
 * ordered.  A wildcard is marked by "wildcard", or left unmarked where only
 * the wildcard was ordered.  A challenge of an unknown type is skipped
 * whatever it holds, and so is a second one of a type; one of a known type
 * must have a URL that fits the pin, and a token (base64url, 22 to
 * LIMIT_ACME_TOKEN characters) or, for dns-persist-01, 1 to
 * LIMIT_ACME_ISSUERS issuer names.  0 or -1 (ERR_FORMAT, ERR_LIMIT,
 * ERR_PERM); authz_free() in any case.
 */
int authz_read(struct authz *, struct span body, const struct order_want *,
    const struct url_pin *, struct err *);
void authz_free(struct authz *);

/* Why it is invalid: the error of one of its challenges, or NULL. */
const struct problem *authz_error(const struct authz *);

/* Its challenge of a type, or NULL. */
const struct challenge *authz_challenge(const struct authz *,
    enum challenge_type);

#endif
