#ifndef ACME_FLOW_PART_H
#define ACME_FLOW_PART_H

#include "acme/flow.h"
#include "base/limit.h"

/* The inside of a flow, for flow*.c only. */

/* The latest moment, with room to add to it. */
#define FLOW_TIME_MAX (INT64_MAX / 4)

/* Stored: never changed, only added to. */
enum flow_state {
	FLOW_S_NEW	= 1,	/* newOrder */
	FLOW_S_ORDER	= 2,	/* read the order, to see where it is */
	FLOW_S_AUTHZ	= 3,	/* authorizations are read and proved */
	FLOW_S_READY	= 4,	/* all are valid: the order must see it */
	FLOW_S_CSR	= 5,	/* the caller's turn */
	FLOW_S_FINALIZE	= 6,
	FLOW_S_PROCESS	= 7,	/* read the order until it is valid */
	FLOW_S_CERT	= 8,	/* certificate, then alternates */
	FLOW_S_PICK	= 9,	/* the caller's turn */
	FLOW_S_WHY	= 10,	/* invalid: authorizations may say why */
	FLOW_S_CLEAN	= 11,	/* failed: pending ones are deactivated */
	FLOW_S_DONE	= 12,
	FLOW_S_FAILED	= 13,
	FLOW_S_MAX
};

/* One request at a time, and how often it was tried. */
struct flow_slot {
	enum acme_purpose	 purpose;	/* 0: nothing to ask */
	char			*url;
	char			*payload;
	int64_t			 due;
	uint32_t		 id;		/* under way; 0: not */
	unsigned		 nonces;	/* badNonce */
	unsigned		 losses;	/* no answer, 5xx, 429 */
	unsigned		 limits;	/* 429 without Retry-After */
	unsigned		 polls;		/* no change */
	int			 told;		/* due is as the CA said */
};

/* One authorization, and the challenge that is to prove it. */
struct flow_auth {
	char			*url;
	enum authz_status	 status;	/* 0: not read */
	struct authz		 read;		/* as read last; not stored */
	struct order_ident	 ident;		/* set with status */
	enum challenge_type	 type;		/* chosen; 0: none */
	char			*token;		/* of it, or NULL */
	unsigned		 declined;	/* types not placed, as bits */
	enum flow_place_state	 place;
	int			 held;		/* place is not set, but it was
						   before a load */
	int			 posted;	/* the CA was told to look */
	int			 told;		/* perhaps it was, once */
	char			*not_placed;	/* why, of the last */
	int			 refused;	/* the CA would not be told */
	struct problem		 problem;
	struct flow_slot	 slot;
};

struct flow {
	const struct url_pin	*pin;		/* borrowed */
	enum flow_state		 state;
	char			*new_order;	/* URL */
	struct order_ident	*ident;
	size_t			 nidents;
	enum challenge_type	 prefer[CHALLENGE_MAX];
	size_t			 nprefer;
	char			*profile;	/* to send, or NULL */
	int			 profile_required;
	char			*replaces;	/* to send, or NULL */
	int64_t			 not_after, deadline, poll_us;
	int			 alternates;

	char			*order;		/* URL */
	char			*finalize;	/* URL */
	char			*made_profile;	/* as the CA said */
	char			*csr;		/* base64url */
	int64_t			 made;		/* newOrder was answered */
	unsigned		 finalizes;	/* sent */
	int			 maybe;		/* one may have come through */
	int			 maybe_before;	/* before the last one */

	struct flow_auth	*auth;
	size_t			 nauths;
	struct flow_slot	 slot;		/* of the order */
	uint32_t		 serial;	/* of requests */

	struct buf		 chain[1 + LIMIT_ACME_ALTERNATES];
	size_t			 nchains, picked;
	char			*alt[LIMIT_ACME_ALTERNATES];
	size_t			 nalts, alt_at;

	char			*why;
	int			 unfinished;	/* not over at the CA */
	int			 resumed;	/* loaded; not stored */
	int			 anew;		/* once clean, order again */
	int			 has_problem;
	struct problem		 problem;
	enum problem_when	 again;
	int64_t			 not_before;
	int64_t			 clean_end;
};

/* What is ordered, as order.h wants it; borrowed from the flow. */
struct order_want flow_order_want(const struct flow *);

/*
 * This is to be asked, from ${due} on; what was before is forgotten, and a
 * late answer to it is ignored.  ${payload} is taken; NULL: POST-as-GET.
 * Counters go on when purpose and URL are the same as before.
 */
void flow_slot_set(struct flow_slot *, enum acme_purpose, const char *url,
    char *payload, int64_t due);
void flow_slot_clear(struct flow_slot *);

/* Read the order, or the authorization, at ${due}. */
void flow_get_order(struct flow *, int64_t due);
void flow_get_authz(struct flow_auth *, int64_t due);

/*
 * When to look again: as the answer says (Retry-After), else after a time
 * that doubles up to 5 s; a last time just before the deadline.
 */
int64_t flow_poll(struct flow *, struct flow_slot *,
    const struct acme_reply *, int64_t now);

/* Enter a state with what is to be asked in it. */
void flow_to_new(struct flow *, int64_t now);
void flow_to_cert(struct flow *, const char *url, int64_t now);
void flow_to_finalize(struct flow *, int64_t now);

/*
 * The order is pending: read its authorizations, which are ${n} URLs.  -1
 * ERR_FORMAT when they are others than before.
 */
int flow_to_authz(struct flow *, char *const *urls, size_t n, int64_t now,
    struct err *);

/* The same when it is invalid, to learn why. */
void flow_to_why(struct flow *, char *const *urls, size_t n, int64_t now);

/* All authorizations valid: the order is read.  Else nothing. */
void flow_all_valid(struct flow *, int64_t now);

/* Choose what proves the authorization; the flow fails when nothing can. */
void flow_choose(struct flow *, struct flow_auth *, int64_t now);

/*
 * It has failed, for a reason of ours, in which texts of others must be
 * escaped already; for one of the CA's (${p} is taken).
 */
void flow_fail(struct flow *, enum problem_when, int64_t now,
    const char *, ...) __attribute__((format(printf, 4, 5)));
void flow_fail_problem(struct flow *, struct problem *p, const char *what,
    int64_t now);

/* It is about to fail, though the order is not over: say so if it is young. */
void flow_keep(struct flow *, int64_t now);

/* Its challenge is to be placed; is of no use any more, if it was placed. */
void flow_want_place(struct flow_auth *);
void flow_take_away(struct flow_auth *);

/* Challenges are taken away, pending authorizations deactivated. */
void flow_clean(struct flow *, int64_t now);

/*
 * The end of cleaning, once nothing is left to ask; or, once nothing is left
 * to take away, the beginning of another order.
 */
void flow_cleaned(struct flow *);

/*
 * The order is dead.  If it was gone on with, and nothing that was done since
 * can be the reason, the death of who began it may be: the CA looked for a
 * challenge that was not there any more.  Then (1) it is ordered anew, once.
 * ${said}: why, or NULL.
 */
int flow_anew(struct flow *, const struct problem *said, int64_t now);

void flow_auth_free(struct flow_auth *);

/* Take one answer that is neither lost nor about nonces. */
void flow_take(struct flow *, struct flow_slot *, struct flow_auth *,
    const struct acme_reply *, int64_t now);

/* A copy of a problem. */
void flow_problem_copy(struct problem *, const struct problem *);

#endif
