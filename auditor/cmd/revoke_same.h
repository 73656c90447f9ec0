#ifndef AUDITOR_CMD_REVOKE_SAME_H
#define AUDITOR_CMD_REVOKE_SAME_H

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/revoke.h"

/*
 * What else has the key of a certificate: when that is compromised, the CA
 * has to revoke all of them (BR 4.9.1.1), and so do we.
 */

/*
 * Valid certificates with the same key, that are not revoked, without the
 * one itself: tbs_sha256 in hex, names, is the key kept here, did our account
 * order it.  *res: db_free().
 */
enum revoke_same_col {
	REVOKE_SAME_TBS, REVOKE_SAME_NAMES, REVOKE_SAME_KEY, REVOKE_SAME_OURS
};
int revoke_same(struct db *, const struct revoke_target *,
    struct db_res **res, struct err *);

/* Say which, on stderr, a line each, and how each is revoked. */
void revoke_same_say(const struct db_res *);

#endif
