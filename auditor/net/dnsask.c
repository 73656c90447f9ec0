#include "auditor/net/dnsask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/dnsmsg.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/mem.h"

#define TRIES		2		/* of one resolver */
#define NO_ANSWER	"did not answer"
#define TRY_MIN_US	(800 * 1000LL)	/* a cold cache needs its time */
#define FIRST_US	CLK_SEC		/* a packet that was lost does not */
#define DOWN_US		(30 * CLK_SEC)
#define SILENT_MAX	8		/* names: it is not their fault */
#define AGAIN_US	CLK_SEC		/* but it may be, or it is back */
#define AGAIN		2		/* questions then: A and AAAA */
#define STRAY_MAX	16		/* then somebody is guessing: TCP */
#define UDP_MAX		4096		/* three times what we allow */
#define TCP_MAX		(2 + 65535u)

enum state { UDP, TCP_CONNECT, TCP_WRITE, TCP_READ, ENDED };

struct dnsask {
	struct dnsservers	*servers;	/* borrowed */
	struct dnsmsg_question	 q;		/* name is owned */
	enum state		 state;
	size_t			 order[DNSSERVER_MAX];
	size_t			 at;		/* in order */
	unsigned		 tries, strays;
	int			 edns;
	int			 fd;
	int64_t			 timeout, end, try_end;
	int64_t			 try_us;	/* on average */
	int64_t			 began;		/* to ask this one */
	struct buf		 query;		/* behind a length of 2 bytes */
	size_t			 wrote;
	struct buf		 in;
	int			 ok;		/* msg is an answer */
	int			 answered;	/* by, in order, or -1 */
	int			 fallback;	/* rcode of an unwilling one */
	struct err		 why;		/* what happened last */
	struct dnsmsg		 msg;
};

static struct dnsserver *
server(const struct dnsask *a)
{
	return &a->servers->v[a->order[a->at]];
}

/* Those that were silent lately come last. */
static void
make_order(struct dnsask *a, int64_t now)
{
	size_t	i, n = 0;
	int	down;

	for (down = 0; down < 2; down++)
		for (i = 0; i < a->servers->n; i++)
			if ((a->servers->v[i].down > now) == down)
				a->order[n++] = i;
}

/*
 * Is nobody to be asked, as none of them would answer?  Two questions a second
 * are asked all the same: names that somebody lets hang must not be the reason
 * that those of others are not looked up.
 */
static int
hopeless(const struct dnsask *a, int64_t now)
{
	const struct dnsserver	*s;
	size_t			 i;

	for (i = 0; i < a->servers->n; i++) {
		s = &a->servers->v[i];
		if (s->down <= now || s->silent < SILENT_MAX)
			return 0;
	}
	if (now >= a->servers->again) {
		a->servers->again = now + AGAIN_US;
		a->servers->asked = 0;
	}
	return a->servers->asked++ >= AGAIN;
}

static void
close_fd(struct dnsask *a)
{
	if (a->fd != -1)
		(void)close(a->fd);
	a->fd = -1;
}

static void
fail(struct dnsask *a, const char *what)
{
	err_clear(&a->why);
	(void)err_set(&a->why, ERR_NET, "%s %s", server(a)->text, what);
}

/* What errno says, of the resolver that is asked. */
static void
fail_errno(struct dnsask *a)
{
	char	text[128];

	(void)snprintf(text, sizeof(text), "cannot be asked: %s",
	    strerror(errno));
	fail(a, text);
}

static int
make_query(struct dnsask *a)
{
	if (getrandom(&a->q.id, sizeof(a->q.id), 0) !=
	    (ssize_t)sizeof(a->q.id))
		return err_set(&a->why, ERR_SYS, "making a random number");
	buf_reset(&a->query);
	buf_u16(&a->query, 0);
	if (dnsmsg_question(&a->query, &a->q, (a->edns ? DNSMSG_EDNS : 0) |
	    (a->servers->direct ? DNSMSG_DIRECT : 0), &a->why) != 0)
		return -1;
	a->query.p[0] = (uint8_t)((a->query.n - 2) >> 8);
	a->query.p[1] = (uint8_t)(a->query.n - 2);
	return 0;
}

/*
 * A socket that hears only this resolver; the kernel gives it a random port.
 */
