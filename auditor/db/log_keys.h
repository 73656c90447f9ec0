#ifndef AUDITOR_DB_LOG_KEYS_H
#define AUDITOR_DB_LOG_KEYS_H

#include "auditor/db/db.h"
#include "base/err.h"
#include "ctlog/loglist.h"

/*
 * All logs that were ever listed, as far as their signatures go: id, key,
 * protocol and name; neither states nor intervals.  Free with
 * loglist_free().  0 or -1.
 */
int log_keys(struct db *, struct loglist **, struct err *);

#endif
