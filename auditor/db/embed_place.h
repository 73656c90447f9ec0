#ifndef AUDITOR_DB_EMBED_PLACE_H
#define AUDITOR_DB_EMBED_PLACE_H

#include "base/err.h"

/* Where things are: the state directory, the programs, the socket. */

/*
 * The state directory as an absolute path, made (0700) with what is missing
 * above it.  NULL and ERR_PERM or ERR_CONF naming the first folder that
 * cannot be entered, made or written.  Freed by the caller.
 */
char *embed_place_state(const char *, struct err *);

/*
 * The folder with the server's programs of version ${major} (0: the newest),
 * freed by the caller; NULL and ERR_CONF that says what to install.
 */
char *embed_place_bindir(int major, struct err *);

/* The same for the client's programs: of ${major}, else the newest. */
char *embed_place_clients(int major, struct err *);

/*
 * A folder for the socket of the cluster of ${state} (absolute): ours alone,
 * mode 0700, short enough.  Freed by the caller; NULL and ERR_CONF.
 */
char *embed_place_socket(const char *state, struct err *);

#endif
