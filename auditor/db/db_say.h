#ifndef AUDITOR_DB_DB_SAY_H
#define AUDITOR_DB_DB_SAY_H

#include "base/err.h"

/* The server takes no writes: a standby, or one that has become one. */
#define DB_SAY_READ_ONLY	"25006"

/*
 * ERR_DB and what the server said, one line; with what is to be done about it
 * where that follows from its SQLSTATE, which may be "".
 */
void db_say(struct err *, const char *state, const char *text);

#endif
