#ifndef AUDITOR_CMD_SUPERVISE_H
#define AUDITOR_CMD_SUPERVISE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/cmd/cmd.h"

/* The supervisor of `run` and of `worker`. */

/* Engines of one supervisor. */
#define SUPERVISE_MAX	64

struct supervise {
	unsigned	 roles;		/* of each engine: engine_role.h */
	const char	*name;		/* of the workers; NULL: the host's */
	int		 sync;		/* migrates, and puts the configuration
					   into the tables */
	int		 once;		/* ends when all had its turn */
	size_t		 workers;	/* at most SUPERVISE_MAX */
};

/*
 * How many: as ${given} (--workers; NULL: as configured).  0, or 64 after the
 * fault was printed.
 */
int supervise_workers(const struct cmd *, const struct cmd_ctx *,
    const char *given, size_t *out);

/* Until a signal comes, or --once is done: the exit status. */
int supervise(struct cmd_ctx *, const struct supervise *);

/* What run_once() of run.h says. */
int supervise_once(struct cmd_ctx *, int64_t deadline_s);

#endif
