#ifndef AUDITOR_REPORT_TEXT_H
#define AUDITOR_REPORT_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * The report as plain text: the first line is `first_line` of auditor/report.h
 * alone.  At most ${rows} rows of each section (the others are counted) and
 * ${cap} bytes, cut at a line; SIZE_MAX: all.  Pure.
 */
void report_text(const json_t *report, size_t rows, size_t cap, struct buf *);

/* The verdict as a sentence: "Nothing is wrong.", ...; static. */
const char *report_text_verdict(const json_t *report);

/* Why it is so, in a sentence: how much is open, how much was not checked. */
void report_text_why(const json_t *report, struct buf *);

#endif
