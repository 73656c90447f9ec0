#ifndef AUDITOR_CMD_RUN_PORTS_H
#define AUDITOR_CMD_RUN_PORTS_H

#include <stddef.h>

#include "auditor/conf.h"
#include "auditor/proc.h"
#include "auditor/role/challenge_listen.h"
#include "base/err.h"

/*
 * Ports for challenges that only the supervisor of `run` can have: as root,
 * before it becomes another user, those below 1024; and what systemd listens
 * at for us.  Ours are bound all the time and listened at only while
 * something is renewed, so that nothing is open in between and `issue` can
 * have them.  Systemd's are open all the time: the role `acme` hangs up on who
 * connects in between.
 */
struct run_ports {
	struct challenge_listen	own, systemd;
};

#define RUN_PORTS_MAX	(2 * CHALLENGE_KINDS * LIMIT_CHALLENGE_LISTEN)

/*
 * Take them.  A port that cannot be had is a warning: the certificates are
 * watched all the same.  -1 when what systemd gives is not usable.
 */
int run_ports_open(struct run_ports *, const struct conf *, struct err *);
void run_ports_close(struct run_ports *);

/*
 * What the role gets, as descriptors from ${number} on: those of
 * http-01, then those of tls-alpn-01.  How many of each to n[]; the sum.
 */
size_t run_ports_fds(const struct run_ports *, int number,
    struct proc_fd out[RUN_PORTS_MAX], size_t n[CHALLENGE_KINDS]);

/* Who had them is dead: nobody listens at ours. */
void run_ports_rest(struct run_ports *);

#endif
