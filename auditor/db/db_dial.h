#ifndef AUDITOR_DB_DB_DIAL_H
#define AUDITOR_DB_DB_DIAL_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Connections: what db.c needs of every session (UTF-8, ISO dates in UTC,
 * time-outs), and errors without anything of a password.
 */

/* Connect: NULL and ERR_CONF (malformed string) or ERR_DB. */
PGconn *db_dial_open(const char *conninfo, struct err *);

/* Connect again: 0, or -1 ERR_DB. */
int db_dial_reset(PGconn *, struct err *);

/* Append text as part of one line: no control bytes, no space at the end. */
void db_dial_line(struct buf *, const char *);

#endif
