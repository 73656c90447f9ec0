#ifndef AUDITOR_ROLE_HOOK_H
#define AUDITOR_ROLE_HOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "auditor/alert/exec.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * A program that is run for a message: execve without a shell, in a process
 * group of its own, with the environment given and these of ours: PATH, HOME,
 * LANG, LC_ALL, TZ.  It can gain no privileges, has no descriptor but those
 * below, and is killed with all its group after LIMIT_EXEC_SECS.
 *
 *	0	the message as JSON
 *	1, 2	a pipe; the first LIMIT_BODY_REPLY bytes are kept
 *	3, 4, 5	CERT_FILENAME, JSON_FILENAME, TEXT_FILENAME as /dev/fd/N
 */
struct hook;

/* What the program can read; an empty one is not there. */
struct hook_files {
	struct buf	input;
	struct buf	cert;
	struct buf	json;
	struct buf	text;
};

/*
 * Start it; the environment gets the names of the files.  NULL and ERR_SYS or
 * ERR_CONF (there is no such program).
 */
struct hook *hook_start(const char *program, struct exec_env *,
    const struct hook_files *, struct err *);

pid_t hook_pid(const struct hook *);

/*
 * Take what it has printed; kill it when its time is up; see whether it has
 * ended: 1 and *status (as from waitpid), else 0.
 */
int hook_tick(struct hook *, int64_t now_mono, int *status);

/* What it has printed, and whether it was killed for its time. */
const char *hook_output(struct hook *);
int hook_late(const struct hook *);

/* Kill it (it is reaped) when it still runs, and free. */
void hook_free(struct hook *);

/* The status of one that somebody else has reaped. */
void hook_reaped(struct hook *);

#endif
