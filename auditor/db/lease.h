#ifndef AUDITOR_DB_LEASE_H
#define AUDITOR_DB_LEASE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Leases on rows of table work, and the rows of table worker.  A holder is
 * one slot of one name ("host:slot").  Each claim draws a new token; every
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
	const char	*instance;	/* of the process whose slot it is: one
					   that lost it gets nothing; NULL: any */
	struct db_strs	 kinds;		/* n == 0: any */
	struct db_strs	 skip;		/* "kind:subject", not these */
	size_t		 max;		/* at most LIMIT_LEASES */
	int		 lease_s;
	const char	*share;		/* a role: no more than our part of
					   what its workers have, or NULL */
	int64_t		 away_s;	/* we were away for so long until now:
					   who lived when we went counts */
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

/*
 * Which kinds have something that is due and free, or held by ${holder} (when
 * it is not NULL), and is not one of ${skip} ("kind:subject")?  due[i] is set
 * to 1 for those of kinds[i]; the others stay.
 */
int lease_due(struct db *, const struct db_strs *kinds,
    const struct db_strs *skip, const char *holder, int *due, struct err *);

/* Free the strings of a lease and zero it; NULL is fine. */
void lease_free(struct lease *);

/*
 * Heartbeat: prolong every lease of ${holder} to ${lease_s} from now.  One
 * that ran out stays so: a worker that slept has lost it.
 */
int lease_beat(struct db *, const char *holder, int lease_s, struct err *);

/*
 * How many of the work of ${kind} ${holder} has above its part, so that living
 * workers of ${role} that lack them can have them; 0 while something is free.
 * One that has none is left one, and the rest when it has taken that.
 */
int lease_excess(struct db *, const char *holder, const char *kind,
    const char *role, int *n, struct err *);

/*
 * Inside a transaction: the row is locked until its end when the lease is
 * still ours and has not run out, so nobody can claim it before we commit.
 * Else ERR_LEASE: roll back.
 */
int lease_check(struct db *, const struct lease *, struct err *);

/*
 * The same of ${n} leases in one statement; and their end, pushed behind it:
 * each is due again in ${due_in_s} seconds.
 */
int lease_check_all(struct db *, const struct lease *const *, size_t n,
    struct err *);
int lease_done_all(struct db *, const struct lease *const *, size_t n,
    int64_t due_in_s, struct err *);

/*
 * The work is done: free, due again in ${due_in_s} seconds, attempts 0;
 * negative: the row is removed.  ERR_LEASE when it was lost (nothing is
 * changed).  May run inside the caller's transaction.
 */
int lease_done(struct db *, const struct lease *, int64_t due_in_s,
    struct err *);

/* The same, due again in so many microseconds (0 or more). */
int lease_done_us(struct db *, const struct lease *, int64_t due_in_us,
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

/* Pushed behind lease_check_all() of them: ${n} failed, each as in t_i. */
int lease_fail_all(struct db *, const struct lease *const *,
    const struct lease_retry *, size_t n, struct err *);

/*
 * What ${holder} has (work and deliveries under way) is free at once, and who
 * still works on it is fenced off.
 */
int lease_takeover(struct db *, const char *holder, struct err *);

/* A row of table worker. */
struct lease_worker {
	const char	*id;		/* name:slot, as the holder */
	const char	*instance;	/* of this process and no other */
	const char	*host;
	const char	*place;		/* where pid means something */
	int64_t		 pid;
	int64_t		 schema_version;	/* that it knows */
	int		 lease_s;	/* unseen for longer: dead */
	struct db_strs	 roles;
	const char	*waits;		/* why, in a sentence; NULL: it works */
};

/*
 * Enter it, in the place of an old row with this id, whose leases are free at
 * once; workers unseen for a day are forgotten.
 */
int lease_enter(struct db *, const struct lease_worker *, struct err *);

/*
 * Seen now; *schema is the version that the database has.  ERR_LEASE when the
 * row is gone or another's: it took the slot.
 */
int lease_seen(struct db *, const struct lease_worker *, int *schema,
    struct err *);

/* It ends: its leases are free, its row is removed. */
int lease_leave(struct db *, const struct lease_worker *, struct err *);

/* Workers seen within LIMIT_WORKER_ALIVE seconds. */
int lease_alive(struct db *, int64_t *, struct err *);

#endif
