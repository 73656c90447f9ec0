#ifndef ACME_ASK_H
#define ACME_ASK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

/*
 * What ACME (RFC 8555) wants to be sent, and what came back: plain data, so
 * that whoever signs and whoever has sockets know nothing of orders.
 */

/*
 * For what a request is: whoever signs it compares URL and payload with it.
 * Numbers are stored and go between processes: never changed, only added to.
 */
enum acme_purpose {
	ACME_DIRECTORY		= 1,	/* GET */
	ACME_NONCE		= 2,	/* HEAD newNonce */
	ACME_ACCOUNT_NEW	= 3,	/* 7.3, also 7.3.1 look-up */
	ACME_ACCOUNT_GET	= 4,	/* POST-as-GET, 7.3 update */
	ACME_ACCOUNT_CLOSE	= 5,	/* 7.3.6; operator's authority */
	ACME_KEY_CHANGE		= 6,	/* 7.3.5; operator's authority */
	ACME_ORDER_NEW		= 7,	/* 7.4 */
	ACME_ORDER_GET		= 8,	/* POST-as-GET */
	ACME_AUTHZ_GET		= 9,	/* POST-as-GET */
	ACME_CHALLENGE		= 10,	/* 7.5.1, payload {} */
	ACME_FINALIZE		= 11,	/* 7.4, payload {"csr"} */
	ACME_CERTIFICATE	= 12,	/* POST-as-GET, 7.4.2, alternates too */
	ACME_REVOKE		= 13,	/* 7.6 by account; operator's */
	ACME_REVOKE_KEY		= 14,	/* 7.6 by the certificate's key */
	ACME_AUTHZ_CLOSE	= 15,	/* 7.5.2 */
	ACME_RENEWAL_INFO	= 16	/* RFC 9773, GET, unsigned */
};

/* A request, before it is signed.  Strings are owned by who made it. */
struct acme_ask {
	enum acme_purpose	 purpose;
	const char		*url;
	const char		*payload;	/* JSON; "": POST-as-GET; NULL:
						   unsigned GET or HEAD */
	int64_t			 at;		/* not before, wall clock, us */
};

/* An answer.  Borrowed by who reads it; NULL or "": there was none. */
struct acme_reply {
	long		 status;	/* HTTP; 0: none came */
	const char	*why;		/* with status 0: a sentence */
	int		 final;		/* with status 0: asking again would
					   change nothing: more than may be
					   read, or not allowed to be asked */
	int		 silent;	/* with status 0: it was waited for as
					   long as a request may take */
	const char	*nonce;		/* Replay-Nonce */
	const char	*location;
	const char	*links;		/* values of Link, a line each */
	const char	*retry_after;	/* as it was sent */
	const char	*type;		/* Content-Type */
	struct span	 body;
};

#endif
