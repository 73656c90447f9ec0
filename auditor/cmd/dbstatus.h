#ifndef AUDITOR_CMD_DBSTATUS_H
#define AUDITOR_CMD_DBSTATUS_H

#include "auditor/cmd/cmd.h"

/* certvigil db status: an exit status. */
int dbstatus(struct cmd_ctx *);

#endif
