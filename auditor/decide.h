#ifndef AUDITOR_DECIDE_H
#define AUDITOR_DECIDE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

struct conf;
struct issuance_decision;
struct issuance_said;

/*
 * The decision about an issuance: the eight rules of contract.md, in their
 * order, on facts that are stored with the result.
 */

/* One (entry, watch) pair that matched; strings borrowed. */
struct decide_match {
	int		 log_ref;	/* log.id */
	int64_t		 index;
	int64_t		 timestamp_ms;
	int64_t		 watch_id;
	const char	*pattern;	/* the watch */
	const char	*owner;		/* of the watch */
	const char	*policy;	/* of the watch */
	const char	*name;		/* its name that matched */
	int		 baseline;	/* rule 5 applies to this entry */
	int64_t		 there_at;	/* when a head had it; INT64_MIN: older */
	int64_t		 late_s;	/* the log dates it so long behind the
					   beginning of the watch; <= 0: before */
};

/*
 * Decide about the issuance ${tbs} (its row exists, with names, keys, issuer
 * owner and `issued`), which has these ${n} matches.  Called inside the
 * transaction that stores them: early, when the CA's signature is valid and
 * the proof is still out (${proven} 0), and again with the proof (${proven} 1).
 * Stores decision, rule, reason and facts in the issuance, uses up an
 * expectation, opens findings (one per owner).  Deciding again never makes a
 * second message.
 */
int decide_issuance(struct db *, const struct conf *, const struct span *tbs,
    const struct decide_match *, size_t, int proven, struct err *);

/* One issuance and its matches. */
struct decide_one {
	struct span			 tbs;
	const struct decide_match	*m;
	size_t				 n;
	int				 named;	/* certificate_name has the
						   names of the issuance */
};

/*
 * The same for many issuances, each once and in the order of tbs.  Those that
 * nobody needs to hear of (history, above all) are decided about together, and
 * before the others, for which they count as usual; so are those that were
 * ordered.
 */
int decide_all(struct db *, const struct conf *, const struct decide_one *,
    size_t, int proven, struct err *);

/* One that may not be stored yet, as it will be; strings borrowed. */
struct decide_new {
	struct decide_one	 one;
	struct span		 issuer, key;	/* hashes of the keys */
	const char		*serial;
	const char		*key_type;
	const char		*owner;		/* of the issuer; "" not known */
	const char		*issued;
	struct db_strs		 names;
	int64_t			 not_before;	/* microseconds */
	int			 twin;		/* another of them has its
						   issuer and serial */
};

/* What was decided about some of them, in their order. */
struct decide_done {
	struct issuance_decision	*v;
	struct issuance_said		*said;	/* what rules said, each once */
	char				**own;	/* what their strings lie in */
	size_t				 n, nsaid, nown, cap, scap, ocap;
	int				 fresh;	/* none of those asked about
						   was stored */
};

/*
 * Decide about those of ${n} that are not stored and that nobody needs to hear
 * of, so that they are stored with what was decided: as decide_all() would, had
 * they been stored without.  What somebody else stores meanwhile keeps what is
 * there, and goes through decide_all().  decide_ahead_open() looks all of them
 * up, NULL on error; decide_ahead() decides about ${n} of them from ${i} on,
 * each once, and its result is freed with decide_done_free().
 */
struct decide_ahead;
struct decide_ahead *decide_ahead_open(struct db *, const struct conf *,
    const struct decide_new *, size_t n, int proven, struct err *);
int decide_ahead(struct decide_ahead *, size_t i, size_t n,
    struct decide_done *, struct err *);
void decide_ahead_free(struct decide_ahead *);
void decide_done_free(struct decide_done *);

/*
 * Decide again about an issuance that was decided about before, with the
 * matches that are stored with it and the policies that its watches have now:
 * after a declaration, or when a hold has ended.  A finding that was open,
 * that nobody acknowledged, and that has no reason any more is retracted.
 * Nothing happens when it was not decided about yet; ERR_NOENT when there is
 * no such issuance.
 */
int decide_again(struct db *, const struct conf *, const struct span *tbs,
    struct err *);

/*
 * The same for all issuances that are not silent and have one of these
 * tbs_sha256 or one of these keys (spki_sha256): what follows a declaration.
 * ${all} includes the silent ones: what follows its removal.  *n: how many
 * became silent, or are silent no more; may be NULL.
 */
int decide_declared(struct db *, const struct conf *, const struct db_spans *,
    int all, size_t *n, struct err *);

/*
 * Holds that have ended: decide again without rule 6, in transactions of its
 * own; several workers may do so at once.  *n: how many; may be NULL.
 */
int decide_holds(struct db *, const struct conf *, size_t *, struct err *);

#endif
