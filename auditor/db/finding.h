#ifndef AUDITOR_DB_FINDING_H
#define AUDITOR_DB_FINDING_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Findings: verdicts that somebody must hear of.  One per (kind, subject,
 * owner); dedupe_key is stable over restarts, re-reads and restores.  All of
 * these run inside the caller's transaction, so that a finding, its events
 * and its deliveries commit together with what caused it.
 */

struct finding {
	const char	*kind;		/* contract.md, "Findings" */
	const char	*subject;	/* by kind: hash in hex, URL, log id */
	const char	*owner;		/* of the watch; "" when nobody's */
	const char	*severity;
	const char	*watch;		/* pattern, "" */
	const char	*name;		/* the name that matched, "" */
	const char	*reason;	/* one sentence */
	int		 rule;		/* contract.md's rule, 0: none */
	int		 proven;	/* inclusion proven */
	int		 digest_only;	/* lowered: goes into the digest */
	int		 anew;		/* not what it was opened for before; */
#define FINDING_GRAVER	2		/* and what an open one lacked */
	const char	*issuer_owner;	/* NULL: unknown */
	int64_t		 issuer_first_seen; /* microseconds, INT64_MIN: now */
	const char	*key_status;	/* new, known, compromised; NULL */
	const char	*caa;		/* NULL: not looked at */
	const char	*nearest_source;/* NULL */
	const char	*ca_contact;	/* NULL */
	struct db_strs	 logs;		/* descriptions */
	const char	*detail;	/* JSON object text, NULL: {} */
};

/*
 * Open a finding, or touch the one that is there (last_seen, proven, logs,
 * a severity that rose).  A new one, or one that was resolved and is back,
 * makes an `opened` event and one delivery per channel that the first
 * matching route names (unless a silence mutes it, or digest_only); a
 * severity that rose makes an `escalated` event.  With anew, one that a person
 * acked, rejected or contained is back as well; FINDING_GRAVER makes an
 * `escalated` event of an open one.  One that was accepted is only
 * touched.  *id is its id, *fresh 1 when an event was made; both may be
 * NULL.
 */
int finding_open(struct db *, const struct finding *, int64_t *, int *,
    struct err *);

/* The same of each of ${n}, in order; those that are new together. */
int finding_open_all(struct db *, const struct finding *, size_t n,
    struct err *);

/*
 * The fault is gone: state `resolved`, and a `resolved` event to where
 * `opened` went.  Nothing happens when it is not open or acked.  ERR_PERM
 * for certificate.unexpected: only a person resolves it.
 */
int finding_resolve(struct db *, const char *kind, const char *subject,
    const char *owner, const char *reason, struct err *);

/*
 * It was no fault: what it is about has been declared since.  State
 * `resolved`, and a `retracted` event to where `opened` went.  Nothing
 * happens when it is not open.
 */
int finding_retract(struct db *, int64_t id, const char *reason,
    struct err *);

/* Set proven on the findings with this subject; says nothing to anybody. */
int finding_proven(struct db *, const char *subject, struct err *);

/*
 * A person (or a job that speaks for one) changes the state: acked, accepted,
 * rejected, contained or resolved.  acked makes an `acked` event (which only
 * channels that know acknowledgement receive), accepted a `retracted` one,
 * resolved a `resolved` one, each to where `opened` went.  ERR_NOENT for an
 * unknown id; ERR_USAGE when the state it is in does not allow it.  The same
 * state again is fine and says nothing.
 */
int finding_change(struct db *, int64_t id, const char *state,
    const char *author, const char *reason, struct err *);

/* --- looking ----------------------------------------------------------- */

/* Which findings; all fields may be left zero (then: every one). */
struct finding_filter {
	int64_t		 id;		/* this one alone */
	int64_t		 after;		/* ids above */
	int64_t		 since;		/* last_seen at or after; 0: any */
	int		 open;		/* open, acked or rejected */
	int		 silenced;	/* muted by a silence, or digest only */
	const char	*severity;	/* this one or worse */
	const char	*kind;
	const char	*owner;		/* "" is an owner; NULL: any */
	const char	*subject;
	size_t		 limit;		/* 0: LIMIT_FINDING_PAGE */
};

/* JSON objects of contract.md, by id, as a new array; NULL on error. */
json_t *finding_list(struct db *, const struct finding_filter *,
    struct err *);

/* One of them, or NULL with ERR_NOENT. */
json_t *finding_load(struct db *, int64_t id, struct err *);

/*
 * What rules silenced without a finding: issuances decided `silent` with an
 * expectation or a declaration, first seen at or after ${since}, as a new
 * array of objects like findings (id null, kind certificate.silent).
 */
json_t *finding_silent(struct db *, int64_t since, size_t limit,
    struct err *);

/*
 * What happened from ${since} to ${until} for the digest (see
 * auditor/alert/digest.h): a new object.
 */
json_t *finding_digest(struct db *, int64_t since, int64_t until,
    struct err *);

/*
 * The columns of a finding row (alias f) for a query, and the object of row
 * ${i} of its result, the first of these columns being number ${col}.
 */
extern const char finding_cols[];
#define FINDING_NCOLS 27
json_t *finding_row(const struct db_res *, size_t i, size_t col);

#endif
