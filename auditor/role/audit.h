#ifndef AUDITOR_ROLE_AUDIT_H
#define AUDITOR_ROLE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/lease.h"
#include "auditor/role/engine.h"
#include "auditor/role/judge_audit.h"
#include "auditor/role/probe_client.h"

/*
 * The jobs that audit: certificates by issuer, revocation sources, inclusion
 * by log, endpoints, CAA, and the sweep that plans them.  Each is a leased
 * row of table work and a state machine; one that waits for a dead peer
 * delays none of the others.
 */
struct audit;
struct audit_job;

/* Verdicts about a certificate are made anew when they are so old. */
#define AUDIT_AGE	(INT64_C(86400) * 1000000)

/* What a kind of work does.  Functions may be NULL. */
struct audit_kind {
	const char	*name;		/* work.kind */
	size_t		 most;		/* at once, of one worker */
	/* Begin; it may end the job. */
	void	(*begin)(struct audit_job *);
	/* The answers; ids are those that the asking returned. */
	void	(*fetched)(struct audit_job *, const struct fetch_done *);
	void	(*judged)(struct audit_job *, const struct judge_reply *,
		    struct cur *);
	void	(*served)(struct audit_job *, const struct probe_served *);
	void	(*said)(struct audit_job *, const struct probe_said *);
	/*
	 * Store what ${n} jobs have that are ready, in one transaction, at
	 * the end of the turn in which they became it.
	 */
	void	(*store)(struct audit_job **, size_t n);
	/* Its judge died or thinks for too long. */
	void	(*orphan)(struct audit_job *, const char *why);
	/* Free its state. */
	void	(*drop)(struct audit_job *);
};

struct audit_job {
	struct audit		*audit;
	struct engine		*en;
	const struct audit_kind	*kind;
	struct lease		 lease;
	struct judge_link	*judge;
	int			 told;		/* it knows what to trust */
	int			 ended;
	int			 ready;		/* for its kind's store() */
	int64_t			 due_at;	/* again, monotonic; 0: unknown */
	int64_t			 patience;	/* for its judge, microseconds */
	void			*state;		/* of the kind */
};

extern const struct audit_kind audit_cert, audit_crl, audit_ocsp, audit_incl,
    audit_endpoint, audit_caa, audit_keys, audit_ari, audit_sweep,
    audit_retain;

/* Everything for one worker; starts the processes.  NULL and err. */
struct audit *audit_new(struct engine *, struct err *);
void audit_free(struct audit *);

/* The database is away, or judges have a new template: jobs are dropped. */
void audit_reset(struct audit *);

/* The configuration or the roots may have changed: read them again. */
int audit_reload(struct audit *, struct err *);

/* Claim what is due and go on; engine_wake() says when to be called again. */
void audit_turn(struct audit *, int64_t now);

/* Of its children and judges, what waits to be written is; at most ${max}. */
size_t audit_ipcs(const struct audit *, struct ipc **, size_t max);

/* Read what they said: 0, or -1 when a child is gone. */
int audit_read(struct audit *);

/* Is this process one of its children? */
int audit_is_child(const struct audit *, pid_t);

/* An answer of the fetch process for logs; 0 when it is not for a job. */
int audit_fetched(struct audit *, const struct fetch_done *);

/*
 * --once: nothing is under way, and nothing is due after what is known now
 * was planned.
 */
int audit_idle(struct audit *);

/* --- for the jobs ------------------------------------------------------------ */

/* Rows of work for all that is to be audited: 0, or -1 and err. */
int audit_plan(struct audit *, struct err *);

/* End well, due again in so many seconds (negative: the row is removed). */
void audit_done(struct audit_job *, int64_t due_in_s);

/*
 * The same of revocation source ${id}: at once, when a certificate came
 * meanwhile of which it has said nothing.
 */
void audit_done_source(struct audit_job *, int64_t id, int64_t due_in_s);

/* End as failed: tried again with a growing pause. */
void audit_fail(struct audit_job *, const char *why);

/*
 * The same when a resolver has no answer that counts, which is said once for
 * many names.  ${name} NULL: ${why} begins with it.
 */
void audit_fail_dns(struct audit_job *, const char *resolver,
    const char *name, const char *why);
/* It had an answer. */
void audit_heard_dns(struct audit_job *, const struct probe_said *);

/* End because of us (the database, a lost lease): nothing is said of a peer. */
void audit_fault(struct audit_job *, const struct err *);

/* Ask the peers of certificates; the body comes in the answer. */
uint64_t audit_get(struct audit_job *, const struct fetch_get *);
/* The same with the body into a pipe, whose descriptor is given away. */
uint64_t audit_pipe(struct audit_job *, const struct fetch_get *, int fd);
/* Ask a log. */
uint64_t audit_get_log(struct audit_job *, const char *url, size_t cap);
uint64_t audit_probe_tls(struct audit_job *, const struct probe_tls *);
uint64_t audit_probe_dns(struct audit_job *, const struct probe_dns *);

/*
 * Ask this job's judge, which is forked when there is none: the number of
 * the question, 0 when the job ended.
 */
uint64_t audit_ask(struct audit_job *, enum judge_type, const struct buf *,
    const int *fds, int nfds);

/* Have another judge from now on (one that was fed by a peer is done). */
void audit_new_judge(struct audit_job *);

/* Begin a transaction under the job's lease; 0, or -1 and the job ended. */
int audit_begin(struct audit_job *);
/* Commit it: the same. */
int audit_commit(struct audit_job *);

/*
 * The same of several jobs, which are due again in so many seconds; nothing
 * is done to them when it fails.
 */
int audit_begin_all(struct audit_job **, size_t n, struct err *);
int audit_commit_all(struct audit_job **, size_t n, int64_t due_in_s,
    struct err *);

/*
 * Commit what was begun of several jobs that end as failed, by_i being the
 * resolver that has no answer (audit_fail_dns), why_i beginning with the name.
 */
int audit_fail_all(struct audit_job **, size_t n, const char *const *why,
    const char *const *by, struct err *);

/* Text of strangers, in place: printable ASCII, which any column takes. */
void audit_plain(char *);

/* What failed, in a sentence: "connect: ...", "HTTP 503". */
void audit_refusal(const struct fetch_done *, char *out, size_t cap);

/* Seconds between looks at sources and endpoints. */
int64_t audit_every(const struct audit_job *);

#endif
