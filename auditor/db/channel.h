#ifndef AUDITOR_DB_CHANNEL_H
#define AUDITOR_DB_CHANNEL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Channels (where messages go) and routes (which findings go there).  The
 * settings hold names of files, never a secret.
 */
struct channel {
	struct conf_channel	 conf;		/* owned strings */
	int			 from_conf;	/* origin config, else cli */
	int			 disabled;
	char			*state_reason;	/* NULL */
	int64_t			 failing_since;	/* INT64_MIN: it works */
	int64_t			 last_ok_at;	/* INT64_MIN: never */
};

void channel_free(struct channel *, size_t n);

/* All channels by name; *out is freed with channel_free(). */
int channel_list(struct db *, struct channel **out, size_t *n, struct err *);

/* One, as a list of one; ERR_NOENT when there is none of that name. */
int channel_load(struct db *, const char *name, struct channel **out,
    struct err *);

/*
 * Check what a channel needs by its kind: 0, or -1 ERR_CONF and what is
 * missing or too much.
 */
int channel_check(const struct conf_channel *, struct err *);

/*
 * Add one of origin cli, ERR_USAGE when the name is taken.  Remove one of
 * origin cli: what is on its way to it is dead; ERR_USAGE for one of the
 * configuration, ERR_NOENT.
 */
int channel_add(struct db *, const struct conf_channel *, struct err *);
int channel_remove(struct db *, const char *name, struct err *);

/* Switch it on again after it was disabled, or off with a reason. */
int channel_enable(struct db *, const char *name, struct err *);
int channel_disable(struct db *, const char *name, const char *reason,
    struct err *);

/*
 * Put the configuration's channels, or routes, into the tables with origin
 * config; those of origin config that are gone are removed, those of origin
 * cli never touched.  What changes is appended to ${diff}, one line each
 * ("+ channel soc (webhook)"), when it is not NULL.  Inside the caller's
 * transaction.
 */
int channel_sync(struct db *, const struct conf *, struct buf *diff,
    struct err *);
int route_sync(struct db *, const struct conf *, struct buf *diff,
    struct err *);

/* The routes by position; freed with route_free(). */
int route_load(struct db *, struct conf_route **out, size_t *n, struct err *);
void route_free(struct conf_route *, size_t n);

#endif
