#ifndef AUDITOR_REV_CAMPAIGN_H
#define AUDITOR_REV_CAMPAIGN_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Mass revocation: ten or more of one CA within an hour, nobody here having
 * ordered them, are one finding with progress, not so many.  The CA is its
 * owner where that is known, else the issuer's key.
 */

/*
 * Is there one of this issuer's CA now?  *yes 1: the finding is open, and the
 * single ones of before were absorbed (retracted).  In the caller's
 * transaction, after the status was stored.
 */
int rev_campaign(struct db *, const uint8_t issuer[32], int *yes,
    struct err *);

/*
 * Bring the numbers of open campaigns up to date; one of which every
 * certificate was replaced and is not served any more resolves.
 */
int rev_campaign_progress(struct db *, struct err *);

#endif
