#ifndef AUDITOR_CMD_BOX_H
#define AUDITOR_CMD_BOX_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Hostile bytes are looked at in a child that has neither files nor sockets
 * (SANDBOX_JUDGE); what it has to say comes back through a pipe.
 */

/*
 * Run ${fn} in such a child: it appends its answer to the buffer and returns
 * an exit status.  Returns that status and appends the answer to ${out}, or
 * -1: ERR_FORMAT when the child died of what it read, ERR_TEMP when somebody
 * killed it, ERR_LIMIT when it took too long or said too much, ERR_SYS.
 */
int box_run(int (*fn)(void *, struct buf *), void *arg, struct buf *out,
    struct err *);

#endif
