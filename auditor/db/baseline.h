#ifndef AUDITOR_DB_BASELINE_H
#define AUDITOR_DB_BASELINE_H

#include "auditor/db/db.h"
#include "base/err.h"

/* Issuances of rule 5 that nobody accepted or rejected: open questions. */

/* Which of them; all must hold; zeroed: every one.  Strings borrowed. */
struct baseline_filter {
	const char	*issuer_owner;
	const char	*name;		/* canonical, watch syntax */
	struct db_spans	 tbs;
};

enum baseline_col {
	BASELINE_TBS, BASELINE_ISSUER, BASELINE_NAMES, BASELINE_NOT_BEFORE,
	BASELINE_NOT_AFTER, BASELINE_SERIAL, BASELINE_SPKI, BASELINE_WATCHES,
	BASELINE_LATE	/* seconds; null: logged before its watch began */
};
int baseline_list(struct db *, const struct baseline_filter *,
    struct db_res **, struct err *);

/* Grouped by issuer_owner, name or watch (else ERR_USAGE), the most first. */
enum baseline_group_col {
	BASELINE_GROUP_KEY, BASELINE_GROUP_COUNT, BASELINE_GROUP_VALID,
	BASELINE_GROUP_FROM, BASELINE_GROUP_TO,
	BASELINE_GROUP_LATE	/* how many were logged behind their watch */
};
int baseline_group(struct db *, const struct baseline_filter *,
    const char *by, struct db_res **, struct err *);

/*
 * Declare them: ${trust} is issuance or rejected.  Column 0 of the result is
 * the tbs_sha256 of each, as bytea; the decisions are the caller's.
 */
int baseline_declare(struct db *, const struct baseline_filter *,
    const char *trust, const char *author, const char *reason,
    struct db_res **, struct err *);

/* The numbers of the unexpected findings about these issuances. */
int baseline_findings(struct db *, const struct db_spans *, struct db_res **,
    struct err *);

#endif
