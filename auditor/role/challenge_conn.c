#include "auditor/role/challenge_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/role/challenge_http.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

#define CHUNK		4096u
#define ACCEPTS		64		/* of one listening socket a turn */
#define PAUSE_US	(CLK_SEC / 10)	/* when nothing can be accepted */
#define PART_US		(2 * CLK_SEC)	/* for the client to close */
#define QUEUED_MAX	(1u << 20)	/* an engine that does not read */

_Static_assert((CHALLENGE_GROUPS & (CHALLENGE_GROUPS - 1)) == 0,
    "a mask chooses the group");

/* --- the list by how long idle --- */

static void
list_remove(struct challenge_role *r, struct challenge_conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		r->head = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		r->tail = c->prev;
	c->prev = c->next = NULL;
}

static void
list_append(struct challenge_role *r, struct challenge_conn *c)
{
	c->prev = r->tail;
	c->next = NULL;
	if (c->prev != NULL)
		c->prev->next = c;
	else
		r->head = c;
	r->tail = c;
}

/* Something happened on it. */
static void
touch(struct challenge_role *r, struct challenge_conn *c)
{
	list_remove(r, c);
	list_append(r, c);
}

/* --- one more, one less --- */

/* An IPv6 client has a whole /64, RFC 4291 section 2.5.4. */
static unsigned
group_of(const struct challenge_role *r, const struct netaddr *a)
{
	struct netaddr	net = *a;

	if (!netaddr_is4(a))
		memset(net.b + 8, 0, 8);
	return netaddr_hash(&net, r->stores[0].seed) & (CHALLENGE_GROUPS - 1);
}

