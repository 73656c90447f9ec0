#ifndef AUDITOR_DB_HOOK_STORE_H
#define AUDITOR_DB_HOOK_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * The deploy hook of a managed certificate: that it must run is stored with
 * the certificate, so that no death in between loses it.
 */

struct hook_row {
	int64_t	 id;		/* of the managed certificate */
	int64_t	 held;		/* until when nobody else runs it (us) */
	int	 attempts;	/* failures in a row */
	char	*name;
	char	*names;		/* parted by spaces */
	char	*dir;		/* where it is deployed */
	char	*serial;
	int64_t	 not_after;	/* us */
};

/*
 * Take the hook of ${id} when it is time for it: nobody else gets it for
 * ${secs}.  1; 0 there is none to run now; -1.  hook_row_free() after 1.
 */
int hook_take(struct db *, int64_t id, unsigned secs, struct hook_row *,
    struct err *);
void hook_row_free(struct hook_row *);

/*
 * It ended: ${why} NULL: well (or it is not to be run any more), and nothing
 * is left to do, else it failed and is run again at ${next} (us).  1; 0 when
 * the certificate or its hook is another's by now; -1.
 */
int hook_ended(struct db *, const struct hook_row *, const char *why,
    int64_t next, struct err *);

#endif
