#ifndef AUDITOR_REPORT_CSV_H
#define AUDITOR_REPORT_CSV_H

#include <jansson.h>

#include "base/buf.h"

/*
 * The report as CSV (auditor/csv.h), a row each: columns section, id,
 * severity, state, kind, name, subject, owner, issuer_owner, since, until,
 * reason, fingerprint.  The first row is the header, the second the summary.
 * Pure.
 */
void report_csv(const json_t *report, struct buf *);

#endif
