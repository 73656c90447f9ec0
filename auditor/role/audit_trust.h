#ifndef AUDITOR_ROLE_AUDIT_TRUST_H
#define AUDITOR_ROLE_AUDIT_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "auditor/role/judge_client.h"
#include "base/buf.h"
#include "base/err.h"

/* What an auditing judge is to trust: roots, log lists, known weak keys. */
struct audit_trust {
	struct buf	logs;		/* packed, for JUDGE_TRUST */
	struct buf	weak;		/* text of the weak keys' list */
	char		mark[160];	/* versions of the lists in it */
};

void audit_trust_free(struct audit_trust *);

/*
 * Read the files of the configuration: root programs are packed into ${roots}
 * for judge_pool_roots(), the list of weak keys is kept.  Without a root
 * store there are no verdicts about chains, which is said once.  0, or -1
 * ERR_CONF for a file that is named and cannot be read.
 */
int audit_trust_files(struct audit_trust *, const struct conf *,
    struct buf *roots, struct err *);

/* The programs as they are, for the same use: *v and its items are owned. */
struct roots;
int audit_trust_programs(const struct conf *, struct roots ***v, size_t *n,
    struct err *);

/*
 * The newest log lists of the database, taken apart by a judge; nothing
 * happens when they are those of before.  0 or -1.
 */
int audit_trust_logs(struct audit_trust *, struct db *, struct judge_pool *,
    int arena, uint64_t narena, struct err *);

/* The same from texts that are at hand (either may be empty). */
int audit_trust_lists(struct audit_trust *, struct span chrome,
    struct span apple, struct judge_pool *, int arena, uint64_t narena,
    struct err *);

#endif
