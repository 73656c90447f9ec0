#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/mem.h"
#include "tests/rig/lib/bighttp.h"

enum { HEAD_MAX = 65536, EVENTS = 64, READ = 16384 };

struct bconn {
	int		 fd;
	int		 shaken;	/* TLS is there, or not wanted */
	SSL		*ssl;		/* or NULL */
	struct buf	 in;
	struct buf	 head;		/* of the answer, and its own part */
	struct iovec	 v[BIGHTTP_PARTS + 1];
	int		 nv, at;	/* what is left to send */
	int		 busy;		/* an answer is on its way */
	int		 close;		/* after this answer */
	size_t		 fast;		/* slow: bytes to send at once */
	uint32_t	 want;		/* of epoll */
	struct bigres	 res;
	struct bconn	*next, *prev;
};

struct bighttp {
	struct bighttp_opts o;
	int		 fd[2], port[2];
	int		 ep;
	int		 conns;
	SSL_CTX		*ctx;
	struct bconn	*all;
};

static volatile sig_atomic_t quit;

static void
on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

/* --- connections ---------------------------------------------------------- */

static void
want(struct bighttp *h, struct bconn *c, uint32_t what)
{
	struct epoll_event e;

	if (c->want == what)
		return;
	e.events = what | EPOLLRDHUP;
	e.data.ptr = c;
	(void)epoll_ctl(h->ep, EPOLL_CTL_MOD, c->fd, &e);
	c->want = what;
}

static void
answer_end(struct bighttp *h, struct bconn *c)
{
	if (c->busy)
		h->o.done(h->o.ctx, &c->res);
	buf_free(&c->res.head);
	buf_free(&c->res.body);
	memset(&c->res, 0, sizeof(c->res));
	buf_reset(&c->head);
	c->busy = c->nv = c->at = 0;
}

static void
conn_end(struct bighttp *h, struct bconn *c)
{
	answer_end(h, c);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		h->all = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	SSL_free(c->ssl);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->head);
	free(c);
	h->conns--;
}

static void
conn_new(struct bighttp *h, int listener)
{
	int fd = accept4(h->fd[listener], NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
	struct epoll_event e = { EPOLLIN | EPOLLRDHUP, { NULL } };
	struct bconn *c;

	if (fd == -1)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = mem_zero(sizeof(*c));
	c->fd = fd;
	c->want = EPOLLIN;
	c->shaken = listener == 0;
	if (listener == 1) {
		c->ssl = SSL_new(h->ctx);
		if (c->ssl == NULL || SSL_set_fd(c->ssl, fd) != 1)
			abort();
		SSL_set_accept_state(c->ssl);
	}
	e.data.ptr = c;
	(void)epoll_ctl(h->ep, EPOLL_CTL_ADD, fd, &e);
	c->next = h->all;
	if (h->all != NULL)
		h->all->prev = c;
	h->all = c;
	h->conns++;
}

/* --- requests -------------------------------------------------------------- */

static const char *
reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 304:
		return "Not Modified";
	case 404:
		return "Not Found";
	case 429:
		return "Too Many Requests";
	default:
		return status < 500 ? "Bad Request" : "Service Unavailable";
	}
}

int
bighttp_header(const struct bigreq *r, const char *name, char *out, size_t n)
{
	size_t k = strlen(name), len;
	const char *p, *end;

	for (p = r->head; *p != '\0'; p = *end == '\0' ? end : end + 2) {
		end = strstr(p, "\r\n");
		if (end == NULL)
			end = p + strlen(p);
		if ((size_t)(end - p) <= k || p[k] != ':' ||
		    strncasecmp(p, name, k) != 0)
			continue;
		for (p += k + 1; p < end && (*p == ' ' || *p == '\t');)
			p++;
		len = (size_t)(end - p);
		(void)snprintf(out, n, "%.*s", (int)(len < n ? len : n - 1),
		    p);
		return 0;
	}
	return -1;
}

void
bighttp_part(struct bigres *s, const void *p, size_t n)
{
	if (s->parts == BIGHTTP_PARTS)
		abort();
	s->part[s->parts].iov_base = (void *)(uintptr_t)p;
	s->part[s->parts++].iov_len = n;
}

/* Method, path, query and header lines, in place; -1: no HTTP. */
static int
split(char *text, struct bigreq *r)
{
	char *end = strstr(text, "\r\n"), *sp, *q;

	if (end == NULL)
		return -1;
	*end = '\0';
	r->head = end + 2;
	r->method = text;
	sp = strchr(text, ' ');
	if (sp == NULL)
		return -1;
	*sp = '\0';
	r->path = sp + 1;
	sp = strchr(sp + 1, ' ');
	if (sp == NULL)
		return -1;
	*sp = '\0';
	q = strchr(r->path, '?');
	if (q != NULL)
		*q++ = '\0';
	r->query = q == NULL ? sp : q;
	return 0;
}

