#ifndef AUDITOR_CMD_DBPLACE_H
#define AUDITOR_CMD_DBPLACE_H

#include "auditor/cmd/cmd.h"
#include "auditor/db/dump.h"

/* Where the database is, for the verbs of `certvigil db`. */
struct dbplace {
	const char	*conninfo;	/* borrowed */
	char		*bindir;	/* of psql and pg_dump, or NULL */
	char		*schema;
};

/*
 * Open the configured one as it is (ctx->db, ctx->embed): no migration, which
 * a restore and a plan must not have.  0 or -1.
 */
int dbplace_open(struct cmd_ctx *, struct dbplace *, struct err *);

/* The same, and find the programs and the schema. */
int dbplace_tools(struct cmd_ctx *, struct dbplace *, struct err *);

/*
 * ERR_CONF when there is a pooler in between: PostgreSQL's programs set
 * things for their session, which there is everybody's.
 */
int dbplace_direct(struct db *, struct err *);

struct dump_opts dbplace_opts(const struct dbplace *);
void dbplace_free(struct dbplace *);

#endif
