#ifndef AUDITOR_DB_KNOWN_H
#define AUDITOR_DB_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * What was declared: an issuance (by tbs_sha256), a key within bounds, a key
 * that is compromised, an issuance that a person called rogue, and unproven
 * history (seed), which silences nothing.
 *
 *	trust	issuance, key, compromised, rejected, seed
 *	origin	import, accept, source, seed, baseline
 */
struct known {
	struct span	 tbs;		/* 32 bytes, or p == NULL */
	struct span	 spki;		/* 32 bytes, or p == NULL */
	struct db_strs	 names;		/* bound of the key */
	const char	*issuer_owner;	/* bound of the key; NULL: none */
	int64_t		 until;		/* microseconds, INT64_MIN: none */
	const char	*trust;
	const char	*origin;
	const char	*source;	/* NULL */
	const char	*place;		/* file it came from; NULL */
	/* The ACME client that has it, where, and what it calls it; NULL */
	const char	*client, *host, *lineage;
	const char	*reason;	/* NULL */
	const char	*author;
};

/*
 * Add one, inside the caller's transaction.  The same again changes its end,
 * reason and where it came from only.  1: new, 0: was there, -1.
 */
int known_add(struct db *, const struct known *, struct err *);

/* What `known list` shows; *res is freed by the caller.  Columns below. */
enum known_col {
	KNOWN_ID, KNOWN_TBS, KNOWN_SPKI, KNOWN_NAMES, KNOWN_ISSUER,
	KNOWN_UNTIL, KNOWN_TRUST, KNOWN_ORIGIN, KNOWN_SOURCE, KNOWN_PLACE,
	KNOWN_REASON, KNOWN_AUTHOR, KNOWN_ADDED, KNOWN_CLIENT, KNOWN_HOST,
	KNOWN_LINEAGE
};
int known_list(struct db *, int with_seed, struct db_res **res, struct err *);

/*
 * Remove by number, or by the hex of a tbs_sha256 or spki_sha256.  Returns
 * how many; ERR_NOENT when there is none, ERR_USAGE for what is neither.
 * *res (freed by the caller) has a row (tbs, spki) of each, as bytea.
 */
int known_remove(struct db *, const char *what, struct db_res **res,
    struct err *);

#endif
