#ifndef AUDITOR_ROLE_LISTS_H
#define AUDITOR_ROLE_LISTS_H

#include "auditor/db/lease.h"
#include "auditor/role/engine.h"

/*
 * The log lists: fetched (or read from a file), verified and taken apart by a
 * judge, stored with each version.  Chrome's says what a log id means,
 * Apple's may add logs.
 */
struct lists;

struct lists *lists_new(struct engine *);
void lists_free(struct lists *);

/* Is Apple's list asked for, too? */
int lists_apple(const struct conf *);

/* Take the lease (its strings move here) and begin. */
void lists_begin(struct lists *, struct lease *);

/* Begin again: the judges or the configuration are other ones. */
void lists_restart(struct lists *);

/* 1 while a list is under way. */
int lists_busy(const struct lists *);

/* As those of tail.h. */
int lists_fetched(struct lists *, const struct fetch_done *);
void lists_judge(struct lists *);
struct ipc *lists_ipc(const struct lists *);

#endif
