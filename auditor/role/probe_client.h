#ifndef AUDITOR_ROLE_PROBE_CLIENT_H
#define AUDITOR_ROLE_PROBE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/probe.h"

struct err;
struct ipc;
struct proc;

/*
 * The engine's side of a probe process; nothing here blocks.  Poll
 * probe_client_ipc(), then probe_client_turn(), then probe_client_next()
 * until it returns 0.  At most LIMIT_PROBES may be pending.
 */
struct probe_client;

struct probe_client *probe_client_new(const struct probe_setup *,
    struct err *);
void probe_client_free(struct probe_client *);	/* also ends it */

struct ipc *probe_client_ipc(struct probe_client *);	/* borrowed */
struct proc *probe_client_proc(struct probe_client *);	/* borrowed */

/* Ask; the id of the struct is ignored, the one it got is returned (not 0). */
uint64_t probe_client_tls(struct probe_client *, const struct probe_tls *);
uint64_t probe_client_dns(struct probe_client *, const struct probe_dns *);
void probe_client_cancel(struct probe_client *, uint64_t id);
size_t probe_client_pending(const struct probe_client *);

/* Write and read what can be: 0, or -1 when the process is gone or broken. */
int probe_client_turn(struct probe_client *, struct err *);

/*
 * The next answer: 1 and *type (PROBE_SERVED or PROBE_SAID) with that struct
 * filled in (borrows until the next call), 0 none, -1 ERR_FORMAT: it talks
 * nonsense and is to be ended.
 */
int probe_client_next(struct probe_client *, enum probe_type *,
    struct probe_served *, struct probe_said *, struct err *);

#endif
