#ifndef AUDITOR_CMD_ACME_HAND_H
#define AUDITOR_CMD_ACME_HAND_H

#include <stdint.h>

#include "auditor/cmd/cmd.h"
#include "auditor/role/acme_msg.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Hand an order to the daemon's role `acme`, when it is there and has read
 * the same configuration.  Nothing else is opened for that: neither the
 * database nor ports, and root stays root.
 */

/*
 * Send the request and take what comes: progress is said, everything else
 * goes to ${said}.  1 it was done; 0 there is nobody to do it, who asks must;
 * -1 and why it failed (ERR_TEMP: the daemon ended meanwhile).
 */
int acme_hand(struct cmd_ctx *, const struct buf *request,
    void (*said)(void *, const struct acme_msg *), void *arg, struct err *);

/* What both sides must have read; 0 or -1. */
int acme_hand_conf(const struct cmd_ctx *, uint8_t out[ACME_MSG_CONF]);

#endif
