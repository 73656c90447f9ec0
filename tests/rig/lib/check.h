#ifndef RIG_CHECK_H
#define RIG_CHECK_H

#include "tests/rig/lib/web.h"

/*
 * What receivers ask of a delivery.  Each gives the reason why it is refused,
 * or NULL when it is good; the text is borrowed.
 */

struct check_opts {
	struct buf	 secrets[8];	/* decoded */
	size_t		 nsecrets;
	long		 tolerance;	/* seconds */
};

/* Add the secret of a file ("whsec_" and base64). */
int check_secret(struct check_opts *, const char *, struct err *);

/* Standard Webhooks 1.0.0. */
const char *check_webhook(const struct check_opts *, const struct web_req *);

/* A Slack incoming webhook. */
const char *check_slack(const struct web_req *);

/* PagerDuty Events API v2. */
const char *check_pagerduty(const struct web_req *);

#endif
