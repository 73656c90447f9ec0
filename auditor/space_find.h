#ifndef AUDITOR_SPACE_FIND_H
#define AUDITOR_SPACE_FIND_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Finding database.low_space: the file system of the embedded database has
 * less than LIMIT_SPACE_LOW left; resolved when it has LIMIT_SPACE_FINE.  The
 * disk of a server is its operator's.  Inside the caller's transaction.
 */
int space_find(struct db *, const struct conf *, struct err *);

#endif
