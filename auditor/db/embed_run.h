#ifndef AUDITOR_DB_EMBED_RUN_H
#define AUDITOR_DB_EMBED_RUN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * PostgreSQL's programs as children: no shell, stdin from /dev/null, an
 * environment by allow-list (no PG*, no locale, no NOTIFY_SOCKET), no
 * descriptors of ours, death with us by SIGINT.
 */

/* Start argv[0], stdout and stderr to ${fd}, in its own process group. */
pid_t embed_run_start(const char *const argv[], int fd, struct err *);

/* Run it to its end: its exit status (a signal: 128 + number), or -1. */
int embed_run_wait(const char *const argv[], int fd, struct err *);

/* Run it and keep what it prints, at most ${n} - 1 bytes; 0 when it exits 0. */
int embed_run_text(const char *const argv[], char *out, size_t n);

/*
 * What went wrong according to what was written to the file ${path} behind
 * ${from}: its last line that says FATAL, PANIC or error, else its last
 * line; "nothing was said" when there is none.  Written to ${out}.
 */
void embed_run_why(const char *path, off_t from, char *out, size_t n);

#endif
