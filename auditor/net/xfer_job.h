#ifndef AUDITOR_NET_XFER_JOB_H
#define AUDITOR_NET_XFER_JOB_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/meter.h"
#include "auditor/net/page_http.h"
#include "auditor/net/xfer.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/limit_page.h"

/* Private to xfer*.c: the state behind struct xfer. */

#define XFER_BUCKETS	256

struct page_tls;
struct xfer_conn;
struct xfer_host;
struct xfer_party;

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
	/* xfer_page.c, xfer_conn.c */
	int			 epoll;		/* -1: all is libcurl's */
	struct page_tls		*tls;		/* owned; NULL: none */
	int			 tls_tried;
	struct xfer_conn	*kept, *kept_last; /* owned; used last first */
	size_t			 nkept;
	struct xfer_job		*pages;		/* those with a connection */
	int64_t			 pages_next;	/* when to look at them */
	struct {
		char		*key;		/* owned */
		int64_t		 until;
	}			 odd[LIMIT_PAGE_ODD];
};

struct xfer_job {
	struct xfer		*x;		/* borrowed */
	struct xfer_job		*prev, *next;
	struct xfer_queue	*queue;		/* that it waits in, or NULL */
	struct xfer_job		*qprev, *qnext;
	struct xfer_host	*host;		/* borrowed; NULL: none */
	struct xfer_party	*of;		/* of that host; likewise */
	uint32_t		 party;		/* fetch_get's */
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
	uint32_t		 slow_bytes, slow_ms;	/* fetch_get's */
	/* xfer_page.c */
	int			 page;		/* read there, not by libcurl */
	struct xfer_conn	*conn;		/* owned; NULL: none yet */
	struct xfer_job		*pprev, *pnext;	/* of those with one */
	struct page_http	 http;
	struct buf		 ask;		/* the request */
	size_t			 asked;
	int			 fresh;		/* not on a kept connection */
	int			 kick;		/* go on, though no edge came */
	int64_t			 begun, tried;	/* it; on this connection */
	int64_t			 slow, ticked;	/* since when too slow; seen */
	size_t			 got_then;	/* at that moment */
};

/*
 * Make the curl handle of a job for a request.  0, or -1 with failure and
 * message in j->done.
 */
int xfer_job_setup(struct xfer_job *, const struct fetch_get *);

/* Go to another URL: 0, or -1 as above when the policy is against it. */
int xfer_job_url(struct xfer_job *, const char *url);

/* Make its curl handle, that is asked for all of it, or to connect (page). */
int xfer_job_easy(struct xfer_job *);

/* As it was before the first byte of an answer. */
void xfer_job_reset(struct xfer_job *);

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

/* Send it now, on its host's connection (again). */
void xfer_host_begin(struct xfer_job *);

/* "host:port", and where it comes from; borrowed. */
const char *xfer_host_name(const struct xfer_job *);

/*
 * --- xfer_conn.c: connections that libcurl made and we took over ---
 */
struct page_conn;

struct xfer_conn {
	struct xfer_conn	*prev, *next;	/* of those kept */
	struct page_conn	*io;		/* owned */
	int			 epoll;		/* borrowed: where it is watched */
	struct xfer_job		*job;		/* borrowed; NULL: kept */
	char			*key;		/* owned: to whom */
	char			 addr[64];
	int64_t			 born, idle;	/* clk_mono() */
	int			 used;		/* had an answer */
	uint8_t			*in;		/* owned: what came and is to
						   be read: XFER_CONN_IN */
	size_t			 at, n;
	uint64_t		 wire;		/* bytes of this answer */
};

#define XFER_CONN_IN	(32u << 10)

/* To whom a job's connection is: a text to free(). */
char *xfer_conn_key(const struct xfer_job *);

/* The socket of a job's curl handle, which has connected; NULL: j->done. */
struct xfer_conn *xfer_conn_new(struct xfer_job *);
void xfer_conn_free(struct xfer_conn *);

/* A kept one for the job, or NULL. */
struct xfer_conn *xfer_conn_take(struct xfer_job *);

/* Keep it for others, if it is of use (owned from then on). */
void xfer_conn_keep(struct xfer *, struct xfer_conn *);

/* Something happened to one that is kept; it may be gone after it. */
void xfer_conn_edge(struct xfer *, struct xfer_conn *);

/* Close those that nobody used for long; all. */
void xfer_conn_expire(struct xfer *, int64_t mono);
void xfer_conn_free_all(struct xfer *);

/*
 * --- xfer_page.c: answers that are read without libcurl ---
 */

/* Get ready, before the sandbox; free. */
void xfer_page_open(struct xfer *);
void xfer_page_close(struct xfer *);

/* Is it one of those?  The job has its URL. */
int xfer_page_wanted(const struct xfer_job *, const struct fetch_get *);

/*
 * Begin on a kept connection: 1.  0: libcurl is to be asked, as j->page says
 * then.
 */
int xfer_page_begin(struct xfer_job *);

/* libcurl has connected it: go on from there. */
void xfer_page_connected(struct xfer_job *);

/* Close its connection, if it has one. */
void xfer_page_drop(struct xfer_job *);

/* Read what there is; ${edges}: descriptors have some. */
void xfer_page_turn(struct xfer *, int edges);

#endif
