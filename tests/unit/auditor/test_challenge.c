/*
 * The real challenge process, sandboxed, answers http-01 on loopback
 * addresses: many clients at once, slow ones, wrong ones, too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/resource.h>

#include "tests/unit/auditor/challenging.h"

static struct challenge_client	*client;
static struct challenge_listen	 sockets;
static int			 port, other_port;
static struct buf		 out;

static int
begin_with(uint32_t timeout_ms)
{
	memset(&sockets, 0, sizeof(sockets));
	port = listen_more(&sockets, CHALLENGE_HTTP);
	other_port = listen_more(&sockets, CHALLENGE_HTTP);
	client = challenge_start(&sockets, timeout_ms);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	return begin_with(CHALLENGE_TIMEOUT_MAX);
}

static int
begin_short(void **state)
{
	(void)state;
	return begin_with(1000);
}

static int
finish(void **state)
{
	(void)state;
	challenge_client_free(client);
	challenge_listen_close(&sockets);
	buf_free(&out);
	client = NULL;
	return 0;
}

static void
serves(int at, const char *token, const char *keyauth)
{
	struct buf	request = BUF_INIT;

	buf_fmt(&request, "GET " "/.well-known/acme-challenge/%s HTTP/1.1"
	    "\r\nHost: www.example.com\r\n\r\n", token);
	ask(at, buf_text(&request), &out);
	buf_free(&request);
	assert_status(&out, 200);
	assert_string_equal(body_of(&out), keyauth);
}

static void
expect_hit(const char *token, const char *addr, uint32_t missed)
{
	assert_int_equal(next_note(client), CHALLENGE_HIT);
	assert_int_equal(note.hit.kind, CHALLENGE_HTTP);
	assert_string_equal(note.hit.key, token);
	assert_string_equal(note.hit.addr, addr);
	assert_int_equal(note.hit.missed, missed);
	assert_true(note.hit.at > 0);
}

/* --- what it is for --- */

static void
answers(void **state)
{
	int	i;

	(void)state;
	ask(port, GET(TOKEN), &out);
	assert_status(&out, 404);
	put_http(client, TOKEN, KEYAUTH, 600);
	/* CAs look from five places or more, and each counts. */
	for (i = 0; i < 10; i++) {
		serves(i % 2 == 0 ? port : other_port, TOKEN, KEYAUTH);
		expect_hit(TOKEN, "127.0.0.1", 0);
	}
	ask(port, "HEAD /.well-known/acme-challenge/" TOKEN " HTTP/1.0\r\n"
	    "\r\n", &out);
	assert_status(&out, 200);
	assert_string_equal(body_of(&out), "");
	expect_hit(TOKEN, "127.0.0.1", 0);
	ask(port, "GET /etc/passwd HTTP/1.0\r\n\r\n", &out);
	assert_status(&out, 404);
	ask(port, "PUT /x HTTP/1.0\r\n\r\n", &out);
	assert_status(&out, 405);
	assert_int_equal(note_within(client, 0), 0);
}

static void
puts_and_drops(void **state)
{
	(void)state;
	put_http(client, TOKEN, KEYAUTH, 600);
	put_http(client, "b", "b.old", 600);
	put_http(client, "c", "c.x", 600);
	put_http(client, "b", "b.new", 600);
	serves(port, "b", "b.new");
	challenge_client_drop(client, CHALLENGE_HTTP, "b");
	challenge_client_drop(client, CHALLENGE_HTTP, "never-there");
	/* What no token is cannot be there: nothing is sent. */
	challenge_client_drop(client, CHALLENGE_HTTP, "../b");
	challenge_client_drop(client, CHALLENGE_TLS, "c");
	put_http(client, "d", "d.x", 600);
	ask(port, GET("b"), &out);
	assert_status(&out, 404);
	serves(port, TOKEN, KEYAUTH);
	serves(port, "c", "c.x");
	challenge_client_drop_all(client);
	put_http(client, "e", "e.x", 600);
	ask(port, GET("c"), &out);
	assert_status(&out, 404);
	ask(port, GET(TOKEN), &out);
	assert_status(&out, 404);
	serves(port, "e", "e.x");
}

/* An answer is forgotten by itself. */
static void
ends(void **state)
{
	int64_t	end = clk_mono() + WAIT_MS * 1000LL;

	(void)state;
	put_http(client, "long", "long.x", 600);
	put_http(client, "short", "short.x", 1);
	do {
		assert_true(clk_mono() < end);
		(void)poll(NULL, 0, 50);
		ask(port, GET("short"), &out);
	} while (strstr(buf_text(&out), "404") == NULL);
	serves(port, "long", "long.x");
}

