#ifndef AUDITOR_CSV_H
#define AUDITOR_CSV_H

#include <stddef.h>

#include "base/buf.h"

/*
 * CSV (RFC 4180) that a spreadsheet opens without harm: control, bidirectional
 * and invisible characters are written out, and a cell that would begin
 * a formula (=, +, -, @) gets an apostrophe in front.
 */

/*
 * Append a cell; ${first} begins a row, others get the comma before them.
 * NULL is an empty cell.
 */
void csv_cell(struct buf *, const char *text, int first);

/* End the row. */
void csv_end(struct buf *);

#endif
