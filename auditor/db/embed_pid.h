#ifndef AUDITOR_DB_EMBED_PID_H
#define AUDITOR_DB_EMBED_PID_H

#include <sys/types.h>

#include "base/err.h"

/* postmaster.pid: what a running server says about itself. */
struct embed_pid {
	pid_t	 pid;
	int	 ready;		/* it takes connections */
	char	 sock[256];	/* the folder of its socket */
};

/* Read ${data}/postmaster.pid: 0, or -1 when there is none. */
int embed_pid_read(const char *data, struct embed_pid *);

/*
 * For the owner of the lock, before a start: a postmaster that outlived its
 * owner is stopped and waited for until ${deadline} (clk_mono()); a stale
 * file whose number another process has now is removed.  ERR_TEMP.
 */
int embed_pid_clear(const char *data, int64_t deadline, struct err *);

#endif
