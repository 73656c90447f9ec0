#ifndef AUDITOR_CMD_METRICS_H
#define AUDITOR_CMD_METRICS_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Append all metrics as OpenMetrics 1.0 text, up to "# EOF"; ${poll} as for
 * coverage_store_now().  0 or -1 ERR_DB.
 */
int metrics_text(struct db *, int64_t poll, struct buf *, struct err *);

/* Append a label's value: backslash, quote and newline escaped. */
void metrics_label(struct buf *, const char *);

#endif
