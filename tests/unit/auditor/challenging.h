#ifndef TESTS_UNIT_AUDITOR_CHALLENGING_H
#define TESTS_UNIT_AUDITOR_CHALLENGING_H

/*
 * A challenge process and how to talk to it, for the programs that test it;
 * included once, after cmocka.h, everything is static.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/challenge.h"
#include "auditor/role/challenge_client.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/err.h"

#define WAIT_MS	60000

/* What a CA gives: 43 characters, and a thumbprint of as many. */
#define TOKEN	"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMB	"9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define KEYAUTH	TOKEN "." THUMB

static struct challenge_note	note;		/* the last one */

/* One more listening socket of 127.0.0.1; returns its port. */
static inline int
listen_more(struct challenge_listen *l, enum challenge_kind kind)
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			fd = socket(AF_INET, SOCK_STREAM |
				    SOCK_CLOEXEC, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		abort();
	l->fd[kind][l->n[kind]++] = fd;
	return ntohs(a.sin_port);
}

/* The next note within ${ms}: 1; 0: none came. */
static inline int
note_within(struct challenge_client *c, int ms)
{
	struct err	e = ERR_INIT;
	struct pollfd	p;
	int64_t		end = clk_mono() + ms * 1000LL;
	int		r;

	for (;;) {
		r = challenge_client_next(c, &note, &e);
		if (r < 0)
			fail_msg("%s", e.msg);
		if (r == 1 || clk_mono() >= end)
			return r;
		p.fd = ipc_fd(challenge_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(challenge_client_ipc(c)) ? POLLOUT :
		    0));
		(void)poll(&p, 1, 20);
		if (challenge_client_turn(c, &e) != 0)
			fail_msg("%s", e.msg);
	}
}

static inline enum challenge_msg_type
next_note(struct challenge_client *c)
{
	assert_int_equal(note_within(c, WAIT_MS), 1);
	return note.type;
}

/* Started, and it has said that it is ready. */
static inline struct challenge_client *
challenge_start(const struct challenge_listen *l, uint32_t timeout_ms)
{
	struct err		 e = ERR_INIT;
	struct challenge_client	*c = challenge_client_new(l, timeout_ms, &e);

	if (c == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(next_note(c), CHALLENGE_READY);
	return c;
}

/* Put the answer and wait until it is in force. */
static inline void
put_http(struct challenge_client *c, const char *token, const char *keyauth,
    uint32_t secs)
{
	struct challenge_http	h = { 0, token, keyauth, secs };
	struct err		e = ERR_INIT;
	uint64_t		id = challenge_client_http(c, &h, &e);

	if (id == 0)
		fail_msg("%s", e.msg);
	do {
		(void)next_note(c);
	} while (note.type == CHALLENGE_HIT);
	assert_int_equal(note.type, CHALLENGE_PLACED);
	assert_int_equal(note.placed.id, id);
	assert_int_equal(note.placed.ok, 1);
}

/* --- a client that blocks --- */

static inline int
dial_from(const char *from, int port)
{
	struct sockaddr_in	a;
	struct timeval		tv = { WAIT_MS / 1000, 0 };
	int			fd = socket(AF_INET, SOCK_STREAM |
				    SOCK_CLOEXEC, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	assert_true(fd != -1);
	if (from != NULL) {
		assert_int_equal(inet_pton(AF_INET, from, &a.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)),
		    0);
	}
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static inline int
dial(int port)
{
	return dial_from(NULL, port);
}

static inline void
say(int fd, const char *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/*
 * What comes until the end, in ${out}: 0, or -1 when it did not end by
 * itself (a reset).
 */
static inline int
hear_all(int fd, struct buf *out)
{
	ssize_t	n;

	buf_reset(out);
	while ((n = recv(fd, buf_room(out, 65536), 65536, 0)) > 0)
		out->n += (size_t)n;
	buf_str(out, "");
	return n == 0 ? 0 : -1;
}

/* Ask with these bytes; the whole response. */
static inline void
ask(int port, const char *request, struct buf *out)
{
	int	fd = dial(port);

	say(fd, request, strlen(request));
	assert_int_equal(hear_all(fd, out), 0);
	(void)close(fd);
}

#define GET(token)	"GET /.well-known/acme-challenge/" token \
			" HTTP/1.1\r\nHost: www.example.com\r\n\r\n"

static inline void
assert_status(const struct buf *b, int status)
{
	char	want[32];

	(void)snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
	if (strncmp(buf_text(b), want, strlen(want)) != 0)
		fail_msg("not %d: %s", status, buf_text(b));
}

/* Behind the head. */
static inline const char *
body_of(const struct buf *b)
{
	const char	*p = strstr(buf_text(b), "\r\n\r\n");

	assert_non_null(p);
	return p + 4;
}

/* The role when this program is the child; -1 when it is not. */
static inline int
challenge_role(int argc, char **argv)
{
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;

	if (role == NULL)
		return -1;
	return strcmp(role, "challenge") == 0 ? challenge_main() : 64;
}

#endif
