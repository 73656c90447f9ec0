#ifndef AUDITOR_DB_MATCH_STORE_H
#define AUDITOR_DB_MATCH_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

struct conf;
struct judge_match;
struct watch_base;
struct watch_set;

/* Storing what matched: certificates, issuances, entries; all their SQL. */

struct match_in {
	struct db		*db;
	const struct conf	*conf;
	const struct watch_set	*watches;	/* patterns by number */
	struct watch_base	*base;		/* memory for rule 5 */
	int			 log_ref;
	const char		*log_name;	/* log.description */
	int64_t			 head_id;	/* with the proof, else 0 */
	uint64_t		 proof_size;
};

/*
 * Store ${n} matches and decide about their issuances, inside the caller's
 * transaction.  With a proof (head_id) the entries are stored too, each with
 * its audit path in the tree of proof_size; without one only what is needed
 * to announce a certificate early: those that are of the baseline, or whose
 * CA signature is not valid, wait.  Malformed entries become findings with
 * the proof.
 */
int match_store(const struct match_in *, const struct judge_match *const *,
    size_t n, struct err *);

/* An issuer that is known: *found, its key's hash, its DER in ${der}. */
int issuer_load(struct db *, const uint8_t fp[32], int *found,
    uint8_t key[32], struct buf *der, struct err *);

/* Store an issuer; ${owner} NULL when nobody knows. */
int issuer_store(struct db *, struct span der, const uint8_t key[32],
    const char *owner, struct err *);

#endif
