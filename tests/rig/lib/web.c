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

enum { HEAD_MAX = 65536, BODY_MAX = 64 << 20, STALL_SECS = 3600 };

struct web {
	struct web_opts	 o;
	int		 fd;
	int		 port;
};

struct conn {
	struct web	*w;		/* borrowed */
	int		 fd;
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
		{ 302, "Found" }, { 400, "Bad Request" },
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

/* Send an answer; -1 when the connection is not to be used again. */
static int
res_send(struct conn *c, const struct web_req *r, const struct web_res *s)
{
	struct linger hard = { 1, 0 };
	struct buf h = BUF_INIT;
	struct timespec stall = { STALL_SECS, 0 };
	int rc = -1;

	if (s->pace == WEB_STALL) {
		nanosleep(&stall, NULL);
		return -1;
	}
	buf_fmt(&h, "HTTP/1.1 %d %s\r\n", s->status, reason(s->status));
	if (s->type != NULL)
		buf_fmt(&h, "Content-Type: %s\r\n", s->type);
	if (s->status != 204)
		buf_fmt(&h, "Content-Length: %zu\r\n", s->body.n);
	buf_add(&h, s->head.p, s->head.n);
	buf_str(&h, "\r\n");
	if (strcmp(r->method, "HEAD") == 0 || s->status == 204) {
		rc = conn_write(c, h.p, h.n);
	} else if (s->pace == WEB_SLOW) {
		rc = conn_write(c, h.p, h.n) == -1 ? -1 : drip(c, s);
	} else if (s->pace == WEB_RESET) {
		buf_add(&h, s->body.p, s->body.n / 2);
		(void)conn_write(c, h.p, h.n);
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	} else if (s->body.n < 65536) {
		buf_add(&h, s->body.p, s->body.n);
		rc = conn_write(c, h.p, h.n);
	} else {
		rc = conn_write(c, h.p, h.n);
		if (rc == 0)
			rc = conn_write(c, s->body.p, s->body.n);
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
		req_free(&r);
	}
	close(c->fd);
	buf_free(&c->in);
	free(c);
	return NULL;
}

static void
conn_start(struct web *w, int fd)
{
	struct conn *c = mem_zero(sizeof(*c));
	pthread_attr_t a;
	pthread_t t;
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->w = w;
	c->fd = fd;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&t, &a, conn_run, c) != 0) {
		close(fd);
		free(c);
	}
	pthread_attr_destroy(&a);
}

struct web *
web_open(const struct web_opts *o, struct err *e)
{
	struct web *w = &server;
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int one = 1;

	w->o = *o;
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)o->port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd == -1 || setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) == -1 ||
	    bind(w->fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(w->fd, 128) == -1 ||
	    getsockname(w->fd, (struct sockaddr *)&a, &n) == -1 ||
	    pipe(quit) == -1) {
		err_set(e, ERR_SYS, "127.0.0.1:%d: cannot listen", o->port);
		return NULL;
	}
	w->port = ntohs(a.sin_port);
	return w;
}

int
web_port(const struct web *w)
{
	return w->port;
}

static long
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

void
web_run(struct web *w)
{
	struct sigaction sa;
	struct pollfd p[2];
	long left, next = mono_ms() + w->o.tick_ms;
	int fd, n;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	memset(p, 0, sizeof(p));
	p[0].fd = w->fd;
	p[1].fd = quit[0];
	p[0].events = p[1].events = POLLIN;
	for (;;) {
		left = next - mono_ms();
		n = poll(p, 2, w->o.tick_ms <= 0 ? -1 : left < 0 ? 0 :
		    (int)left);
		if (n > 0 && p[1].revents != 0)
			break;
		if (w->o.tick_ms > 0 && mono_ms() >= next) {
			w->o.tick(w->o.ctx);
			next = mono_ms() + w->o.tick_ms;
		}
		if (n <= 0 || p[0].revents == 0)
			continue;
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			conn_start(w, fd);
	}
	close(w->fd);
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
