#ifndef TESTS_UNIT_AUDITOR_XFER_FIXTURE_H
#define TESTS_UNIT_AUDITOR_XFER_FIXTURE_H

/*
 * Requests for pages, and the server that they go to, in one process: what
 * happens when is the test's to say.  Included once, after cmocka.h;
 * everything is static.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/page_conn.h"
#include "auditor/net/xfer_job.h"
#include "base/clk.h"
#include "base/cur.h"
#include "base/err.h"
#include "tests/unit/auditor/fetch_args.h"
#include "tests/unit/auditor/loopback.h"

static struct xfer	*x;
static int		 l;		/* the server listens */
static uint16_t		 port;
static int64_t		 deadline;	/* of a test that stands still */

/* A request, and what became of it. */
struct asked {
	struct xfer_job		*job;	/* borrowed; NULL: it is over */
	struct fetch_done	 done;
	uint8_t			 body[64];
	size_t			 n;
};

static enum xfer_sink
on_body(void *arg, const uint8_t *p, size_t n, int64_t left)
{
	struct asked	*a = arg;

	(void)left;
	if (n > sizeof(a->body) - a->n)
		return XFER_STOP;
	memcpy(a->body + a->n, p, n);
	a->n += n;
	return XFER_TOOK;
}

static enum xfer_sink
on_room(void *arg, size_t n, int64_t left, uint8_t **to, size_t *room)
{
	struct asked	*a = arg;

	(void)left;
	*to = a->body + a->n;
	*room = sizeof(a->body) - a->n;
	return n <= *room ? XFER_TOOK : XFER_STOP;
}

static void
on_wrote(void *arg, size_t n)
{
	struct asked	*a = arg;

	a->n += n;
}

static void
on_done(void *arg, const struct fetch_done *d)
{
	struct asked	*a = arg;

	a->done = *d;
	a->job = NULL;
}

static const struct xfer_ops	ops = { on_body, on_room, on_wrote, on_done };

/* At most ${conns} connections to one host; TLS trusts nobody. */
static void
begin_with(unsigned conns)
{
	struct fetch_setup	s;
	struct span		none = { NULL, 0 };
	struct err		e = ERR_INIT;

	setup_of(&s, "127.0.0.0/8");
	s.host_conns = conns;
	x = xfer_new(&s, -1, &e);
	assert_non_null(x);
	x->tls = page_tls_new(NULL, NULL, none, &e);
	x->tls_tried = 1;
	assert_non_null(x->tls);
	l = loopback_listen(&port);
	deadline = clk_mono() + 3 * WAIT_MS * 1000LL;
}

static inline int
begin(void **state)
{
	(void)state;
	begin_with(8);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	xfer_free(x);
	(void)close(l);
	return 0;
}

/* --- the client --- */

/* Start a GET of a page from that port. */
static void
ask_port(struct asked *a, const char *scheme, uint16_t from, uint32_t ms)
{
	struct fetch_get	g;
	char			url[64];

	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, from);
	get_of(&g, url, 1);
	g.timeout_ms = ms;
	memset(a, 0, sizeof(*a));
	a->job = xfer_start(x, &g, &ops, a);
}

static inline void
ask(struct asked *a)
{
	ask_port(a, "http", port, WAIT_MS);
}

/* One turn, which ends when there is something at ${fd} (or -1), too. */
static void
turn(int fd)
{
	struct pollfd	p = { fd, POLLIN, 0 };
	struct err	e = ERR_INIT;

	assert_true(clk_mono() < deadline);
	if (xfer_turn(x, &p, fd != -1, 20, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Turns until there is something at ${fd}. */
static void
await(int fd)
{
	struct pollfd	p = { fd, POLLIN, 0 };

	while (poll(&p, 1, 0) != 1)
		turn(fd);
}

/* Turns until it is over. */
static void
conclude(struct asked *a)
{
	while (a->job != NULL)
		turn(-1);
}

static inline void
assert_answered(struct asked *a, const char *body)
{
	conclude(a);
	if (a->done.failure != FETCH_OK)
		fail_msg("%s", a->done.message);
	assert_int_equal(a->done.status, 200);
	assert_int_equal(a->n, strlen(body));
	assert_memory_equal(a->body, body, a->n);
}

static inline void
assert_failed(struct asked *a, enum fetch_failure f, const char *why)
{
	conclude(a);
	if (a->done.failure != f || strstr(a->done.message, why) == NULL)
		fail_msg("%s: %s, not %s", fetch_failure_name(
		    a->done.failure), a->done.message, why);
}

/* --- the server --- */

/* Somebody connects to ${listener}. */
static inline int
take(int listener)
{
	int	fd;

	await(listener);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

/* Nobody is there to be accepted. */
static inline void
assert_nobody(void)
{
	struct pollfd	p = { l, POLLIN, 0 };

	turn(-1);
	assert_int_equal(poll(&p, 1, 0), 0);
}

/* A request comes, which is whole. */
static inline size_t
hear(int fd)
{
	char	req[2048];
	size_t	n = 0;
	ssize_t	r;

	do {
		await(fd);
		r = recv(fd, req + n, sizeof(req) - 1 - n, 0);
		assert_true(r > 0);
		n += (size_t)r;
		req[n] = '\0';
	} while (strstr(req, "\r\n\r\n") == NULL);
	assert_memory_equal(req, "GET / HTTP/1.1\r\n", 16);
	return n;
}

static inline void
say(int fd, const char *text)
{
	size_t	n = strlen(text);

	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* The client closes it, and has nothing to say before. */
static inline void
assert_closed(int fd)
{
	char	c;

	await(fd);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
}

/* End it, with a word (FIN) or without one (RST). */
static inline void
hang_up(int fd, int reset)
{
	struct linger	now = { 1, 0 };

	if (reset)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now)), 0);
	(void)close(fd);
}

#endif
