#ifndef RIG_FILE_H
#define RIG_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Append a whole file; -1 when it cannot be read. */
int file_read(const char *, struct buf *, struct err *);

/* Write a whole file: under another name first, then renamed. */
int file_write(const char *, struct span, struct err *);

#endif
