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
	int		 once;		/* ENGINE_ONCE, ENGINE_HISTORY: ends
					   when all had its turn */
	size_t		 workers;	/* at most SUPERVISE_MAX */
	int		 (*tick)(void *);	/* called now and then; not 0:
						   that is enough */
	void		*tick_arg;
};

/*
 * How many: as ${given} (--workers; NULL: as configured).  0, or 64 after the
 * fault was printed.
 */
int supervise_workers(const struct cmd *, const struct cmd_ctx *,
    const char *given, size_t *out);

/* Until a signal comes, or --once is done: the exit status. */
int supervise(struct cmd_ctx *, const struct supervise *);

/* The same inside of another command, at most so long (0: no end). */
int supervise_inside(struct cmd_ctx *, const struct supervise *,
    int64_t deadline_s);

#endif
