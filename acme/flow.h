#ifndef ACME_FLOW_H
#define ACME_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "acme/ask.h"
#include "acme/authz.h"
#include "acme/directory.h"
#include "acme/order.h"
#include "acme/problem.h"
#include "acme/url.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * One order, from names to a certificate (RFC 8555 7.4), as a machine without
 * sockets, keys or clock.  All times are wall clock, microseconds.
 *
 *	flow_start() or flow_load()
 *	each time something happened, and at flow_when():
 *		do what flow_events() says
 *		while flow_ask() gives a request:
 *			flow_save() and store that durably, then send it
 *		flow_reply() with each answer, or with status 0 if none came
 *
 * A flow that was stored before each request went out and is loaded again
 * reads the order before it does anything else, so that a death at any moment
 * neither loses an order nor finalizes a second one.
 */
struct flow;

/* What to order.  All is borrowed for the call. */
struct flow_want {
	const char *const *names;	/* as order_ident() takes them */
	size_t		 nnames;	/* at most LIMIT_ACME_NAMES */
	const enum challenge_type *prefer;	/* what can be placed, the
					   best first */
	size_t		 nprefer;
	const char	*profile;	/* or NULL */
	int		 profile_required;	/* fail without it, else
						   order without it */
	const char	*replaces;	/* certID (RFC 9773 4.1), or NULL; not
					   looked at where the directory has
					   no renewalInfo */
	int64_t		 not_after;	/* 0: the CA's choice */
	int64_t		 deadline;	/* then it fails */
	int64_t		 poll_us;	/* first wait for a change of state;
					   0: 100 ms */
	int		 alternates;	/* get the other chains, too */
};

/*
 * Begin.  ${pin} is borrowed and must live as long as the flow.  NULL, with
 * ERR_FORMAT (a name, replaces), ERR_LIMIT, ERR_CONF (no challenge fits a
 * name; a required profile that the directory does not offer).
 */
struct flow *flow_start(const struct directory *, const struct url_pin *pin,
    const struct flow_want *, struct err *);
void flow_free(struct flow *);

/* --- requests --- */

/*
 * The next request that may be sent now: 1, with an id that is not 0, or 0
 * when there is none.  There can be several at a time, as many as there are
 * authorizations; who wants fewer under way asks later.  The strings live
 * until the next call with this flow that is not flow_save().
 */
int flow_ask(struct flow *, int64_t now, uint32_t *id, struct acme_ask *);

/*
 * The answer to a request.  Must be called once for each, with status 0 when
 * no answer came; ids that are no longer waited for are ignored.
 */
void flow_reply(struct flow *, uint32_t id, const struct acme_reply *,
    int64_t now);

/*
 * When flow_ask() is to be called again without anything having happened;
 * INT64_MAX: never.
 */
int64_t flow_when(const struct flow *);

/*
 * Something hints at a change (the CA's validation was seen): look now, but
 * not sooner than the CA has said (Retry-After).
 */
void flow_hurry(struct flow *, int64_t now);

/* --- what the caller must do --- */

enum flow_event {
	FLOW_PLACE	= 1,	/* some flow_place() is FLOW_PLACE_WANTED */
	FLOW_REMOVE	= 2,	/* some flow_place() is FLOW_PLACE_REMOVE */
	FLOW_FINALIZE	= 4,	/* store what to expect, flow_finalize() */
	FLOW_PICK	= 8,	/* the certificate is there: flow_pick() */
	FLOW_DONE	= 16,
	FLOW_FAILED	= 32	/* flow_why(); nothing more is asked */
};

/* All that apply, as bits. */
unsigned flow_events(const struct flow *);

enum flow_place_state {
	FLOW_PLACE_NONE		= 0,	/* nothing to do (yet) */
	FLOW_PLACE_WANTED	= 1,	/* place it, then flow_placed() */
	FLOW_PLACE_PLACED	= 2,
	FLOW_PLACE_REMOVE	= 3,	/* take it away, flow_removed(); it may
					   never have been placed */
	FLOW_PLACE_REMOVED	= 4
};

