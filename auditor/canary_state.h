#ifndef AUDITOR_CANARY_STATE_H
#define AUDITOR_CANARY_STATE_H

#include <stdint.h>

#include <jansson.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/* How the canary of the configuration is now, for a person. */
struct canary_state {
	char	*name;		/* as certificates have it */
	char	*managed;	/* the certificate of ours that has it; NULL */
	int64_t	 within, every;	/* of the configuration, seconds */
	int	 watched;
	int64_t	 at, seen_at;	/* of the newest certificate; INT64_MIN: none */
	int64_t	 age;		/* seconds since `at` */
	int64_t	 seconds;	/* from `at` to `seen_at` */
	int	 late, quiet;	/* as canary.missed has it */
};

/*
 * Read it; there must be a canary (conf->canary_name).  0 or -1; free with
 * canary_state_free() in either case.
 */
int canary_state_load(struct db *, const struct conf *,
    struct canary_state *, struct err *);
void canary_state_free(struct canary_state *);

/*
 * One sentence: what it is, and what to do.  0 it is well, 1 it cannot do
 * what it is there for, 2 it is missed.
 */
int canary_state_say(const struct canary_state *, struct buf *);

/* Its members, a new object. */
json_t *canary_state_json(const struct canary_state *);

#endif
