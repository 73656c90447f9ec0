#ifndef AUDITOR_DB_ISSUANCE_H
#define AUDITOR_DB_ISSUANCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/* What the database knows for a decision, and where the decision goes. */

/*
 * The rows of the issuances ${tbs}, a row each, in order; they are locked until
 * the transaction ends.
 */
int issuance_rows(struct db *, const struct db_spans *tbs, struct db_res **,
    struct err *);

/*
 * Row ${i} of them, a new object:
 *
 *	first_seen, not_before, not_after (microseconds), proven,
 *	spki_sha256, issuer_spki_sha256 (hex), serial, key_type, names,
 *	issuer_owner, issued, subject, issuer, decision, facts (of the
 *	decision before)
 *
 * NULL with ERR_NOENT when there is no such issuance.
 */
json_t *issuance_row(const struct db_res *, size_t i, struct err *);

/* By what one is looked up; strings borrowed. */
struct issuance_key {
	struct span	 tbs, issuer, key;	/* issuer: its key */
	const char	*serial;
	const char	*owner;		/* of the issuer; NULL: not known */
	const char	*names;		/* folded, that matched: text of an
					   array */
};

/* What is known about them: row i of the answer is about number nr. */
enum { ISSUANCE_NR, ISSUANCE_WHAT, ISSUANCE_V };

/*
 * What else the database knows for the decisions about ${n} of them, in one
 * answer with a row for each thing, whose value is a text or an object:
 *
 *	now (nr 0): microseconds
 *	source (nr 0): {name, names, issuers, until}
 *	log (nr is its number, of ${refs}): description
 *	policy (nr is a watch's number, of ${watches}): its policy now
 *
 * and, from 1 on, number nr of them:
 *
 *	old: it is stored (only with ${ahead}; nothing else is said of it then)
 *	usual: a name for which the issuer owner is usual
 *	first: microseconds, when that owner issued for a name (not ${ahead})
 *	known: {id, tbs, key, names, issuer_owner, until, trust, place}
 *	expect: {id, state, names, issuer_owner, from, to} (ms)
 *	ours: the same of our own orders with this key, in any state, with
 *	order (name), used (tbs or null), received (this one was)
 *	twin: tbs of another one with its issuer and serial
 *	finding: {id, kind, owner, state}
 */
int issuance_look(struct db *, const struct issuance_key *, size_t n,
    const struct db_ints *refs, const struct db_ints *watches, int ahead,
    struct db_res **, struct err *);

/* A text that many issuances share, by the beginning of its SHA-256. */
#define ISSUANCE_SAID	16
struct issuance_said {
	uint8_t		 id[ISSUANCE_SAID];
	const char	*body;
};

/* What was decided; strings borrowed. */
struct issuance_decision {
	struct span		 tbs;
	const char		*decision;
	int			 rule;
	const char		*reason;
	const char		*facts;		/* JSON object */
	uint8_t			 said[ISSUANCE_SAID]; /* what the rules said */
	int64_t			 hold_until;	/* microseconds; INT64_MIN */
	int			 proven;	/* sets logged_at */
	const char		*names;		/* folded, for certificate_name:
						   text of an array */
};

/* Store ${n} texts, those that are not there (pushed). */
int issuance_say(struct db *, const struct issuance_said *, size_t n,
    struct err *);

/* Store them (pushed: db_sync() or the commit tells of an error). */
int issuance_decided(struct db *, const struct issuance_decision *, size_t,
    struct err *);

/*
 * Take up to ${max} issuances whose hold has ended: they are locked, and their
 * hold_until is gone.  Column 0 is the tbs.
 */
int issuance_due(struct db *, size_t max, struct db_res **, struct err *);

/*
 * Issuances that were decided about and have one of these tbs_sha256 or
 * spki_sha256; ${all} 0: those that are not silent.  Column 0 is the tbs.
 */
int issuance_affected(struct db *, const struct db_spans *, int all,
    struct db_res **, struct err *);

/* The tbs_sha256 that a finding or 64 hex digits name: 0 or ERR_NOENT. */
int issuance_find(struct db *, const char *what, uint8_t tbs[32],
    int64_t *finding, struct err *);

#endif
