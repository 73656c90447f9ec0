#ifndef AUDITOR_ROLE_NOTIFY_REACH_H
#define AUDITOR_ROLE_NOTIFY_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The channels that this host cannot serve: a file with a secret of theirs
 * cannot be read here, or their program is not here.  While another worker
 * delivers, they are left to it, so that a host with a part of the secrets
 * fails nobody's deliveries; alone, they are tried, and fail loudly.
 */
struct notify_reach {
	char	**leave;	/* owned */
	size_t	  n, cap;
	int64_t	  look_at;
};

#define NOTIFY_REACH_INIT { NULL, 0, 0, 0 }

void notify_reach_free(struct notify_reach *);

/* Look again when it is time; 0, or -1 and what was known stays. */
int notify_reach_look(struct notify_reach *, struct db *, const char *holder,
    int64_t now, struct err *);

/* Their names, borrowed. */
struct db_strs notify_reach_leave(const struct notify_reach *);

#endif
