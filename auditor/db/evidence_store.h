#ifndef AUDITOR_DB_EVIDENCE_STORE_H
#define AUDITOR_DB_EVIDENCE_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/evidence.h"
#include "base/err.h"

/* What the database knows as evidence; all SQL of evidence files. */

/*
 * All about a finding, or about an issuance by its tbs_sha256 (64 hex
 * digits).  ERR_NOENT when there is none, or nothing about it was proven.
 */
int evidence_store_what(struct db *, const char *what, struct evidence *,
    struct err *);

/*
 * What was verified on the days from ${from} to ${to} (microseconds, both
 * included) of each log.  *n is the number of days of logs.
 */
int evidence_store_coverage(struct db *, int64_t from, int64_t to,
    struct evidence *, size_t *n, struct err *);

/*
 * The same of history: stretches of entries that back-fills read and proved
 * on those days, one for each set of watches that they were matched against.
 */
int evidence_store_history(struct db *, int64_t from, int64_t to,
    struct evidence *, size_t *n, struct err *);

#endif
