#ifndef RIG_OCSPMSG_H
#define RIG_OCSPMSG_H

#include <time.h>

#include <openssl/evp.h>

#include "base/buf.h"

/* Messages of OCSP (RFC 6960, 4.1 and 4.2). */

enum { OCSPMSG_IDS = 32 };

enum ocsp_outer { OUTER_OK = 0, OUTER_MALFORMED = 1, OUTER_INTERNAL = 2,
	OUTER_TRYLATER = 3, OUTER_UNAUTHORIZED = 6 };

enum ocsp_status { OCSP_SAY_GOOD, OCSP_SAY_REVOKED, OCSP_SAY_UNKNOWN };

/* A CertID; all borrowed. */
struct certid {
	struct span	 alg;		/* hashAlgorithm, the whole element */
	struct span	 oid;		/* its OID's content */
	struct span	 name, key;	/* hashes */
	struct span	 serial;	/* content of the INTEGER */
};

/* A request. */
struct ocsp_ask {
	struct certid	 id[OCSPMSG_IDS];
	size_t		 n;
	struct span	 nonce;		/* the extension's value, or empty */
};

/* One SingleResponse. */
struct ocsp_single {
	struct certid	 id;
	enum ocsp_status status;
	time_t		 revoked_at;
	int		 reason;	/* -1: none */
	time_t		 this, next;	/* next 0: none */
	struct span	 scts;		/* SCT list (RFC 6962, 3.3), or empty */
};

/* What is signed, and by whom. */
struct ocsp_say {
	struct span	 responder;	/* ResponderID, the whole element */
	time_t		 produced;
	struct span	 singles;	/* SingleResponses, one after another */
	struct span	 nonce;		/* or empty */
	int		 critical;	/* with an unknown critical extension */
	EVP_PKEY	*key;
	struct span	 certs;		/* certificates, or empty */
	int		 bad;		/* spoil the signature */
};

/* Read a request; -1 when it is none. */
int ocspmsg_read(struct span, struct ocsp_ask *);

/* Append a SingleResponse. */
void ocspmsg_single(const struct ocsp_single *, struct buf *);

/* Append a signed response; one that is a status alone. */
void ocspmsg_say(const struct ocsp_say *, struct buf *);
void ocspmsg_outer(enum ocsp_outer, struct buf *);

#endif