static int
open_socket(struct dnsask *a, int type)
{
	const struct dnsserver	*s = server(a);

	close_fd(a);
	a->fd = socket(s->sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (a->fd == -1 || (connect(a->fd, (const struct sockaddr *)&s->sa,
	    s->len) == -1 && errno != EINPROGRESS)) {
		fail_errno(a);
		return -1;
	}
	return 0;
}

static int
send_udp(struct dnsask *a, int64_t now)
{
	int64_t	first = a->try_us < FIRST_US ? a->try_us : FIRST_US;

	/* together as long as two equal ones */
	a->try_end = now + (a->tries++ == 0 ? first : TRIES * a->try_us -
	    first);
	if (send(a->fd, a->query.p + 2, a->query.n - 2, MSG_NOSIGNAL) >= 0 ||
	    errno == EAGAIN || errno == EINTR)
		return 0;
	fail_errno(a);
	return -1;
}

/* Ask the resolver whose turn it is: 0 or -1. */
static int
start(struct dnsask *a, int64_t now)
{
	a->state = UDP;
	a->began = now;
	a->tries = a->strays = 0;
	if (make_query(a) != 0 || open_socket(a, SOCK_DGRAM) != 0)
		return -1;
	return send_udp(a, now);
}

/* The next resolver that can be asked; behind the last one it has ended. */
static void
next_server(struct dnsask *a, int64_t now)
{
	while (++a->at < a->servers->n) {
		a->edns = 1;
		if (start(a, now) == 0)
			return;
	}
	a->at = a->servers->n - 1;
	close_fd(a);
	a->state = ENDED;
	if (a->fallback != 0) {
		a->ok = 1;
		a->msg.n = 0;
		a->msg.ttl = 0;
		a->msg.ad = 0;
		a->msg.rcode = a->fallback;
	}
}

static void
start_tcp(struct dnsask *a, int64_t now)
{
	a->state = TCP_CONNECT;
	a->wrote = 0;
	buf_reset(&a->in);
	a->try_end = now + TRIES * a->try_us;
	if (make_query(a) != 0 || open_socket(a, SOCK_STREAM) != 0)
		next_server(a, now);
}

struct dnsask *
dnsask_new(struct dnsservers *servers, const char *name, uint16_t type,
    uint32_t timeout_ms, int64_t now)
{
	struct dnsask	*a = mem_zero(sizeof(*a));

	a->servers = servers;
	a->q.name = mem_str(name);
	a->q.type = type;
	a->edns = 1;
	a->fd = -1;
	a->answered = -1;
	a->timeout = (timeout_ms != 0 ? timeout_ms : DNSASK_MS) * 1000LL;
	a->end = now + a->timeout;
	a->try_us = a->timeout / (TRIES * (int64_t)servers->n);
	if (a->try_us < TRY_MIN_US)
		a->try_us = TRY_MIN_US < a->timeout / TRIES ? TRY_MIN_US :
		    a->timeout / TRIES;
	make_order(a, now);
	/* A name that is none is none for all of them. */
	if (make_query(a) != 0)
		a->state = ENDED;
	else if (hopeless(a, now)) {
		/* as when they are asked: what is stored is the same */
		a->at = servers->n - 1;
		fail(a, NO_ANSWER);
		a->state = ENDED;
	} else if (start(a, now) != 0)
		next_server(a, now);
	return a;
}

void
dnsask_free(struct dnsask *a)
{
	if (a == NULL)
		return;
	close_fd(a);
	free((char *)(uintptr_t)a->q.name);
	buf_free(&a->query);
	buf_free(&a->in);
	dnsmsg_free(&a->msg);
	free(a);
}

int
dnsask_fd(const struct dnsask *a)
{
	return a->fd;
}

short
dnsask_events(const struct dnsask *a)
{
	return a->state == TCP_CONNECT || a->state == TCP_WRITE ? POLLOUT :
	    POLLIN;
}

int64_t
dnsask_when(const struct dnsask *a)
{
	if (a->state == ENDED)
		return 0;
	return a->try_end < a->end ? a->try_end : a->end;
}

/* An answer that was read: take it, or go on. */
static void
weigh(struct dnsask *a, int64_t now)
{
	const struct dnsmsg	*m = &a->msg;
	char			 text[64];

	if (m->cut && a->state == UDP) {
		start_tcp(a, now);
		return;
	}
	if (a->edns && (m->rcode == DNSMSG_FORMERR ||
	    m->rcode == DNSMSG_NOTIMP || m->rcode == DNSMSG_BADVERS)) {
		/* RFC 6891 section 7: it may not know EDNS. */
		a->edns = 0;
		if (start(a, now) != 0)
			next_server(a, now);
		return;
	}
	/* Asked for what it has itself, a CNAME alone is an answer. */
	if (m->cut || (m->lame && !(a->servers->direct &&
	    strcasecmp(m->owner, a->q.name) != 0))) {
		fail(a, m->cut ? "cut its answer over TCP" :
		    "knows nothing of the name and asks nobody");
		next_server(a, now);
		return;
	}
	if (m->rcode != DNSMSG_NOERROR && m->rcode != DNSMSG_NXDOMAIN) {
		(void)snprintf(text, sizeof(text), "says rcode %d", m->rcode);
		fail(a, text);
		a->fallback = m->rcode;
		a->answered = (int)a->at;
		next_server(a, now);
		return;
	}
	server(a)->down = 0;
	a->ok = 1;
	a->answered = (int)a->at;
	a->state = ENDED;
	close_fd(a);
}

/* Bytes that came: 1 when something follows from them, 0 for a stray. */
static int
take(struct dnsask *a, struct span bytes, int64_t now)
{
	struct err	e = ERR_INIT;
	char		text[300];
	int		r = dnsmsg_read(&a->msg, bytes, &a->q, &e);

	if (r == 0)
		return 0;
	server(a)->heard = now;
	server(a)->silent = 0;
	if (r > 0) {
		weigh(a, now);
		return 1;
	}
	(void)snprintf(text, sizeof(text), "cannot be understood: %.250s",
	    e.msg);
	fail(a, text);
	next_server(a, now);
	return 1;
}

/* Read datagrams: 1 when the state may have changed, 0 when none is left. */
static int
turn_udp(struct dnsask *a, int64_t now)
{
	struct span	s;
	ssize_t		n;

	s.p = buf_room(&a->in, UDP_MAX);
	n = recv(a->fd, a->in.p, UDP_MAX, MSG_TRUNC);
	if (n == -1) {
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR)
			return 1;
		fail_errno(a);
		next_server(a, now);
		return 1;
	}
	if (n > UDP_MAX) {
		start_tcp(a, now);
		return 1;
	}
	s.n = (size_t)n;
	if (take(a, s, now) == 0 && ++a->strays >= STRAY_MAX)
		start_tcp(a, now);
	return 1;
}

