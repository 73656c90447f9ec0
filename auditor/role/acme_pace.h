#ifndef AUDITOR_ROLE_ACME_PACE_H
#define AUDITOR_ROLE_ACME_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/rate.h"
#include "base/limit.h"

/*
 * How fast a CA is asked, by all orders together.  A 429 (or 503) to a
 * newOrder holds up new orders, as it may be about how many there are; one to
 * anything else holds up everything.  Retry-After is kept to, up to
 * ACME_PACE_HOLD: a CA that names hours means the names of that order, which
 * itself waits as long.  Pure; wall clock, microseconds.
 */
#define ACME_PACE_HOLD	300	/* seconds */

struct acme_pace {
	struct rate	orders;		/* newOrder */
	int64_t		until;		/* nothing is asked before */
	uint64_t	fresh[LIMIT_ACME_FLIGHT];	/* newOrders under
							   way */
	size_t		nfresh;
};

/* For the directory's URL: what is known of its limits is kept to. */
void acme_pace_init(struct acme_pace *, const char *directory, int64_t now);

/*
 * From when on the next request may be sent; ${fresh}: one that makes an
 * order.  Not later than ${now}: at once.
 */
int64_t acme_pace_when(struct acme_pace *, int fresh, int64_t now);

/* Request ${id} goes out. */
void acme_pace_sent(struct acme_pace *, uint64_t id, int fresh, int64_t now);

/* Its answer came; status 0: there was none.  ${retry_after} may be "". */
void acme_pace_said(struct acme_pace *, uint64_t id, unsigned status,
    const char *retry_after, int64_t now);

#endif
