#ifndef AUDITOR_ROLE_PROBE_JOB_H
#define AUDITOR_ROLE_PROBE_JOB_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/dnsask.h"
#include "auditor/net/egress.h"
#include "auditor/net/hosts.h"
#include "auditor/net/netaddr.h"
#include "auditor/net/tlsprobe.h"
#include "auditor/role/probe.h"
#include "auditor/role/probe_queue.h"

struct ipc;
struct probe_job;

/*
 * Private to probe.c, probe_job.c and probe_queue.c: requests, and the
 * questions and connections (units) that each consists of.
 */
struct probe_unit {
	struct probe_job	*job;		/* borrowed */
	struct dnsask		*ask;		/* owned; under way */
	struct tlsprobe		*look;		/* owned; under way */
	int			 is_ask;
	int			 waits;		/* in a queue */
	uint16_t		 type;		/* a question: of records */
	struct netaddr		 addr;		/* a connection: to */
	size_t			 slot;		/* in busy, when under way */
	struct probe_unit	*prev, *next;	/* in its queue */
	struct probe_peer	*peer;		/* borrowed; of a connection */
};

/* A request from PROBE_TLS or PROBE_DNS to its last answer. */
struct probe_job {
	struct probe_role	*role;		/* borrowed */
	struct probe_job	*prev, *next;
	uint64_t		 id;
	struct probe_tls	 tls;		/* host NULL: a DNS question */
	struct probe_dns	 dns;
	char			*host, *sni;	/* owned: what those borrow */
	struct probe_unit	 ask[2];	/* the question; A and AAAA */
	struct probe_unit	 look[LIMIT_PROBE_ADDRS];
	size_t			 asking;	/* not answered yet */
	size_t			 looking;
	struct netaddr		 found[2][LIMIT_PROBE_ADDRS];	/* v4, v6 */
	size_t			 total[2];	/* found, or more */
	char			 note[160];
	char			 resolver[64];	/* that had no answer */
};

/* The process. */
struct probe_role {
	struct ipc		*ipc;		/* owned */
	struct tlsprobe_ctx	*tls;		/* owned; NULL before SETUP */
	struct egress		 egress;	/* owned */
	struct hosts		*hosts;		/* owned */
	struct dnsservers	 servers;
	struct probe_job	*head, *tail;	/* in order of arrival */
	size_t			 njobs;
	struct probe_queue	 queue;		/* units that wait */
	struct probe_unit	*busy[LIMIT_PROBES];	/* under way */
	struct pollfd		 fds[1 + LIMIT_PROBES];	/* busy, behind ipc */
	size_t			 nbusy, nasks;
};

/* Take on a request (copied). */
void probe_job_tls(struct probe_role *, const struct probe_tls *);
void probe_job_dns(struct probe_role *, const struct probe_dns *);

/* The job with that id, or NULL. */
struct probe_job *probe_job_find(struct probe_role *, uint64_t id);

/* End a job: the one answer that is still due says that it was cancelled. */
void probe_job_cancel(struct probe_job *);

/* Start what may start, unless the engine is behind with reading. */
void probe_job_pump(struct probe_role *, int64_t now);

/* Fill in fds[1...]; the earliest moment that something is due. */
int64_t probe_job_poll(struct probe_role *);

/* Carry on with what poll() found ready, and what is due at ${now}. */
void probe_job_turn(struct probe_role *, int64_t now);

/* Forget all of them without a word. */
void probe_job_free_all(struct probe_role *);

#endif
