/*
 * Pages of logs: libcurl finds the address, asks the egress policy and
 * connects; the rest is done here, so that a body goes from the socket (or
 * from OpenSSL) to the arena at once.  What is unusual is libcurl's to the
 * end.  Declared in xfer_job.h.
 */
#include "auditor/net/xfer_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "auditor/net/page_conn.h"
#include "base/clk.h"
#include "base/mem.h"

#define HEAD		4096u		/* read at a time before a body */
#define DIRECT		(16u << 10)	/* smaller chunks are copied */
#define AT_ONCE		(64u << 10)	/* that an arena must have room for */
#define TURN		(1u << 20)	/* that one may read while others wait */
#define PACED		(64u << 10)	/* at a time, when there is a rate */
#define SHAKE		(10 * CLK_SEC)
#define ODD_FOR		(3600 * CLK_SEC)
#define TICK		CLK_SEC
#define EVENTS		64

void
xfer_page_open(struct xfer *x)
{
	if (x->class == EGRESS_LOG && *x->proxy == '\0')
		x->epoll = epoll_create1(EPOLL_CLOEXEC);
}

/* Roots as libcurl has them (xfer_job.c).  Without: it says what is wrong. */
static int
have_tls(struct xfer *x)
{
	const curl_version_info_data	*v;
	const char			*dir = NULL, *file;

	if (x->tls_tried)
		return x->tls != NULL;
	x->tls_tried = 1;
	v = curl_version_info(CURLVERSION_NOW);
	file = v->cainfo;
	if (v->capath != NULL && access(v->capath, R_OK) == 0) {
		dir = v->capath;
		file = NULL;
	}
	x->tls = page_tls_new(dir, file, buf_bytes(&x->ca), NULL);
	return x->tls != NULL;
}

void
xfer_page_close(struct xfer *x)
{
	size_t	i;

	xfer_conn_free_all(x);
	page_tls_free(x->tls);
	for (i = 0; i < LIMIT_PAGE_ODD; i++)
		free(x->odd[i].key);
	if (x->epoll != -1)
		(void)close(x->epoll);
}

/* --- which, and to whom ------------------------------------------------------- */

