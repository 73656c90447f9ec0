#ifndef AUDITOR_DEPLOY_H
#define AUDITOR_DEPLOY_H

#include <stddef.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Where certificates are put: each in a folder of its own, of which the name
 * without a version is a symbolic link that is exchanged at once:
 *
 *   DIR/.versions/NAME-20261127T180000Z/{key,cert,chain,fullchain}.pem
 *   DIR/NAME -> .versions/NAME-20261127T180000Z
 *
 * While it is written its folder has a dot in front and is locked.  Whoever
 * reads DIR/NAME/... sees all of one version.  The LIMIT_DEPLOY_OLD versions
 * before it stay; what is older goes with a commit, and so does what another
 * process left half written when it was killed.
 */
#define DEPLOY_WHEN 32

struct deploy {
	int	dir;		/* descriptor of DIR; -1: none */
	int	version;	/* descriptor of the new folder; -1 */
	char	name[272];	/* of the link */
	char	when[DEPLOY_WHEN];	/* its time, for the folder */
	char	folder[320];	/* relative to DIR, what it will point at */
};

#define DEPLOY_INIT { -1, -1, "", "", "" }

/* The link's name: that of the first name, "*." is "_.". 0, or -1 ERR_USAGE. */
int deploy_name(const char *first, char *out, size_t cap, struct err *);

/*
 * Make the folder of a new version (0700; DIR too, when it is not there) for
 * ${name}, as of ${now} (us).  0, or -1 ERR_SYS or ERR_PERM: what, where.
 */
int deploy_begin(struct deploy *, const char *dir, const char *name,
    int64_t now, struct err *);

/* Write and sync one file of it, 0600 when ${secret}, else 0644. */
int deploy_file(struct deploy *, const char *file, struct span bytes,
    int secret, struct err *);

/*
 * Sync the folder and exchange the link: from here on it is served.  One at a
 * time in DIR; then old versions of the name are taken away.
 */
int deploy_commit(struct deploy *, struct err *);

/* Close; a version that was not committed is taken away. */
void deploy_end(struct deploy *);

#endif
