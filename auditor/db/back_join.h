#ifndef AUDITOR_DB_BACK_JOIN_H
#define AUDITOR_DB_BACK_JOIN_H

#include "auditor/db/back_store.h"

/*
 * Back-fills that read for watches (again) beside each other.  A range is read
 * with all watches that there are when it is begun, so what an older one has
 * not begun is read once for both.  All of it in the caller's transaction,
 * which is the only one that enters.
 */

/*
 * Those that are open and read all of [w->from, w->to) that is not read
 * already, begun behind the newest watch; none: ids->n is as it was.  *read:
 * 1 when nothing of it is left to read.
 */
int back_join_open(struct db *, const struct back_want *, struct back_ids *,
    int *read, struct err *);

/*
 * Of one that is wanted from a date on (w->from -1): where that is, when an
 * open one has found it, or looks for it still and is gone on with, up to
 * w->to.  0 where everything is read or to be read, so that nobody need look.
 */
int back_join_date(struct db *, struct back_want *, struct back_ids *,
    struct err *);

/*
 * Take over what an older one has not begun, and enter the rest of what is
 * wanted; 0 and ids->n as it was: there is none to be joined.
 */
int back_join(struct db *, const struct back_want *, struct back_ids *,
    struct err *);

#endif
