#ifndef AUDITOR_DB_EMBED_H
#define AUDITOR_DB_EMBED_H

#include <sys/types.h>

#include "base/err.h"

/*
 * The embedded PostgreSQL: a private cluster in STATE/pg, on a unix socket
 * only, run as a direct child of the process that owns it.  The owner holds
 * STATE/pg.lock; whoever joins holds STATE/pg.use shared, so that a command
 * that started the cluster does not stop it under another command.
 */
struct embed;

/*
 * For commands: join the cluster that somebody runs, or else make it (when
 * there is none) and start it.  Waits up to ${timeout_s} seconds for one
 * that is starting or stopping.  Creates ${state_dir} (mode 0700) when it is
 * missing.  NULL and ERR_CONF (something a person must put right: said),
 * ERR_PERM, ERR_TEMP (somebody holds the lock: said who) or ERR_DB.
 */
struct embed *embed_start(const char *state_dir, int timeout_s, struct err *);

/*
 * For the daemon: like embed_start(), but never joins: waits up to
 * ${timeout_s} for a command that has the cluster, then owns it.
 */
struct embed *embed_own(const char *state_dir, int timeout_s, struct err *);

/* The libpq connection string of database certvigil; borrowed. */
const char *embed_conninfo(const struct embed *);

/* The folder with the programs of the cluster's version; borrowed. */
const char *embed_bindir(const struct embed *);

/* The postmaster that is our child; 0: we joined, or it is down just now. */
pid_t embed_pid(const struct embed *);

/* 1 when we own the cluster, 0 when we joined it. */
int embed_owner(const struct embed *);

/*
 * To be called now and then by an owner (each second): reaps the postmaster
 * and starts it again with backoff when it died.  0: it runs; 1: it was
 * started again, or waits for its turn; -1 ERR_DB: it could not be started
 * just now (is tried again at a later call).  Does not wait until it is
 * ready.  For somebody who joined: 0.
 */
int embed_poll(struct embed *, struct err *);

/*
 * Let go of it.  An owner stops the cluster (fast: SIGINT, at last SIGQUIT,
 * never SIGKILL); one that came from embed_start() waits for the commands
 * that joined it.  Frees; takes NULL.
 */
void embed_stop(struct embed *);

#endif
