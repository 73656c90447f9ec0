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

/* Whose requests they are: logs that one host has, for example. */
struct xfer_party {
	struct xfer_party	*next;		/* of its host */
	uint32_t		 nr;
	struct xfer_queue	 waiting;
	unsigned		 active;
};

struct xfer_host {
	struct xfer_host	*chain;		/* the next of its bucket */
	struct xfer_host	*prev, *next;	/* those whose turn it is */
	int			 has_turn;
	char			*name;		/* "host:port" */
	struct xfer_party	*parties;	/* owned; whose turn it is
						   first */
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

/* The party of a job there; one that is new has its turn before others. */
static struct xfer_party *
party_of(struct xfer_host *h, uint32_t nr)
{
	struct xfer_party	*p;

	for (p = h->parties; p != NULL; p = p->next)
		if (p->nr == nr)
			return p;
	p = mem_zero(sizeof(*p));
	p->nr = nr;
	p->next = h->parties;
	h->parties = p;
	return p;
}

static void
party_free(struct xfer_host *h, struct xfer_party *p)
{
	struct xfer_party	**at = &h->parties;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

/* Its turn is after that of all others. */
static void
party_last(struct xfer_host *h, struct xfer_party *p)
{
	struct xfer_party	**at = &h->parties;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->next = NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = p;
}

/*
 * Who of the host may have another connection: NULL when nobody may.  While it
 * has answered nobody and one got no answer, first is seen what becomes of the
 * others.
 */
static struct xfer_party *
host_may(const struct xfer *x, const struct xfer_host *h)
{
	struct xfer_party	*p;

	if (!h->answered && h->silent != 0 && h->active != 0)
		return NULL;
	for (p = h->parties; p != NULL; p = p->next)
		if (p->waiting.first != NULL && (h->active < x->host_conns ||
		    (p->nr != 0 && p->active < FETCH_PARTY_OWN)))
			return p;
	return NULL;
}

/* Its place, after something changed; it is gone when nobody needs it. */
static void
host_place(struct xfer *x, struct xfer_host *h)
{
	int	may = host_may(x, h) != NULL;

	if (may && !h->has_turn)
		turn_add(x, h);
	else if (!may && h->has_turn)
		turn_remove(x, h);
	if (h->parties == NULL)
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
	j->of = party_of(j->host, j->party);
	xfer_queue_put(&j->of->waiting, j);
	host_place(x, j->host);
}

void
xfer_host_leave(struct xfer_job *j)
{
	struct xfer_host	*h = j->host;
	struct xfer_party	*p = j->of;

	if (h == NULL)
		return;
	if (j->queue == &p->waiting)
		xfer_queue_take(j);
	else {
		p->active--;
		h->active--;
		j->x->active--;
	}
	j->host = NULL;
	j->of = NULL;
	if (p->waiting.first == NULL && p->active == 0)
		party_free(h, p);
	host_place(j->x, h);
}

/* It answers nobody: who waits for it need not find out one by one. */
static void
give_up(struct xfer_host *h, const struct fetch_done *last)
{
	struct xfer_party	*p, *next;
	struct xfer_job		*j;
	char			 why[256];

	(void)snprintf(why, sizeof(why), "%.128s let %u requests in a row go "
	    "unanswered; this one was not sent", h->name, h->silent);
	h->silent = 0;
	for (p = h->parties; p != NULL; p = next) {
		next = p->next;
		while ((j = p->waiting.first) != NULL) {
			xfer_queue_take(j);
			j->host = NULL;
			j->of = NULL;
			(void)xfer_job_fail(j, last->failure, why);
			xfer_refuse(j);
		}
		if (p->active == 0)
			party_free(h, p);
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
	case FETCH_TIMEOUT:
		h->silent++;
		break;
	case FETCH_CONNECT:
		/* a connection may also break in the middle of an answer */
		if (j->lines == 0) {
			h->silent++;
			break;
		}
		/* FALLTHROUGH */
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
	struct xfer_party	*p;
	struct xfer_job		*j;

	while (x->active < CONNS_TOTAL && (h = x->turn) != NULL) {
		p = host_may(x, h);
		j = p->waiting.first;
		xfer_queue_take(j);
		p->active++;
		h->active++;
		x->active++;
		/* Both to the end of their lines, if they have more. */
		party_last(h, p);
		turn_remove(x, h);
		host_place(x, h);
		xfer_host_begin(j);
	}
}