static void
refused(void **state)
{
	struct challenge_http	h = { 0, "tok/en", "tok/en.x", 600 };
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(challenge_client_http(client, &h, &e), 0);
	assert_int_equal(e.code, ERR_FORMAT);
	h.token = "a";
	assert_int_equal(challenge_client_http(client, &h, NULL), 0);
	h.keyauth = "a.b";
	h.secs = LIMIT_CHALLENGE_SECS + 1;
	assert_int_equal(challenge_client_http(client, &h, NULL), 0);
	assert_int_equal(challenge_client_pending(client), 0);
	/* Nothing of it was sent. */
	put_http(client, "a", "a.b", LIMIT_CHALLENGE_SECS);
	serves(port, "a", "a.b");
}

/* As many answers as there may be, and one more. */
static void
full(void **state)
{
	struct challenge_http	h = { 0, NULL, NULL, 600 };
	char			token[32], keyauth[40];
	size_t			i;

	(void)state;
	h.token = token;
	h.keyauth = keyauth;
	for (i = 1; i <= LIMIT_CHALLENGES + 1; i++) {
		(void)snprintf(token, sizeof(token), "t%zu", i);
		(void)snprintf(keyauth, sizeof(keyauth), "t%zu.x", i);
		assert_int_equal(challenge_client_http(client, &h, NULL), i);
	}
	assert_int_equal(challenge_client_pending(client),
	    LIMIT_CHALLENGES + 1);
	for (i = 1; i <= LIMIT_CHALLENGES + 1; i++) {
		assert_int_equal(next_note(client), CHALLENGE_PLACED);
		assert_int_equal(note.placed.id, i);
		assert_int_equal(note.placed.ok, i <= LIMIT_CHALLENGES);
	}
	assert_non_null(strstr(note.placed.message, "8192 answers"));
	assert_int_equal(challenge_client_pending(client), 0);
	serves(port, "t1", "t1.x");
	serves(port, "t8192", "t8192.x");
	ask(port, GET("t8193"), &out);
	assert_status(&out, 404);
	challenge_client_drop(client, CHALLENGE_HTTP, "t7");
	put_http(client, "t8193", "t8193.x", 600);
	serves(port, "t8193", "t8193.x");
}

/* --- notes --- */

static void
few_notes(void **state)
{
	int	i;

	(void)state;
	put_http(client, "a", "a.x", 600);
	put_http(client, "b", "b.x", 600);
	for (i = 0; i < LIMIT_CHALLENGE_HITS_OF + 5; i++)
		serves(port, "a", "a.x");
	for (i = 0; i < LIMIT_CHALLENGE_HITS_OF; i++)
		expect_hit("a", "127.0.0.1", 0);
	assert_int_equal(note_within(client, 0), 0);
	/* The next one has how many were not told. */
	serves(port, "b", "b.x");
	expect_hit("b", "127.0.0.1", 5);
	serves(port, "b", "b.x");
	expect_hit("b", "127.0.0.1", 0);
}

/* In a burst, too, each hit is told or counted. */
static void
burst(void **state)
{
	char	token[32], keyauth[40];
	int	t, i, told = 0, sent = 0;
	int64_t	end = clk_mono() + WAIT_MS * 1000LL;

	(void)state;
	put_http(client, "last", "last.x", 600);
	for (t = 0; t < 10; t++) {
		(void)snprintf(token, sizeof(token), "t%d", t);
		(void)snprintf(keyauth, sizeof(keyauth), "t%d.x", t);
		put_http(client, token, keyauth, 600);
	}
	for (i = 0; i < LIMIT_CHALLENGE_HITS_OF; i++)
		for (t = 0; t < 10; t++, sent++) {
			(void)snprintf(token, sizeof(token), "t%d", t);
			(void)snprintf(keyauth, sizeof(keyauth), "t%d.x", t);
			serves(port, token, keyauth);
		}
	/* Until one that is told says how many were not. */
	while (told < sent) {
		assert_true(clk_mono() < end);
		if (note_within(client, 200)) {
			assert_int_equal(note.type, CHALLENGE_HIT);
			told += 1 + (int)note.hit.missed;
			continue;
		}
		serves(port, "last", "last.x");
		sent++;
	}
	assert_int_equal(told, sent);
}

/* --- all at once --- */

#define CROWD	300

