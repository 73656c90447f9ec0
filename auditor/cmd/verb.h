#ifndef AUDITOR_CMD_VERB_H
#define AUDITOR_CMD_VERB_H

#include "auditor/cmd/cmd.h"

/* "COMMAND VERB ...": a table of them, ended by a NULL name. */
struct verb {
	const char	*name;
	int		(*run)(struct cmd_ctx *, int, char **);
};

/*
 * Run the verb that argv[1] names; its argv[0] is its name.  Its exit status,
 * or 64 after it was said that there is none, or which there are.
 */
int verb_run(const struct cmd *, const struct verb *, struct cmd_ctx *,
    int argc, char **argv);

#endif
