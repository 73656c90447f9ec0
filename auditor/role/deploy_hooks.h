#ifndef AUDITOR_ROLE_DEPLOY_HOOKS_H
#define AUDITOR_ROLE_DEPLOY_HOOKS_H

#include <stddef.h>
#include <sys/types.h>

#include "auditor/conf.h"
#include "base/err.h"

/*
 * The deploy hooks that are due, one after the other, in a process forked for
 * it that has its own connection to the database, while orders go on.  The
 * configuration and the texts are borrowed.
 */
struct deploy_hooks {
	const struct conf	*conf;
	const char		*conninfo;
	const char		*only;		/* of this certificate; NULL */
	void	(*complain)(const struct err *);	/* there, of each that
						   failed */
	pid_t			 pid;		/* 0: none runs */
	int			 wanted;	/* once (more) */
	size_t			 failed;	/* so far */
};

/*
 * See whether it has ended, and start it when that is wanted.  1 it runs, or
 * 0 there is nothing to wait for.  Look again some time later.
 */
int deploy_hooks_turn(struct deploy_hooks *);

/* Until nothing is to be waited for. */
void deploy_hooks_wait(struct deploy_hooks *);

/* End it; what was not done is due still. */
void deploy_hooks_stop(struct deploy_hooks *);

#endif
