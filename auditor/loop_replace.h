#ifndef AUDITOR_LOOP_REPLACE_H
#define AUDITOR_LOOP_REPLACE_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What we keep was revoked, and we did not order it: each is made due at
 * once, unless the configuration wants an alert only, or LIMIT_REPLACE of
 * its successors went the same way within a day.  Once for each certificate.
 * When its key is said to be compromised, that is marked, and what else has
 * it is decided anew.  In the caller's transaction.
 */
int loop_replace(struct db *, const struct conf *, struct err *);

/*
 * Mark a key as compromised, because of ${reason} and by ${author}, and
 * decide anew about what has it and is not revoked.  In the caller's
 * transaction.
 */
int loop_replace_mark(struct db *, const struct conf *,
    const struct span *key, const char *reason, const char *author,
    struct err *);

#endif
