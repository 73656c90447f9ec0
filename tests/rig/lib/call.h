#ifndef RIG_CALL_H
#define RIG_CALL_H

#include "base/buf.h"
#include "base/err.h"

/*
 * POST ${body} (JSON) to http://127.0.0.1:PORT${path}, where ${url} is
 * "http://127.0.0.1:PORT/..." and ${path} is put behind it.  The answer's
 * body is appended to ${out}; -1 when there is none, or its status is not 200.
 */
int call_post(const char *, const char *, struct span, struct buf *,
    struct err *);

#endif
