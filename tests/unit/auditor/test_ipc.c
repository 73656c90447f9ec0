#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "base/err.h"
#include "base/mem.h"

static void
pair_of(struct ipc **a, struct ipc **b)
{
	int	fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	*a = ipc_new(fds[0]);
	*b = ipc_new(fds[1]);
}

/* One end as an ipc, the other raw. */
static struct ipc *
raw_pair(int *raw)
{
	int	fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	*raw = fds[1];
	return ipc_new(fds[0]);
}

static int
memfd_of(const char *text)
{
	int	fd = memfd_create("t", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	return fd;
}

static void
check_fd(int fd, const char *text)
{
	char	got[16] = "";

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, got, sizeof(got) - 1, 0),
	    (ssize_t)strlen(text));
	assert_string_equal(got, text);
}

static void
send_text(struct ipc *c, uint16_t type, const char *text, const int *fds,
    int nfds)
{
	struct buf	b = BUF_INIT;

	buf_str(&b, text);
	ipc_send(c, type, &b, fds, nfds);
	buf_free(&b);
}

static void
check_text(const struct ipc_msg *m, uint16_t type, const char *text)
{
	assert_int_equal(m->type, type);
	assert_int_equal(cur_left(&m->body), strlen(text));
	assert_memory_equal(m->body.p, text, strlen(text));
}

/* Frames with and without descriptors come whole and in order. */
static void
frames(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	struct err	 e = ERR_INIT;
	int		 fds[LIMIT_FRAME_FDS], i;

	(void)state;
	pair_of(&a, &b);
	for (i = 0; i < LIMIT_FRAME_FDS; i++)
		fds[i] = memfd_of(i == 0 ? "zero" : i == 1 ? "one" :
		    i == 2 ? "two" : "three");
	assert_int_equal(ipc_wants_write(a), 0);
	send_text(a, 1, "first", NULL, 0);
	send_text(a, 2, "second", fds, 1);
	send_text(a, 3, "third", NULL, 0);
	send_text(a, 4, "fourth", fds + 1, 3);
	ipc_send(a, 5, NULL, fds, 4);
	ipc_send(a, 6, NULL, NULL, 0);
	assert_int_equal(ipc_wants_write(a), 1);
	assert_true(ipc_queued(a) > 6 * 8);
	assert_int_equal(ipc_flush(a, &e), 0);
	assert_int_equal(ipc_queued(a), 0);
	for (i = 0; i < LIMIT_FRAME_FDS; i++)
		(void)close(fds[i]);
	assert_int_equal(ipc_read(b, &e), 0);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 1, "first");
	assert_int_equal(m.nfds, 0);
	assert_int_equal(ipc_take_fd(b, 0), -1);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 2, "second");
	assert_int_equal(m.nfds, 1);
	check_fd(m.fds[0], "zero");
	assert_true(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 3, "third");
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 4, "fourth");
	assert_int_equal(m.nfds, 3);
	check_fd(m.fds[0], "one");
	check_fd(m.fds[2], "three");
	i = ipc_take_fd(b, 2);
	assert_int_equal(ipc_take_fd(b, 2), -1);
	assert_int_equal(ipc_take_fd(b, 3), -1);
	assert_int_equal(ipc_take_fd(b, -1), -1);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 5, "");
	assert_int_equal(m.nfds, 4);
	check_fd(m.fds[3], "three");
	/* What was taken stays open. */
	check_fd(i, "three");
	(void)close(i);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 6, "");
	assert_int_equal(ipc_next(b, &m), 0);
	ipc_free(a);
	ipc_free(b);
	ipc_free(NULL);
}

/* Untaken descriptors are closed, also those of frames nobody asked for. */
static void
no_leak(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	int		 fds[2], before, after, i;

	(void)state;
	before = dup(0);
	(void)close(before);
	for (i = 0; i < 50; i++) {
		pair_of(&a, &b);
		fds[0] = memfd_of("x");
		fds[1] = memfd_of("y");
		ipc_send(a, 1, NULL, fds, 2);
		ipc_send(a, 1, NULL, fds, 2);
		assert_int_equal(ipc_flush(a, NULL), 0);
		(void)close(fds[0]);
		(void)close(fds[1]);
		assert_int_equal(ipc_read(b, NULL), 0);
		assert_int_equal(ipc_next(b, &m), 1);
		ipc_free(b);
		ipc_free(a);
	}
	after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
}

/* Byte for byte: no frame before its last byte is there. */
static void
in_pieces(void **state)
{
	static const uint8_t	bytes[] = { 0, 0, 0, 3, 0, 7, 0, 0, 'a', 'b',
				    'c' };
	struct ipc		*c;
	struct ipc_msg		 m;
	size_t			 i;
	int			 raw;

	(void)state;
	c = raw_pair(&raw);
	for (i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(ipc_next(c, &m), 0);
		assert_int_equal(write(raw, bytes + i, 1), 1);
		assert_int_equal(ipc_read(c, NULL), 0);
	}
	assert_int_equal(ipc_next(c, &m), 1);
	check_text(&m, 7, "abc");
	(void)close(raw);
	ipc_free(c);
}

