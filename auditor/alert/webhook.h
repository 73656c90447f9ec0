#ifndef AUDITOR_ALERT_WEBHOOK_H
#define AUDITOR_ALERT_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/alert/message.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Standard Webhooks 1.0.0: body {"type", "timestamp", "data"}, headers
 * webhook-id, webhook-timestamp, webhook-signature (HMAC-SHA-256, "v1,").
 */

/*
 * The body, less than LIMIT_WEBHOOK_BODY bytes: lists of names are cut and
 * then findings left out, counted in `names_more` and `more`.
 */
void webhook_body(const struct message *, struct buf *);

/* The type of a message: finding.opened, test.ping, digest.daily ... */
void webhook_type(const struct message *, char *out, size_t cap);

/*
 * The headers of one attempt at ${now} (seconds); ${signatures} is what the
 * sign process answered.
 */
void webhook_headers(struct message_req *, const char *id, int64_t now,
    const char *signatures);

/*
 * Read a secret, "whsec_" and base64 of 24 to 64 bytes: appended to ${out}.
 * 0 or -1 ERR_CONF.
 */
int webhook_secret(const char *text, struct buf *out, struct err *);

/* Append "v1,BASE64": the signature of id "." timestamp "." body. */
void webhook_sign(struct span key, const char *id, int64_t timestamp,
    struct span body, struct buf *out);

/* 1 when it is a uuid in lower-case hex. */
int webhook_is_uuid(const char *);

#endif