/* One challenge, that of one authorization.  The strings are the flow's. */
struct flow_place {
	enum flow_place_state	 state;
	struct order_ident	 ident;
	enum challenge_type	 type;
	const char		*token;		/* NULL: dns-persist-01 */
	const char		*account;	/* accounturi, or NULL */
	const char *const	*issuers;	/* dns-persist-01 */
	size_t			 nissuers;
	const char		*authz;		/* URL */
	const struct order_ident *all;		/* of the order */
	size_t			 nall;
	unsigned		 remaining;	/* others of this type behind
						   it that are wanted now */
};

/*
 * How many there are: one for each authorization.  After flow_load() those
 * that were placed are wanted again: placing must be idempotent.  The record
 * of dns-persist-01 is a standing grant: whether to take that away is the
 * caller's choice.
 */
size_t flow_places(const struct flow *);
void flow_place(const struct flow *, size_t i, struct flow_place *);

/*
 * Challenge ${i} can be seen by the CA; or it cannot be placed, because of
 * ${why}: then the next of the preferred types is wanted, or the order fails.
 * Ignored when it is not wanted.
 */
void flow_placed(struct flow *, size_t i, int64_t now);
void flow_not_placed(struct flow *, size_t i, const char *why, int64_t now);
void flow_removed(struct flow *, size_t i);

/*
 * The CSR, base64url of its DER; whatever must be expected of it is durable
 * now.  Ignored when it is not asked for.  0 or -1 ERR_FORMAT, ERR_LIMIT.
 */
int flow_finalize(struct flow *, const char *csr, int64_t now, struct err *);

/* Give up: as if it had failed because of ${why}, a sentence. */
void flow_stop(struct flow *, const char *why, int64_t now);

/*
 * Give up for now, because of ${why}: the CA is away.  The order is not over
 * with that, as flow_unfinished() says.
 */
void flow_leave(struct flow *, const char *why, int64_t now);

/* --- what came of it --- */

/* The chains in PEM, the CA's own choice first; an empty span behind. */
size_t flow_chains(const struct flow *);
struct span flow_chain(const struct flow *, size_t i);

/* Chain ${i} it is: done.  And which it was. */
void flow_pick(struct flow *, size_t i);
size_t flow_picked(const struct flow *);

/* Why it failed: a sentence; "" when it has not. */
const char *flow_why(const struct flow *);

/* The CA's own problem, or NULL. */
const struct problem *flow_problem(const struct flow *);

/* Whether the same makes sense again, and not before when (0: unsaid). */
enum problem_when flow_again(const struct flow *, int64_t *not_before);

/*
 * May a certificate exist for the CSR?  Also after a failure: the request may
 * have come through.
 */
int flow_maybe_issued(const struct flow *);

/*
 * It has failed, but only because the CA was away, or did not come to an end
 * with a certificate that it may be making: the order is not over.  Whoever
 * orders again at once may get two certificates; what was stored last is to
 * be loaded the next time instead.  Not for ever: 0 when the order is older
 * than LIMIT_ACME_ORDER_AGE.
 */
int flow_unfinished(const struct flow *);

/*
 * Look once more for the certificate of a failed order that may have been
 * issued: it is read again and goes on until the new deadline.  -1 when
 * nothing can be there.
 */
int flow_reopen(struct flow *, int64_t deadline, int64_t now);

/*
 * The order's URL, NULL before there is one; the profile of the order as the
 * CA said it, or NULL; whether it was made with `replaces`.
 */
const char *flow_order(const struct flow *);
const char *flow_profile(const struct flow *);
int flow_replaces(const struct flow *);

/* The identifiers, each once, in the order in which they were given. */
const struct order_ident *flow_idents(const struct flow *, size_t *n);

/* --- storing --- */

/* Append all of it as JSON. */
void flow_save(const struct flow *, struct buf *);

/*
 * Back from there.  ${deadline} replaces the stored one unless it is 0.
 * NULL with ERR_FORMAT, ERR_LIMIT or ERR_PERM (a URL that does not fit the
 * pin any more).
 */
struct flow_resume {
	const struct url_pin	*pin;		/* as for flow_start() */
	int64_t			 now;
	int64_t			 deadline;
};
struct flow *flow_load(struct span, const struct flow_resume *,
    struct err *);

#endif