/* More than the socket takes: flush says so, and all arrives. */
static void
large(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	struct buf	 x = BUF_INIT;
	struct err	 e = ERR_INIT;
	int		 fd = memfd_of("with"), r, got = 0, blocked = 0;

	(void)state;
	pair_of(&a, &b);
	memset(buf_room(&x, LIMIT_FRAME), 'L', LIMIT_FRAME);
	x.n = LIMIT_FRAME;
	ipc_send(a, 1, &x, NULL, 0);
	ipc_send(a, 2, &x, &fd, 1);
	send_text(a, 3, "end", NULL, 0);
	while (got < 3) {
		r = ipc_flush(a, &e);
		assert_true(r >= 0);
		blocked += r;
		assert_int_equal(ipc_read(b, &e), 0);
		while (ipc_next(b, &m)) {
			assert_int_equal(m.type, ++got);
			assert_int_equal(cur_left(&m.body),
			    got < 3 ? LIMIT_FRAME : 3);
			if (got < 3)
				assert_memory_equal(m.body.p, x.p,
				    LIMIT_FRAME);
			if (got == 2)
				check_fd(m.fds[0], "with");
		}
	}
	assert_true(blocked > 0);
	(void)close(fd);
	buf_free(&x);
	ipc_free(a);
	ipc_free(b);
}

struct bad {
	uint8_t		head[8];
	enum err_code	code;
};

static const struct bad bad[] = {
	/* one byte over the limit */
	{ { 1, 0, 0, 1, 0, 1, 0, 0 }, ERR_LIMIT },
	{ { 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0 }, ERR_LIMIT },
	{ { 0, 0, 0, 0, 0, 1, 0, LIMIT_FRAME_FDS + 1 }, ERR_LIMIT },
	{ { 0, 0, 0, 0, 0, 1, 0xff, 0xff }, ERR_LIMIT },
	/* descriptors announced, none sent */
	{ { 0, 0, 0, 0, 0, 1, 0, 1 }, ERR_FORMAT },
};

static void
bad_heads(void **state)
{
	struct ipc	*c;
	struct ipc_msg	 m;
	struct err	 e;
	size_t		 i;
	int		 raw;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = (struct err)ERR_INIT;
		c = raw_pair(&raw);
		assert_int_equal(write(raw, bad[i].head, 8), 8);
		/* It may be seen at once or at the next read. */
		if (ipc_read(c, &e) == 0)
			assert_int_equal(ipc_read(c, &e), -1);
		assert_int_equal(e.code, bad[i].code);
		assert_int_equal(ipc_eof(c), 0);
		assert_int_equal(ipc_next(c, &m), 0);
		(void)close(raw);
		ipc_free(c);
	}
	/* The limit itself is fine. */
	c = raw_pair(&raw);
	assert_int_equal(write(raw, "\1\0\0\0\0\1\0\0", 8), 8);
	assert_int_equal(ipc_read(c, NULL), 0);
	assert_int_equal(ipc_read(c, NULL), 0);
	(void)close(raw);
	ipc_free(c);
}

/* A peer that sends descriptors no frame announces does not fill our table. */
static void
stray_descriptors(void **state)
{
	struct ipc	*c;
	struct err	 e = ERR_INIT;
	struct msghdr	 h;
	struct iovec	 v;
	struct cmsghdr	*cm;
	union {
		char		bytes[CMSG_SPACE(sizeof(int) * 100)];
		struct cmsghdr	align;
	}		 u;
	char		 head[8] = { 0, 0, 0, 0, 0, 1, 0, 0 };
	int		 raw, fds[100], i, n, sent, before, after;

	(void)state;
	before = dup(0);
	(void)close(before);
	for (n = 1; n <= 100; n += 99) {
		c = raw_pair(&raw);
		for (i = 0; i < 100; i++)
			fds[i] = raw;
		for (sent = 0; sent < 200; sent++) {
			memset(&h, 0, sizeof(h));
			memset(&u, 0, sizeof(u));
			v.iov_base = head;
			v.iov_len = sizeof(head);
			h.msg_iov = &v;
			h.msg_iovlen = 1;
			h.msg_control = u.bytes;
			h.msg_controllen = CMSG_SPACE(sizeof(int) *
			    (size_t)n);
			cm = CMSG_FIRSTHDR(&h);
			cm->cmsg_level = SOL_SOCKET;
			cm->cmsg_type = SCM_RIGHTS;
			cm->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
			memcpy(CMSG_DATA(cm), fds, sizeof(int) * (size_t)n);
			assert_int_equal(sendmsg(raw, &h, MSG_NOSIGNAL), 8);
			if (ipc_read(c, &e) != 0)
				break;
		}
		assert_true(sent < 200);
		assert_int_equal(e.code, ERR_LIMIT);
		err_clear(&e);
		(void)close(raw);
		ipc_free(c);
	}
	after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
}

