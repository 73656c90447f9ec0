#ifndef AUDITOR_DB_FINDING_H
#define AUDITOR_DB_FINDING_H

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
	const char	*subject;	/* by kind: hash in hex, URL, log id ... */
	const char	*owner;		/* of the watch; "" when nobody's */
	const char	*severity;
	const char	*watch;		/* pattern, "" */
	const char	*name;		/* the name that matched, "" */
	const char	*reason;	/* one sentence */
	int		 rule;		/* contract.md's rule, 0: none */
	int		 proven;	/* inclusion proven */
	int		 digest_only;	/* lowered: goes into the digest */
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
 * matching route names (unless a silence mutes it, or digest_only).  *id is
 * its id, *fresh 1 when an event was made; both may be NULL.
 */
int finding_open(struct db *, const struct finding *, int64_t *, int *,
    struct err *);

/*
 * The fault is gone: state `resolved`, and a `resolved` event to where
 * `opened` went.  Nothing happens when it is not open or acked.
 */
int finding_resolve(struct db *, const char *kind, const char *subject,
    const char *owner, const char *reason, struct err *);

/* Set proven on the findings with this subject; says nothing to anybody. */
int finding_proven(struct db *, const char *subject, struct err *);

#endif
