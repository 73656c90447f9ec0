#ifndef AUDITOR_ALERT_MESSAGE_H
#define AUDITOR_ALERT_MESSAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limit.h"

/*
 * What is said, in every channel: pure functions over the findings' JSON
 * objects of contract.md.  Text from certificates and logs is cleaned
 * (control, bidirectional and invisible characters are written out).
 */
struct message {
	const char	*id;		/* webhook-id: uuid; borrowed */
	const char	*purpose;	/* finding, test, digest, ... */
	const char	*event;		/* opened, escalated, resolved, ... */
	int64_t		 at;		/* of the event, microseconds */
	json_t		*findings;	/* array; owned */
	size_t		 more;		/* findings that are not in it */
	json_t		*data;		/* owned: digest, notice; NULL */
};

#define MESSAGE_INIT { NULL, NULL, NULL, 0, NULL, 0, NULL }

void message_free(struct message *);

/*
 * A request to a receiver, as the builders make it.  Headers are whole lines
 * without newline; method POST.
 */
struct message_req {
	char		*headers[LIMIT_HTTP_HEADERS];	/* owned */
	size_t		 nheaders;
	struct buf	 body;
};

/* Add a header line, printf-style; more than the limit aborts. */
void message_header(struct message_req *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Free what it owns (wiped: it may hold a routing key). */
void message_req_free(struct message_req *);

/*
 * Append ${text} cleaned, at most ${cap} bytes; NULL and "" give ${other}.
 */
void message_clean(struct buf *, const char *text, size_t cap,
    const char *other);

/* The string at ${key} of an object; "" when it is not a string. */
const char *message_get(const json_t *, const char *key);

/* One line: severity, kind, name, how many more.  At most ${cap} bytes. */
void message_summary(const struct message *, size_t cap, struct buf *);

/*
 * One screen: for each finding severity, name and how many more; issuer owner
 * and whether it is the first time; key; CAA; served by; who could have
 * declared it; proven in which logs; the CA's contact; the next commands.
 * The first finding in full, the others a line each, at most ${cap} bytes
 * (what does not fit is counted).
 */
void message_text(const struct message *, size_t cap, struct buf *);

/* The text of one finding alone, without commands when ${commands} is 0. */
void message_finding(const json_t *finding, int commands, struct buf *);

/*
 * The commands that a person can use next on a finding (its object), as a new
 * array of strings: first what mends it.  Nothing in them is for a shell to
 * see but the command.
 */
json_t *message_next(const json_t *finding);

#endif
