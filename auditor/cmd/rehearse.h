#ifndef AUDITOR_CMD_REHEARSE_H
#define AUDITOR_CMD_REHEARSE_H

#include "auditor/cmd/cmd.h"
#include "auditor/role/acme_order.h"
#include "base/err.h"

/*
 * Everything but the order itself: the CA answers, and what a pre-flight says
 * (auditor/role/acme_preflight.h) is printed, a line a check.  Of the order
 * place, pre, type and want.name, want.names count.  0; -1 as the order would
 * end for what was found to be wrong: ERR_HTTP, or ERR_TEMP.
 */
int rehearse(struct cmd_ctx *, const struct acme_order *, struct err *);

#endif
