#ifndef AUDITOR_DB_OUTBOX_H
#define AUDITOR_DB_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/alert/exec.h"
#include "auditor/alert/message.h"
#include "auditor/alert/route.h"
#include "auditor/db/channel.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The outbox: one row per (group of events, channel).  A row is written in
 * the transaction of what it tells; it is claimed with a lease and a token,
 * and only the holder of the newest token can finish it.  Time is the
 * database's.  What is promised: nothing is lost, it is delivered at least
 * once, every attempt carries the same webhook-id, and a channel that is dead
 * neither delays nor repeats another's.
 */

#define OUTBOX_LEASE	90	/* seconds: the longest attempt and some */
#define OUTBOX_FLIGHT	4	/* attempts at once to one channel */

/*
 * An event of ${n} findings (opened, escalated), each to the channels of its
 * route: the event rows, and the deliveries.  channel.failed never goes to the channel
 * that it is about.  *sent: how many deliveries were made or joined; may be
 * NULL.
 */
int outbox_event(struct db *, const struct route_facts *, size_t n,
    const char *event, size_t *sent, struct err *);

/*
 * An event (resolved, retracted, acked) to the channels that heard of the
 * finding since it was opened last; acked only to those of kind pagerduty.
 */
int outbox_follow(struct db *, int64_t finding_id, const char *event,
    struct err *);

/*
 * A message that is about no finding: test, digest, notice.  ${data} is JSON
 * text of an object.  *id is the delivery's; may be NULL.
 */
int outbox_post(struct db *, const char *channel, const char *purpose,
    const char *data, int64_t *id, struct err *);

/* A claimed delivery. */
struct outbox_item {
	int64_t		 id;
	int64_t		 token;
	unsigned	 attempts;	/* this one counted */
	char		*webhook_id;
	char		*purpose;
	char		*body;		/* JSON text, NULL for findings */
	int64_t		 added_at;
	struct channel	*channel;	/* one; owned */
};

void outbox_item_free(struct outbox_item *, size_t n);

/* What to claim. */
struct outbox_ask {
	const char	*holder;
	int64_t		 only;		/* one delivery, 0: any */
	size_t		 max;
	struct db_strs	 leave;		/* channels whose secrets we cannot
					   read: to others, if there are any */
};

/*
 * Claim due deliveries, oldest first, at most OUTBOX_FLIGHT under way per
 * channel, a finding's messages to a channel one after the other.  Commits by
 * itself.
 */
int outbox_claim(struct db *, const struct outbox_ask *,
    struct outbox_item **out, size_t *n, struct err *);

/*
 * Is there another living worker that delivers?  *yes: 0 or 1.
 */
int outbox_others(struct db *, const char *holder, int *yes, struct err *);

/* The message of a claimed delivery: events and findings as they are now. */
int outbox_message(struct db *, const struct outbox_item *, struct message *,
    struct err *);

/* What there is about the certificate of a finding (subject: tbs hex). */
int outbox_cert(struct db *, const char *tbs, struct exec_cert *,
    struct err *);

/* How an attempt ended. */
struct outbox_result {
	int		 ok;
	int		 status;	/* HTTP, or exit status; 0: none */
	int		 gone;		/* 410: disable the channel */
	int64_t		 retry_after;	/* seconds; -1: not said */
	const char	*error;		/* one sentence; NULL when ok */
	const char	*reply;		/* what it answered, NULL */
};

/*
 * Finish an attempt under its token, with what follows: the next attempt, or
 * death of the delivery, the channel's health, finding channel.failed.
 * Commits by itself.  *stale (may be NULL) is 1, and nothing was changed,
 * when another worker has claimed it since.
 */
int outbox_finish(struct db *, const struct outbox_item *,
    const struct outbox_result *, int *stale, struct err *);

/* Give back what a holder that is gone had claimed; *n may be NULL. */
int outbox_release(struct db *, const char *holder, size_t *n, struct err *);

/* How the outbox stands. */
struct outbox_state {
	int64_t	pending;	/* to active channels, not finished */
	int64_t	fresh;		/* of these, not tried yet */
	int64_t	wait;		/* microseconds to the next due; -1: none */
};

int outbox_look(struct db *, struct outbox_state *, struct err *);

/*
 * Open channel.failed for channels that have failed for OUTBOX_FAILING
 * seconds.  Commits by itself.
 */
#define OUTBOX_FAILING	1800
int outbox_failing(struct db *, struct err *);

/* What to send again to a channel. */
struct outbox_replay {
	int64_t	since;		/* added at or after; INT64_MIN: not by time */
	int64_t	delivery;	/* this one; 0: not by id */
	int	dead;		/* all that are dead */
};

/*
 * Make deliveries pending again, with the same webhook-id, and switch the
 * channel on; *n: how many.
 */
int outbox_replay(struct db *, const char *channel,
    const struct outbox_replay *, size_t *n, struct err *);

/* How a delivery stands: for `channel test`. */
struct outbox_answer {
	int	finished;	/* delivered or dead, or tried once */
	int	ok;
	int	status;
	char	error[512];
	char	reply[LIMIT_BODY_REPLY + 1];
};

int outbox_answer(struct db *, int64_t id, struct outbox_answer *,
    struct err *);

/*
 * The digest of the day that ended at ${due} (microseconds) to these channels
 * (none named: to all), once however many workers ask; *sent is 1 when it was
 * this call.  The first call ever only notes where the first day begins.
 * Commits by itself.
 */
int outbox_digest(struct db *, const struct conf_strs *to, int64_t due,
    int *sent, struct err *);

/*
 * What would happen to an event of such a finding, as a new object: "route"
 * (number from 1, null: no route, every channel), "channels" (each name,
 * kind, state), "group" and "group_wait" (seconds), "silence" (id or null).
 */
json_t *outbox_explain(struct db *, const struct route_facts *, struct err *);

/*
 * Deliveries to a channel (NULL: any) that are dead or failed at least once
 * and are not delivered, newest first, as a new array: "id", "channel",
 * "state", "purpose", "attempts", "error", "status", "added_at", "due_at",
 * "findings".
 */
json_t *outbox_failures(struct db *, const char *channel, size_t limit,
    struct err *);

#endif
