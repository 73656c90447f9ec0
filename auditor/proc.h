#ifndef AUDITOR_PROC_H
#define AUDITOR_PROC_H

#include <stddef.h>
#include <sys/types.h>

struct err;
struct ipc;

/*
 * Child processes.  A child is this program executed again with "--role=ROLE"
 * as its only argument (main() hands that to ROLE_main()), so that it inherits
 * no secret: an environment by allow-list, no descriptors but those named.
 */

#define PROC_ROLE_ARG	"--role="
#define PROC_CHANNEL	3	/* the child's end of its socket */
#define PROC_USER	"certvigil"	/* the system user of the program */

/* Descriptor ${fd} of ours is descriptor ${number} (> 3) of the child. */
struct proc_fd {
	int	fd;
	int	number;
};

struct proc {
	pid_t		 pid;	/* 0: none, or reaped */
	struct ipc	*ipc;	/* owned: our end of its socket */
};

#define PROC_INIT { 0, NULL }

/*
 * Start a child for ${role}.  It gets a socket at descriptor 3, those of
 * ${fds} at their numbers, stdin from /dev/null, stdout and stderr to our
 * stderr.  It dies with us (PR_SET_PDEATHSIG), even when we are killed.
 * 0 and *out, or -1 ERR_SYS.
 */
int proc_spawn(const char *role, const struct proc_fd *fds, size_t n,
    struct proc *out, struct err *);

/*
 * First call of every ROLE_main(): name in ps, death with the parent, no
 * SIGPIPE, no core file; with ${secret}, no core dump to a program either
 * and no ptrace by others (PR_SET_DUMPABLE 0).
 */
void proc_enter(const char *role, int secret);

/*
 * We and the children that we start from now on work rather than answer
 * (SCHED_BATCH): who is woken does not push aside who woke it, so that on a
 * processor that they share a message costs no switch before its sender has
 * done what it can.  Each gets as much of the processor as before.  Where
 * the operator has chosen another policy, that one stays.
 */
void proc_batch(void);

/* Back to what it was: in a child that becomes a program of the operator. */
void proc_unbatch(void);

/* The role in "--role=ROLE", or NULL when ${arg} is not such. */
const char *proc_role(const char *arg);

/*
 * Has it ended?  1: yes, reaped, pid is 0 and ${text} says how ("exit 1",
 * "signal 9 (Killed)"); 0: no.  The ipc is left open: what it said before it
 * died can still be read.  ${text} may be NULL.
 */
int proc_reap(struct proc *, char *text, size_t n);

/* End it: at once (SIGKILL); or SIGTERM and after ${ms} SIGKILL.  Waits. */
void proc_kill(struct proc *, char *text, size_t n);
void proc_stop(struct proc *, int ms, char *text, size_t n);

/* Free the ipc; a child that still runs is killed first.  NULL is fine. */
void proc_free(struct proc *);

/* What waitpid() said, in words. */
void proc_text(int status, char *text, size_t n);

/* The name in ps and top (15 bytes are kept). */
void proc_title(const char *);

/*
 * As root: become ${user} for good (groups, gid, uid; HOME is set), or -1
 * ERR_CONF with the command that makes the user, ERR_SYS.  As another user:
 * nothing happens, 0.
 */
int proc_drop(const char *user, struct err *);

#endif
