#ifndef AUDITOR_REPORT_SARIF_H
#define AUDITOR_REPORT_SARIF_H

#include <jansson.h>

#include "base/buf.h"

/*
 * The report as SARIF 2.1.0: a result for each open finding, its rule being
 * the kind, with a fingerprint that is the same each night; what was not
 * checked is a notification.  Acked findings are suppressions under review.
 * Pure.
 */
void report_sarif(const json_t *report, struct buf *);

#endif
