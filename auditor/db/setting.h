#ifndef AUDITOR_DB_SETTING_H
#define AUDITOR_DB_SETTING_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The part of the configuration that decides alike for all workers: policies,
 * poll, start, retention, canary, witnesses.  Who synchronises a configuration
 * (`run`, `config apply`) puts it here; a `worker` works with it, whatever its
 * own file says.
 */

/*
 * Put that part of it; 0 or -1.  What differs from what was there is appended
 * to ${diff}, a line each ("~ poll 30s, was 60s"), when it is not NULL.  May
 * run inside the caller's transaction.
 */
int setting_put(struct db *, const struct conf *, struct buf *diff,
    struct err *);

/*
 * Take what is there into ${conf}, in place of what it has; nothing there:
 * nothing is changed.  0, or -1 and ${conf} is as it was.
 */
int setting_take(struct db *, struct conf *, struct err *);

#endif