static int
tcp_connect(struct dnsask *a, int64_t now)
{
	const struct dnsserver	*s = server(a);

	if (connect(a->fd, (const struct sockaddr *)&s->sa, s->len) == 0 ||
	    errno == EISCONN) {
		a->state = TCP_WRITE;
		return 1;
	}
	if (errno == EALREADY || errno == EINPROGRESS || errno == EINTR)
		return 0;
	fail_errno(a);
	next_server(a, now);
	return 1;
}

static int
tcp_write(struct dnsask *a, int64_t now)
{
	ssize_t	n = send(a->fd, a->query.p + a->wrote,
	    a->query.n - a->wrote, MSG_NOSIGNAL);

	if (n == -1) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		fail_errno(a);
		next_server(a, now);
		return 1;
	}
	a->wrote += (size_t)n;
	if (a->wrote < a->query.n)
		return 0;
	a->state = TCP_READ;
	return 1;
}

static int
tcp_read(struct dnsask *a, int64_t now)
{
	struct span	s;
	size_t		want = 2;
	ssize_t		n;

	if (a->in.n >= 2)
		want += (size_t)a->in.p[0] << 8 | a->in.p[1];
	/* At most TCP_MAX: the length has 16 bits. */
	n = recv(a->fd, buf_room(&a->in, want - a->in.n), want - a->in.n, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		if (n == -1)
			fail_errno(a);
		else
			fail(a, "closed the connection without an answer");
		next_server(a, now);
		return 1;
	}
	a->in.n += (size_t)n;
	if (a->in.n < 2 || a->in.n < 2u +
	    ((size_t)a->in.p[0] << 8 | a->in.p[1]))
		return 1;
	s.p = a->in.p + 2;
	s.n = a->in.n - 2;
	if (take(a, s, now) == 0) {
		fail(a, "answered another question over TCP");
		next_server(a, now);
	}
	return 1;
}

/* Time is up for this try, or for all of it. */
static void
late(struct dnsask *a, int64_t now)
{
	if (a->state == UDP && now < a->end && a->tries < TRIES) {
		if (send_udp(a, now) != 0)
			next_server(a, now);
		return;
	}
	fail(a, a->state == UDP ? NO_ANSWER : NO_ANSWER " over TCP");
	server(a)->down = now + DOWN_US;
	/* others may have been answered while this one was not */
	if (server(a)->heard < a->began)
		server(a)->silent++;
	if (now >= a->end)
		a->at = a->servers->n - 1;
	next_server(a, now);
}

int
dnsask_turn(struct dnsask *a, int64_t now)
{
	int	more = 1;

	while (more && a->state != ENDED) {
		switch (a->state) {
		case UDP:
			more = turn_udp(a, now);
			break;
		case TCP_CONNECT:
			more = tcp_connect(a, now);
			break;
		case TCP_WRITE:
			more = tcp_write(a, now);
			break;
		case TCP_READ:
			more = tcp_read(a, now);
			break;
		case ENDED:
			break;
		}
	}
	if (a->state != ENDED && now >= dnsask_when(a))
		late(a, now);
	return a->state == ENDED;
}

void
dnsask_said(const struct dnsask *a, struct probe_said *s)
{
	const struct dnsmsg	*m = &a->msg;
	int			 by = a->answered >= 0 ? a->answered :
				     (int)a->at;

	memset(s, 0, sizeof(*s));
	(void)snprintf(s->resolver, sizeof(s->resolver), "%s",
	    a->servers->v[a->order[by]].text);
	s->ok = a->ok;
	if (!a->ok) {
		/* what could not be asked is no fault of whom we would ask */
		if (a->why.code != ERR_NET)
			s->resolver[0] = '\0';
		(void)snprintf(s->message, sizeof(s->message), "%.255s",
		    a->why.msg);
		return;
	}
	s->rcode = m->rcode;
	s->ad = m->ad;
	s->ttl = m->ttl;
	s->n = m->n;
	memcpy(s->rr, m->rr, m->n * sizeof(m->rr[0]));
}

const char *
dnsask_owner(const struct dnsask *a)
{
	return a->ok ? a->msg.owner : a->q.name;
}

const char *
dnsask_soa(const struct dnsask *a)
{
	return a->ok ? a->msg.soa : "";
}
