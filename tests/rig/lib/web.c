#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/web.h"

enum { HEAD_MAX = 65536, BODY_MAX = 64 << 20, STALL_MS = 3600 * 1000,
	CHUNK = 65536 };

struct listener {
	int		 fd;
	int		 port;
	char		 where[32];
};

struct web {
	struct web_opts	 o;
	struct listener	 at[WEB_LISTEN];
	int		 n;
};

struct conn {
	struct web	*w;		/* borrowed */
	int		 fd;
	int		 at, peer;
	struct buf	 in;
};

static int quit[2] = { -1, -1 };
static struct web server;	/* threads use it until the process ends */

static void
on_signal(int sig)
{
	int keep = errno;

	(void)sig;
	if (write(quit[1], "q", 1) == -1)
		_exit(1);
	errno = keep;
}

static long
conn_read(struct conn *c)
{
	uint8_t *p = buf_room(&c->in, 65536);
	long n;

	do
		n = recv(c->fd, p, 65536, 0);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		c->in.n += (size_t)n;
	return n;
}

static int
conn_write(struct conn *c, const void *data, size_t n)
{
	const uint8_t *p = data;
	ssize_t k;

	while (n > 0) {
		k = send(c->fd, p, n, MSG_NOSIGNAL);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The value of a header line within ${head}: its start and length. */
static const char *
find_header(const char *head, const char *name, size_t *n)
{
	size_t k = strlen(name);
	const char *p = head, *end;

	for (; *p != '\0'; p = *end == '\0' ? end : end + 2) {
		end = strstr(p, "\r\n");
		if (end == NULL)
			end = p + strlen(p);
		if ((size_t)(end - p) <= k || p[k] != ':' ||
		    strncasecmp(p, name, k) != 0)
			continue;
		for (p += k + 1; p < end && (*p == ' ' || *p == '\t');)
			p++;
		*n = (size_t)(end - p);
		return p;
	}
	return NULL;
}

char *
web_header(const struct web_req *r, const char *name)
{
	size_t n;
	const char *p = find_header(r->head, name, &n);

	return p == NULL ? NULL : mem_dup(p, n);
}

static void
req_free(struct web_req *r)
{
	free(r->path);
	free(r->query);
	free(r->head);
	buf_free(&r->body);
	memset(r, 0, sizeof(*r));
}

/* Method, path and query out of the request line, headers after it. */
static int
req_parse(struct web_req *r, char *text)
{
	char *line_end, *sp, *end, *q;

	line_end = strstr(text, "\r\n");
	if (line_end == NULL)
		return -1;
	*line_end = '\0';
	sp = strchr(text, ' ');
	if (sp == NULL || (size_t)(sp - text) >= sizeof(r->method))
		return -1;
	memcpy(r->method, text, (size_t)(sp - text));
	end = strchr(sp + 1, ' ');
	if (end == NULL)
		return -1;
	*end = '\0';
	q = strchr(sp + 1, '?');
	if (q != NULL)
		*q++ = '\0';
	r->path = mem_str(sp + 1);
	r->query = mem_str(q == NULL ? "" : q);
	r->head = mem_str(line_end + 2);
	return 0;
}

/* Read one request; 1 when there is one, 0 when the peer has gone. */
static int
req_read(struct conn *c, struct web_req *r)
{
	char *text = NULL, *end, *v;
	size_t head, body = 0;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	while (c->in.n == 0 || (end = strstr((char *)c->in.p,
	    "\r\n\r\n")) == NULL)
		if (c->in.n > HEAD_MAX || conn_read(c) <= 0)
			return 0;
		else
			buf_add(&c->in, "", 0);
	head = (size_t)(end - (char *)c->in.p) + 4;
	text = mem_dup(c->in.p, head - 2);
	if (req_parse(r, text) == -1)
		goto out;
	v = web_header(r, "Content-Length");
	if (v != NULL)
		body = (size_t)strtoull(v, NULL, 10);
	free(v);
	if (body > BODY_MAX)
		goto out;
	v = web_header(r, "Expect");
	if (v != NULL)
		(void)conn_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	free(v);
	while (c->in.n < head + body)
		if (conn_read(c) <= 0)
			goto out;
	buf_add(&r->body, c->in.p + head, body);
	c->in.n -= head + body;
	memmove(c->in.p, c->in.p + head + body, c->in.n);
	buf_add(&c->in, "", 0);
	rc = 1;
out:
	free(text);
	if (rc == 0)
		req_free(r);
	return rc;
}

static const char *
reason(int status)
{
	static const struct { int status; const char *text; } t[] = {
		{ 200, "OK" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" },
		{ 304, "Not Modified" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 404, "Not Found" },
		{ 410, "Gone" }, { 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" }
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i].status == status)
			return t[i].text;
	return "Status";
}

/* The body, byte by byte with pauses. */
static int
drip(struct conn *c, const struct web_res *s)
{
	long rate = s->rate < 1 ? 1 : s->rate;
	struct timespec ts = { 0, 0 };
	size_t i;

	ts.tv_sec = rate == 1;
	ts.tv_nsec = rate == 1 ? 0 : 1000000000L / rate;
	for (i = 0; i < s->body.n; i++) {
		if (conn_write(c, s->body.p + i, 1) == -1)
			return -1;
		nanosleep(&ts, NULL);
	}
	return 0;
}

/* Never answer, but notice when the peer has gone. */
static void
stall(const struct conn *c)
{
	struct pollfd p = { c->fd, POLLRDHUP, 0 };

	(void)poll(&p, 1, STALL_MS);
}

/* A piece of the body, as a chunk (RFC 9112, 7.1) or as it is. */
static int
send_piece(struct conn *c, const struct web_res *s, const void *p, size_t n)
{
	char head[32];
	int k;

	if (n == 0)
		return 0;
	if (!s->chunked)
		return conn_write(c, p, n);
	k = snprintf(head, sizeof(head), "%zx\r\n", n);
	return conn_write(c, head, (size_t)k) == -1 ||
	    conn_write(c, p, n) == -1 ||
	    conn_write(c, "\r\n", 2) == -1 ? -1 : 0;
}

/* The body, at full speed. */
static int
send_body(struct conn *c, const struct web_res *s)
{
	static const uint8_t junk[CHUNK];
	uint64_t left;

	if (send_piece(c, s, s->body.p, s->body.n) == -1 ||
	    (s->blob != NULL &&
	    send_piece(c, s, s->blob->p, s->blob->n) == -1))
		return -1;
	for (left = s->fill; left > CHUNK; left -= CHUNK)
		if (send_piece(c, s, junk, CHUNK) == -1)
			return -1;
	if (send_piece(c, s, junk, (size_t)left) == -1)
		return -1;
	return s->chunked ? conn_write(c, "0\r\n\r\n", 5) : 0;
}

/* Half of the body, then the end: a reset or a close. */
static void
send_half(struct conn *c, struct buf *h, const struct web_res *s)
{
	struct linger hard = { 1, 0 };

	buf_add(h, s->body.p, s->body.n / 2);
	(void)conn_write(c, h->p, h->n);
	if (s->pace == WEB_RESET)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
}

static int
bodiless(const struct web_res *s)
{
	return s->status == 204 || s->status == 304;
}

static void
put_head(struct buf *h, const struct web_res *s)
{
	buf_fmt(h, "HTTP/1.1 %d %s\r\n", s->status, reason(s->status));
	if (s->type != NULL)
		buf_fmt(h, "Content-Type: %s\r\n", s->type);
	if (s->chunked)
		buf_str(h, "Transfer-Encoding: chunked\r\n");
	else if (!bodiless(s))
		buf_fmt(h, "Content-Length: %llu\r\n",
		    (unsigned long long)s->body.n + s->fill +
		    (s->blob == NULL ? 0 : s->blob->n));
	buf_add(h, s->head.p, s->head.n);
	buf_str(h, "\r\n");
}

/* Send an answer; -1 when the connection is not to be used again. */
static int
res_send(struct conn *c, const struct web_req *r, struct web_res *s)
{
	struct buf h = BUF_INIT;
	int rc = -1;

	if (s->pace == WEB_STALL) {
		stall(c);
		return -1;
	}
	if (s->pace != WEB_NORMAL && s->blob != NULL) {
		buf_add(&s->body, s->blob->p, s->blob->n);
		blob_drop(s->blob);
		s->blob = NULL;
	}
	put_head(&h, s);
	if (strcmp(r->method, "HEAD") == 0 || bodiless(s)) {
		rc = conn_write(c, h.p, h.n);
	} else if (s->pace == WEB_SLOW) {
		rc = conn_write(c, h.p, h.n) == -1 ? -1 : drip(c, s);
	} else if (s->pace != WEB_NORMAL) {
		send_half(c, &h, s);
	} else if (s->body.n < CHUNK && s->blob == NULL && s->fill == 0 &&
	    !s->chunked) {
		buf_add(&h, s->body.p, s->body.n);
		rc = conn_write(c, h.p, h.n);
	} else {
		rc = conn_write(c, h.p, h.n);
		if (rc == 0)
			rc = send_body(c, s);
	}
	buf_free(&h);
	return rc;
}

static void *
conn_run(void *arg)
{
	struct conn *c = arg;
	struct web_req r;
	struct web_res s;
	char *v;
	int keep = 1;

	while (keep && req_read(c, &r)) {
		memset(&s, 0, sizeof(s));
		s.status = 200;
		r.at = c->at;
		r.peer = c->peer;
		c->w->o.serve(c->w->o.ctx, &r, &s);
		v = web_header(&r, "Connection");
		keep = v == NULL || strcasecmp(v, "close") != 0;
		free(v);
		if (!keep)
			buf_str(&s.head, "Connection: close\r\n");
		if (res_send(c, &r, &s) == -1)
			keep = 0;
		buf_free(&s.head);
		buf_free(&s.body);
		blob_drop(s.blob);
		req_free(&r);
	}
	close(c->fd);
	buf_free(&c->in);
	free(c);
	return NULL;
}

static void
conn_start(struct web *w, int at, int fd)
{
	struct conn *c = mem_zero(sizeof(*c));
	pthread_attr_t a;
	pthread_t t;
	struct sockaddr_in from = { .sin_port = 0 };
	socklen_t n = sizeof(from);
	int one = 1;

	(void)getpeername(fd, (struct sockaddr *)&from, &n);
	c->peer = (int)(ntohl(from.sin_addr.s_addr) & 255);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->w = w;
	c->at = at;
	c->fd = fd;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &a, conn_run, c) != 0) {
		close(fd);
		free(c);
	}
	pthread_attr_destroy(&a);
}

int
web_listen(struct web *w, const char *addr, int port, struct err *e)
{
	struct listener *l = &w->at[w->n];
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int one = 1;

	if (w->n == WEB_LISTEN)
		return err_set(e, ERR_USAGE, "at most %d listeners",
		    WEB_LISTEN);
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	/* 10/8: the bridge of tests/system/ns.sh */
	if (inet_pton(AF_INET, addr, &a.sin_addr) != 1 ||
	    (ntohl(a.sin_addr.s_addr) >> 24 != 127 &&
	    ntohl(a.sin_addr.s_addr) >> 24 != 10))
		return err_set(e, ERR_USAGE, "%s: is no address of 127/8 or "
		    "10/8", addr);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (l->fd == -1 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) == -1 ||
	    bind(l->fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(l->fd, SOMAXCONN) == -1 ||
	    getsockname(l->fd, (struct sockaddr *)&a, &n) == -1)
		return err_set(e, ERR_SYS, "%s:%d: cannot listen", addr,
		    port);
	l->port = ntohs(a.sin_port);
	(void)snprintf(l->where, sizeof(l->where), "%.15s:%d", addr, l->port);
	return w->n++;
}

struct web *
web_open(const struct web_opts *o, struct err *e)
{
	struct web *w = &server;

	w->o = *o;
	if (web_listen(w, "127.0.0.1", o->port, e) == -1)
		return NULL;
	if (pipe(quit) == -1) {
		err_set(e, ERR_SYS, "no pipe");
		return NULL;
	}
	return w;
}

int
web_port(const struct web *w)
{
	return w->at[0].port;
}

int
web_count(const struct web *w)
{
	return w->n;
}

const char *
web_where(const struct web *w, int i)
{
	return w->at[i].where;
}

static long
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

static void
catch_signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void
web_run(struct web *w)
{
	struct pollfd *p = mem_array((size_t)w->n + 1, sizeof(*p));
	long left, next = mono_ms() + w->o.tick_ms;
	int i, fd, n;

	catch_signals();
	for (i = 0; i <= w->n; i++) {
		p[i].fd = i == w->n ? quit[0] : w->at[i].fd;
		p[i].events = POLLIN;
	}
	for (;;) {
		left = next - mono_ms();
		n = poll(p, (nfds_t)w->n + 1, w->o.tick_ms <= 0 ? -1 :
		    left < 0 ? 0 : (int)left);
		if (n > 0 && p[w->n].revents != 0)
			break;
		if (w->o.tick_ms > 0 && mono_ms() >= next) {
			w->o.tick(w->o.ctx);
			next = mono_ms() + w->o.tick_ms;
		}
		for (i = 0; n > 0 && i < w->n; i++) {
			if (p[i].revents == 0)
				continue;
			fd = accept4(w->at[i].fd, NULL, NULL, SOCK_CLOEXEC);
			if (fd != -1)
				conn_start(w, i, fd);
		}
	}
	for (i = 0; i < w->n; i++)
		close(w->at[i].fd);
	free(p);
}

static int
unhex(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
web_arg(const char *query, const char *key, struct buf *out)
{
	size_t k = strlen(key);
	const char *p = query;
	int hi, lo;

	while (p != NULL && !(strncmp(p, key, k) == 0 && p[k] == '=')) {
		p = strchr(p, '&');
		if (p != NULL)
			p++;
	}
	if (p == NULL)
		return -1;
	for (p += k + 1; *p != '\0' && *p != '&'; p++) {
		if (*p == '%' && (hi = unhex(p[1])) >= 0 &&
		    (lo = unhex(p[2])) >= 0) {
			buf_u8(out, (uint8_t)(hi << 4 | lo));
			p += 2;
		} else
			buf_u8(out, *p == '+' ? ' ' : (uint8_t)*p);
	}
	buf_add(out, "", 0);
	return 0;
}

void
web_say(struct web_res *s, int status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->status = status;
	s->type = "text/plain; charset=utf-8";
	buf_reset(&s->body);
	buf_fmt(&s->body, "%s\n", text);
}

void
web_date(struct buf *b, long seconds)
{
	time_t t = time(NULL) + seconds;
	struct tm tm;
	char text[64];

	gmtime_r(&t, &tm);
	(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_str(b, text);
}
