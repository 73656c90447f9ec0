#include "auditor/net/dnssend.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

enum state { CONNECT, WRITE, READ, ENDED };

struct dnssend {
	struct dnsserver	 server;
	struct tsig_key		 key;
	struct dnsupdate	 u;	/* strings are owned */
	char			*zone, *name;
	uint16_t		 id;
	enum state		 state;
	int			 fd;
	int64_t			 end;
	struct tsig_mac		 mac;
	struct buf		 out;	/* behind a length of 2 bytes */
	size_t			 wrote;
	struct buf		 in;
	int			 rcode;
	struct err		 why;
};

static int
ended(struct dnssend *s)
{
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
	s->state = ENDED;
	return 1;
}

static int
fail(struct dnssend *s, const char *what)
{
	(void)err_set(&s->why, ERR_NET, "%s %s", s->server.text, what);
	return ended(s);
}

/* What errno says: nothing was done yet, or nobody knows. */
static int
fail_errno(struct dnssend *s, const char *what)
{
	(void)err_set(&s->why, ERR_NET, "%s %s: %s", s->server.text, what,
	    strerror(errno));
	return ended(s);
}

/* Sign the message and put its length before it. */
static int
make(struct dnssend *s)
{
	struct buf	b = BUF_INIT;

	if (getrandom(&s->id, sizeof(s->id), 0) != (ssize_t)sizeof(s->id))
		return err_set(&s->why, ERR_SYS, "making a random number");
	if (dnsupdate_pack(&b, s->id, &s->u, &s->why) != 0) {
		buf_free(&b);
		return -1;
	}
	tsig_sign(&b, &s->key, clk_wall() / CLK_SEC, &s->mac);
	buf_u16(&s->out, (uint16_t)b.n);
	buf_add(&s->out, b.p, b.n);
	buf_free(&b);
	return 0;
}

struct dnssend *
dnssend_new(const struct dnsserver *server, const struct tsig_key *key,
    const struct dnsupdate *u, uint32_t timeout_ms, int64_t now)
{
	struct dnssend	*s = mem_zero(sizeof(*s));

	s->server = *server;
	s->key = *key;
	s->u = *u;
	s->u.zone = s->zone = mem_str(u->zone);
	s->u.name = s->name = mem_str(u->name);
	s->fd = -1;
	s->rcode = -1;
	s->end = now + (timeout_ms != 0 ? timeout_ms : DNSSEND_MS) * 1000LL;
	if (make(s) != 0) {
		(void)ended(s);
		return s;
	}
	s->u.value = NULL;	/* it is in the message */
	s->fd = socket(s->server.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (s->fd == -1 || (connect(s->fd,
	    (const struct sockaddr *)&s->server.sa, s->server.len) == -1 &&
	    errno != EINPROGRESS))
		(void)fail_errno(s, "cannot be reached for an update");
	return s;
}

void
dnssend_free(struct dnssend *s)
{
	if (s == NULL)
		return;
	(void)ended(s);
	tsig_key_wipe(&s->key);
	free(s->zone);
	free(s->name);
	buf_free(&s->out);
	buf_free(&s->in);
	free(s);
}

int
dnssend_fd(const struct dnssend *s)
{
	return s->fd;
}

short
dnssend_events(const struct dnssend *s)
{
	return s->state == READ ? POLLIN : POLLOUT;
}

int64_t
dnssend_when(const struct dnssend *s)
{
	return s->state == ENDED ? 0 : s->end;
}

/* 1: something follows, 0: wait. */
static int
turn_connect(struct dnssend *s)
{
	if (connect(s->fd, (const struct sockaddr *)&s->server.sa,
	    s->server.len) == 0 || errno == EISCONN) {
		s->state = WRITE;
		return 1;
	}
	if (errno == EALREADY || errno == EINPROGRESS || errno == EINTR)
		return 0;
	return fail_errno(s, "cannot be reached for an update");
}

static int
turn_write(struct dnssend *s)
{
	ssize_t	n = send(s->fd, s->out.p + s->wrote, s->out.n - s->wrote,
	    MSG_NOSIGNAL);

	if (n == -1) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		return fail_errno(s, "broke the connection during an update");
	}
	s->wrote += (size_t)n;
	if (s->wrote == s->out.n)
		s->state = READ;
	return s->state == READ;
}

/* The whole answer is there: who vouches for it, and what it says. */
static int
judge(struct dnssend *s)
{
	struct tsig_said	 said;
	struct span		 m;
	const char		*who = s->server.text;
	int64_t			 now = clk_wall() / CLK_SEC;

	m.p = s->in.p + 2;
	m.n = s->in.n - 2;
	s->rcode = dnsupdate_read(m, s->id, &s->why);
	if (s->rcode < 0) {
		(void)err_prefix(&s->why, "%s", who);
		return ended(s);
	}
	tsig_verify(m, &s->key, &s->mac, now, &said);
	/* A refusal need not be signed: it changes nothing. */
	if (said.verdict != TSIG_NONE || s->rcode == 0)
		(void)tsig_err(&said, &s->key, who, now, &s->why);
	(void)dnsupdate_err(s->rcode, &s->u, who, s->key.text, &s->why);
	return ended(s);
}

static int
turn_read(struct dnssend *s)
{
	size_t	want = 2;
	ssize_t	n;

	if (s->in.n >= 2)
		want += (size_t)s->in.p[0] << 8 | s->in.p[1];
	if (want > LIMIT_DNS_SAID)
		return fail(s, "answers an update at too great length");
	if (s->in.n == want)
		return judge(s);
	n = recv(s->fd, buf_room(&s->in, want - s->in.n), want - s->in.n, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == -1)
		return fail_errno(s, "broke the connection before it answered "
		    "the update");
	if (n == 0)
		return fail(s, "closed the connection without an answer to "
		    "the update");
	s->in.n += (size_t)n;
	return 1;
}

int
dnssend_turn(struct dnssend *s, int64_t now)
{
	int	more = 1;

	while (more && s->state != ENDED) {
		switch (s->state) {
		case CONNECT:
			more = turn_connect(s);
			break;
		case WRITE:
			more = turn_write(s);
			break;
		case READ:
			more = turn_read(s);
			break;
		case ENDED:
			break;
		}
	}
	if (s->state != ENDED && now >= s->end)
		(void)fail(s, s->state == CONNECT ?
		    "cannot be reached for an update: no answer in time" :
		    "did not answer the update in time");
	return s->state == ENDED;
}

int
dnssend_result(const struct dnssend *s, struct err *e)
{
	if (s->why.code == ERR_NONE)
		return 0;
	return err_set(e, s->why.code, "%s", s->why.msg);
}

int
dnssend_rcode(const struct dnssend *s)
{
	return s->rcode;
}
