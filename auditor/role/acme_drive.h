#ifndef AUDITOR_ROLE_ACME_DRIVE_H
#define AUDITOR_ROLE_ACME_DRIVE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/flow.h"
#include "auditor/role/acme_defer.h"
#include "auditor/role/acme_place.h"
#include "auditor/role/acme_silence.h"
#include "auditor/role/acme_talk.h"
#include "base/err.h"

/*
 * One flow (acme/flow.h) and what moves it: its challenges are placed, its
 * requests sent, its answers heard.  Several may share one talk and one place.
 * What flow_events() wants of the caller (FINALIZE, PICK) is the caller's.
 */

/* Requests of one flow that are under way. */
#define ACME_DRIVE_FLYING	32

struct acme_drive {
	struct flow		*flow;		/* owned */
	struct acme_talk	*talk;		/* borrowed, as all of these */
	struct acme_place	*place;
	const char		*thumbprint;	/* of the account's key */
	const char		*key;		/* the certificate's, or "" */
	/* what is needed to go on, before this is asked; or NULL */
	int	(*save)(void *, const struct flow *, const struct acme_ask *,
		    struct err *);
	void	(*tell)(void *, const char *);	/* progress; or NULL */
	void			*arg;		/* of both */
	/* requests under way: number in the talk, and in the flow */
	struct { uint64_t sent; uint32_t ask; } fly[ACME_DRIVE_FLYING];
	size_t			 nfly;
	int			 putting;	/* some are not placed yet */
	int			 stopped;	/* the talk says: not now */
	struct acme_silence	 silence;	/* of the CA, to this flow */
	enum err_code		 left;		/* it was left because of it:
						   acme_silence_code() */
	/* by the flow's number of the place; owned */
	struct acme_defer	**defer;
	size_t			 ndefer;
	unsigned		 hits;		/* that were heeded */
	struct err		 broken;	/* a process that placed has died */
};

/* Nothing under way, no flow any more; requests that fly are ignored. */
void acme_drive_end(struct acme_drive *);

/*
 * Place and take away what the flow wants, or go on with that: where it takes
 * time it is done later.  What cannot be is told.
 */
void acme_drive_place(struct acme_drive *);

/* Is something being placed or taken away still? */
int acme_drive_busy(const struct acme_drive *);

/*
 * The order is over, done or not, and nothing moves its flow any more: what is
 * placed still is taken away when it is done, else it stays for whoever goes
 * on.  What is being taken away is so with acme_drive_place().
 */
void acme_drive_over(struct acme_drive *, int done);

/*
 * Take away whatever is still placed, because it stops in the middle; waits
 * for that.
 */
void acme_drive_unplace(struct acme_drive *);

/*
 * Somebody was given this answer: if it is one of ours, the CA is asked soon.
 * Anybody may come and be given it, so that only a few count.
 */
void acme_drive_hit(struct acme_drive *, const struct challenge_hit *);

/*
 * Send all that may be sent now; a CA that does not answer is told of, and at
 * LIMIT_ACME_SILENCE the flow is left (flow_leave()).  0, or -1: what was to be saved is not, or a
 * process of ours has died or refuses (ERR_SYS, ERR_TEMP: go on another time).
 */
int acme_drive_send(struct acme_drive *, struct err *);

/* Answer ${sent} of the talk came: 1 it was this flow's, 0. */
int acme_drive_reply(struct acme_drive *, uint64_t sent,
    const struct acme_reply *);

/*
 * When to go on without anything having happened, wall clock; and what else
 * to poll for reading: at most ${n} are filled in, how many.
 */
int64_t acme_drive_when(struct acme_drive *);
size_t acme_drive_polls(const struct acme_drive *, struct pollfd *, size_t n);

/*
 * Alone on its talk: wait for an answer until the flow wants to go on, at
 * most a second.  0, or -1: a process of ours is gone.
 */
int acme_drive_hear(struct acme_drive *, struct err *);

#endif
