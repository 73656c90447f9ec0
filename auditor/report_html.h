#ifndef AUDITOR_REPORT_HTML_H
#define AUDITOR_REPORT_HTML_H

#include <jansson.h>

#include "base/buf.h"

/*
 * The report as one HTML file: no scripts, nothing from elsewhere, a content
 * security policy that allows its own style sheet alone (by hash).  It reads
 * well on a screen, light or dark, and on paper.  Pure.
 */
void report_html(const json_t *report, struct buf *);

#endif
