#ifndef AUDITOR_DB_REPLACE_STORE_H
#define AUDITOR_DB_REPLACE_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Certificates that we keep and that were revoked without our order.  All of
 * these run in the caller's transaction.
 */

/*
 * Those of which nothing was said in acme_replacement yet, locked: id, name,
 * tbs_sha256, hash of its key (NULL: not known), reason (-1: none), how many
 * of that name were asked for within a day, whether its key is kept
 * elsewhere, subject of findings.  *res: db_free().
 */
enum replace_col {
	REPLACE_ID, REPLACE_NAME, REPLACE_TBS, REPLACE_KEY,
	REPLACE_REASON, REPLACE_PAST, REPLACE_FOREIGN,
	REPLACE_SUBJECT
};
int replace_due(struct db *, struct db_res **res, struct err *);

/* What is done about one of them; strings are borrowed. */
struct replace {
	int64_t		 managed;
	struct span	 tbs;
	const char	*name, *subject;
	int		 asked;		/* it is renewed now */
	const char	*why;
};

/*
 * Note it, once, make it due when it is asked for, and have the finding say
 * so.
 */
int replace_note(struct db *, const struct replace *, struct err *);

/*
 * A certificate is to be renewed now, because of ${why}, whatever failed
 * before; one that is to be renewed for another reason stays so.
 */
int replace_now(struct db *, int64_t managed, const char *why,
    struct err *);

/*
 * Valid certificates with a key, without those that are revoked:
 * tbs_sha256.
 */
int replace_same_key(struct db *, const struct span *key,
    struct db_res **res, struct err *);

#endif
