#ifndef OCSP_RESP_H
#define OCSP_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "base/limit.h"
#include "ocsp/certid.h"
#include "ocsp/ocsp_ask.h"

/*
 * An OCSPResponse taken apart (RFC 6960 4.2.1): DER in its strict form,
 * nothing left over, no memory of its own.  Spans point into the input.
 */
struct resp {
	int		 outer;		/* responseStatus; -1: not readable */
	struct span	 tbs;		/* what is signed, whole */
	struct span	 sigalg;	/* AlgorithmIdentifier, whole */
	struct span	 sig;
	struct span	 by_name;	/* ResponderID: Name, whole; p NULL: */
	struct span	 by_key;	/* KeyHash, content */
	int64_t		 produced_at;	/* microseconds */
	struct span	 singles;	/* content; resp_single_next() */
	size_t		 nsingles;
	struct span	 exts;		/* content of Extensions */
	struct span	 certs[LIMIT_CHAIN];	/* whole */
	size_t		 ncerts;
};

/*
 * Take all of ${der} apart.  0; outer says then whether there is more than
 * that.  -1 ERR_FORMAT or ERR_LIMIT; outer is right also then, when the
 * input got that far.
 */
int resp_read(struct span der, struct resp *, struct err *);

/* One SingleResponse. */
struct resp_single {
	struct certid	id;
	enum ocsp_says	says;		/* never NOTHING */
	int64_t		this_update;	/* microseconds */
	int64_t		next_update;	/* INT64_MIN: none */
	int64_t		revoked_at;	/* INT64_MIN: not revoked */
	int		reason;		/* RFC 5280 5.3.1; -1: none */
	struct span	exts;		/* content of Extensions */
};

/* The next one of the cursor over resp.singles: 0 or -1. */
int resp_single_next(struct cur *, struct resp_single *);

/* "successful", "tryLater", ... (4.2.1); NULL for what is not defined. */
const char *resp_outer_name(int);

#endif
