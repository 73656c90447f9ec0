#ifndef AUDITOR_REV_LATE_H
#define AUDITOR_REV_LATE_H

#include "auditor/db/db.h"
#include "auditor/db/rev_store.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Revocations that were ordered: whether and when they are published (BR
 * 4.9.7: within a day), and with which reason.  In the caller's transaction.
 */

/*
 * It is published: the expectation is fulfilled, and how long it took is
 * kept, unless the reason is another one than was ordered.
 */
int rev_late_fulfil(struct db *, const struct span *issuer,
    const struct rev_change_row *, struct err *);

/*
 * What time brings: revocation.not_published is medium when a quarter of the
 * time is over (six hours of a day), high at the end of it, and resolves when
 * it is published, with the reason that was ordered.  What expires before is
 * expected no more: so the certificate's own end is the deadline where no CRL
 * will ever have it.
 */
int rev_late_time(struct db *, struct err *);

#endif