static void
drop(struct challenge_role *r, struct challenge_conn *c)
{
	struct challenge_conn	*last = r->conns[--r->nconns];

	r->conns[c->slot] = last;
	last->slot = c->slot;
	list_remove(r, c);
	r->groups[c->group]--;
	(void)close(c->fd);
	challenge_shake_free(c->shake);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

/*
 * Make room: one that only waits for its client to close; else, of the
 * network that has the most, the one that has been idle the longest.  So a
 * flood from one place drops itself, not others.
 */
static void
make_room(struct challenge_role *r)
{
	struct challenge_conn	*c, *victim = NULL;

	for (c = r->head; c != NULL; c = c->next) {
		if (c->state == CHALLENGE_PARTS) {
			victim = c;
			break;
		}
		if (victim == NULL ||
		    r->groups[c->group] > r->groups[victim->group])
			victim = c;
	}
	if (victim != NULL)
		drop(r, victim);
}

static void
add(struct challenge_role *r, int fd, enum challenge_kind kind,
    const struct sockaddr_storage *sa, int64_t now)
{
	struct challenge_conn	*c = mem_zero(sizeof(*c));

	c->kind = kind;
	c->fd = fd;
	if (kind == CHALLENGE_TLS)
		c->shake = challenge_shake_new(r->tlsd);
	if (netaddr_of(&c->addr, (const struct sockaddr *)sa) != 0 ||
	    (kind == CHALLENGE_TLS && c->shake == NULL)) {
		challenge_shake_free(c->shake);
		(void)close(fd);
		free(c);
		return;
	}
	c->end = now + r->timeout_ms * 1000LL;
	c->group = group_of(r, &c->addr);
	if (r->nconns == LIMIT_CHALLENGE_CONNS)
		make_room(r);
	c->slot = r->nconns;
	r->conns[r->nconns++] = c;
	r->groups[c->group]++;
	list_append(r, c);
}

/* accept4() failed: 1 go on, 0 not now. */
static int
accept_failed(struct challenge_role *r, int64_t now)
{
	switch (errno) {
	case EINTR:
	case ECONNABORTED:
	/* What went wrong on the network, see accept(2). */
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return 1;
	case EAGAIN:
		return 0;
	case EINVAL:
		/* it was shut down, and we are about to be told */
		r->pause = now + PAUSE_US;
		return 0;
	default:
		log_warn(NULL, "a connection cannot be accepted: %s",
		    strerror(errno));
		r->pause = now + PAUSE_US;
		return 0;
	}
}

void
challenge_conn_accept(struct challenge_role *r, size_t i, int64_t now)
{
	struct sockaddr_storage	sa;
	socklen_t		len;
	int			n, fd;

	for (n = 0; n < ACCEPTS; n++) {
		len = sizeof(sa);
		memset(&sa, 0, sizeof(sa));
		fd = accept4(r->listen[i], (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1)
			add(r, fd, i < r->nhttp ? CHALLENGE_HTTP :
			    CHALLENGE_TLS, &sa, now);
		else if (!accept_failed(r, now))
			return;
	}
}

/* --- notes --- */

/* So many a second, so many an answer: a flood does not reach the engine. */
static int
may_note(struct challenge_role *r, struct challenge_answer *a, int64_t now)
{
	if (now / CLK_SEC != r->second) {
		r->second = now / CLK_SEC;
		r->notes = 0;
	}
	if (a->hits >= LIMIT_CHALLENGE_HITS_OF ||
	    r->notes >= LIMIT_CHALLENGE_HITS ||
	    ipc_queued(r->ipc) > QUEUED_MAX)
		return 0;
	a->hits++;
	r->notes++;
	return 1;
}

static void
note_hit(struct challenge_role *r, const struct challenge_conn *c,
    struct challenge_answer *a, int64_t now)
{
	struct challenge_hit	h;
	struct buf		b = BUF_INIT;

	if (!may_note(r, a, now)) {
		if (r->missed < UINT32_MAX)
			r->missed++;
		return;
	}
	memset(&h, 0, sizeof(h));
	h.kind = c->kind;
	(void)snprintf(h.key, sizeof(h.key), "%s", a->key);
	(void)netaddr_text(&c->addr, h.addr);
	h.at = clk_wall();
	h.missed = r->missed;
	r->missed = 0;
	challenge_hit_pack(&b, &h);
	ipc_send(r->ipc, CHALLENGE_HIT, &b, NULL, 0);
	buf_free(&b);
}

/* --- steps: 1 go on, 0 wait, -1 it ended --- */

/* Send what waits: 1 all is sent, 0 it would block, -1. */
static int
flush(struct challenge_conn *c)
{
	ssize_t	n;

	while (c->sent < c->out.n) {
		n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent,
		    MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? 0 : -1;
		c->sent += (size_t)n;
	}
	buf_reset(&c->out);
	c->sent = 0;
	return 1;
}

/* Read what is there: > 0 bytes, 0 nothing yet, -1 no more come. */
static ssize_t
receive(struct challenge_conn *c, uint8_t *p, size_t size)
{
	ssize_t	n;

	do {
		n = recv(c->fd, p, size, 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	c->got += (size_t)n;
	return c->got > LIMIT_CHALLENGE_BYTES ? -1 : n;
}

/* What came, to who answers it: 1 answered, 0 more must come. */
static int
take(struct challenge_role *r, struct challenge_conn *c, struct span s,
    int64_t now)
{
	struct challenge_answer	*hit;
	int			 done;

	if (c->kind == CHALLENGE_HTTP) {
		buf_span(&c->in, s);
		done = challenge_http(buf_bytes(&c->in),
		    &r->stores[CHALLENGE_HTTP], now, &c->out, &hit);
	} else
		done = challenge_shake_take(c->shake, s, now, &c->out, &hit);
	if (hit != NULL)
		note_hit(r, c, hit, now);
	if (!done)
		return 0;
	challenge_shake_free(c->shake);
	c->shake = NULL;
	buf_free(&c->in);
	return 1;
}

static int
step_asked(struct challenge_role *r, struct challenge_conn *c, int64_t now)
{
	uint8_t		chunk[CHUNK];
	struct span	s = { chunk, 0 };
	size_t		want = sizeof(chunk);
	ssize_t		n;

	if (flush(c) < 0)
		return -1;
	/* No more of a head than may be looked at. */
	if (c->kind == CHALLENGE_HTTP && want > LIMIT_CHALLENGE_HEAD + 1 -
	    c->in.n)
		want = LIMIT_CHALLENGE_HEAD + 1 - c->in.n;
	n = receive(c, chunk, want);
	if (n <= 0)
		return (int)n;
	touch(r, c);
	s.n = (size_t)n;
	if (take(r, c, s, now))
		c->state = CHALLENGE_ANSWERS;
	return 1;
}

static int
step_answers(struct challenge_conn *c, int64_t now)
{
	int	r = flush(c);

	if (r <= 0)
		return r;
	(void)shutdown(c->fd, SHUT_WR);
	c->state = CHALLENGE_PARTS;
	if (c->end > now + PART_US)
		c->end = now + PART_US;
	return 1;
}

static int
step_parts(struct challenge_conn *c)
{
	uint8_t	chunk[CHUNK];
	ssize_t	n = receive(c, chunk, sizeof(chunk));

	return n > 0 ? 1 : (int)n;
}

static void
conn_turn(struct challenge_role *r, struct challenge_conn *c, int64_t now)
{
	int	go = 1;

	while (go == 1)
		switch (c->state) {
		case CHALLENGE_ASKED:
			go = step_asked(r, c, now);
			break;
		case CHALLENGE_ANSWERS:
			go = step_answers(c, now);
			break;
		case CHALLENGE_PARTS:
			go = step_parts(c);
			break;
		}
	if (go == -1)
		drop(r, c);
}

/* --- all of them --- */

size_t
challenge_conn_base(const struct challenge_role *r)
{
	return 1 + r->nlisten;
}

int64_t
challenge_conn_poll(struct challenge_role *r)
{
	struct pollfd		*p = r->fds + challenge_conn_base(r);
	struct challenge_conn	*c;
	int64_t			 first = INT64_MAX;
	size_t			 i;

	for (i = 0; i < r->nconns; i++, p++) {
		c = r->conns[i];
		p->fd = c->fd;
		p->events = (short)(POLLIN |
		    (c->sent < c->out.n ? POLLOUT : 0));
		p->revents = 0;
		if (c->end < first)
			first = c->end;
	}
	return first;
}

void
challenge_conn_turn(struct challenge_role *r, int64_t now)
{
	const struct pollfd	*p = r->fds + challenge_conn_base(r);
	struct challenge_conn	*c;
	size_t			 i;

	/* From the last on: one that ends is replaced by a later one. */
	for (i = r->nconns; i-- > 0;) {
		c = r->conns[i];
		if (now >= c->end)
			drop(r, c);
		else if (p[i].revents != 0)
			conn_turn(r, c, now);
	}
}

void
challenge_conn_free_all(struct challenge_role *r)
{
	while (r->nconns != 0)
		drop(r, r->conns[0]);
}
