#ifndef AUDITOR_DB_EMBED_MAKE_H
#define AUDITOR_DB_EMBED_MAKE_H

#include "base/err.h"

/* The making of a cluster on disk.  All under the owner's lock. */
struct embed_make {
	const char	*state;		/* absolute; the cluster is STATE/pg */
	const char	*user;		/* the name of our uid */
	const char	*log;		/* path of pg.log */
	int		 log_fd;
};

/*
 * The major version of STATE/pg in *major, 0 when there is none.  ERR_CONF
 * when something is there that is not ours to run; a wrong mode is put right.
 * The owner (log_fd not -1) also removes what interrupted runs have left.
 */
int embed_make_look(const struct embed_make *, int *major, struct err *);

/*
 * Make it with the programs in ${bindir}: in a folder STATE/pg.newXXXXXX,
 * synced, then renamed to STATE/pg.
 */
int embed_make_new(const struct embed_make *, const char *bindir,
    struct err *);

/* Who may connect: our own system user alone.  Written where it differs. */
int embed_make_auth(const struct embed_make *, const char *data,
    struct err *);

#endif
