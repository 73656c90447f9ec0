#ifndef AUDITOR_DB_SETBACK_H
#define AUDITOR_DB_SETBACK_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The database's clock was set back: by NTP, by hand, or because another server
 * took over.  What was to be done soon would be done when that clock has come
 * again to where it was.
 */

/*
 * Was it, since a worker was seen or a log was polled?  Then what is due later
 * is due as much sooner, no lease of work lasts longer than ${lease_s} (or what
 * a worker says is its own) from now, and nobody was seen in the future.  All
 * in a transaction of its own; tokens stay, so that whoever had a lease has it
 * or is fenced off as ever.  *us: by so many microseconds; 0: it was not.
 */
int setback_mend(struct db *, int lease_s, int64_t *us, struct err *);

#endif
