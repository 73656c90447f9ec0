#ifndef AUDITOR_ROLE_ENGINE_START_H
#define AUDITOR_ROLE_ENGINE_START_H

#include <stddef.h>
#include <sys/types.h>

#include "auditor/ipc.h"
#include "auditor/role/engine.h"

/* How an engine comes up, takes a new configuration, and ends. */

/*
 * Wait for ENGINE_RUN on ${boss}, read the configuration, open the database,
 * start the children.  0 or -1.
 */
int engine_start(struct engine *, struct ipc *boss, struct err *);

/* Stop the children, leave the database, free everything. */
void engine_end(struct engine *);

/* Enter the worker table, take over the slot's leases, plan the work. */
int engine_enter(struct engine *, struct err *);

/* Read the configuration again: all or nothing. */
void engine_reload(struct engine *);

/* What is configured has changed in the database. */
void engine_changed(struct engine *);

/* Load the watches; when they changed, new judges get the new set. */
void engine_watches(struct engine *);

/*
 * Load the watches when their tables have changed since the last call: a
 * NOTIFY may be lost (a pooler in transaction mode has none).  0 or -1.
 */
int engine_marked(struct engine *, struct err *);

/* Start who delivers, now that something is to be; fatal when it cannot. */
void engine_deliver(struct engine *);

/* Is this process one of the fixed children? */
int engine_is_child(const struct engine *, pid_t);

/* --once: is all work planned?  How many logs had no turn yet? */
int engine_planned(struct engine *);
size_t engine_unread(struct engine *);

#endif