static void
crowd(void **state)
{
	static const char	request[] = GET(TOKEN);
	size_t			half = 20, n = sizeof(request) - 1;
	int			fds[CROWD], i;

	(void)state;
	put_http(client, TOKEN, KEYAUTH, 600);
	for (i = 0; i < CROWD; i++)
		fds[i] = dial(i % 3 == 0 ? other_port : port);
	for (i = 0; i < CROWD; i++)
		say(fds[i], request, half);
	/* One that comes later and is quicker does not wait for them. */
	serves(port, TOKEN, KEYAUTH);
	for (i = CROWD; i-- > 0;)
		say(fds[i], request + half, n - half);
	for (i = 0; i < CROWD; i++) {
		assert_int_equal(hear_all(fds[i], &out), 0);
		assert_status(&out, 200);
		assert_string_equal(body_of(&out), KEYAUTH);
		(void)close(fds[i]);
	}
}

/* --- wrong clients --- */

/* What was sent too much does not take back what was answered. */
static void
too_much(void **state)
{
	static const char	request[] = GET(TOKEN);
	char			*more = calloc(1, 20000);
	int			 fd = dial(port);

	(void)state;
	put_http(client, TOKEN, KEYAUTH, 600);
	say(fd, request, sizeof(request) - 1);
	say(fd, more, 20000);
	assert_int_equal(hear_all(fd, &out), 0);
	assert_status(&out, 200);
	assert_string_equal(body_of(&out), KEYAUTH);
	(void)close(fd);
	free(more);
}

static void
large_head(void **state)
{
	char	head[LIMIT_CHALLENGE_HEAD + 1];
	int	fd = dial(port);

	(void)state;
	memset(head, 'x', sizeof(head));
	say(fd, head, sizeof(head) - 1);
	(void)poll(NULL, 0, 50);
	say(fd, head, 1);
	assert_int_equal(hear_all(fd, &out), 0);
	assert_status(&out, 431);
	(void)close(fd);
}

static void
not_http(void **state)
{
	static const char	hello[] = "\x16\x03\x01\x02\x00\x01\x00";

	(void)state;
	ask(port, hello, &out);
	assert_status(&out, 400);
}

/* Who never ends is cut off. */
static void
endless(void **state)
{
	char	chunk[4096];
	int	fd = dial(port);
	size_t	i;

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	for (i = 0; send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0; i++)
		assert_true(i < 100000);
	(void)close(fd);
	put_http(client, TOKEN, KEYAUTH, 600);
	serves(port, TOKEN, KEYAUTH);
}

/* Slow ones are cut off, and nobody waits for them. */
static void
slow(void **state)
{
	int	fds[50], i;

	(void)state;
	put_http(client, TOKEN, KEYAUTH, 600);
	for (i = 0; i < 50; i++) {
		fds[i] = dial(port);
		if (i % 2 == 0)
			say(fds[i], "GET / HT", 8);
	}
	serves(port, TOKEN, KEYAUTH);
	for (i = 0; i < 50; i++) {
		assert_int_equal(hear_all(fds[i], &out), 0);
		assert_int_equal(out.n, 0);
		(void)close(fds[i]);
	}
	serves(port, TOKEN, KEYAUTH);
}

/* A client that drips is not kept by its drops. */
static void
drips(void **state)
{
	int	fd = dial(port), i = 0;
	char	c;
	int64_t	end = clk_mono() + WAIT_MS * 1000LL;

	(void)state;
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 &&
	    recv(fd, &c, 1, MSG_DONTWAIT) == -1) {
		assert_true(clk_mono() < end);
		(void)poll(NULL, 0, 20);
		i++;
	}
	assert_true(i > 0);
	(void)close(fd);
}

/* --- too many --- */

