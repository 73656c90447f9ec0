#ifndef AUDITOR_CMD_RESPOND_H
#define AUDITOR_CMD_RESPOND_H

#include <jansson.h>
#include <stdint.h>

#include "acme/authz.h"
#include "acme/san.h"
#include "auditor/caa.h"
#include "auditor/cmd/cmd.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/acme_drive.h"
#include "auditor/role/acme_place.h"
#include "auditor/role/acme_talk.h"
#include "base/buf.h"
#include "base/err.h"

/* A certificate that somebody else obtained, and what can be done about it. */

/* The CAA records that a CA finds for one of its names. */
struct respond_caa {
	int		 asked;		/* there is an answer: */
	struct caa_set	 set;
	char		 why[300];	/* or why there is none */
};

/* One of its names. */
struct respond_name {
	int			 watched;	/* it is ours */
	enum challenge_type	 how;	/* can prove it; 0: none that is
					   configured */
	struct respond_caa	 caa;
	json_t			*others;	/* URLs of accounts of other
					   clients that may order for it */
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
	uint8_t		 tbs[32], issuer[32], sha256[32], spki[32];
	char		*serial;
	int64_t		 not_before, not_after;
	int		 expired, revoked;
	int		 is_precert;
	struct buf	 der;		/* empty: only its hash is known */
	struct san	 names;
	struct err	 no_names;	/* set: ACME cannot order them, why */
	struct respond_name *name;	/* one for each of names */
	json_t		*served;	/* [{endpoint, key_only, seen, live}] */
	json_t		*unseen;	/* [{endpoint, why}]: not looked at */
	json_t		*checks;	/* of the pre-flight: [{says, what,
					   name, sentence}] */
	char		 nobody[NAME_TEXT];	/* a name below ours that
					   nobody should have, or "" */
	int		 nobody_is;	/* it resolves all the same */
	json_t		*entries;	/* [{log_id, log, index, timestamp,
					   entry_type, proven}] */
	json_t		*approved;	/* who did, but the one who acts */
	json_t		*same_key;	/* others that have its key: [{
					   tbs_sha256, serial, names,
					   not_after, revoked, ours,
					   finding}] */
	int		 ours;		/* this issuer's key signed for us, at
					   acme.directory */
	enum challenge_type type[CHALLENGE_MAX];	/* configured */
	size_t		 ntypes;
	struct err	 no_types;	/* why there is none */
	enum respond_ca	 ca;
	const char	*directory;	/* URL of acme.directory, borrowed */
	struct acme_account_row account; /* id 0: there is none */
};

/*
 * Read what is known about the issuance of finding ${what}: a finding
 * certificate.unexpected or key.misused.  respond_free() in any case.
 * ERR_USAGE (not such a finding: says what answers that one), ERR_NOENT,
 * ERR_DB.
 */
int respond_load(struct cmd_ctx *, const char *what, struct respond *,
    struct err *);
void respond_free(struct respond *);

/* Who sits there, when the system knows: the uid of the login; -1. */
int64_t respond_login(void);

/*
 * Ask the network: who serves it or its key at its names now, which CAA
 * records a CA finds for them.  What cannot be asked is noted, with the
 * reason.  0, or -1: no process for it, or what was served cannot be read.
 */
int respond_look(struct cmd_ctx *, struct respond *, struct err *);

/*
 * Compare its issuer with what the CA says of itself (caaIdentities), and
 * load our account there.  0 or -1 ERR_DB.
 */
int respond_ca(struct cmd_ctx *, struct respond *, const struct directory *,
    struct err *);

/*
 * Look whether the CA could be convinced (acme_preflight.h), behind
 * respond_ca().  0 or -1.
 */
int respond_pre(struct cmd_ctx *, struct respond *, const struct directory *,
    struct acme_place *, struct err *);

/*
 * What stands in the way of a revocation by us, a sentence each, as a new
 * array; ${d} is NULL when the CA did not answer, because of ${away}.
 * Neither who serves it nor approvals are among them.
 */
json_t *respond_missing(const struct respond *, const struct directory *d,
    const char *away);

/*
 * Load which accounts of other clients may order for its names (known import
 * --from): CAA records that leave them out would end their renewals.
 */
int respond_others(struct cmd_ctx *, struct respond *, struct err *);

/*
 * The CAA records that bind issuance for its names to our account and to
 * those of respond_others() (RFC 8657), as new arrays: in zone-file form; and,
 * for each name, what is there now: [{name, at, records, state, why}], state
 * being bound (to our account), open (any account there), closed (not ours
 * either), none, unknown.  ${out} gets the URLs of accounts that are left
 * out, as the name of their CA in CAA records is not known.
 */
json_t *respond_caa_want(const struct respond *, const struct directory *,
    json_t *out);
json_t *respond_caa_have(const struct respond *, const struct directory *);

/*
 * How long the other account may order again with what it has proven: {until,
 * days, by, over, bound}, bound being whether CAA forbids it at all names.
 */
json_t *respond_reuse(const struct respond *, const json_t *have);

/* The plan as a new object; ${d} and ${away} as above. */
json_t *respond_plan(struct cmd_ctx *, const struct respond *,
    const struct directory *d, const char *away);

/* Print it, as text or JSON; the plan is stolen. */
void respond_say(struct cmd_ctx *, const struct respond *, json_t *plan);

/*
 * Write the problem report to the CA, with the evidence: to stdout, or to
 * ${path} and ${path}.evidence.json.  0 or -1.
 */
int respond_report(struct cmd_ctx *, const struct respond *,
    const char *path, struct err *);

/*
 * Have our account ${a} authorized for all its names: orders that are never
 * finalized; one that a run before left is gone on with.  ${orders} is a
 * JSON array that gets their URLs.  0, or -1 and what the CA or the way to it
 * said.
 */
int respond_prove(struct cmd_ctx *, const struct respond *,
    const struct acme_account_row *a, struct acme_talk *,
    struct acme_place *, json_t *orders, struct err *);

/*
 * Prove control of all its names without finalizing anything, and have it
 * revoked; what is expected of the CA is in the database before it is asked.
 * 0, or -1 and what the CA or the way to it said.
 */
int respond_act(struct cmd_ctx *, const struct respond *, struct acme_talk *,
    struct acme_place *, struct err *);

#endif