int
xfer_page_wanted(const struct xfer_job *j, const struct fetch_get *g)
{
	char	*host = NULL;
	size_t	 n;
	int	 usual;

	if (j->x->epoll == -1 || g->arena == 0 || g->nheaders != 0 ||
	    strcmp(g->method, "GET") != 0 ||
	    (g->flags & ~(FETCH_F_GZIP | FETCH_F_LARGE)) != 0 ||
	    (j->https && !have_tls(j->x)) ||
	    curl_url_get(j->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return 0;
	n = strlen(host);
	usual = n != 0 && host[n - 1] != '.' && strchr(host, '%') == NULL;
	curl_free(host);
	return usual;
}

/* From now on it is libcurl's. */
static void
note_odd(struct xfer_job *j)
{
	struct xfer	*x = j->x;
	size_t		 i, oldest = 0;

	for (i = 1; i < LIMIT_PAGE_ODD; i++)
		if (x->odd[i].until < x->odd[oldest].until)
			oldest = i;
	free(x->odd[oldest].key);
	x->odd[oldest].key = xfer_conn_key(j);
	x->odd[oldest].until = clk_mono() + ODD_FOR;
}

static int
is_odd(const struct xfer_job *j)
{
	const struct xfer	*x = j->x;
	int64_t			 now = clk_mono();
	char			*key = xfer_conn_key(j);
	size_t			 i;
	int			 odd = 0;

	for (i = 0; i < LIMIT_PAGE_ODD && !odd; i++)
		odd = x->odd[i].until > now &&
		    strcmp(x->odd[i].key, key) == 0;
	free(key);
	return odd;
}

/* RFC 9112 section 3, as libcurl writes it. */
static void
write_request(struct xfer_job *j)
{
	const struct curl_slist	*h;
	char			*host = NULL, *port = NULL, *path = NULL,
				*query = NULL;

	if (j->ask.n != 0)
		return;
	(void)curl_url_get(j->url, CURLUPART_HOST, &host, 0);
	(void)curl_url_get(j->url, CURLUPART_PORT, &port, 0);
	(void)curl_url_get(j->url, CURLUPART_PATH, &path, 0);
	(void)curl_url_get(j->url, CURLUPART_QUERY, &query, 0);
	buf_fmt(&j->ask, "GET %s%s%s HTTP/1.1\r\nHost: %s%s%s\r\n"
	    "User-Agent: %s\r\nAccept: */*\r\n",
	    path != NULL ? path : "/", query != NULL ? "?" : "",
	    query != NULL ? query : "", host != NULL ? host : "",
	    port != NULL ? ":" : "", port != NULL ? port : "",
	    j->x->user_agent);
	for (h = j->headers; h != NULL; h = h->next)
		/* "Name:" tells libcurl to leave one out. */
		if (h->data[strlen(h->data) - 1] != ':')
			buf_fmt(&j->ask, "%s\r\n", h->data);
	buf_str(&j->ask, "\r\n");
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(query);
}

/* --- beginnings and ends --------------------------------------------------------- */

static void	run(struct xfer_job *);

/* Ask on that connection. */
static void
attach(struct xfer_job *j, struct xfer_conn *c)
{
	struct xfer	*x = j->x;

	j->tried = j->slow = j->ticked = clk_mono();
	j->got_then = j->got;
	if (x->pages == NULL)
		x->pages_next = j->tried + TICK;
	if (j->end < x->pages_next)
		x->pages_next = j->end;
	j->conn = c;
	c->job = j;
	c->wire = 0;
	if (c->in == NULL)
		c->in = mem_array(XFER_CONN_IN, 1);
	j->pprev = NULL;
	j->pnext = x->pages;
	if (j->pnext != NULL)
		j->pnext->pprev = j;
	x->pages = j;
	page_http_begin(&j->http);
	write_request(j);
	j->asked = 0;
	run(j);
}

static struct xfer_conn *
detach(struct xfer_job *j)
{
	struct xfer_conn	*c = j->conn;

	j->conn = NULL;
	if (j->pprev != NULL)
		j->pprev->pnext = j->pnext;
	else
		j->x->pages = j->pnext;
	if (j->pnext != NULL)
		j->pnext->pprev = j->pprev;
	c->job = NULL;
	return c;
}

void
xfer_page_drop(struct xfer_job *j)
{
	if (j->conn != NULL)
		xfer_conn_free(detach(j));
}

/* Done with, as j->done says; it is told at the end of the turn. */
static void
over(struct xfer_job *j)
{
	j->done.us = (uint64_t)(clk_mono() - j->begun);
	j->done.wire += j->asked;
	xfer_page_drop(j);
	xfer_host_learn(j);
	xfer_queue_put(&j->x->refused, j);
}

static void
tell(struct xfer_job *j)
{
	j->done.wire += j->conn->wire;
	memcpy(j->done.addr, j->conn->addr, sizeof(j->done.addr));
}

static void
fail(struct xfer_job *j, enum fetch_failure f, const char *what)
{
	tell(j);
	(void)xfer_job_fail(j, f, what);
	over(j);
}

/* The answer is there. */
static void
succeed(struct xfer_job *j)
{
	struct xfer_conn	*c;

	tell(j);
	j->done.failure = FETCH_OK;
	j->done.status = (uint16_t)j->http.status;
	c = detach(j);
	if (j->http.close)
		xfer_conn_free(c);
	else
		xfer_conn_keep(j->x, c);
	over(j);
}

int
xfer_page_begin(struct xfer_job *j)
{
	struct xfer_conn	*c;

	if (is_odd(j)) {
		j->page = 0;
		return 0;
	}
	c = j->fresh ? NULL : xfer_conn_take(j);
	if (c == NULL)
		return 0;
	attach(j, c);
	if (j->conn == NULL)
		j->x->urgent = 1;
	return 1;
}

void
xfer_page_connected(struct xfer_job *j)
{
	struct xfer_conn	*c = xfer_conn_new(j);

	(void)curl_multi_remove_handle(j->x->multi, j->easy);
	curl_easy_cleanup(j->easy);
	j->easy = NULL;
	if (c != NULL)
		attach(j, c);
	else
		over(j);
}

/* Have libcurl do all of it. */
static void
to_libcurl(struct xfer_job *j)
{
	note_odd(j);
	tell(j);
	xfer_page_drop(j);
	xfer_job_reset(j);
	j->page = 0;
	xfer_host_begin(j);
}

/*
 * The connection ended.  A server that closed a kept one before our request
 * came to it is asked again, once (RFC 9112 9.3.1).
 */
static void
lost(struct xfer_job *j, enum page_io r, const struct err *e)
{
	char	why[256];

	if (j->conn->used && !j->fresh && j->conn->wire == 0) {
		j->fresh = 1;
		xfer_page_drop(j);
		xfer_host_begin(j);
		return;
	}
	(void)snprintf(why, sizeof(why), "%.128s, after %llu bytes of its "
	    "answer", e->msg, (unsigned long long)j->conn->wire);
	fail(j, r == PAGE_IO_BAD || j->conn->wire == 0 ? FETCH_CONNECT :
	    FETCH_PROTOCOL, why);
}

/* --- reading: these return 0 when there is no more to be done now ------------------- */

static int
receive(struct xfer_job *j, void *p, size_t room, size_t *got)
{
	struct err	e = ERR_INIT;
	enum page_io	r;

	if (!page_conn_ready(j->conn->io))
		return 0;
	r = page_conn_read(j->conn->io, p, room, got, &e);
	if (r == PAGE_IO_OK) {
		j->conn->wire += *got;
		return 1;
	}
	if (r != PAGE_IO_AGAIN)
		lost(j, r, &e);
	return 0;
}

/* More for the lines of the answer, behind what is there. */
static int
fill(struct xfer_job *j, size_t most)
{
	struct xfer_conn	*c = j->conn;
	size_t			 got;

	memmove(c->in, c->in + c->at, c->n - c->at);
	c->n -= c->at;
	c->at = 0;
	/* A line that fills all of it was refused before. */
	if (most > XFER_CONN_IN - c->n)
		most = XFER_CONN_IN - c->n;
	if (!receive(j, c->in + c->n, most, &got))
		return 0;
	c->n += got;
	return 1;
}

/* Where at least ${n} of ${left} bytes go, and up to *room. */
static int
place(struct xfer_job *j, size_t n, uint64_t left, uint8_t **to, size_t *room)
{
	int64_t	more = j->http.chunked ? -1 : (int64_t)(left - n);

	switch (j->ops->room(j->arg, n, more, to, room)) {
	case XFER_TOOK:
		if (*room > left)
			*room = (size_t)left;
		return 1;
	case XFER_WAIT:
		j->waiting = 1;
		break;
	case XFER_STOP:
		fail(j, FETCH_NO_ROOM, "there is no room for the body");
		break;
	}
	return 0;
}

/* ${n} bytes of the body are where they belong. */
static void
took(struct xfer_job *j, size_t n)
{
	j->ops->wrote(j->arg, n);
	page_http_took(&j->http, n);
	j->got += n;
	meter_take(&j->x->meter, n, clk_mono());
}

static int
body(struct xfer_job *j)
{
	struct xfer_conn	*c = j->conn;
	uint64_t		 left = j->http.left;
	size_t			 n = c->n - c->at, room;
	uint8_t			*to;
	char			 why[64];

	if (left > j->cap - j->got) {
		(void)snprintf(why, sizeof(why),
		    "the body is larger than %zu bytes", j->cap);
		fail(j, FETCH_TOO_LARGE, why);
		return 0;
	}
	if (!meter_ready(&j->x->meter, clk_mono())) {
		j->throttled = 1;
		return 0;
	}
	if (n != 0) {
		n = n < left ? n : (size_t)left;
		if (!place(j, n, left, &to, &room))
			return 0;
		memcpy(to, c->in + c->at, n);
		c->at += n;
		took(j, n);
		return 1;
	}
	if (j->http.chunked && left < DIRECT)
		return fill(j, XFER_CONN_IN);
	if (!place(j, left < AT_ONCE ? (size_t)left : AT_ONCE, left, &to,
	    &room))
		return 0;
	if (j->x->meter.per_sec != 0 && room > PACED)
		room = PACED;
	page_conn_expect(c->io, left);
	if (!receive(j, to, room, &n))
		return 0;
	took(j, n);
	return 1;
}

/* One step of the answer. */
static int
step(struct xfer_job *j)
{
	struct xfer_conn	*c = j->conn;
	struct err		 e = ERR_INIT;
	char			*line = (char *)c->in + c->at;
	enum page_http_said	 said;
	size_t			 used;

	said = page_http_step(&j->http, (struct span){ c->in + c->at,
	    c->n - c->at }, &used, &e);
	c->at += used;
	switch (said) {
	case PAGE_HTTP_LINE:
		if (xfer_reply_header(line, 1, used, j) == used)
			return 1;
		tell(j);
		over(j);
		return 0;
	case PAGE_HTTP_MORE:
		return fill(j, j->http.chunked ? XFER_CONN_IN : HEAD);
	case PAGE_HTTP_BODY:
		return body(j);
	case PAGE_HTTP_END:
		succeed(j);
		return 0;
	case PAGE_HTTP_ODD:
		to_libcurl(j);
		return 0;
	case PAGE_HTTP_BAD:
		fail(j, e.code == ERR_LIMIT ? FETCH_HEADERS : FETCH_PROTOCOL,
		    e.msg);
		return 0;
	}
	return 0;
}

/* The handshake and the request: 1 when the answer is to be read. */
static int
ask(struct xfer_job *j)
{
	struct page_conn	*io = j->conn->io;
	struct err		 e = ERR_INIT;
	enum page_io		 r;
	size_t			 n;

	if (j->asked == j->ask.n)
		return 1;
	r = page_conn_shake(io, &e);
	if (r == PAGE_IO_END || r == PAGE_IO_BAD) {
		/* libcurl is to say what is wrong with it. */
		to_libcurl(j);
		return 0;
	}
	while (r == PAGE_IO_OK && j->asked < j->ask.n) {
		r = page_conn_write(io, j->ask.p + j->asked,
		    j->ask.n - j->asked, &n, &e);
		j->asked += n;
	}
	if (r == PAGE_IO_END || r == PAGE_IO_BAD)
		lost(j, r, &e);
	return r == PAGE_IO_OK;
}

/* As far as it goes. */
static void
run(struct xfer_job *j)
{
	uint64_t	before = j->conn->wire;

	j->kick = 0;
	if (!ask(j))
		return;
	while (step(j))
		if (j->conn->wire - before > TURN) {
			j->kick = 1;
			j->x->urgent = 1;
			return;
		}
}

/* --- time ---------------------------------------------------------------------------- */

/* Is it out of time, or slower than it may be? */
static int
late(struct xfer_job *j, int64_t now)
{
	char	why[128];

	if (now >= j->end) {
		(void)snprintf(why, sizeof(why), "timed out after %lld "
		    "milliseconds with %zu bytes received",
		    (long long)((now - j->begun) / 1000), j->got);
		fail(j, j->waiting ? FETCH_NO_ROOM : FETCH_TIMEOUT, why);
		return 1;
	}
	if (j->asked == 0 && now - j->tried > SHAKE) {
		fail(j, FETCH_TIMEOUT, "the TLS handshake took too long");
		return 1;
	}
	if (now - j->ticked < TICK)
		return 0;
	if (j->asked == 0 || j->waiting || j->throttled ||
	    (double)(j->got - j->got_then) * CLK_SEC >=
	    (double)j->slow_bytes * (double)(now - j->ticked))
		j->slow = now;
	else if (now - j->slow >= j->slow_ms * 1000LL) {
		(void)snprintf(why, sizeof(why), "too slow: less than %u bytes "
		    "a second in the last %u seconds", j->slow_bytes,
		    (j->slow_ms + 999) / 1000);
		fail(j, FETCH_TIMEOUT, why);
		return 1;
	}
	j->ticked = now;
	j->got_then = j->got;
	/* Few bytes may be there without an edge. */
	page_conn_try(j->conn->io);
	return 0;
}

static void
edges(struct xfer *x)
{
	struct epoll_event	 ev[EVENTS];
	struct xfer_conn	*c;
	int			 i, n;

	do {
		n = epoll_wait(x->epoll, ev, EVENTS, 0);
		for (i = 0; i < n; i++) {
			c = ev[i].data.ptr;
			page_conn_edge(c->io, (ev[i].events &
			    (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
			if (c->job == NULL)
				xfer_conn_edge(x, c);
		}
	} while (n == EVENTS);
}

void
xfer_page_turn(struct xfer *x, int any)
{
	struct xfer_job	*j, *next;
	int64_t		 now = clk_mono();

	if (any)
		edges(x);
	x->pages_next = now + TICK;
	xfer_conn_expire(x, now);
	for (j = x->pages; j != NULL; j = next) {
		next = j->pnext;
		if (late(j, now))
			continue;
		if (j->end < x->pages_next)
			x->pages_next = j->end;
		if (!j->waiting && !j->throttled &&
		    (j->kick || page_conn_ready(j->conn->io)))
			run(j);
	}
}
