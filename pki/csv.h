#ifndef PKI_CSV_H
#define PKI_CSV_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Comma-separated values (RFC 4180), as CCADB publishes its lists.
 *
 * The next field of *p .. end into ${out} (emptied first); *last is set when
 * it ends its record.  0, or -1 when a quote stays open.
 */
int csv_field(const char **p, const char *end, struct buf *out, int *last);

/* Step over a byte order mark. */
void csv_begin(const char **p, const char *end);

/*
 * Read a head line and find columns by name (any case): at[i] is the number
 * of the column ${names}[i], or -1.  0, or -1 when the line cannot be read.
 */
int csv_head(const char **p, const char *end, const char *const *names,
    int *at, size_t n);

#endif
