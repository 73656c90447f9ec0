#ifndef RIG_BIGSERVE_H
#define RIG_BIGSERVE_H

#include "tests/rig/lib/bigcore.h"
#include "tests/rig/lib/bigfault.h"
#include "tests/rig/lib/bighead.h"

/*
 * The requests of RFC 6962 and static-ct-api to large logs, and those of the
 * rig to their server.
 */

enum bigkind { BIGKIND_STH, BIGKIND_ENTRIES, BIGKIND_CONSISTENCY,
	BIGKIND_PROOF, BIGKIND_ROOTS, BIGKIND_CHECKPOINT, BIGKIND_HASHES,
	BIGKIND_DATA, BIGKIND_ISSUER, BIGKIND_MAX };

struct bigserve {
	struct bigcore	*core;
	struct bigheads	 heads;
	struct bigfaults faults;
	long		 cap, align;	/* of a get-entries page */
	int		 hybrid;	/* full data tiles and issuers only */
	uint64_t	 requests[BIGHEADS][BIGKIND_MAX];
	uint64_t	 entries, bytes, seen_304;
	struct bighttp	*http;		/* for its count of connections */
};

/* Serve one request; what it sends is borrowed until bigserve_done(). */
void bigserve_request(void *, const struct bigreq *, struct bigres *);
void bigserve_done(void *, struct bigres *);

/* Let the tree grow as the clock says. */
void bigserve_tick(void *);

#endif
