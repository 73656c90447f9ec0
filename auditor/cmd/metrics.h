#ifndef AUDITOR_CMD_METRICS_H
#define AUDITOR_CMD_METRICS_H

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Append all metrics as OpenMetrics 1.0 text, up to "# EOF".  0 or -1 ERR_DB.
 */
int metrics_text(struct db *, const struct conf *, struct buf *,
    struct err *);

/* Append a label's value: backslash, quote and newline escaped. */
void metrics_label(struct buf *, const char *);

#endif