/* Is the connection still open, with nothing to read? */
static int
is_open(int fd)
{
	char	c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

static int
room_for(rlim_t n)
{
	struct rlimit	r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 0;
	if (r.rlim_cur < n) {
		r.rlim_cur = n < r.rlim_max ? n : r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur >= n)
		return 1;
	print_message("SKIP 1 too few descriptors\n");
	return 0;
}

#define CAP	LIMIT_CHALLENGE_CONNS

static void
cap(void **state)
{
	static int	fds[CAP];
	size_t		i, n = 0;

	(void)state;
	if (!room_for(CAP + 200))
		return;
	put_http(client, TOKEN, KEYAUTH, 600);
	for (i = 0; i < CAP - 1; i++)
		fds[i] = dial(port);
	/* The last place. */
	serves(port, TOKEN, KEYAUTH);
	for (i = 0; i < CAP - 1; i++)
		n += (size_t)is_open(fds[i]);
	assert_int_equal(n, CAP - 1);
	fds[CAP - 1] = dial(port);
	/* One more: the first one has been idle the longest. */
	serves(port, TOKEN, KEYAUTH);
	assert_int_equal(hear_all(fds[0], &out), 0);
	for (i = 1; i < CAP; i++)
		assert_true(is_open(fds[i]));
	for (i = 0; i < CAP; i++)
		(void)close(fds[i]);
}

/*
 * A flood from one address drops itself, and not who was there before.  (One
 * of the others may be taken for the same network: their hashes are short.)
 */
static void
flood(void **state)
{
	static const char *const	others[] = {
		"127.0.0.2", "127.0.0.3", "127.0.1.1"
	};
	static const char		request[] = GET(TOKEN);
	static int			fds[CAP + 300];
	int				early[3];
	size_t				i, n = 0;

	(void)state;
	if (!room_for(CAP + 500))
		return;
	put_http(client, TOKEN, KEYAUTH, 600);
	for (i = 0; i < 3; i++) {
		early[i] = dial_from(others[i], port);
		say(early[i], request, 10);
	}
	for (i = 0; i < CAP + 300; i++)
		fds[i] = dial(port);
	serves(port, TOKEN, KEYAUTH);
	serves(other_port, TOKEN, KEYAUTH);
	for (i = 0; i < CAP + 300; i++)
		n += (size_t)is_open(fds[i]);
	assert_true(n < CAP);
	for (i = n = 0; i < 3; i++) {
		(void)send(early[i], request + 10, sizeof(request) - 1 - 10,
		    MSG_NOSIGNAL);
		if (hear_all(early[i], &out) == 0 && out.n != 0) {
			assert_status(&out, 200);
			n++;
		}
		(void)close(early[i]);
	}
	assert_true(n >= 2);
	do {
		(void)next_note(client);
	} while (strcmp(note.hit.addr, "127.0.0.1") == 0);
	for (i = 0; i < CAP + 300; i++)
		(void)close(fds[i]);
}

/* --- the process --- */

/* Another one takes over what waits at the listening sockets. */
static void
dies(void **state)
{
	static const char	request[] = GET(TOKEN);
	int			fd;

	(void)state;
	proc_kill(challenge_client_proc(client), NULL, 0);
	fd = dial(port);
	say(fd, request, sizeof(request) - 1);
	challenge_client_free(client);
	client = challenge_start(&sockets, 0);
	assert_int_equal(hear_all(fd, &out), 0);
	assert_status(&out, 404);
	(void)close(fd);
	put_http(client, TOKEN, KEYAUTH, 600);
	serves(port, TOKEN, KEYAUTH);
}

static void
confined(void **state)
{
	char	path[64], line[256];
	FILE	*f;
	int	seen = 0;

	(void)state;
	(void)snprintf(path, sizeof(path), "/proc/%d/status",
	    (int)challenge_client_proc(client)->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		seen += strcmp(line, "Seccomp:\t2\n") == 0 ||
		    strcmp(line, "NoNewPrivs:\t1\n") == 0;
	(void)fclose(f);
	assert_int_equal(seen, 2);
}

/* Is somebody there? */
static int
is_there(int at)
{
	struct sockaddr_in	a;
	int			fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)at);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	(void)close(fd);
	return rc == 0;
}

/* Other sockets, then none: what was placed stays. */
static void
moved(void **state)
{
	int	old = port;

	(void)state;
	put_http(client, TOKEN, KEYAUTH, 60);
	challenge_listen_close(&sockets);
	port = listen_more(&sockets, CHALLENGE_HTTP);
	assert_int_equal(challenge_client_listen(client, &sockets, NULL), 0);
	serves(port, TOKEN, KEYAUTH);
	expect_hit(TOKEN, "127.0.0.1", 0);
	assert_false(is_there(old));
	challenge_listen_close(&sockets);
	assert_int_equal(challenge_client_listen(client, &sockets, NULL), 0);
	put_http(client, TOKEN, KEYAUTH, 60);
	assert_false(is_there(port));
}

int
main(int argc, char **argv)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest	tests[] = {
		T(answers), T(puts_and_drops), T(ends), T(refused), T(full),
		T(few_notes), T(burst), T(crowd), T(too_much), T(large_head),
		T(not_http), T(endless), T(cap), T(flood), T(dies),
		T(confined),
		T(moved),
		cmocka_unit_test_setup_teardown(slow, begin_short, finish),
		cmocka_unit_test_setup_teardown(drips, begin_short, finish),
	};
	int	r = challenge_role(argc, argv);

	return r != -1 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
