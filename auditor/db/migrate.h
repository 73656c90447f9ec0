#ifndef AUDITOR_DB_MIGRATE_H
#define AUDITOR_DB_MIGRATE_H

#include "base/buf.h"
#include "base/err.h"

struct db;

/* A migration, embedded by schema/embed.sh; the table ends with sql == NULL. */
struct migrate_step {
	int		 number;
	const char	*name;
	const char	*sql;
};

extern const struct migrate_step migrate_steps[];

/* The number of the newest migration of this program. */
int migrate_newest(void);

/*
 * The number that the database has (0: empty), in *out.  ERR_CONF when it has
 * one that this program does not know (older program), or when the SHA-256
 * of an applied one differs from ours.
 */
int migrate_have(struct db *, int *, struct err *);

/*
 * Apply what is missing: each in one transaction, under an advisory lock, its
 * SHA-256 stored.  With ${plan} only say (text, one line each) what would be done.
 * ERR_PERM: the role may not.
 */
int migrate_up(struct db *, int, struct buf *, struct err *);

#endif
