#ifndef AUDITOR_CMD_STATE_H
#define AUDITOR_CMD_STATE_H

#include "auditor/cmd/cmd.h"

/*
 * The commands that put findings into a state (ack, reject, resolve): reads
 * "ID... [--reason TEXT]", changes each in one transaction with the audit
 * trail, says what was done.  Returns the exit status.
 */
int state_run(const struct cmd *, struct cmd_ctx *, const char *state,
    int argc, char **argv);

/* Read the number of a finding: 0, or -1 ERR_USAGE. */
int state_id(const char *, int64_t *, struct err *);

#endif
