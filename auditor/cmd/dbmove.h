#ifndef AUDITOR_CMD_DBMOVE_H
#define AUDITOR_CMD_DBMOVE_H

#include "auditor/cmd/cmd.h"

/*
 * certvigil db move: everything goes to the database of that connection
 * string; with ${replace} what is there is dropped.  An exit status.
 */
int dbmove(struct cmd_ctx *, const char *url, int replace);

#endif
