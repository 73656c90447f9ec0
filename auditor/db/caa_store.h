#ifndef AUDITOR_DB_CAA_STORE_H
#define AUDITOR_DB_CAA_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/caa.h"
#include "auditor/db/db.h"
#include "base/err.h"

/* CAA record sets of names, as they were when: all SQL about them. */

/* What was found for a name. */
struct caa_seen {
	const char		*name;
	const struct caa_set	*set;
	const json_t		*grants;	/* array of objects */
	const char		*resolver;
};

/*
 * Note what was found for ${n} different names: a new row where the set is
 * another one.  before[] are the canonical texts of the ones before (owned by
 * the caller, also on -1), NULL where it is the same or the first.
 */
int caa_store_seen(struct db *, const struct caa_seen *, size_t n,
    char **before, struct err *);

/* The resolver gave no answer that counts about these different names: why. */
int caa_store_errors(struct db *, const struct db_strs *names,
    const struct db_strs *why, struct err *);

/* Issuances with these names that are not judged for them.  Columns: enum. */
enum caa_due_col { CAA_DUE_TBS, CAA_DUE_OWNER, CAA_DUE_WILD, CAA_DUE_AT_MS,
	CAA_DUE_RECORDS, CAA_DUE_FOUND, CAA_DUE_NAME };
int caa_store_due(struct db *, const struct db_strs *names, struct db_res **,
    struct err *);

/* Those of the names with a finding grant.unexpected that is open. */
int caa_store_granted(struct db *, const struct db_strs *names,
    struct db_res **, struct err *);

/*
 * Names whose records can be had, with issuances of the last 30 days that are
 * not judged by them: due now.  ${r}: their work, "caa:NAME".
 */
int caa_store_again(struct db *, struct db_res **r, struct err *);

struct caa_judged {
	struct span	 tbs;
	const char	*name;
	const char	*verdict;	/* allowed, violated, unknown */
	const char	*why;
};

/*
 * ${n} judgements, each of an issuance for one of its names, pushed: inside a
 * transaction.  Of several about one issuance, also earlier ones, the worst
 * counts; findings about it show that.
 */
int caa_store_judged(struct db *, const struct caa_judged *, size_t n,
    struct err *);

#endif
