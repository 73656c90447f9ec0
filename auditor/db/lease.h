#ifndef AUDITOR_DB_LEASE_H
#define AUDITOR_DB_LEASE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Leases on rows of table work, and the rows of table worker.  A holder is
 * one slot of one host ("host:slot").  Each claim draws a new token; every
 * transaction that completes work calls lease_check() first, so that a
 * worker that slept too long changes nothing.  Time is the database's now().
 */

struct lease {
	int64_t	 id;
	int64_t	 token;
	char	*kind;
	char	*subject;
	char	*detail;	/* JSON object */
	int	 attempts;	/* 1: first try since the last success */
};

/* What to claim. */
struct lease_ask {
	const char	*holder;
	struct db_strs	 kinds;		/* n == 0: any */
	struct db_strs	 skip;		/* "kind:subject", not these */
	size_t		 max;		/* at most LIMIT_LEASES */
	int		 lease_s;
};

/* Make sure that there is work (kind, subject); due now when it is new. */
int lease_add(struct db *, const char *kind, const char *subject,
    struct err *);

/* Work that is to be done. */
struct lease_work {
	const char	*kind;
	const char	*subject;
	const char	*detail;	/* JSON object text; NULL: {} */
	int64_t		 due_in_s;
};

/*
 * The same with details, which replace what is there, and due in a while:
 * work that is there comes sooner, never later.
 */
int lease_plan(struct db *, const struct lease_work *, struct err *);

/*
 * Claim what is due and free (or whose lease ran out), oldest first.
 * ${out} has room for ask->max; *n tells how many were got (0: nothing is
 * due).  Each is freed with lease_free().
 */
int lease_claim(struct db *, const struct lease_ask *, struct lease *out,
    size_t *n, struct err *);

/* Free the strings of a lease and zero it; NULL is fine. */
void lease_free(struct lease *);

/* Heartbeat: prolong every lease of ${holder} to ${lease_s} from now. */
int lease_beat(struct db *, const char *holder, int lease_s, struct err *);

/*
 * Inside a transaction: the row is locked until its end when the lease is
 * still ours, so nobody can claim it before we commit.  Else ERR_LEASE: roll
 * back.
 */
int lease_check(struct db *, const struct lease *, struct err *);

/*
 * The work is done: free, due again in ${due_in_s} seconds, attempts 0;
 * negative: the row is removed.  ERR_LEASE when it was lost (nothing is
 * changed).  May run inside the caller's transaction.
 */
int lease_done(struct db *, const struct lease *, int64_t due_in_s,
    struct err *);

/* How a failed piece of work is tried again: base_s * 2^n, at most cap_s. */
struct lease_retry {
	int64_t		 base_s;
	int64_t		 cap_s;
	const char	*why;		/* one sentence, stored */
};

/* The work failed: free, due again after a backoff.  ERR_LEASE as above. */
int lease_fail(struct db *, const struct lease *, const struct lease_retry *,
    struct err *);

/*
 * A worker starts in the slot ${holder}: what the last one there had (work
 * and deliveries under way) is free at once, and that one is fenced off.
 */
int lease_takeover(struct db *, const char *holder, struct err *);

/* A row of table worker. */
struct lease_worker {
	const char	*id;		/* host:slot, as the holder */
	const char	*host;
	int64_t		 pid;
	int64_t		 schema_version;
	struct db_strs	 roles;
};

/* Enter it (takes the place of an old row with this id). */
int lease_enter(struct db *, const struct lease_worker *, struct err *);

/* Seen now.  ERR_LEASE when the row is gone: another took the slot. */
int lease_seen(struct db *, const struct lease_worker *, struct err *);

/* It ends: its leases are free, its row is removed. */
int lease_leave(struct db *, const struct lease_worker *, struct err *);

/* Workers seen within LIMIT_WORKER_ALIVE seconds. */
int lease_alive(struct db *, int64_t *, struct err *);

#endif
