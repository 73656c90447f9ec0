#ifndef AUDITOR_ROLE_DNS01_H
#define AUDITOR_ROLE_DNS01_H

#include <stdint.h>
#include <sys/types.h>

#include "auditor/dns01.h"
#include "base/err.h"

/*
 * A hook program for dns-01 that runs: execve without a shell, in a session
 * of its own, with the environment of its convention and these of ours:
 * PATH, HOME, LANG, TZ.  It can gain no privileges, has no descriptor but the
 * three, and is killed with all its group after its time.
 *
 *	0	nothing
 *	1	a pipe; the first LIMIT_DNS01_OUTPUT bytes are kept
 *	2	a pipe; the last LIMIT_DNS01_OUTPUT bytes are kept
 */
struct dns01_run;

/*
 * Start it; the environment of ${args} is added to.  ${secs} 0:
 * LIMIT_DNS01_SECS, which is also the most.  NULL and ERR_CONF (there is no
 * such program) or ERR_SYS.
 */
struct dns01_run *dns01_run_start(struct dns01_args *, unsigned secs,
    struct err *);

/* Kill it (it is reaped) when it still runs, and free. */
void dns01_run_free(struct dns01_run *);

pid_t dns01_run_pid(const struct dns01_run *);

/*
 * Take what it has printed; kill it when its time is up; see whether it has
 * ended: 1 and *status (as from waitpid), else 0.  To be called every second
 * or so: a program that says nothing wakes nobody.
 */
int dns01_run_tick(struct dns01_run *, int64_t now_mono, int *status);

/* Somebody else has reaped it. */
void dns01_run_reaped(struct dns01_run *);

/* What is kept of stdout (without the newlines at its end) and stderr. */
const char *dns01_run_output(struct dns01_run *);
const char *dns01_run_errors(struct dns01_run *);

/* It was killed for its time. */
int dns01_run_late(const struct dns01_run *);

#endif
