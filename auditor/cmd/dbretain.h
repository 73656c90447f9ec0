#ifndef AUDITOR_CMD_DBRETAIN_H
#define AUDITOR_CMD_DBRETAIN_H

#include "auditor/cmd/cmd.h"
#include "auditor/db/retain.h"

/* certvigil db retention: show, or do, what is due; an exit status. */
int dbretain(struct cmd_ctx *, int dry);

/* How the configuration has it. */
struct retain dbretain_conf(const struct cmd_ctx *, int dry);

#endif
