#ifndef AUDITOR_SANDBOX_SECCOMP_H
#define AUDITOR_SANDBOX_SECCOMP_H

#include "auditor/sandbox.h"

struct err;

/*
 * Set the system call filter of ${kind}; ${asan} loosens what the sanitizer
 * needs.  no_new_privs must be set.  0 or -1 ERR_SYS.
 */
int sandbox_seccomp_enter(enum sandbox_kind, int asan, struct err *);

#endif
