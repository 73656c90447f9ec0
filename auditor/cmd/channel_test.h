#ifndef AUDITOR_CMD_CHANNEL_TEST_H
#define AUDITOR_CMD_CHANNEL_TEST_H

#include "auditor/cmd/cmd.h"
#include "auditor/db/outbox.h"

/*
 * Send a test message to a channel and wait for the answer: a running daemon
 * delivers it, without one this process does, by a fetch and a sign process
 * of its own.  *id is the delivery's.  ERR_TEMP when the daemon has not
 * answered in time.
 */
int channel_test(struct cmd_ctx *, const char *channel, int64_t *id,
    struct outbox_answer *, struct err *);

#endif
