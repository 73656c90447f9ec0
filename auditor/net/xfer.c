#include "auditor/net/xfer.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/xfer_job.h"
#include "base/clk.h"
#include "base/mem.h"

/* xfer_host.c keeps below it; HTTP/2 may come beside it. */
#define CONNS_TOTAL	2048L
#define CONNS_KEPT	512L
#define CONNS_HOST	8u	/* when the setup names none */
#define CONNS_BESIDE	8u	/* of requests that wait for none of those */
/* Buffers of transfers stay for the next ones, instead of being unmapped. */
#define MALLOC_KEEP	(8 << 20)
#define THROTTLE_MS	20	/* how long a pause for the rate is */

struct xfer *
xfer_new(const struct fetch_setup *s, int meter, struct err *e)
{
	struct xfer	*x = mem_zero(sizeof(*x));
	size_t		 i;

	x->epoll = -1;
	for (i = 0; s->user_agent[i] != '\0'; i++)
		if ((unsigned char)s->user_agent[i] < ' ') {
			(void)err_set(e, ERR_CONF,
			    "the contact has a control character");
			goto err;
		}
	for (i = 0; i < s->nallow; i++)
		if (egress_parse_allow(&x->egress, s->allow[i], e) != 0)
			goto err;
	(void)mallopt(M_MMAP_THRESHOLD, MALLOC_KEEP);
	(void)mallopt(M_TRIM_THRESHOLD, MALLOC_KEEP);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (x->multi = curl_multi_init()) == NULL) {
		(void)err_set(e, ERR_CONF, "libcurl cannot be started");
		goto err;
	}
	x->user_agent = mem_str(s->user_agent);
	x->proxy = mem_str(s->proxy != NULL ? s->proxy : "");
	buf_span(&x->ca, s->ca_pem);
	x->class = s->class;
	xfer_page_open(x);
	meter_open(&x->meter, s->max_rate, meter);
	(void)curl_multi_setopt(x->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    CONNS_TOTAL);
	(void)curl_multi_setopt(x->multi, CURLMOPT_MAXCONNECTS, CONNS_KEPT);
	x->host_conns = s->host_conns != 0 ? s->host_conns : CONNS_HOST;
	/*
	 * To libcurl a proxy is one host, and so are all source addresses; of
	 * logs there is no saying how many parties a host has.
	 */
	if (*x->proxy == '\0' && x->class != EGRESS_LOG)
		(void)curl_multi_setopt(x->multi,
		    CURLMOPT_MAX_HOST_CONNECTIONS, (long)(x->host_conns *
		    LIMIT_SOURCE_ADDRESSES + CONNS_BESIDE));
	return x;
err:
	xfer_free(x);
	return NULL;
}

static void
unlink_job(struct xfer *x, struct xfer_job *j)
{
	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		x->jobs = j->next;
	if (j->next != NULL)
		j->next->prev = j->prev;
}

void
xfer_stop(struct xfer *x, struct xfer_job *j)
{
	if (j->easy != NULL)
		(void)curl_multi_remove_handle(x->multi, j->easy);
	xfer_page_drop(j);
	xfer_host_leave(j);
	xfer_queue_take(j);
	unlink_job(x, j);
	xfer_job_free(j);
}

void
xfer_free(struct xfer *x)
{
	if (x == NULL)
		return;
	while (x->jobs != NULL)
		xfer_stop(x, x->jobs);
	xfer_page_close(x);
	if (x->multi != NULL)
		(void)curl_multi_cleanup(x->multi);
	free(x->user_agent);
	free(x->proxy);
	buf_free(&x->ca);
	egress_free(&x->egress);
	meter_close(&x->meter);
	free(x);
}

struct xfer_job *
xfer_start(struct xfer *x, const struct fetch_get *g,
    const struct xfer_ops *ops, void *arg)
{
	struct xfer_job	*j = mem_zero(sizeof(*j));

	j->x = x;
	j->ops = ops;
	j->arg = arg;
	j->done.id = g->id;
	j->done.tag = g->tag;
	j->done.arena = g->arena;
	j->next = x->jobs;
	if (j->next != NULL)
		j->next->prev = j;
	x->jobs = j;
	if (xfer_job_setup(j, g) != 0)
		xfer_refuse(j);
	else
		xfer_host_wait(j);
	return j;
}

void
xfer_resume(struct xfer *x, struct xfer_job *j)
{
	if (!j->waiting)
		return;
	j->resume = 1;
	x->urgent = 1;
}

/* Tell the end of a job and free it. */
static void
finish(struct xfer *x, struct xfer_job *j)
{
	const struct xfer_ops	*ops = j->ops;
	void			*arg = j->arg;
	struct fetch_done	 d = j->done;

	xfer_stop(x, j);
	ops->done(arg, &d);
}

