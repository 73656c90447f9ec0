#ifndef AUDITOR_DB_PLAN_STORE_H
#define AUDITOR_DB_PLAN_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Make sure that there is a row of work for all that is to be audited:
 * issuers with certificates that were not judged since ${before}
 * (microseconds), revocation sources, logs with SCTs that can be decided,
 * endpoints, names with CAA.  Rows that are there stay as they are.  In a
 * transaction of its own.
 */
int plan_store(struct db *, int64_t before, int64_t every_s, struct err *);

#endif
