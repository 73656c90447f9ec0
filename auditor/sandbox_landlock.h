#ifndef AUDITOR_SANDBOX_LANDLOCK_H
#define AUDITOR_SANDBOX_LANDLOCK_H

#include "auditor/sandbox.h"

struct err;

/* The landlock ABI version of this kernel; 0: it has none. */
int sandbox_landlock_abi(void);

/*
 * Close the file system except for what ${kind} needs (SIGN: ${dirs}), and
 * TCP, abstract sockets and signals as far as the kernel's version goes.
 * ${asan}: the sanitizer reads /proc/self.  0, also without landlock; -1
 * ERR_SYS when the kernel has it and refuses the rules, or one of ${dirs}
 * cannot be opened.  no_new_privs must be set.
 */
int sandbox_landlock_enter(enum sandbox_kind, const struct sandbox_dirs *dirs,
    int asan, struct err *);

#endif
