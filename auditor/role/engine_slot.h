#ifndef AUDITOR_ROLE_ENGINE_SLOT_H
#define AUDITOR_ROLE_ENGINE_SLOT_H

#include "auditor/role/engine.h"

/*
 * The engine's row of table worker: NAME:SLOT, where NAME is that of the host
 * unless --name says another.  It takes the first slot that nobody lives in:
 * whether a process of this host lives is seen; one of another place (boot,
 * pid namespace) that has the same name lives as long as it is heard of.
 */

/* What this process is called; before anything else of this header. */
void engine_slot_name(struct engine *, const char *name);

/*
 * Take a slot, and free what its last holder had; en->holder is set.
 * ${waits}: why it does not work yet, or NULL.  0 or -1.
 */
int engine_slot_enter(struct engine *, const char *waits, struct err *);

/*
 * The heartbeat; *schema is what the database has.  ERR_LEASE: somebody else
 * has the slot.
 */
int engine_slot_seen(struct engine *, const char *waits, int *schema,
    struct err *);

/* The row goes, its leases are free. */
void engine_slot_leave(struct engine *);

#endif
