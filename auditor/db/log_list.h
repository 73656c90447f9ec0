#ifndef AUDITOR_DB_LOG_LIST_H
#define AUDITOR_DB_LOG_LIST_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"
#include "ctlog/loglist.h"

/* Log lists, and what they say of logs: all SQL about that. */

/* What goes with a version of a log list. */
struct log_list_in {
	const char		*source;	/* chrome, apple, file */
	struct span		 body;
	struct span		 signature;	/* may be empty */
	int			 verified;
	const struct loglist	*list;
};

/*
 * Store a version of a list and what it says of logs: new ones are added
 * (the very first list makes them first_list), known ones updated but for
 * their key, those it no longer has are marked so.  An older list than the
 * newest of that source is refused (ERR_VERIFY).  Each readable log gets its
 * work row `tail`.  Only rows of what is new are written, beside that it was
 * looked at.  *changed: 0 when this version was there.
 */
int log_list_store(struct db *, const struct log_list_in *, int64_t now,
    int *changed, struct err *);

/*
 * A browser's list is not asked for any more: what the other's has is that
 * one's, the rest is read no longer.  In the caller's transaction, which takes
 * the list's row of work away.
 */
int log_list_forget(struct db *, const char *source, struct err *);

/* The SHA-256 of the newest list (32 bytes) in ${out}; 0, 1 none, -1. */
int log_list_newest(struct db *, uint8_t out[32], struct err *);

#endif
