#ifndef AUDITOR_DB_DUMP_H
#define AUDITOR_DB_DUMP_H

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Backup and restore by PostgreSQL's own programs, run by execve without a
 * shell, the password (if any) in their environment and never among their
 * arguments.
 */

/* What to run them with. */
struct dump_opts {
	const char	*conninfo;
	const char	*bindir;	/* with psql, pg_dump, pg_restore */
	const char	*schema;	/* where our tables are: "public" */
	int		 replace;	/* restore: drop what is there */
	int		 hold;		/* restore: pending deliveries die */
	const char	*also;		/* restore: SQL at its end, or NULL */
};

/*
 * pg_dump in custom format to ${path}: written beside it, fsynced, renamed,
 * mode 0600.  ERR_SYS, ERR_PERM or ERR_DB with pg_dump's first sentence.
 */
int dump_write(const struct dump_opts *, const char *path, struct err *);

/*
 * Restore ${path} in one transaction: all or nothing; then migrate.  Refused
 * (ERR_USAGE) when the database has data and replace is not set; refused
 * (ERR_TEMP) while workers are alive or somebody has a table in use.  A file
 * that is broken, no backup, or newer than this program is ERR_FORMAT, and
 * nothing is changed.  Only what our migrations make is dropped.  Leases and workers of the backup are forgotten; with ${hold},
 * deliveries that were pending in it are dead and are never sent.
 */
int dump_read(struct db *, const struct dump_opts *, const char *path,
    struct err *);

/*
 * Walk the hash chain of audit_trail: 0 and *bad = 0 when it is whole, else
 * *bad is the id of the first row that does not fit.
 */
int dump_audit(struct db *, int64_t *bad, struct err *);

/*
 * Run psql with ${n} more arguments (without a shell) and wait: its exit
 * status, or -1.
 */
int dump_psql(const struct dump_opts *, char **argv, int n, struct err *);

/*
 * The connection string without its password, as key='value' pairs; *password
 * gets that one or NULL (both are freed by the caller, the password wiped).
 * NULL when it is malformed.
 */
char *dump_public(const char *conninfo, char **password);

#endif
