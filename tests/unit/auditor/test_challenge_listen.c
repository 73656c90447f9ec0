/* Where the challenge process listens: by a text, or from systemd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "auditor/net/portowner.h"
#include "tests/unit/auditor/challenging.h"

/* A port of ${family} that is free now. */
static int
free_port(int family)
{
	struct sockaddr_storage	sa;
	socklen_t		len = sizeof(sa);
	int			fd = socket(family, SOCK_STREAM, 0), port;

	memset(&sa, 0, sizeof(sa));
	sa.ss_family = (sa_family_t)family;
	if (fd == -1 || bind(fd, (struct sockaddr *)&sa, family == AF_INET ?
	    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	(void)close(fd);
	port = family == AF_INET ?
	    ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port) :
	    ntohs(((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
	return port;
}

/* Listen at ${host}, at a free port; somebody else may be quicker. */
static int
listen_free(struct challenge_listen *l, enum challenge_kind kind,
    const char *host, int family)
{
	struct err	e = ERR_INIT;
	char		text[80];
	int		i, port;

	for (i = 0; i < 20; i++) {
		port = free_port(family);
		if (port == -1)
			return -1;
		(void)snprintf(text, sizeof(text), "%s:%d", host, port);
		err_clear(&e);
		if (challenge_listen_at(l, kind, text, &e) == 0)
			return port;
	}
	fail_msg("%s", e.msg);
	return -1;
}

static void
texts(void **state)
{
	static const char *const	bad[] = {
		"", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
		"127.0.0.1:65536", "127.0.0.1:080", "127.0.0.1:80x",
		"127.0.0.1: 80", "localhost:80", "*:80", "::1:80", "[::1]",
		"[::1]80", "[127.0.0.1]:80", "[::ffff:127.0.0.1]:80",
		"[::1:80", "[]:80", "127.0.0.1.1:80", "[fe80::1%lo]:80",
		"127.0.0.1:123456",
	};
	struct challenge_listen		l;
	struct err			e = ERR_INIT;
	size_t				i;

	(void)state;
	memset(&l, 0, sizeof(l));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(challenge_listen_at(&l, CHALLENGE_HTTP,
		    bad[i], &e), -1);
		if (e.code != ERR_CONF || strstr(e.msg, "0.0.0.0:80") == NULL)
			fail_msg("%s: %s", bad[i], e.msg);
	}
	assert_int_equal(l.n[CHALLENGE_HTTP], 0);
}

/* It is listened at, and the process answers there. */
static void
listens(void **state)
{
	struct challenge_listen	 l;
	struct challenge_client	*c;
	struct buf		 out = BUF_INIT;
	int			 port, any, six;

	(void)state;
	memset(&l, 0, sizeof(l));
	port = listen_free(&l, CHALLENGE_HTTP, "127.0.0.1", AF_INET);
	any = listen_free(&l, CHALLENGE_HTTP, "0.0.0.0", AF_INET);
	six = listen_free(&l, CHALLENGE_HTTP, "[::]", AF_INET6);
	if (six == -1)
		print_message("SKIP 1 no IPv6\n");
	assert_int_equal(l.n[CHALLENGE_HTTP], six == -1 ? 2 : 3);
	c = challenge_start(&l, 0);
	put_http(c, TOKEN, KEYAUTH, 60);
	ask(port, GET(TOKEN), &out);
	assert_status(&out, 200);
	ask(any, GET(TOKEN), &out);
	assert_status(&out, 200);
	if (six != -1) {
		/* Of both families, and it is written as IPv4. */
		ask(six, GET(TOKEN), &out);
		assert_status(&out, 200);
		(void)next_note(c);
		(void)next_note(c);
		assert_int_equal(next_note(c), CHALLENGE_HIT);
		assert_string_equal(note.hit.addr, "127.0.0.1");
	}
	challenge_client_free(c);
	challenge_listen_close(&l);
	assert_int_equal(l.n[CHALLENGE_HTTP], 0);
	buf_free(&out);
}

/* By whom the port is taken is said: here by this program. */
static void
taken(void **state)
{
	struct challenge_listen	l;
	struct err		e = ERR_INIT;
	char			text[64], who[64];
	int			port;

	(void)state;
	memset(&l, 0, sizeof(l));
	port = listen_more(&l, CHALLENGE_HTTP);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	(void)snprintf(who, sizeof(who), "(process %d)", (int)getpid());
	assert_int_equal(challenge_listen_at(&l, CHALLENGE_TLS, text, &e),
	    -1);
	assert_int_equal(e.code, ERR_NET);
	if (strstr(e.msg, who) == NULL || strstr(e.msg, "tls-alpn-01") ==
	    NULL || strstr(e.msg, text) == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(l.n[CHALLENGE_TLS], 0);
	/* No port of nobody. */
	challenge_listen_close(&l);
	assert_int_equal(portowner_find((uint16_t)free_port(AF_INET), who,
	    sizeof(who)), -1);
}

static void
no_address(void **state)
{
	struct challenge_listen	l;
	struct err		e = ERR_INIT;

	(void)state;
	memset(&l, 0, sizeof(l));
	assert_int_equal(challenge_listen_at(&l, CHALLENGE_HTTP,
	    "192.0.2.1:8080", &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "does not have that address"));
}

/* Without the right to take a port below 1024. */
static void
no_right(void **state)
{
	struct challenge_listen	l;
	struct err		e = ERR_INIT;
	char			first[16] = "";
	int			status = 0, fd;
	pid_t			pid;

	(void)state;
	fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
	    O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		assert_true(read(fd, first, sizeof(first) - 1) > 0);
		(void)close(fd);
	}
	if (first[0] == '0') {
		print_message("SKIP 1 everybody may take any port here\n");
		return;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		memset(&l, 0, sizeof(l));
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		if (challenge_listen_at(&l, CHALLENGE_HTTP, "127.0.0.9:1",
		    &e) == 0 || e.code != ERR_PERM)
			_exit(2);
		_exit(strstr(e.msg, "CAP_NET_BIND_SERVICE") == NULL ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* As many as there may be, and one more. */
static void
limit(void **state)
{
	struct challenge_listen	l;
	struct err		e = ERR_INIT;
	char			text[64];
	size_t			i;

	(void)state;
	memset(&l, 0, sizeof(l));
	for (i = 0; i < LIMIT_CHALLENGE_LISTEN; i++)
		(void)listen_free(&l, CHALLENGE_TLS, "127.0.0.1", AF_INET);
	assert_int_equal(l.n[CHALLENGE_TLS], LIMIT_CHALLENGE_LISTEN);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d",
	    free_port(AF_INET));
	assert_int_equal(challenge_listen_at(&l, CHALLENGE_TLS, text, &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	challenge_listen_close(&l);
}

/* --- systemd: in a child, which has descriptors from 3 on --- */

struct handed {
	const char	*names;		/* NULL: not set */
	const char	*fds;		/* NULL: as many as there are */
	int		 other_pid;
	int		 junk;		/* the first is no socket */
	int		 taken;		/* what comes of it */
	size_t		 http, tls;
};

static _Noreturn void
be_started(const struct handed *h, int a, int b)
{
	struct challenge_listen	l, more;
	struct err		e = ERR_INIT;
	char			pid[32];
	int			r;

	a = fcntl(a, F_DUPFD, 100);
	b = fcntl(b, F_DUPFD, 100);
	if (dup2(h->junk ? 0 : a, 3) == -1 || dup2(b, 4) == -1 ||
	    dup2(a, 5) == -1)
		_exit(10);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid() + h->other_pid);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", h->fds != NULL ? h->fds : "3", 1);
	if (h->names != NULL)
		(void)setenv("LISTEN_FDNAMES", h->names, 1);
	memset(&l, 0, sizeof(l));
	memset(&more, 0, sizeof(more));
	r = challenge_listen_systemd(&l, &e);
	if (r != h->taken)
		_exit(11);
	if (r == -1)
		_exit(e.code == ERR_CONF ? 0 : 12);
	if (l.n[CHALLENGE_HTTP] != h->http || l.n[CHALLENGE_TLS] != h->tls)
		_exit(13);
	/* No child gets them; closed, they can be taken once more. */
	if (r > 0 && (fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
		_exit(14);
	challenge_listen_close(&l);
	if (challenge_listen_systemd(&more, &e) != h->taken)
		_exit(15);
	_exit(0);
}

static void
systemd(void **state)
{
	static const struct handed	rows[] = {
		{ "http-01:tls-alpn-01:http-01", NULL, 0, 0, 3, 2, 1 },
		{ "http-01:http-01:http-01", NULL, 0, 0, 3, 3, 0 },
		{ "other:tls-alpn-01:x", NULL, 0, 0, 1, 0, 1 },
		{ "http-01", NULL, 0, 0, 1, 1, 0 },
		{ "http-01x:http-0:HTTP-01", NULL, 0, 0, 0, 0, 0 },
		{ "http-01:http-01:http-01", "2", 0, 0, 2, 2, 0 },
		{ "http-01:http-01:http-01", "0", 0, 0, 0, 0, 0 },
		{ "http-01:http-01:http-01", "-1", 0, 0, 0, 0, 0 },
		{ "http-01:http-01:http-01", "3x", 0, 0, 0, 0, 0 },
		{ "http-01:http-01:http-01", "9999999999999999999999", 0, 0,
		    0, 0, 0 },
		{ "http-01:http-01:http-01", NULL, 1, 0, 0, 0, 0 },
		{ NULL, NULL, 0, 0, 0, 0, 0 },
		{ "http-01:x:x", NULL, 0, 1, -1, 0, 0 },
		{ "x:http-01:x", NULL, 0, 1, 1, 1, 0 },
	};
	struct challenge_listen		l;
	size_t				i;
	int				status;
	pid_t				pid;

	(void)state;
	memset(&l, 0, sizeof(l));
	(void)listen_more(&l, CHALLENGE_HTTP);
	(void)listen_more(&l, CHALLENGE_TLS);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			be_started(&rows[i], l.fd[CHALLENGE_HTTP][0],
			    l.fd[CHALLENGE_TLS][0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("row %zu: %d", i, WEXITSTATUS(status));
	}
	challenge_listen_close(&l);
}

/* Ask the process of these sockets at ${port}: 200. */
static void
answers(const struct challenge_listen *l, int port)
{
	struct challenge_client	*c = challenge_start(l, 0);
	struct buf		 out = BUF_INIT;

	put_http(c, TOKEN, KEYAUTH, 60);
	ask(port, GET(TOKEN), &out);
	assert_status(&out, 200);
	buf_free(&out);
	challenge_client_free(c);
}

static int
refuses(int port)
{
	struct sockaddr_in	sa;
	int			fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_port = htons((uint16_t)port);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 &&
	    errno == ECONNREFUSED;
	(void)close(fd);
	return rc;
}

/*
 * Bound by one, listened at by another while there is something to answer;
 * a third one has the port in between.
 */
static void
handed(void **state)
{
	struct challenge_listen	own, child, other;
	struct err		e = ERR_INIT;
	char			text[32];
	int			port = free_port(AF_INET), i;

	(void)state;
	memset(&own, 0, sizeof(own));
	memset(&child, 0, sizeof(child));
	memset(&other, 0, sizeof(other));
	assert_true(port > 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	assert_int_equal(challenge_listen_low(text), 0);
	assert_int_equal(challenge_listen_low("0.0.0.0:1023"), 1);
	assert_int_equal(challenge_listen_low("0.0.0.0:1024"), 0);
	assert_int_equal(challenge_listen_low("nothing"), 0);
	assert_int_equal(challenge_listen_bind(&own, CHALLENGE_HTTP, text,
	    &e), 0);
	assert_true(refuses(port));
	assert_int_equal(challenge_listen_at(&other, CHALLENGE_HTTP, text,
	    &e), 0);
	answers(&other, port);
	challenge_listen_close(&other);
	challenge_listen_adopt(CHALLENGE_HTTP, own.fd[CHALLENGE_HTTP][0]);
	for (i = 0; i < 3; i++) {
		challenge_listen_rest(&own);	/* also when it does already */
		challenge_listen_rest(&own);
		assert_true(refuses(port));
		assert_int_equal(challenge_listen_at(&child, CHALLENGE_HTTP,
		    text, &e), 0);
		assert_int_equal(child.n[CHALLENGE_HTTP], 1);
		answers(&child, port);
		assert_int_equal(challenge_listen_at(&other, CHALLENGE_TLS,
		    text, &e), -1);
		assert_int_equal(e.code, ERR_NET);
		err_clear(&e);
		challenge_listen_close(&child);
	}
	/* one that is bound to another address is left alone */
	challenge_listen_rest(&own);
	i = listen_free(&child, CHALLENGE_HTTP, "127.0.0.1", AF_INET);
	assert_int_equal(child.n[CHALLENGE_HTTP], 1);
	assert_true(i != port && refuses(port));
	answers(&child, i);
	challenge_listen_close(&child);
	challenge_listen_close(&own);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(listens),
		cmocka_unit_test(taken),
		cmocka_unit_test(no_address),
		cmocka_unit_test(no_right),
		cmocka_unit_test(limit),
		cmocka_unit_test(systemd), cmocka_unit_test(handed),
	};
	int	r = challenge_role(argc, argv);

	return r != -1 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
