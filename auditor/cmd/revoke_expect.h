#ifndef AUDITOR_CMD_REVOKE_EXPECT_H
#define AUDITOR_CMD_REVOKE_EXPECT_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* That a revocation which we ask for is to be seen, and by when. */
struct revoke_expect {
	const uint8_t	*issuer;	/* borrowed: SHA-256 of its key */
	char		*serial;	/* borrowed: hex */
	int64_t		 id;		/* of the expectation; 0: none */
	int		 fresh;		/* it was added by us */
	int64_t		 until;		/* us */
};

/*
 * Before the request goes out, in the caller's transaction: expected with this
 * reason for a day.  One that is open already stays as it is until the CA has
 * said yes.  Sets id, fresh and until.
 */
int revoke_expect_open(struct db *, struct revoke_expect *, int reason,
    struct err *);

/* The CA has done it: with this reason (-1: any), in the caller's
   transaction. */
int revoke_expect_set(struct db *, const struct revoke_expect *, int reason,
    struct err *);

#endif
