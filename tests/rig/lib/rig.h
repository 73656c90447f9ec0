#ifndef RIG_RIG_H
#define RIG_RIG_H

#include "tests/rig/lib/rlog.h"

enum { RIG_LOGS = 64 };

/* The logs of one server and what they share. */
struct rig {
	const char	*dir;
	char		 url[64];	/* http://127.0.0.1:PORT */
	struct rlog	*logs[RIG_LOGS];
	size_t		 n;
	long		 interval;	/* ms between heads; 0: at once */
	long		 refresh;	/* ms; 0: by the MMD */
	EVP_PKEY	*list_key;	/* NULL: lists are not signed */
	unsigned	 version;
	pthread_mutex_t	 lock;		/* the table of logs, the lists */
};

/* Open a log from its option text and add it; the lists are not written. */
int rig_add(struct rig *, const char *, struct err *);

/* The log of a name; NULL when there is none. */
struct rlog *rig_find(struct rig *, const char *, size_t);

/*
 * Write loglist.json, loglist-rfc6962.json and loglist-static.json (schema
 * v3), with signatures; ${timestamp} is RFC 3339, or NULL for now.  No log's
 * lock may be held.
 */
int rig_lists(struct rig *, const char *, struct err *);

#endif
