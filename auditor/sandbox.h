#ifndef AUDITOR_SANDBOX_H
#define AUDITOR_SANDBOX_H

#include <stddef.h>

struct err;

/*
 * What a process gives up before it sees the first hostile byte: seccomp
 * filter, landlock rules, resource limits, no new privileges, no core dumps,
 * not dumpable.  A call that is not allowed fails with EPERM, so that
 * libraries fall back; execve, ptrace and their like kill the process.
 *
 *	JUDGE		read, write and map what it has; nothing else
 *	JUDGE_TEMPLATE	as JUDGE, and fork, wait and kill, and entering JUDGE
 *	FETCH		internet sockets that connect, from any address of
 *			ours; resolver threads, reading /etc and the libraries; no unix sockets but pairs (so it cannot
 *			reach a database), no writing, no fork
 *	SIGN		files below one directory, making files below another
 *			one without reading them; no sockets
 *	PROBE		internet sockets that connect; no files, no threads, no
 *			other sockets, no fork
 *	CHALLENGE	accepting at sockets that listen already; otherwise as
 *			JUDGE
 *
 * Under AddressSanitizer the filter is looser (the sanitizer needs maps and
 * /proc) but files, sockets, exec and signals are as closed.
 */
enum sandbox_kind {
	SANDBOX_JUDGE,
	SANDBOX_JUDGE_TEMPLATE,
	SANDBOX_FETCH,
	SANDBOX_SIGN,
	SANDBOX_PROBE,
	SANDBOX_CHALLENGE,
	SANDBOX_MAX
};

/* Directories that a SIGN process needs, by their paths; either may be NULL. */
struct sandbox_dirs {
	const char	*keep;	/* files below it are read and written */
	const char	*put;	/* files below it are made and removed only */
};

/*
 * Enter a sandbox, for good; with directories (SIGN only).  Works for root
 * and for an ordinary user.  0, or -1 ERR_SYS (the seccomp filter could not be
 * set, or a directory not be opened: do not go on).  Landlock is used as far
 * as the kernel has it.
 */
int sandbox_enter(enum sandbox_kind, struct err *);
int sandbox_enter_dirs(enum sandbox_kind, const struct sandbox_dirs *,
    struct err *);

/* What this machine offers (for doctor). */
struct sandbox_report {
	int	seccomp;	/* 1: filters can be set */
	int	landlock;	/* ABI version; 0: none */
};

/* Fill in the report; starts a short-lived child to try. */
void sandbox_probe(struct sandbox_report *);

#endif
