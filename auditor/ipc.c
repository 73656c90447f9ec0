#include "auditor/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/err.h"
#include "base/mem.h"

#define HEAD		8		/* bytes in front of a payload */
#define CHUNK		(256u << 10)	/* read at once */
#define KEEP		(1u << 20)	/* buffers above it are given back */
#define FDS_WAITING	64		/* descriptors no frame has taken yet */

/* A queued frame that carries descriptors: where it lies in out. */
struct mark {
	size_t	start;
	size_t	end;
	int	fds[LIMIT_FRAME_FDS];	/* borrowed from the sender */
	int	nfds;
};

struct ipc {
	int		 fd;
	int		 eof;
	int		 quiet;		/* poll() said: nothing to read */
	struct buf	 in;
	size_t		 in_at;		/* bytes of in that are consumed */
	int		 in_fds[FDS_WAITING];	/* owned */
	int		 in_nfds;
	struct buf	 out;
	size_t		 out_at;	/* bytes of out that are written */
	struct mark	*marks;		/* owned, in order */
	size_t		 nmarks;
	size_t		 marks_cap;
	size_t		 mark_at;	/* marks before it are sent */
	int		 msg_fds[LIMIT_FRAME_FDS]; /* owned: last frame's */
	int		 msg_nfds;
};

/* Room for the descriptors of one sendmsg or recvmsg. */
union control {
	char		bytes[CMSG_SPACE(sizeof(int) * LIMIT_FRAME_FDS)];
	struct cmsghdr	align;
};

struct ipc *
ipc_new(int fd)
{
	struct ipc	*c = mem_zero(sizeof(*c));
	int		 flags;

	c->fd = fd;
	flags = fcntl(fd, F_GETFL);
	if (flags != -1)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return c;
}

/* Close the descriptors of the last frame that nobody took. */
static void
close_untaken(struct ipc *c)
{
	int	i;

	for (i = 0; i < c->msg_nfds; i++)
		if (c->msg_fds[i] != -1)
			(void)close(c->msg_fds[i]);
	c->msg_nfds = 0;
}

void
ipc_free(struct ipc *c)
{
	int	i;

	if (c == NULL)
		return;
	close_untaken(c);
	for (i = 0; i < c->in_nfds; i++)
		(void)close(c->in_fds[i]);
	(void)close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c->marks);
	free(c);
}

void
ipc_send(struct ipc *c, uint16_t type, const struct buf *payload,
    const int *fds, int nfds)
{
	size_t		 n = payload != NULL ? payload->n : 0;
	size_t		 start = c->out.n;
	struct mark	*m;

	if (n > LIMIT_FRAME || nfds < 0 || nfds > LIMIT_FRAME_FDS) {
		(void)fprintf(stderr, "certvigil: message %u has %zu bytes "
		    "and %d descriptors, more than a frame may have\n",
		    (unsigned)type, n, nfds);
		abort();
	}
	buf_u32(&c->out, (uint32_t)n);
	buf_u16(&c->out, type);
	buf_u16(&c->out, (uint16_t)nfds);
	if (n != 0)
		buf_add(&c->out, payload->p, n);
	if (nfds == 0)
		return;
	c->marks = mem_grow(c->marks, &c->marks_cap, c->nmarks + 1,
	    sizeof(*c->marks));
	m = &c->marks[c->nmarks++];
	m->start = start;
	m->end = c->out.n;
	m->nfds = nfds;
	memcpy(m->fds, fds, (size_t)nfds * sizeof(*fds));
}

/* The descriptors of a mark as the control part of a message. */
static void
attach(struct msghdr *h, union control *u, const struct mark *m)
{
	struct cmsghdr	*cm;
	size_t		 n = (size_t)m->nfds * sizeof(int);

	memset(u, 0, sizeof(*u));
	h->msg_control = u->bytes;
	h->msg_controllen = CMSG_SPACE(n);
	cm = CMSG_FIRSTHDR(h);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(cm), m->fds, n);
}

/* One sendmsg: up to the next frame with descriptors, or that one alone. */
static ssize_t
send_some(struct ipc *c)
{
	struct mark	*m = NULL;
	struct msghdr	 h;
	struct iovec	 v;
	union control	 u;
	size_t		 end = c->out.n;
	ssize_t		 n;

	if (c->mark_at < c->nmarks)
		m = &c->marks[c->mark_at];
	memset(&h, 0, sizeof(h));
	if (m != NULL && c->out_at == m->start) {
		end = m->end;
		attach(&h, &u, m);
	} else if (m != NULL)
		end = m->start;
	v.iov_base = c->out.p + c->out_at;
	v.iov_len = end - c->out_at;
	h.msg_iov = &v;
	h.msg_iovlen = 1;
	n = sendmsg(c->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		if (h.msg_control != NULL)
			c->mark_at++;
		c->out_at += (size_t)n;
	}
	return n;
}

