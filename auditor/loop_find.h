#ifndef AUDITOR_LOOP_FIND_H
#define AUDITOR_LOOP_FIND_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What time brings of our own orders: certificate.not_logged, of what we
 * received and no log shows that promised it (not where it was ordered from
 * a CA that does not log), and certificate.not_received, of what a log shows
 * and an order of ours lost, which is fetched at once if it can be.  Each
 * resolves when that is over.  What was revoked is replaced.  In the
 * caller's transaction.
 */
int loop_find_time(struct db *, const struct conf *, struct err *);

#endif