/* Many frames with a descriptor each: reading stops until they are taken. */
static void
many_descriptors(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	struct err	 e = ERR_INIT;
	int		 fd = memfd_of("x"), i, n = 0;

	(void)state;
	pair_of(&a, &b);
	for (i = 0; i < 300; i++)
		ipc_send(a, 7, NULL, &fd, 1);
	while (n < 300) {
		assert_true(ipc_flush(a, &e) >= 0);
		assert_int_equal(ipc_read(b, &e), 0);
		assert_int_equal(ipc_next(b, &m), 1);
		do {
			assert_int_equal(m.nfds, 1);
			check_fd(m.fds[0], "x");
			n++;
		} while (ipc_next(b, &m));
	}
	(void)close(fd);
	ipc_free(a);
	ipc_free(b);
}

/* The end: frames that came before it can still be had. */
static void
end_of_stream(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	struct err	 e = ERR_INIT;

	(void)state;
	pair_of(&a, &b);
	send_text(a, 1, "last words", NULL, 0);
	assert_int_equal(ipc_flush(a, &e), 0);
	ipc_free(a);
	/* the first read has the frame, the second one the end */
	assert_int_equal(ipc_read(b, &e), 0);
	assert_int_equal(ipc_eof(b), 0);
	ipc_polled(b, 0);
	assert_int_equal(ipc_read(b, &e), 0);
	ipc_polled(b, POLLHUP);
	assert_int_equal(ipc_read(b, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_int_equal(ipc_eof(b), 1);
	assert_int_equal(ipc_next(b, &m), 1);
	check_text(&m, 1, "last words");
	assert_int_equal(ipc_next(b, &m), 0);
	/* Writing to nobody is an error, and no signal. */
	err_clear(&e);
	send_text(b, 1, "hello?", NULL, 0);
	assert_int_equal(ipc_flush(b, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(e.sys, EPIPE);
	ipc_free(b);
}

/* A frame that is cut short by the end is no frame. */
static void
cut_short(void **state)
{
	struct ipc	*c;
	struct ipc_msg	 m;
	struct err	 e = ERR_INIT;
	int		 raw;

	(void)state;
	c = raw_pair(&raw);
	assert_int_equal(write(raw, "\0\0\0\3\0\1\0\0ab", 10), 10);
	(void)close(raw);
	assert_int_equal(ipc_recv(c, &m, 1000, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	ipc_free(c);
}

/* A child that answers type n with type n + 1, and nothing to type 99. */
static _Noreturn void
answerer(struct ipc *c)
{
	struct ipc_msg	m;
	struct buf	b = BUF_INIT;

	while (ipc_recv(c, &m, -1, NULL) == 1) {
		if (m.type == 99)
			continue;
		buf_reset(&b);
		buf_span(&b, cur_rest(&m.body));
		ipc_send(c, (uint16_t)(m.type + 1), &b, NULL, 0);
	}
	buf_free(&b);
	ipc_free(c);
	_exit(0);
}

static void
calls(void **state)
{
	struct ipc	*a, *b;
	struct ipc_msg	 m;
	struct buf	 x = BUF_INIT;
	struct err	 e = ERR_INIT;
	int		 status;
	pid_t		 pid;

	(void)state;
	pair_of(&a, &b);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		ipc_free(a);
		answerer(b);
	}
	ipc_free(b);
	memset(buf_room(&x, 3000000), 'q', 3000000);
	x.n = 3000000;
	assert_int_equal(ipc_call(a, 10, &x, 11, &m, 20000, &e), 0);
	assert_int_equal(cur_left(&m.body), x.n);
	assert_memory_equal(m.body.p, x.p, x.n);
	assert_int_equal(ipc_call(a, 10, NULL, 12, &m, 20000, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	err_clear(&e);
	assert_int_equal(ipc_call(a, 99, NULL, 100, &m, 50, &e), -1);
	assert_int_equal(e.code, ERR_TEMP);
	err_clear(&e);
	assert_int_equal(ipc_recv(a, &m, 10, &e), 0);
	buf_free(&x);
	ipc_free(a);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Our own mistake: over the limit on the way out, the process dies. */
static void
too_much_to_send(void **state)
{
	struct rlimit	 none = { 0, 0 };
	struct ipc	*a, *b;
	struct buf	 x = BUF_INIT;
	int		 status, fds[8] = { 0 };
	pid_t		 pid, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)signal(SIGABRT, SIG_DFL);
			(void)setrlimit(RLIMIT_CORE, &none);
			(void)close(STDERR_FILENO);
			pair_of(&a, &b);
			(void)buf_room(&x, LIMIT_FRAME + 1);
			x.n = i == 0 ? LIMIT_FRAME + 1 : 0;
			ipc_send(a, 1, &x, fds, i == 0 ? 0 :
			    LIMIT_FRAME_FDS + 1);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(no_leak),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(large),
		cmocka_unit_test(bad_heads),
		cmocka_unit_test(stray_descriptors),
		cmocka_unit_test(many_descriptors),
		cmocka_unit_test(end_of_stream),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(calls),
		cmocka_unit_test(too_much_to_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
