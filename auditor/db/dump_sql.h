#ifndef AUDITOR_DB_DUMP_SQL_H
#define AUDITOR_DB_DUMP_SQL_H

/* What a restore says to the database beside the backup itself. */

/* One row when somebody would miss what is in the tables. */
extern const char dump_sql_has_data[];

/* The first id of audit_trail that does not fit its chain, or 0. */
extern const char dump_sql_audit[];

/*
 * One row when schema $1 has something of a name that our migrations give: how
 * it is called.  The caller frees it.
 */
char *dump_sql_taken(void);

/*
 * Before: drop what our migrations have made in ${schema} (and nothing
 * else).  After: see that the backup came whole and is not newer than this
 * program; put sequences, leases, workers and deliveries right; at last
 * ${also}, which may be NULL.  Strings that the caller frees.
 */
char *dump_sql_before(const char *schema);
char *dump_sql_after(const char *schema, int hold, const char *also);

#endif
