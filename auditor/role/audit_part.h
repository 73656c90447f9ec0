#ifndef AUDITOR_ROLE_AUDIT_PART_H
#define AUDITOR_ROLE_AUDIT_PART_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/audit.h"
#include "auditor/role/audit_ccadb.h"
#include "auditor/role/audit_memo.h"
#include "auditor/role/audit_resolver.h"
#include "auditor/role/audit_trust.h"

/*
 * The inside of the audit, for audit.c (children and their answers),
 * audit_claim.c (whose turn it is) and audit_job.c (what jobs may do); nobody
 * else includes this.
 */

/* What judges map that read nothing from an arena. */
#define AUDIT_NO_ARENA	4096

/*
 * Which job waits for an answer; several may wait for one of the DNS.  Nobody
 * was asked for what comes from us: it is there in the next turn.
 */
enum audit_from { FROM_FETCH, FROM_LOGS, FROM_PROBE, FROM_MEMO, FROM_NOBODY };
/* Numbers of such questions have this bit. */
#define AUDIT_OURS	(UINT64_C(1) << 63)
struct audit_wait {
	uint64_t		 id;
	enum audit_from		 what;
	struct audit_job	*job;
	struct buf		 said;		/* FROM_MEMO: the answer */
	char			 name[256];	/* asked of the DNS, or "" */
	uint16_t		 type;
};

#define AUDIT_KINDS	10
extern const struct audit_kind *const audit_kinds[AUDIT_KINDS];

/* --once: what had its turn, and is due again at that time (monotonic). */
struct audit_turned {
	char	*what;		/* "kind:subject"; owned */
	size_t	 kind;
	int64_t	 due_at;
};

struct audit {
	struct engine		*en;
	struct fetch_client	*fetch;		/* class revocation, and */
	struct probe_client	*probe;		/* this: NULL until needed */
	struct audit_job	**jobs;
	size_t			 njobs, cap;
	struct audit_wait	*waits;
	size_t			 nwaits, capwaits;
	struct audit_trust	 trust;
	struct audit_ccadb	 ccadb;
	struct audit_resolvers	 resolvers;
	int			 arena;		/* memfd of AUDIT_NO_ARENA bytes */
	int64_t			 look_at;	/* what is due */
	int			 more[AUDIT_KINDS];	/* the last claim was full */
	int64_t			 trust_at;
	int64_t			 list_by;	/* then without a list */
	struct audit_memo	 memo;
	uint64_t		 last_ours;	/* AUDIT_OURS */
	int64_t			 gather_at[AUDIT_KINDS]; /* store then; 0 */
	int			 rests;		/* --once: all had its turn */
	struct audit_turned	*turned;	/* owned */
	size_t			 nturned, capturned;
};

/*
 * The processes that ask, started by the first question; NULL: it could not
 * be, and the worker ends.
 */
struct fetch_client *audit_fetch(struct audit *);
struct probe_client *audit_probe(struct audit *);

/* Free what jobs that ended have; forget what they wait for. */
void audit_bury(struct audit *, struct audit_job *);

#endif
