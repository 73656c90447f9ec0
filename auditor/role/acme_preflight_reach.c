#include "auditor/role/acme_preflight_reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/role/challenge_http.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

enum state { CONNECTING, WRITING, READING, ENDED };

struct acme_reach {
	struct netaddr		 addr;
	uint16_t		 port;
	char			*keyauth;	/* NULL: is it open? */
	enum state		 state;
	enum acme_reached	 result;
	int			 fd;
	struct buf		 out, in;
	size_t			 wrote;
	char			 why[160];	/* of OTHER, SILENT, BARRED */
};

static void
end(struct acme_reach *r, enum acme_reached result)
{
	if (r->fd != -1)
		(void)close(r->fd);
	r->fd = -1;
	r->state = ENDED;
	r->result = result;
}

/* What errno says of a connection. */
static void
broke(struct acme_reach *r, int error)
{
	(void)snprintf(r->why, sizeof(r->why), "%s", strerror(error));
	end(r, error == ECONNREFUSED ? ACME_REACH_CLOSED :
	    ACME_REACH_SILENT);
}

struct acme_reach *
acme_reach_new(const struct acme_reach_ask *a, const struct egress *egress)
{
	struct acme_reach	*r = mem_zero(sizeof(*r));
	struct sockaddr_storage	 sa;
	socklen_t		 len = netaddr_sock(&a->addr, a->port, &sa);
	struct err		 why = ERR_INIT;

	r->addr = a->addr;
	r->port = a->port;
	r->fd = -1;
	r->result = ACME_REACH_SILENT;
	(void)snprintf(r->why, sizeof(r->why), "no answer in time");
	if (egress_addr_ok(egress, (const struct sockaddr *)&sa, &why) == -1) {
		(void)snprintf(r->why, sizeof(r->why), "%.150s", why.msg);
		end(r, ACME_REACH_BARRED);
		return r;
	}
	if (a->token != NULL) {
		r->keyauth = mem_str(a->keyauth);
		buf_fmt(&r->out, "GET " CHALLENGE_PATH "%s HTTP/1.1\r\nHost: "
		    "%s\r\nUser-Agent: certvigil\r\nAccept: */*\r\n"
		    "Connection: close\r\n\r\n", a->token, a->host);
	}
	r->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (r->fd == -1 || (connect(r->fd, (const struct sockaddr *)&sa, len)
	    == -1 && errno != EINPROGRESS))
		broke(r, errno);
	return r;
}

void
acme_reach_free(struct acme_reach *r)
{
	if (r == NULL)
		return;
	end(r, r->result);
	free(r->keyauth);
	buf_free(&r->out);
	buf_free(&r->in);
	free(r);
}

/* Is the connection there?  1, 0 not yet, -1 it has ended. */
static int
connected(struct acme_reach *r)
{
	struct pollfd	p = { r->fd, POLLOUT, 0 };
	int		error = 0;
	socklen_t	n = sizeof(error);

	if (poll(&p, 1, 0) != 1)
		return 0;
	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
		error = errno;
	if (error != 0) {
		broke(r, error);
		return -1;
	}
	return 1;
}

/* Status line, head, body: is it our answer?  All of it has come. */
static void
judge(struct acme_reach *r)
{
	const char	*text = buf_text(&r->in), *body, *line;
	size_t		 n = strlen(r->keyauth);

	body = strstr(text, "\r\n\r\n");
	if (strncmp(text, "HTTP/1.", 7) != 0 || r->in.n < 12 ||
	    text[8] != ' ') {
		(void)snprintf(r->why, sizeof(r->why), "what answers does "
		    "not speak HTTP");
		end(r, ACME_REACH_OTHER);
		return;
	}
	line = text + 9;
	if (strncmp(line, "200", 3) == 0 && body != NULL &&
	    strncmp(body + 4, r->keyauth, n) == 0) {
		end(r, ACME_REACH_OURS);
		return;
	}
	if (strncmp(line, "200", 3) == 0)
		(void)snprintf(r->why, sizeof(r->why), "something else than "
		    "our answer is served");
	else if (*line >= '0' && *line <= '9')
		(void)snprintf(r->why, sizeof(r->why), "what answers says "
		    "HTTP status %.3s", line);
	end(r, ACME_REACH_OTHER);
}

static void
hear(struct acme_reach *r)
{
	ssize_t	n;

	while (r->in.n < LIMIT_PREFLIGHT_BODY) {
		n = recv(r->fd, buf_room(&r->in, 2048), 2048, 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == -1) {
			broke(r, errno);
			return;
		}
		if (n == 0)
			break;
		r->in.n += (size_t)n;
	}
	judge(r);
}

int
acme_reach_turn(struct acme_reach *r)
{
	ssize_t	n;

	if (r->state == CONNECTING && r->fd != -1 && connected(r) == 1) {
		if (r->keyauth == NULL)
			end(r, ACME_REACH_OPEN);
		else
			r->state = WRITING;
	}
	if (r->state == WRITING) {
		n = send(r->fd, r->out.p + r->wrote, r->out.n - r->wrote,
		    MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			broke(r, errno);
		else if (n > 0 && (r->wrote += (size_t)n) == r->out.n)
			r->state = READING;
	}
	if (r->state == READING)
		hear(r);
	return r->state == ENDED;
}

void
acme_reach_poll(const struct acme_reach *r, struct pollfd *p)
{
	*p = (struct pollfd){ r->fd, r->state == READING ? POLLIN : POLLOUT,
	    0 };
}

enum acme_reached
acme_reach_result(const struct acme_reach *r)
{
	return r->result;
}

const struct netaddr *
acme_reach_addr(const struct acme_reach *r)
{
	return &r->addr;
}

uint16_t
acme_reach_port(const struct acme_reach *r)
{
	return r->port;
}

void
acme_reach_say(const struct acme_reach *r, char *out, size_t cap)
{
	char	text[NETADDR_TEXT];

	(void)netaddr_text(&r->addr, text);
	switch (r->result) {
	case ACME_REACH_OURS:
		(void)snprintf(out, cap, "%s port %u leads here", text,
		    r->port);
		break;
	case ACME_REACH_OPEN:
		(void)snprintf(out, cap, "%s port %u is open", text, r->port);
		break;
	case ACME_REACH_CLOSED:
		(void)snprintf(out, cap, "%s refuses connections to port %u",
		    text, r->port);
		break;
	default:
		(void)snprintf(out, cap, "%s port %u: %s", text, r->port,
		    r->why);
	}
}
