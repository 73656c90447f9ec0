#ifndef AUDITOR_NET_XFER_JOB_H
#define AUDITOR_NET_XFER_JOB_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/meter.h"
#include "auditor/net/xfer.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limit.h"

/* Private to xfer*.c: the state behind struct xfer. */

#define XFER_BUCKETS	256

struct xfer_host;

/* Jobs in order of arrival. */
struct xfer_queue {
	struct xfer_job	*first, *last;
};

struct xfer {
	CURLM			*multi;
	char			*user_agent;
	char			*proxy;		/* "": none */
	struct buf		 ca;		/* PEM; may be empty */
	struct egress		 egress;
	enum egress_class	 class;
	struct meter		 meter;
	struct xfer_job		*jobs;
	struct xfer_queue	 refused;	/* to end without a request */
	int			 urgent;	/* jobs to be seen to at once */
	/* xfer_host.c */
	struct xfer_host	*buckets[XFER_BUCKETS];	/* owned */
	struct xfer_host	*turn, *turn_last; /* may start one now */
	unsigned		 host_conns;	/* at most, to one host */
	unsigned		 active;	/* jobs that are under way */
};

struct xfer_job {
	struct xfer		*x;		/* borrowed */
	struct xfer_job		*prev, *next;
	struct xfer_queue	*queue;		/* that it waits in, or NULL */
	struct xfer_job		*qprev, *qnext;
	struct xfer_host	*host;		/* borrowed; NULL: none */
	CURL			*easy;		/* NULL: refused */
	CURLU			*url;
	struct curl_slist	*headers;
	const struct xfer_ops	*ops;		/* borrowed */
	void			*arg;		/* borrowed */
	struct buf		 body;		/* of the request */
	struct fetch_done	 done;
	struct err		 policy;	/* why not connected */
	uint32_t		 flags;		/* FETCH_F_ */
	char			 source[LIMIT_SOURCE_TEXT]; /* "": any */
	int64_t			 timeout;	/* of all of it, microseconds */
	int64_t			 end;		/* clk_mono(); 0: not begun */
	size_t			 cap;
	size_t			 got;
	size_t			 skipped;	/* bytes nobody wants */
	int			 lines;		/* response header lines */
	int			 https;
	int			 multiplexed;	/* waits for no connection */
	int			 hops;		/* redirects followed */
	int			 coded;		/* has a Content-Encoding */
	int			 odd_location;	/* with control characters */
	int			 enough;	/* ended by us, an answer */
	int			 waiting;	/* the sink said XFER_WAIT */
	int			 throttled;	/* over max_rate */
	int			 resume;	/* xfer_resume() was called */
	char			 error[CURL_ERROR_SIZE];
};

/*
 * Make the curl handle of a job for a request.  0, or -1 with failure and
 * message in j->done.
 */
int xfer_job_setup(struct xfer_job *, const struct fetch_get *);

/* Go to another URL: 0, or -1 as above when the policy is against it. */
int xfer_job_url(struct xfer_job *, const char *url);

/* Fill in j->done for what curl said. */
void xfer_job_result(struct xfer_job *, CURLcode);

/* Set failure and message; returns -1. */
int xfer_job_fail(struct xfer_job *, enum fetch_failure, const char *what);

/* Free it; it must be out of the multi handle and of all queues. */
void xfer_job_free(struct xfer_job *);

/* xfer_reply.c: curl's CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION. */
size_t xfer_reply_header(char *, size_t, size_t, void *job);
size_t xfer_reply_body(char *, size_t, size_t, void *job);

/*
 * xfer_follow.c.  Is this status, with the Location that was kept, a redirect
 * that the job is to follow?
 */
int xfer_follow_wanted(const struct xfer_job *, long status);

/*
 * When the answer in j->done is such a redirect: 1 and the job is ready to be
 * sent again, out of the multi handle; or 0 with the failure in j->done.
 */
int xfer_follow(struct xfer_job *);

/* --- xfer_host.c --- */

void xfer_queue_put(struct xfer_queue *, struct xfer_job *);
void xfer_queue_take(struct xfer_job *);	/* if it is in one */

/* End a job that has not begun with what is in j->done, in this turn. */
void xfer_refuse(struct xfer_job *);

/* Have it wait for its host; it starts in a later xfer_host_pump(). */
void xfer_host_wait(struct xfer_job *);

/* It ended with what is in j->done, and what that tells about its host. */
void xfer_host_learn(struct xfer_job *);

/* It waits or holds a connection no more. */
void xfer_host_leave(struct xfer_job *);

/* Start what can be started, hosts taking turns. */
void xfer_host_pump(struct xfer *);

#endif
