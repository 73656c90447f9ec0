#ifndef AUDITOR_ROLE_ACME_CREW_H
#define AUDITOR_ROLE_ACME_CREW_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/role/acme_order.h"
#include "base/err.h"
#include "base/limit.h"

/*
 * Orders that are under way side by side, LIMIT_ACME_FLIGHT at most, over one
 * talk and one place.  All zero but for the first five is an empty one.
 */
struct acme_crew {
	struct acme_talk	*talk;		/* borrowed, as these are */
	struct acme_place	*place;
	struct acme_preflight	*pre;		/* or NULL */
	/* an answer that is of none of the orders; or NULL */
	void	(*other)(void *, uint64_t id, const struct acme_reply *);
	void			*arg;
	struct acme_crew_job	*job[LIMIT_ACME_FLIGHT];	/* owned */
	size_t			 n;
};

/*
 * What came of one: ${rc} 0 and the result, which is freed afterwards, or -1
 * and why.  May add others.
 */
typedef void acme_crew_done(void *, int rc, const struct acme_order_result *,
    const struct err *);

/*
 * Begin one; the order (talk, place and pre-flight are filled in) and what it points at
 * are borrowed until it is done, which it may be before this returns.  Not
 * when LIMIT_ACME_FLIGHT are under way.
 */
void acme_crew_add(struct acme_crew *, struct acme_order *, acme_crew_done *,
    void *arg);

/* Is one of that name under way? */
int acme_crew_has(const struct acme_crew *, const char *name);

/* What to poll: how many of at most ${n}; and until when, wall clock. */
size_t acme_crew_polls(const struct acme_crew *, struct pollfd *, size_t n);
int64_t acme_crew_when(const struct acme_crew *);

/* Take what came and go on with all: 0, or -1: a process of ours is gone. */
int acme_crew_turn(struct acme_crew *, struct err *);

/* Wait, and turn: for who has nothing else to do. */
int acme_crew_wait(struct acme_crew *, struct err *);

/* Leave all of them as they are, to be gone on with; nobody is told. */
void acme_crew_leave(struct acme_crew *);

#endif