/* Jobs that never began. */
static void
finish_refused(struct xfer *x)
{
	/* done() may start and stop others. */
	while (x->refused.first != NULL)
		finish(x, x->refused.first);
}

static void
finish_ended(struct xfer *x)
{
	struct xfer_job	*j = NULL;
	CURLMsg		*m;
	int		 left;

	while ((m = curl_multi_info_read(x->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
		if (j->page && m->data.result == CURLE_OK) {
			xfer_page_connected(j);
			continue;
		}
		xfer_job_result(j, m->data.result);
		xfer_host_learn(j);
		if (xfer_follow(j)) {
			xfer_host_leave(j);
			xfer_host_wait(j);
		} else
			finish(x, j);
	}
}

static void
proceed(struct xfer_job *j)
{
	if (j->conn != NULL) {
		j->kick = 1;
		j->x->urgent = 1;
	} else
		(void)curl_easy_pause(j->easy, CURLPAUSE_CONT);
}

/* Go on with those that may; 1 when one still waits for the rate. */
static int
unpause(struct xfer *x)
{
	struct xfer_job	*j;
	int		 held = 0, ready = meter_ready(&x->meter, clk_mono());

	for (j = x->jobs; j != NULL; j = j->next) {
		if (j->throttled && ready) {
			j->throttled = 0;
			proceed(j);
		}
		if (j->resume) {
			j->resume = j->waiting = 0;
			proceed(j);
		}
		held |= j->throttled;
	}
	return held;
}

/* The same descriptors, in libcurl's words, and that of pages. */
static unsigned
wait_for(const struct xfer *x, struct curl_waitfd *w, const struct pollfd *p,
    size_t n)
{
	size_t	i;

	memset(w, 0, (XFER_EXTRA + 1) * sizeof(*w));
	for (i = 0; i < n && i < XFER_EXTRA; i++) {
		w[i].fd = p[i].fd;
		if (p[i].events & POLLIN)
			w[i].events |= CURL_WAIT_POLLIN;
		if (p[i].events & POLLOUT)
			w[i].events |= CURL_WAIT_POLLOUT;
	}
	if (x->epoll == -1)
		return (unsigned)i;
	w[i].fd = x->epoll;
	w[i].events = CURL_WAIT_POLLIN;
	return (unsigned)i + 1;
}

/*
 * What happened at these descriptors.  libcurl has told of the first, at which
 * something to read is all that matters; pipes, which are few, are asked again:
 * it tells nothing of one whose reader is gone.
 */
static int
look(struct pollfd *p, const struct curl_waitfd *w, size_t n)
{
	size_t	i;

	if (n > 1)
		return poll(p, n, 0);
	for (i = 0; i < n; i++) {
		p[i].revents = 0;
		if (w[i].revents & CURL_WAIT_POLLIN)
			p[i].revents |= POLLIN;
		if (w[i].revents & CURL_WAIT_POLLOUT)
			p[i].revents |= POLLOUT;
	}
	return 0;
}

/* How long to wait at most. */
static int
patience(struct xfer *x, int ms)
{
	int64_t	left;

	if (unpause(x) && ms > THROTTLE_MS)
		ms = THROTTLE_MS;
	if (x->pages != NULL) {
		left = (x->pages_next - clk_mono() + 999) / 1000;
		if (left < ms)
			ms = left > 0 ? (int)left : 0;
	}
	if (x->urgent)
		ms = 0;
	x->urgent = 0;
	return ms;
}

int
xfer_turn(struct xfer *x, struct pollfd *extra, size_t n, int timeout_ms,
    struct err *e)
{
	struct curl_waitfd	w[XFER_EXTRA + 1];
	CURLMcode		r;
	unsigned		nw;
	int			running;

	xfer_host_pump(x);
	timeout_ms = patience(x, timeout_ms);
	nw = wait_for(x, w, extra, n);
	r = curl_multi_poll(x->multi, w, nw, timeout_ms, NULL);
	if (r == CURLM_OK)
		r = curl_multi_perform(x->multi, &running);
	if (r != CURLM_OK) {
		errno = r == CURLM_OUT_OF_MEMORY ? ENOMEM : EIO;
		return err_set(e, ERR_SYS, "libcurl: %s",
		    curl_multi_strerror(r));
	}
	if (look(extra, w, n) == -1 && errno != EINTR)
		return err_set(e, ERR_SYS, "polling");
	finish_ended(x);
	xfer_page_turn(x, nw > n && w[n].revents != 0);
	finish_refused(x);
	return 0;
}
