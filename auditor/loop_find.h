#ifndef AUDITOR_LOOP_FIND_H
#define AUDITOR_LOOP_FIND_H

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What time brings of our own orders: certificate.not_logged, of what we
 * received and no log shows that promised it (not where ${no_ct}: the CA does
 * not log), and certificate.not_received, of what a log shows and an order
 * of ours lost.  Each resolves when that is over.  In the caller's
 * transaction.
 */
int loop_find_time(struct db *, int no_ct, struct err *);

#endif
