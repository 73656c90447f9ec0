#ifndef AUDITOR_ROLE_ACME_DEFER_H
#define AUDITOR_ROLE_ACME_DEFER_H

#include "acme/flow.h"
#include "auditor/role/acme_place.h"
#include "base/err.h"

/*
 * A challenge whose placement takes time (acme_place_waits()): a process
 * forked for it places it, waits until it is of no use any more, and takes it
 * away, so that other orders go on meanwhile.  It has what its parent has in
 * memory, and none of its descriptors.  Turned by its owner whenever something
 * happened; it waits by itself while too many are placed at this place.
 */
struct acme_defer;

/* Begin.  All is borrowed for the life of it but the challenge. */
struct acme_defer *acme_defer_new(struct acme_place *,
    const struct flow_place *, const char *thumbprint);
/* Ends the process, whatever it does. */
void acme_defer_free(struct acme_defer *);

enum acme_defer_state {
	ACME_DEFER_PUTS,	/* not placed yet */
	ACME_DEFER_WRITTEN,	/* acme_place_later(): acme_defer_look() when
				   the others of its order are, too */
	ACME_DEFER_PLACED,
	ACME_DEFER_FAILED,	/* could not be placed, and why; ERR_TEMP: it
				   is not known, the process died */
	ACME_DEFER_DROPS,	/* it is being taken away */
	ACME_DEFER_GONE,	/* it is not there any more */
	ACME_DEFER_STAYS	/* could not be taken away, and why */
};

/* Go on; what is the case now.  The error is set for FAILED and STAYS. */
enum acme_defer_state acme_defer_turn(struct acme_defer *, struct err *);

/* All are written: look for this one; ignored in other states. */
void acme_defer_look(struct acme_defer *);

/* It is of no use any more; ${failed} as in acme_place_drop(). */
void acme_defer_drop(struct acme_defer *, int failed);
const struct flow_place *acme_defer_what(const struct acme_defer *);
int acme_defer_dropped(const struct acme_defer *);	/* was that said? */

/* What to poll for reading; -1: nothing now. */
int acme_defer_fd(const struct acme_defer *);

#endif