int
ipc_flush(struct ipc *c, struct err *e)
{
	while (c->out_at < c->out.n) {
		if (send_some(c) >= 0 || errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return 1;
		return err_set(e, ERR_SYS, "writing to another process");
	}
	c->out_at = c->nmarks = c->mark_at = 0;
	if (c->out.cap > KEEP)
		buf_free(&c->out);
	else
		buf_reset(&c->out);
	return 0;
}

/* Keep the descriptors that came with a message: 0 or -1 too many. */
static int
keep_fds(struct ipc *c, struct msghdr *h, struct err *e)
{
	struct cmsghdr	*cm;
	size_t		 i, n;
	int		 fd, bad = (h->msg_flags & MSG_CTRUNC) != 0;

	for (cm = CMSG_FIRSTHDR(h); cm != NULL; cm = CMSG_NXTHDR(h, cm)) {
		if (cm->cmsg_level != SOL_SOCKET ||
		    cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			    sizeof(fd));
			if (c->in_nfds < FDS_WAITING)
				c->in_fds[c->in_nfds++] = fd;
			else {
				(void)close(fd);
				bad = 1;
			}
		}
	}
	if (bad)
		return err_set(e, ERR_LIMIT,
		    "another process sent more descriptors than allowed");
	return 0;
}

/* Forget what was consumed, so that the buffer does not grow for ever. */
static void
compact(struct ipc *c)
{
	size_t	left = c->in.n - c->in_at;

	if (c->in_at == 0)
		return;
	if (left == 0 && c->in.cap > KEEP)
		buf_free(&c->in);
	else if (left != 0)
		memmove(c->in.p, c->in.p + c->in_at, left);
	c->in.n = left;
	c->in_at = 0;
}

/*
 * The frame at the front of in: 1 complete, 0 not yet, -1 it breaks the form.
 * *nfds and *body may be used when it is complete.
 */
static int
peek(const struct ipc *c, struct ipc_msg *m, struct err *e)
{
	struct cur	k;
	struct span	body;
	uint32_t	len;
	uint16_t	nfds;

	if (c->in.n - c->in_at < HEAD)
		return 0;
	k = cur_of(c->in.p + c->in_at, c->in.n - c->in_at);
	(void)cur_u32(&k, &len);
	(void)cur_u16(&k, &m->type);
	(void)cur_u16(&k, &nfds);
	if (len > LIMIT_FRAME)
		return err_set(e, ERR_LIMIT, "another process announced a "
		    "message of %lu bytes; at most %lu are allowed",
		    (unsigned long)len, (unsigned long)LIMIT_FRAME);
	if (nfds > LIMIT_FRAME_FDS)
		return err_set(e, ERR_LIMIT, "another process announced %u "
		    "descriptors; at most %u are allowed", (unsigned)nfds,
		    (unsigned)LIMIT_FRAME_FDS);
	if (cur_take(&k, len, &body) != 0)
		return 0;
	if (nfds > c->in_nfds)
		return err_set(e, ERR_FORMAT, "another process announced %u "
		    "descriptors and sent %d", (unsigned)nfds, c->in_nfds);
	m->body = cur_span(body);
	m->nfds = nfds;
	return 1;
}

/*
 * One recvmsg: bytes, 0 at the end, -1 with errno or with *e set.  *more:
 * there may be more, as the buffer was filled or descriptors end a message.
 */
