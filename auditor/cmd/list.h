#ifndef AUDITOR_CMD_LIST_H
#define AUDITOR_CMD_LIST_H

#include "auditor/cmd/cmd.h"

/* "NAME list [--FLAG]": the rows of one table, all of them with the flag. */
struct list {
	const struct cmd *cmd;
	const char	 *flag;		/* with its dashes */
	/* The rows, to be freed by db_free(): 0 or -1. */
	int		(*read)(struct db *, int all, struct db_res **,
			    struct err *);
	void		(*print)(const struct cmd_ctx *,
			    const struct db_res *, size_t row);
};

/*
 * Print them, as the user that the command becomes.  argv[0] is "list".  An
 * exit status; faults were said.
 */
int list_run(struct cmd_ctx *, const struct list *, int argc, char **argv);

#endif
