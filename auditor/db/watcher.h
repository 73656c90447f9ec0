#ifndef AUDITOR_DB_WATCHER_H
#define AUDITOR_DB_WATCHER_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/db/finding.h"
#include "base/err.h"

/*
 * Findings about certificates: one for each owner of watches that match (or
 * of endpoints that serve it).  These run in the caller's transaction.
 */

/*
 * Open ${f} for every owner of the issuance ${tbs}; its owner, watch, name,
 * issuer and contact are filled in.  Nothing happens when nobody watches it
 * (any more).  *n counts them, may be NULL.
 */
int watcher_open(struct db *, const uint8_t tbs[32], const struct finding *f,
    size_t *n, struct err *);

/* The same for all certificates of this issuer key and serial. */
int watcher_open_serial(struct db *, const uint8_t issuer[32],
    const char *serial, const struct finding *f, size_t *n, struct err *);

/* The fault is gone: the findings of all owners resolve. */
int watcher_gone(struct db *, const char *kind, const char *subject,
    const char *reason, struct err *);

#endif
