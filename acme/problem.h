#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "acme/ask.h"
#include "base/buf.h"

/*
 * What a CA says when it says no: problem documents (RFC 7807, RFC 8555 6.7).
 */

/* Stored: never changed, only added to. */
enum problem_type {
	PROBLEM_OTHER			= 0,	/* unknown, or none given */
	PROBLEM_ACCOUNT_UNKNOWN		= 1,	/* accountDoesNotExist */
	PROBLEM_ALREADY_REVOKED		= 2,
	PROBLEM_BAD_CSR			= 3,
	PROBLEM_BAD_NONCE		= 4,
	PROBLEM_BAD_PUBLIC_KEY		= 5,
	PROBLEM_BAD_REASON		= 6,	/* badRevocationReason */
	PROBLEM_BAD_ALGORITHM		= 7,	/* badSignatureAlgorithm */
	PROBLEM_CAA			= 8,
	PROBLEM_COMPOUND		= 9,
	PROBLEM_CONNECTION		= 10,
	PROBLEM_DNS			= 11,
	PROBLEM_EAB_REQUIRED		= 12,	/* externalAccountRequired */
	PROBLEM_INCORRECT_RESPONSE	= 13,
	PROBLEM_INVALID_CONTACT		= 14,
	PROBLEM_MALFORMED		= 15,
	PROBLEM_ORDER_NOT_READY		= 16,
	PROBLEM_RATE_LIMITED		= 17,
	PROBLEM_REJECTED_IDENTIFIER	= 18,
	PROBLEM_SERVER_INTERNAL		= 19,
	PROBLEM_TLS			= 20,
	PROBLEM_UNAUTHORIZED		= 21,
	PROBLEM_UNSUPPORTED_CONTACT	= 22,
	PROBLEM_UNSUPPORTED_IDENTIFIER	= 23,
	PROBLEM_USER_ACTION		= 24,	/* userActionRequired, and
						   agreementRequired of old */
	PROBLEM_ALREADY_REPLACED	= 25,	/* RFC 9773 7.4 */
	PROBLEM_INVALID_PROFILE		= 26	/* acme-profiles 6 */
};

/* When the same may be tried again. */
enum problem_when {
	PROBLEM_NEVER,		/* not before a person has changed something */
	PROBLEM_LATER,		/* it may go away; not before retry_at */
	PROBLEM_NOW		/* at once, with what the answer taught us */
};

/* What is wrong with one identifier (RFC 8555 6.7.1). */
struct problem_sub {
	enum problem_type	 type;
	char			*urn;		/* or NULL */
	char			*detail;	/* or NULL */
	char			*ident;		/* its value, or NULL */
};

/*
 * Owns its strings, which are UTF-8 of the CA: escape them before they are
 * shown (problem_say() does).
 */
struct problem {
	enum problem_type	 type;
	long			 status;	/* HTTP; 0: no answer came */
	char			*urn;		/* as it was sent, or NULL */
	char			*detail;	/* or NULL */
	char			*instance;	/* a URL to look at, or NULL */
	struct problem_sub	*sub;
	size_t			 nsubs;
	size_t			 more;		/* subproblems not kept */
	int64_t			 retry_at;	/* wall clock, us; 0: unsaid */
};

/*
 * The problem of an answer that is no success.  Always gives one: an answer
 * without a document of at most LIMIT_ACME_PROBLEM bytes is PROBLEM_OTHER
 * with its status, or PROBLEM_RATE_LIMITED for 429.  Retry-After is counted
 * from ${now}.  problem_free() it.
 */
void problem_read(struct problem *, const struct acme_reply *, int64_t now);

/*
 * The same from an object inside of another answer (an order's or challenge's
 * error).  NULL, or what is no object, gives an empty one.
 */
void problem_object(struct problem *, const json_t *);

/* As JSON, to be stored, which the caller owns; back from there. */
json_t *problem_json(const struct problem *);
void problem_load(struct problem *, const json_t *);

void problem_free(struct problem *);

/* The type of a URN, which must be whole; NULL: PROBLEM_OTHER. */
enum problem_type problem_type(const char *urn);

enum problem_when problem_when(const struct problem *);

/*
 * Append one sentence for a person: what the CA refused, what it says itself
 * (escaped, each text at most LIMIT_ACME_DETAIL bytes, at most 10
 * subproblems, the others counted), and what to do.
 */
void problem_say(const struct problem *, struct buf *);

#endif