static void
prepare(struct bconn *c)
{
	struct bigres *s = &c->res;
	size_t total = s->body.n;
	int i;

	for (i = 0; i < s->parts; i++)
		total += s->part[i].iov_len;
	buf_fmt(&c->head, "HTTP/1.1 %d %s\r\n", s->status, reason(s->status));
	if (s->type != NULL)
		buf_fmt(&c->head, "Content-Type: %s\r\n", s->type);
	if (s->status != 304)
		buf_fmt(&c->head, "Content-Length: %zu\r\n", total);
	if (c->close)
		buf_str(&c->head, "Connection: close\r\n");
	buf_span(&c->head, buf_bytes(&s->head));
	buf_str(&c->head, "\r\n");
	c->fast = c->head.n;
	buf_span(&c->head, buf_bytes(&s->body));
	c->v[0].iov_base = c->head.p;
	c->v[0].iov_len = c->head.n;
	memcpy(c->v + 1, s->part, (size_t)s->parts * sizeof(s->part[0]));
	c->nv = s->parts + 1;
	c->at = 0;
}

/* Serve the next request that has arrived whole; 0: there is none. */
static int
next_request(struct bighttp *h, struct bconn *c)
{
	struct bigreq r;
	char *end, value[32], *text;
	size_t n, body = 0;

	if (c->busy || c->in.n == 0 || (end = strstr((char *)c->in.p,
	    "\r\n\r\n")) == NULL)
		return 0;
	n = (size_t)(end - (char *)c->in.p) + 4;
	text = mem_dup(c->in.p, n - 2);
	c->res.status = 200;
	if (split(text, &r) == -1) {
		c->res.status = 400;
		c->close = 1;
	} else {
		if (bighttp_header(&r, "Content-Length", value,
		    sizeof(value)) == 0)
			body = strtoul(value, NULL, 10);
		if (body > HEAD_MAX || c->in.n < n + body) {
			free(text);
			return 0;
		}
		c->close = bighttp_header(&r, "Connection", value,
		    sizeof(value)) == 0 && strcasecmp(value, "close") == 0;
		h->o.serve(h->o.ctx, &r, &c->res);
	}
	c->busy = 1;
	prepare(c);
	c->in.n -= n + body;
	memmove(c->in.p, c->in.p + n + body, c->in.n);
	buf_add(&c->in, "", 0);
	free(text);
	return 1;
}

/* --- bytes ------------------------------------------------------------------ */

/* What a TLS call that did not work wants: 0, or -1 when it is over. */
static int
tls_wants(struct bighttp *h, struct bconn *c, int rc)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		want(h, c, EPOLLIN);
		return 0;
	case SSL_ERROR_WANT_WRITE:
		want(h, c, EPOLLOUT);
		return 0;
	default:
		return -1;
	}
}

