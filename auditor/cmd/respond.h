#ifndef AUDITOR_CMD_RESPOND_H
#define AUDITOR_CMD_RESPOND_H

#include <jansson.h>
#include <stdint.h>

#include "acme/authz.h"
#include "acme/san.h"
#include "auditor/cmd/cmd.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/acme_place.h"
#include "auditor/role/acme_talk.h"
#include "base/buf.h"
#include "base/err.h"

/* A certificate that somebody else obtained, and what can be done about it. */

/* One of its names. */
struct respond_name {
	int			 watched;	/* it is ours */
	enum challenge_type	 how;	/* can prove it; 0: none that is
					   configured */
};

/* Is the CA of acme.directory the one that issued it? */
enum respond_ca {
	RESPOND_CA_UNKNOWN,	/* only the CA can say */
	RESPOND_CA_SAME,
	RESPOND_CA_OTHER
};

/* All of it is owned. */
struct respond {
	int64_t		 id;		/* of the finding */
	json_t		*finding;
	uint8_t		 tbs[32], issuer[32], sha256[32];
	char		*serial;
	int64_t		 not_before, not_after;
	int		 expired, revoked;
	int		 is_precert;
	struct buf	 der;		/* empty: only its hash is known */
	struct san	 names;
	struct err	 no_names;	/* set: ACME cannot order them, why */
	struct respond_name *name;	/* one for each of names */
	json_t		*served;	/* [{endpoint, key_only, seen}] */
	json_t		*entries;	/* [{log_id, log, index, timestamp,
					   entry_type, proven}] */
	json_t		*approved;	/* who did, but the one who acts */
	int		 ours;		/* this issuer's key signed for us, at
					   acme.directory */
	enum challenge_type type[CHALLENGE_MAX];	/* configured */
	size_t		 ntypes;
	struct err	 no_types;	/* why there is none */
	enum respond_ca	 ca;
	struct acme_account_row account; /* id 0: there is none */
};

/*
 * Read what is known about the issuance of finding ${what}: a finding
 * certificate.unexpected or key.misused.  respond_free() in any case.
 * ERR_USAGE (not such a finding), ERR_NOENT, ERR_DB.
 */
int respond_load(struct cmd_ctx *, const char *what, struct respond *,
    struct err *);
void respond_free(struct respond *);

/*
 * Compare its issuer with what the CA says of itself (caaIdentities), and
 * load our account there.  0 or -1 ERR_DB.
 */
int respond_ca(struct cmd_ctx *, struct respond *, const struct directory *,
    struct err *);

/*
 * What stands in the way of a revocation by us, a sentence each, as a new
 * array; ${d} is NULL when the CA did not answer, because of ${away}.
 * Neither who serves it nor approvals are among them.
 */
json_t *respond_missing(const struct respond *, const struct directory *d,
    const char *away);

/* Print the plan, as text or JSON; ${d} and ${away} as above. */
void respond_plan(struct cmd_ctx *, const struct respond *,
    const struct directory *d, const char *away);

/* Print the problem report to the CA. */
void respond_report(struct cmd_ctx *, const struct respond *);

/*
 * Prove control of all its names without finalizing anything, and have it
 * revoked; what is expected of the CA is in the database before it is asked.
 * 0, or -1 and what the CA or the way to it said.
 */
int respond_act(struct cmd_ctx *, const struct respond *, struct acme_talk *,
    struct acme_place *, struct err *);

#endif
