/*
 * Queues of requests, one a host, declared in xfer_job.h.  libcurl has one
 * queue for all of them, and when its connections are all in use it wakes one
 * request for each that ends, whatever its host: those of a dead host are
 * woken for nothing, until all stands still.
 */
#include "auditor/net/xfer_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

#define CONNS_TOTAL	1024u
/* So many without an answer and none under way: the rest need not try. */
#define SILENT_FEW	3u

struct xfer_host {
	struct xfer_host	*chain;		/* the next of its bucket */
	struct xfer_host	*prev, *next;	/* those whose turn it is */
	int			 has_turn;
	char			*name;		/* "host:port" */
	struct xfer_queue	 waiting;
	unsigned		 active;
	unsigned		 silent;	/* ended without an answer, in
						   a row */
	int			 answered;	/* one had an answer */
};

void
xfer_queue_put(struct xfer_queue *q, struct xfer_job *j)
{
	j->queue = q;
	j->qnext = NULL;
	j->qprev = q->last;
	if (q->last != NULL)
		q->last->qnext = j;
	else
		q->first = j;
	q->last = j;
}

void
xfer_queue_take(struct xfer_job *j)
{
	struct xfer_queue	*q = j->queue;

	if (q == NULL)
		return;
	if (j->qprev != NULL)
		j->qprev->qnext = j->qnext;
	else
		q->first = j->qnext;
	if (j->qnext != NULL)
		j->qnext->qprev = j->qprev;
	else
		q->last = j->qprev;
	j->queue = NULL;
	j->qprev = j->qnext = NULL;
}

/* FNV-1a; many hosts in one bucket only cost the time to walk it. */
static struct xfer_host **
bucket_of(struct xfer *x, const char *name)
{
	uint32_t	h = 2166136261u;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &x->buckets[h % XFER_BUCKETS];
}

/* The host of a name (stolen). */
static struct xfer_host *
host_of(struct xfer *x, char *name)
{
	struct xfer_host	**b = bucket_of(x, name), *h;

	for (h = *b; h != NULL; h = h->chain)
		if (strcmp(h->name, name) == 0) {
			free(name);
			return h;
		}
	h = mem_zero(sizeof(*h));
	h->name = name;
	h->chain = *b;
	*b = h;
	return h;
}

static void
host_free(struct xfer *x, struct xfer_host *h)
{
	struct xfer_host	**b = bucket_of(x, h->name);

	while (*b != h)
		b = &(*b)->chain;
	*b = h->chain;
	free(h->name);
	free(h);
}

static void
turn_add(struct xfer *x, struct xfer_host *h)
{
	h->has_turn = 1;
	h->next = NULL;
	h->prev = x->turn_last;
	if (h->prev != NULL)
		h->prev->next = h;
	else
		x->turn = h;
	x->turn_last = h;
}

static void
turn_remove(struct xfer *x, struct xfer_host *h)
{
	if (h->prev != NULL)
		h->prev->next = h->next;
	else
		x->turn = h->next;
	if (h->next != NULL)
		h->next->prev = h->prev;
	else
		x->turn_last = h->prev;
	h->has_turn = 0;
}

/*
 * May it have another connection?  While it has answered nobody and one got no
 * answer, first is seen what becomes of the others.
 */
static int
host_may(const struct xfer *x, const struct xfer_host *h)
{
	if (h->waiting.first == NULL || h->active >= x->host_conns)
		return 0;
	return h->answered || h->silent == 0 || h->active == 0;
}

/* Its place, after something changed; it is gone when nobody needs it. */
static void
host_place(struct xfer *x, struct xfer_host *h)
{
	int	may = host_may(x, h);

	if (may && !h->has_turn)
		turn_add(x, h);
	else if (!may && h->has_turn)
		turn_remove(x, h);
	if (h->waiting.first == NULL && h->active == 0)
		host_free(x, h);
}

