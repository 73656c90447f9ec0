#ifndef AUDITOR_ALERT_PAGERDUTY_H
#define AUDITOR_ALERT_PAGERDUTY_H

#include "auditor/alert/message.h"

/* Where PagerDuty takes events when the channel has no URL of its own. */
#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"

/*
 * The request for PagerDuty's Events API v2.  opened and escalated trigger,
 * acked acknowledges, resolved and retracted resolve.  dedup_key is the
 * SHA-256 of the finding's dedupe_key, so that a finding is one incident; a
 * test triggers an incident of its own.
 */
void pagerduty_request(const struct message *, const char *routing_key,
    struct message_req *);

#endif