static ssize_t
receive(struct ipc *c, int *more, struct err *e)
{
	struct msghdr	h;
	struct iovec	v;
	union control	u;
	ssize_t		n;

	memset(&h, 0, sizeof(h));
	v.iov_base = buf_room(&c->in, CHUNK);
	v.iov_len = CHUNK;
	h.msg_iov = &v;
	h.msg_iovlen = 1;
	h.msg_control = u.bytes;
	h.msg_controllen = sizeof(u.bytes);
	n = recvmsg(c->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return n;
	c->in.n += (size_t)n;
	*more = (size_t)n == CHUNK || h.msg_controllen != 0;
	if (keep_fds(c, &h, e) != 0) {
		errno = EPROTO;
		return -1;
	}
	return n;
}

/*
 * Do so many descriptors wait that their frames are to be taken first?  All
 * but those of a frame that is still coming must be announced.
 */
static int
many_fds(const struct ipc *c)
{
	struct cur	k = cur_of(c->in.p + c->in_at, c->in.n - c->in_at);
	struct span	body;
	uint32_t	len;
	uint16_t	type, nfds;
	int		announced = 0;

	if (c->in_nfds < FDS_WAITING / 2)
		return 0;
	while (cur_u32(&k, &len) == 0 && cur_u16(&k, &type) == 0 &&
	    cur_u16(&k, &nfds) == 0 && cur_take(&k, len, &body) == 0)
		announced += nfds;
	return c->in_nfds <= announced + LIMIT_FRAME_FDS;
}

int
ipc_read(struct ipc *c, struct err *e)
{
	struct ipc_msg	m;
	struct err	local = ERR_INIT;
	ssize_t		n;
	int		r, more = 0;

	if (c->quiet) {
		c->quiet = 0;
		return 0;
	}
	close_untaken(c);
	compact(c);
	for (;;) {
		r = peek(c, &m, e);
		if (r < 0)
			return -1;
		if (r > 0 && (c->in.n >= CHUNK || many_fds(c)))
			return 0;
		n = receive(c, &more, &local);
		if (n > 0 && more)
			continue;
		if (n > 0)
			return peek(c, &m, e) < 0 ? -1 : 0;
		if (n == 0)
			break;
		if (local.code != ERR_NONE)
			return err_set(e, local.code, "%s", local.msg);
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return 0;
		if (errno == ECONNRESET)
			break;
		return err_set(e, ERR_SYS, "reading from another process");
	}
	c->eof = 1;
	return err_set(e, ERR_NOENT, "the other process closed its channel");
}

struct pollfd
ipc_poll(const struct ipc *c)
{
	return (struct pollfd){ c->fd, (short)(POLLIN |
	    (ipc_wants_write(c) ? POLLOUT : 0)), 0 };
}

void
ipc_polled(struct ipc *c, short revents)
{
	c->quiet = (revents & ~POLLOUT) == 0;
}

int
ipc_eof(const struct ipc *c)
{
	return c->eof;
}

int
ipc_next(struct ipc *c, struct ipc_msg *m)
{
	int	i;

	close_untaken(c);
	if (peek(c, m, NULL) != 1)
		return 0;
	for (i = 0; i < m->nfds; i++)
		m->fds[i] = c->msg_fds[i] = c->in_fds[i];
	for (; i < LIMIT_FRAME_FDS; i++)
		m->fds[i] = -1;
	c->msg_nfds = m->nfds;
	c->in_nfds -= m->nfds;
	memmove(c->in_fds, c->in_fds + m->nfds,
	    (size_t)c->in_nfds * sizeof(c->in_fds[0]));
	c->in_at += HEAD + cur_left(&m->body);
	return 1;
}

int
ipc_take_fd(struct ipc *c, int i)
{
	int	fd;

	if (i < 0 || i >= c->msg_nfds)
		return -1;
	fd = c->msg_fds[i];
	c->msg_fds[i] = -1;
	return fd;
}

int
ipc_fd(const struct ipc *c)
{
	return c->fd;
}

int
ipc_wants_write(const struct ipc *c)
{
	return c->out_at < c->out.n;
}

size_t
ipc_queued(const struct ipc *c)
{
	return c->out.n - c->out_at;
}

int
ipc_recv(struct ipc *c, struct ipc_msg *m, int timeout_ms, struct err *e)
{
	int64_t		end = clk_mono() + (int64_t)timeout_ms * 1000;
	struct pollfd	p;
	int64_t		left;
	int		wait = timeout_ms;

	for (;;) {
		if (ipc_flush(c, e) < 0)
			return -1;
		if (ipc_next(c, m))
			return 1;
		if (c->eof)
			return err_set(e, ERR_NOENT,
			    "the other process closed its channel");
		if (timeout_ms >= 0) {
			left = end - clk_mono();
			wait = left > 0 ? (int)((left + 999) / 1000) : 0;
		}
		p = ipc_poll(c);
		switch (poll(&p, 1, wait)) {
		case 0:
			return 0;
		case -1:
			if (errno == EINTR)
				continue;
			return err_set(e, ERR_SYS,
			    "waiting for another process");
		}
		ipc_polled(c, p.revents);
		if (ipc_read(c, e) != 0 && !c->eof)
			return -1;
		if (c->eof)
			err_clear(e);
	}
}

int
ipc_call(struct ipc *c, uint16_t type, const struct buf *payload,
    uint16_t want, struct ipc_msg *m, int timeout_ms, struct err *e)
{
	ipc_send(c, type, payload, NULL, 0);
	switch (ipc_recv(c, m, timeout_ms, e)) {
	case 0:
		return err_set(e, ERR_TEMP, "another process did not answer "
		    "message %u within %d ms", (unsigned)type, timeout_ms);
	case 1:
		break;
	default:
		return -1;
	}
	if (m->type != want)
		return err_set(e, ERR_FORMAT, "another process answered "
		    "message %u with %u instead of %u", (unsigned)type,
		    (unsigned)m->type, (unsigned)want);
	return 0;
}
