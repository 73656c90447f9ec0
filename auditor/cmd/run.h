#ifndef AUDITOR_CMD_RUN_H
#define AUDITOR_CMD_RUN_H

#include <stdint.h>

#include "auditor/cmd/cmd.h"

/*
 * What `run --once` does, inside another command: one worker reads, checks
 * and delivers what is due, for at most ${deadline_s} seconds (0: no end).
 * The database is the one that cmd_db() opened, if it did.  Returns the exit
 * status of `run --once`; 1 when the deadline came first, 75 when a signal
 * did.
 */
int run_once(struct cmd_ctx *, int64_t deadline_s);

/*
 * The same for history alone: one worker reads what back-fills want, until
 * nothing is left that it could read, or ${tick}, which is called now and
 * then, says that it is enough.
 */
int run_history(struct cmd_ctx *, int (*tick)(void *), void *);

#endif
