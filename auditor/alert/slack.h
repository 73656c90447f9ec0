#ifndef AUDITOR_ALERT_SLACK_H
#define AUDITOR_ALERT_SLACK_H

#include "auditor/alert/message.h"

/*
 * The request for a Slack incoming webhook: `text` and `blocks`, sections of
 * at most 3,000 characters.  Text that others wrote cannot mention anybody,
 * open a link or leave its code block: & < > are escaped, backticks are
 * replaced.
 */
void slack_request(const struct message *, struct message_req *);

/* Append text escaped like that. */
void slack_escape(struct buf *, const char *);

#endif