/* "host:port" of a job, and where it comes from; never NULL. */
static char *
name_of(const struct xfer_job *j)
{
	char	*host = NULL, *port = NULL, *name;
	size_t	 i, n;

	(void)curl_url_get(j->url, CURLUPART_HOST, &host, 0);
	(void)curl_url_get(j->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	n = (host != NULL ? strlen(host) : 0) +
	    (port != NULL ? strlen(port) : 0) + strlen(j->source) + 9;
	name = mem_zero(n);
	(void)snprintf(name, n, "%s:%s%s%s", host != NULL ? host : "",
	    port != NULL ? port : "", j->source[0] != '\0' ? " from " : "",
	    j->source);
	for (i = 0; name[i] != '\0'; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] + ('a' - 'A'));
	curl_free(host);
	curl_free(port);
	return name;
}

void
xfer_refuse(struct xfer_job *j)
{
	if (j->easy != NULL)
		curl_easy_cleanup(j->easy);
	j->easy = NULL;
	xfer_queue_put(&j->x->refused, j);
	j->x->urgent = 1;
}

void
xfer_host_begin(struct xfer_job *j)
{
	CURLMcode	r;

	if (j->end == 0) {
		j->begun = clk_mono();
		j->end = j->begun + j->timeout;
	}
	if (j->page && xfer_page_begin(j))
		return;
	if (j->easy != NULL || xfer_job_easy(j) == 0) {
		r = curl_multi_add_handle(j->x->multi, j->easy);
		if (r == CURLM_OK)
			return;
		(void)xfer_job_fail(j, FETCH_PROTOCOL,
		    curl_multi_strerror(r));
	}
	xfer_host_leave(j);
	xfer_refuse(j);
}

const char *
xfer_host_name(const struct xfer_job *j)
{
	return j->host->name;
}

void
xfer_host_wait(struct xfer_job *j)
{
	struct xfer	*x = j->x;

	x->urgent = 1;
	if (j->multiplexed) {
		xfer_host_begin(j);
		return;
	}
	j->host = host_of(x, name_of(j));
	xfer_queue_put(&j->host->waiting, j);
	host_place(x, j->host);
}

void
xfer_host_leave(struct xfer_job *j)
{
	struct xfer_host	*h = j->host;

	if (h == NULL)
		return;
	if (j->queue == &h->waiting)
		xfer_queue_take(j);
	else {
		h->active--;
		j->x->active--;
	}
	j->host = NULL;
	host_place(j->x, h);
}

/* It answers nobody: who waits for it need not find out one by one. */
static void
give_up(struct xfer_host *h, const struct fetch_done *last)
{
	struct xfer_job	*j;
	char		 why[256];

	(void)snprintf(why, sizeof(why), "%.128s let %u requests in a row go "
	    "unanswered; this one was not sent", h->name, h->silent);
	h->silent = 0;
	while ((j = h->waiting.first) != NULL) {
		xfer_queue_take(j);
		j->host = NULL;
		(void)xfer_job_fail(j, last->failure, why);
		xfer_refuse(j);
	}
}

void
xfer_host_learn(struct xfer_job *j)
{
	struct xfer_host	*h = j->host;

	if (h == NULL)
		return;
	switch (j->done.failure) {
	case FETCH_RESOLVE:
	case FETCH_CONNECT:
	case FETCH_TIMEOUT:
		h->silent++;
		break;
	default:
		h->silent = 0;
		h->answered = 1;
		break;
	}
	if (!h->answered && (h->silent >= j->x->host_conns ||
	    (h->silent >= SILENT_FEW && h->active <= 1)))
		give_up(h, &j->done);
	host_place(j->x, h);
}

void
xfer_host_pump(struct xfer *x)
{
	struct xfer_host	*h;
	struct xfer_job		*j;

	while (x->active < CONNS_TOTAL && (h = x->turn) != NULL) {
		j = h->waiting.first;
		xfer_queue_take(j);
		h->active++;
		x->active++;
		/* To the end of the line, if it has more. */
		turn_remove(x, h);
		host_place(x, h);
		xfer_host_begin(j);
	}
}