/* Read what is there: 1, 0 when there is nothing now, -1 at the end. */
static int
conn_read(struct bighttp *h, struct bconn *c)
{
	uint8_t *p;
	ssize_t n;

	if (c->in.n > HEAD_MAX)
		return -1;
	p = buf_room(&c->in, READ);
	if (c->ssl != NULL)
		n = SSL_read(c->ssl, p, READ);
	else
		n = recv(c->fd, p, READ, 0);
	if (n > 0) {
		c->in.n += (size_t)n;
		buf_add(&c->in, "", 0);
		return 1;
	}
	if (c->ssl != NULL)
		return tls_wants(h, c, (int)n);
	return n == -1 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Forget ${n} bytes that were sent. */
static void
advance(struct bconn *c, size_t n)
{
	while (c->at < c->nv && n >= c->v[c->at].iov_len)
		n -= c->v[c->at++].iov_len;
	if (c->at < c->nv) {
		c->v[c->at].iov_base = (char *)c->v[c->at].iov_base + n;
		c->v[c->at].iov_len -= n;
	}
}

static ssize_t
send_some(struct bconn *c, size_t max)
{
	struct msghdr m = { .msg_iov = c->v + c->at,
	    .msg_iovlen = (size_t)(c->nv - c->at) };
	struct iovec *v = &c->v[c->at];
	size_t n = v->iov_len < max ? v->iov_len : max;

	if (c->ssl != NULL)
		return SSL_write(c->ssl, v->iov_base, (int)n);
	if (max != SIZE_MAX)
		return send(c->fd, v->iov_base, n, MSG_NOSIGNAL);
	return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

/* Send at most ${max} bytes: 1 all is sent, 0 not yet, -1 over. */
static int
conn_write(struct bighttp *h, struct bconn *c, size_t max)
{
	ssize_t n;

	advance(c, 0);
	while (c->at < c->nv && max > 0) {
		n = send_some(c, max);
		if (n > 0) {
			advance(c, (size_t)n);
			if (max != SIZE_MAX)
				max -= (size_t)n;
			continue;
		}
		if (c->ssl != NULL)
			return tls_wants(h, c, (int)n);
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		want(h, c, EPOLLOUT);
		return 0;
	}
	return c->at == c->nv;
}

/* Go on with a connection; it may end. */
static void
conn_go(struct bighttp *h, struct bconn *c)
{
	struct linger hard = { 1, 0 };
	int rc;

	if (!c->shaken) {
		rc = SSL_do_handshake(c->ssl);
		if (rc != 1) {
			if (tls_wants(h, c, rc) == -1)
				conn_end(h, c);
			return;
		}
		c->shaken = 1;
	}
	for (;;) {
		if (!c->busy && !next_request(h, c)) {
			want(h, c, EPOLLIN);
			rc = conn_read(h, c);
			if (rc == -1)
				break;
			if (rc == 0)
				return;
			continue;
		}
		if (c->res.pace == BIGPACE_RESET)
			(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard,
			    sizeof(hard));
		if (c->res.pace == BIGPACE_RESET)
			break;
		if (c->res.pace != BIGPACE_FULL) {
			want(h, c, 0);		/* but see it go away */
			return;
		}
		rc = conn_write(h, c, SIZE_MAX);
		if (rc == 0)
			return;
		if (rc == -1 || c->close)
			break;
		answer_end(h, c);
	}
	conn_end(h, c);
}

/* A byte for each of those that are slow. */
static void
drip(struct bighttp *h)
{
	struct bconn *c, *next;
	size_t n;
	int rc;

	for (c = h->all; c != NULL; c = next) {
		next = c->next;
		if (!c->busy || c->res.pace != BIGPACE_SLOW)
			continue;
		n = c->fast;
		c->fast = 0;
		rc = conn_write(h, c, n + 1);
		want(h, c, 0);
		if (rc != 0)
			conn_end(h, c);
	}
}

/* --- the server ------------------------------------------------------------- */

static int
listen_on(struct bighttp *h, int i, int port, struct err *e)
{
	struct sockaddr_in a;
	struct epoll_event ev = { EPOLLIN, { .ptr = &h->fd[i] } };
	socklen_t n = sizeof(a);
	int one = 1;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, h->o.addr, &a.sin_addr) != 1)
		return err_set(e, ERR_USAGE, "%s: is no IPv4 address",
		    h->o.addr);
	h->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (h->fd[i] == -1 || setsockopt(h->fd[i], SOL_SOCKET, SO_REUSEADDR,
	    &one, sizeof(one)) == -1 ||
	    bind(h->fd[i], (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(h->fd[i], SOMAXCONN) == -1 ||
	    getsockname(h->fd[i], (struct sockaddr *)&a, &n) == -1 ||
	    epoll_ctl(h->ep, EPOLL_CTL_ADD, h->fd[i], &ev) == -1)
		return err_set(e, ERR_SYS, "%s:%d: cannot listen", h->o.addr,
		    port);
	h->port[i] = ntohs(a.sin_port);
	return 0;
}

static int
open_tls(struct bighttp *h, struct err *e)
{
	h->ctx = SSL_CTX_new(TLS_server_method());
	if (h->ctx == NULL)
		abort();
	SSL_CTX_set_mode(h->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (SSL_CTX_use_certificate_chain_file(h->ctx, h->o.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(h->ctx, h->o.key,
	    SSL_FILETYPE_PEM) != 1)
		return err_set(e, ERR_FORMAT, "%s, %s: no certificate and "
		    "key in PEM", h->o.cert, h->o.key);
	return 0;
}

struct bighttp *
bighttp_open(const struct bighttp_opts *o, struct err *e)
{
	struct bighttp *h = mem_zero(sizeof(*h));

	h->o = *o;
	h->ep = epoll_create1(EPOLL_CLOEXEC);
	if (h->ep == -1) {
		err_set(e, ERR_SYS, "no epoll");
	} else if (listen_on(h, 0, o->port, e) == 0 && (o->cert == NULL ||
	    (open_tls(h, e) == 0 && listen_on(h, 1, o->tls_port, e) == 0)))
		return h;
	free(h);
	return NULL;
}

int
bighttp_port(const struct bighttp *h, int tls)
{
	return h->port[tls];
}

int
bighttp_connections(const struct bighttp *h)
{
	return h->conns;
}

static long
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

void
bighttp_run(struct bighttp *h)
{
	struct epoll_event ev[EVENTS];
	struct sigaction sa;
	long now, tick = mono_ms(), slow = tick;
	int i, n, rest;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	while (!quit) {
		now = mono_ms();
		if (now >= tick) {
			h->o.tick(h->o.ctx);
			tick = now + h->o.tick_ms;
		}
		if (now >= slow) {
			drip(h);
			slow = now + 1000;
		}
		rest = (int)((tick < slow ? tick : slow) - now);
		n = epoll_wait(h->ep, ev, EVENTS, rest < 0 ? 0 : rest);
		/* one event a connection: none is freed before its turn */
		for (i = 0; i < n; i++)
			if (ev[i].data.ptr == &h->fd[0])
				conn_new(h, 0);
			else if (ev[i].data.ptr == &h->fd[1])
				conn_new(h, 1);
			else if ((ev[i].events & (EPOLLHUP | EPOLLERR)) != 0 ||
			    ((ev[i].events & EPOLLRDHUP) != 0 &&
			    ((struct bconn *)ev[i].data.ptr)->want != EPOLLIN))
				conn_end(h, ev[i].data.ptr);
			else
				conn_go(h, ev[i].data.ptr);
	}
}
