#ifndef AUDITOR_ROLE_ENGINE_WAIT_H
#define AUDITOR_ROLE_ENGINE_WAIT_H

#include "auditor/ipc.h"
#include "auditor/role/engine.h"

/*
 * What an engine does while it cannot work: there is no database, its schema
 * is not ours, or it slept so long that its work is another's.
 */

/* What the supervisor says; -1: it is gone. */
int engine_boss(struct engine *, struct ipc *boss);

/*
 * Open the database, tried again each second; with --once one failure is the
 * end.  0; -1 and err; -1 and no error: told to stop.
 */
int engine_dial(struct engine *, struct ipc *boss, struct err *);

/*
 * Wait until the schema of the database is ours, as a row that says why; a
 * row's heartbeat may find that it is not.  0, or -1 as above.
 */
int engine_wait_schema(struct engine *, struct ipc *boss, struct err *);

/* Everything under way is given up: it is read again, by whoever has it. */
void engine_drop(struct engine *);

/*
 * Something of ours went wrong: an error in the log.  While the database is away
 * it is said once, not by each of fifty logs.
 */
void engine_fault(struct engine *, const char *subject, const char *what);

/* The connection is lost: one attempt a second to have it back. */
void engine_away(struct engine *, struct ipc *boss);

/* Was it stopped for longer than a lease?  The next heartbeat sees to it. */
int engine_slept(const struct engine *, int64_t now);

/*
 * Its leases ran out: nothing is claimed before the next heartbeat, which sees
 * to the rest.
 */
int engine_late(const struct engine *);

/* Microseconds from one heartbeat to the next: three, and who is silent is dead. */
int64_t engine_beat_every(const struct engine *);

/* Heartbeat of row and leases, and what follows from it. */
void engine_beat(struct engine *, struct ipc *boss, int64_t now);

#endif
