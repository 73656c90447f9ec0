#ifndef AUDITOR_ALERT_DIGEST_H
#define AUDITOR_ALERT_DIGEST_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The daily message about what was lowered, silenced and resolved.  Pure. */

/*
 * The last moment not after ${now} (both microseconds) at which it was
 * ${at} ("HH:MM", local time of the process): -1 ERR_CONF for a bad time.
 */
int digest_due(const char *at, int64_t now, int64_t *due, struct err *);

/*
 * The text of the object that finding_digest() made: {"since", "until",
 * "lowered", "muted", "silent", "resolved", "retracted": each {"count",
 * "list": [...]}, "open": {severity: count}}.
 */
void digest_text(const json_t *, size_t cap, struct buf *);

#endif
