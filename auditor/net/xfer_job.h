#ifndef AUDITOR_NET_XFER_JOB_H
#define AUDITOR_NET_XFER_JOB_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/xfer.h"
#include "base/buf.h"
#include "base/err.h"

/* Private to xfer.c and xfer_job.c: the state behind struct xfer. */

struct xfer {
	CURLM			*multi;
	char			*user_agent;
	char			*proxy;		/* "": none */
	struct buf		 ca;		/* PEM; may be empty */
	struct egress		 egress;
	enum egress_class	 class;
	uint64_t		 max_rate;	/* 0: no cap */
	int64_t			 budget;	/* bytes that may come now */
	int64_t			 filled;	/* when budget was computed */
	struct xfer_job		*jobs;
	int			 urgent;	/* jobs to be seen to at once */
};

struct xfer_job {
	struct xfer		*x;		/* borrowed */
	struct xfer_job		*prev, *next;
	CURL			*easy;		/* NULL: refused */
	CURLU			*url;
	struct curl_slist	*headers;
	const struct xfer_ops	*ops;		/* borrowed */
	void			*arg;		/* borrowed */
	struct buf		 body;		/* of the request */
	struct fetch_done	 done;
	struct err		 policy;	/* why not connected */
	size_t			 cap;
	size_t			 got;
	int			 lines;		/* response header lines */
	int			 https;
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

/* Fill in j->done for what curl said. */
void xfer_job_result(struct xfer_job *, CURLcode);

/* Free it; it must be out of the multi handle. */
void xfer_job_free(struct xfer_job *);

#endif
