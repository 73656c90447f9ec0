#ifndef AUDITOR_DB_KNOWN_ACCOUNT_H
#define AUDITOR_DB_KNOWN_ACCOUNT_H

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * ACME accounts that may order for us, beside those of ours: of other clients
 * of the same people.
 */
struct known_account {
	const char	*url;		/* as accounturi has it */
	const char	*client, *host, *source, *place;	/* each or NULL */
	const char	*author;
};

/* Add one, once per host and source: 1 new, 0 was there, -1. */
int known_account_add(struct db *, const struct known_account *,
    struct err *);

/*
 * May that account order for the name: 1 (known, or ours and valid), 0, -1.
 * One that a source declared may do so where the source may.
 */
int known_account_is(struct db *, const char *url, const char *name,
    struct err *);

/*
 * All of them, ordered by URL, with what known_account_may() wants; freed by
 * the caller.
 */
enum known_account_scope {
	KNOWN_ACCOUNT_FREE, KNOWN_ACCOUNT_NAMES, KNOWN_ACCOUNT_WHO
};
int known_account_scopes(struct db *, struct db_res **, struct err *);

/* May that of row i of it order for the name?  As known_account_is(). */
int known_account_may(const struct db_res *, size_t i, const char *name);

/* Forget it: how many were removed, -1. */
int known_account_remove(struct db *, const char *url, struct err *);

/* What `known list --accounts` shows; freed by the caller. */
enum known_account_col {
	KNOWN_ACCOUNT_ID, KNOWN_ACCOUNT_URL, KNOWN_ACCOUNT_CLIENT,
	KNOWN_ACCOUNT_HOST, KNOWN_ACCOUNT_SOURCE, KNOWN_ACCOUNT_PLACE,
	KNOWN_ACCOUNT_AUTHOR, KNOWN_ACCOUNT_ADDED
};
int known_account_list(struct db *, struct db_res **, struct err *);

#endif
