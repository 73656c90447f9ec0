#ifndef AUDITOR_CMD_RENEWAL_H
#define AUDITOR_CMD_RENEWAL_H

#include <stddef.h>

#include "auditor/cmd/cmd.h"
#include "auditor/role/acme_place.h"
#include "base/err.h"

/* Renewing what is managed, for the command and for `run`. */

/* What is renewed, and what became of it. */
struct renewal {
	const char	*only;		/* a name, due or not; NULL: all due */
	int		 dry;
	int		 quiet;		/* say nothing on stdout */
	size_t		 done, failed, fresh;
	size_t		 hooks;		/* deploy hooks that failed */
};

/*
 * Take the certificates of the configuration into the database, ask the CA
 * when it wants each to be renewed, and order again what is due, answering
 * challenges at ${place} (NULL: ports are opened when one is due, and closed
 * afterwards).  Deploy hooks that are to be run, after a renewal or because
 * they failed before, are.  Needs ctx->db.  What fails is said, stored, counted
 * and, from the third time in a row on, the finding renewal.failed.  0, or -1:
 * nothing could be tried.
 */
int renewal_run(struct cmd_ctx *, struct acme_place *, struct renewal *,
    struct err *);

/* The role: one such run for the supervisor.  Returns the exit status. */
int renew_main(void);

#endif
