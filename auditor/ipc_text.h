#ifndef AUDITOR_IPC_TEXT_H
#define AUDITOR_IPC_TEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/cur.h"

/*
 * Strings and bytes in frames: with a length of 32 bits in front, strings with
 * their zero byte.  Readers return 0, or -1 for what is not of that form; what
 * they give is borrowed from the frame.
 */

/* Append a string; NULL is "". */
void ipc_text_put(struct buf *, const char *);

/* A string of less than ${max} bytes. */
int ipc_text(struct cur *, const char **, size_t max);

/* The same, of nothing but printable ASCII. */
int ipc_text_plain(struct cur *, const char **, size_t max);

/* Each of them copied to ${out}[size]. */
int ipc_text_copy(struct cur *, char *out, size_t size);
int ipc_text_plain_copy(struct cur *, char *out, size_t size);

/* At most ${max} bytes. */
int ipc_text_bytes(struct cur *, struct span *, size_t max);

#endif
