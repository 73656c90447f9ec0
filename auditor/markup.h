#ifndef AUDITOR_MARKUP_H
#define AUDITOR_MARKUP_H

#include "base/buf.h"

/*
 * Text of strangers as content or attribute (in double quotes) of HTML and of
 * XML 1.0: control, bidirectional and invisible characters and those that XML
 * does not have are written out, then & < > " ' are escaped.  NULL is "".
 */
void markup_text(struct buf *, const char *);

/* printf-style; all of the result is text as above. */
void markup_fmt(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#endif
