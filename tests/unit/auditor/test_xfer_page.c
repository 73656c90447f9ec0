/*
 * Pages, and servers that do not go on as they began (RFC 9112 section 9):
 * connections that break, that are to be used no more, or that never come to
 * be, and answers that are libcurl's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/xfer_fixture.h"

#define GOOD	"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"

/* A request that is answered on ${fd}, or on a new connection (-1). */
static int
answered(int fd)
{
	struct asked	a;

	ask(&a);
	if (fd == -1)
		fd = take(l);
	(void)hear(fd);
	say(fd, GOOD);
	assert_answered(&a, "good");
	return fd;
}

/* --- connections that break --- */

/* Only ${part} of an answer comes, on a connection that had one before. */
static void
part_of(const char *part, int reset)
{
	struct asked	a;
	size_t		n, req;
	char		why[64];
	int		fd = answered(-1);

	ask(&a);
	req = hear(fd);
	say(fd, part);
	n = strlen(part);
	while (a.job != NULL && a.job->conn->wire < n)
		turn(-1);
	assert_non_null(a.job);
	hang_up(fd, reset);
	(void)snprintf(why, sizeof(why), ", after %zu bytes of its answer", n);
	assert_failed(&a, reset ? FETCH_CONNECT : FETCH_PROTOCOL, why);
	assert_int_equal(a.done.wire, req + n);
	assert_nobody();
}

/* RFC 9112 section 8: what has begun is no answer before it is whole. */
static void
breaks_late(void **state)
{
	static const char *const	parts[] = { "H", "HTTP/1.1 200 OK\r\n",
	    "HTTP/1.1 103 Early Hints\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n0\r\n" };
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part_of(parts[i], 0);
		part_of(parts[i], 1);
	}
}

/* RFC 9112 9.3.1: it is asked again, and that is not asked again. */
static void
again(int reset)
{
	struct asked	a;
	int		fd = answered(-1);

	ask(&a);
	(void)hear(fd);
	hang_up(fd, reset);
	fd = take(l);
	(void)hear(fd);
	say(fd, GOOD);
	assert_answered(&a, "good");

	ask(&a);
	(void)hear(fd);
	hang_up(fd, reset);
	fd = take(l);
	(void)hear(fd);
	hang_up(fd, reset);
	assert_failed(&a, FETCH_CONNECT, ", after 0 bytes of its answer");
	assert_nobody();
}

static void
breaks_early(void **state)
{
	(void)state;
	again(0);
	again(1);
}

/* When one that is kept was closed, others may have been. */
static void
again_on_fresh(void **state)
{
	struct asked	a, b;
	int		fd[2], fresh;

	(void)state;
	ask(&a);
	ask(&b);
	fd[0] = take(l);
	fd[1] = take(l);
	(void)hear(fd[0]);
	(void)hear(fd[1]);
	say(fd[0], GOOD);
	say(fd[1], GOOD);
	assert_answered(&a, "good");
	assert_answered(&b, "good");
	/* either may be taken first: both are taken */
	ask(&a);
	ask(&b);
	(void)hear(fd[0]);
	(void)hear(fd[1]);
	say(fd[1], GOOD);
	while (a.job != NULL && b.job != NULL)
		turn(-1);
	hang_up(fd[0], 0);
	fresh = take(l);
	(void)hear(fresh);
	say(fresh, GOOD);
	assert_answered(&a, "good");
	assert_answered(&b, "good");
	/* the other one is there still */
	(void)close(answered(fresh));
	(void)close(answered(fd[1]));
}

/* The first answer of a connection: nobody closed it for having been idle. */
static void
breaks_new(void **state)
{
	struct asked	a;
	int		fd, reset;

	(void)state;
	for (reset = 0; reset < 2; reset++) {
		ask(&a);
		fd = take(l);
		(void)hear(fd);
		hang_up(fd, reset);
		assert_failed(&a, FETCH_CONNECT,
		    ", after 0 bytes of its answer");
		assert_nobody();
	}
}

/* --- connections that are not to be used again --- */

/* RFC 9112 9.6: who says it and does not do it is not asked there again. */
static void
says_close(void **state)
{
	static const char *const	fields[] = { "Connection: close",
	    "connection:CLOSE", "Connection: keep-alive, Close",
	    "Connection: keep-alive\r\nConnection: close" };
	struct asked			a;
	size_t				i;
	char				text[128];
	int				fd;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ask(&a);
		fd = take(l);
		(void)hear(fd);
		(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n"
		    "Content-Length: 4\r\n\r\nlast", fields[i]);
		say(fd, text);
		assert_answered(&a, "last");
		assert_closed(fd);
		(void)close(fd);
	}
	/* it is that word that does it */
	ask(&a);
	fd = take(l);
	(void)hear(fd);
	say(fd, "HTTP/1.1 200 OK\r\nConnection: closed, keep-alive\r\n"
	    "Content-Length: 4\r\n\r\nmore");
	assert_answered(&a, "more");
	(void)close(answered(fd));
}

/* --- TLS that never comes to be --- */

/* Accept a request over TLS, and say no more than ${text}. */
static int
ignore(struct asked *a, const char *text)
{
	int	fd = take(l);
	uint8_t	c;

	say(fd, text);
	await(fd);
	/* of a handshake, by the reader of pages */
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	assert_int_equal(c, 0x16);
	assert_non_null(a->job);
	assert_non_null(a->job->conn);
	return fd;
}

/* A request over TLS, to that. */
static int
mute(struct asked *a, uint32_t ms, const char *text)
{
	ask_port(a, "https", port, ms);
	return ignore(a, text);
}

/* It began to shake hands so much longer ago. */
static void
age(struct asked *a, int64_t us)
{
	assert_non_null(a->job);
	a->job->tried -= us;
}

/*
 * It has ten seconds for that, and less when it has less for all.  ${more}
 * comes in between.
 */
static void
mute_for(const char *text, const char *more)
{
	struct asked	a;
	int		fd;

	fd = mute(&a, 300, text);
	assert_failed(&a, FETCH_TIMEOUT, "timed out after ");
	(void)close(fd);

	fd = mute(&a, WAIT_MS, text);
	age(&a, 5 * CLK_SEC);
	turn(-1);
	say(fd, more);
	turn(-1);
	turn(-1);
	assert_non_null(a.job);
	age(&a, 5 * CLK_SEC);
	turn(-1);
	turn(-1);
	assert_null(a.job);
	assert_failed(&a, FETCH_TIMEOUT, "the TLS handshake took too long");
	(void)close(fd);
	assert_nobody();
}

static void
mute_tls(void **state)
{
	(void)state;
	mute_for("", "");
	/* the head of a record, and of what would be in it a byte or two */
	mute_for("\x16\x03\x03\x01\x02\x02", "x");
}

/* Others of that host have connections of their own. */
static void
beside_mute(void **state)
{
	struct asked	a;
	int		fd, other, i;

	(void)state;
	fd = mute(&a, WAIT_MS, "");
	other = answered(-1);
	for (i = 0; i < 3; i++)
		(void)answered(other);
	assert_non_null(a.job);
	(void)close(other);
	(void)close(fd);
}

/* Who waits for its place has it at once. */
static void
behind_mute(void **state)
{
	struct asked	first, a, b;
	int		fd;

	(void)state;
	begin_with(1);
	ask(&first);
	ask_port(&a, "https", port, WAIT_MS);
	ask(&b);
	fd = take(l);
	(void)hear(fd);
	say(fd, GOOD);
	assert_answered(&first, "good");
	(void)close(fd);
	fd = ignore(&a, "");
	assert_nobody();
	age(&a, 10 * CLK_SEC);
	assert_failed(&a, FETCH_TIMEOUT, "the TLS handshake took too long");
	(void)close(fd);
	fd = take(l);
	(void)hear(fd);
	say(fd, GOOD);
	assert_answered(&b, "good");
	(void)close(fd);
	(void)finish(state);
}

/* A host that never answered: they need not find out one by one. */
static void
behind_mute_stranger(void **state)
{
	struct asked	a, b, c;
	int		fd;

	(void)state;
	begin_with(1);
	fd = mute(&a, WAIT_MS, "");
	ask(&b);
	ask(&c);
	assert_nobody();
	age(&a, 10 * CLK_SEC);
	assert_failed(&a, FETCH_TIMEOUT, "the TLS handshake took too long");
	turn(-1);
	assert_null(b.job);
	assert_null(c.job);
	assert_failed(&b, FETCH_TIMEOUT, "this one was not sent");
	assert_failed(&c, FETCH_TIMEOUT, "this one was not sent");
	(void)close(fd);
	assert_nobody();
	(void)finish(state);
}

/* --- hosts that need libcurl --- */

/* Somebody whose answers end with the connection. */
struct odd {
	int		l;
	uint16_t	port;
};

/* How many connections one answer of theirs took: libcurl needs one. */
static int
tries(const struct odd *o)
{
	struct asked	a;
	struct pollfd	p = { o->l, POLLIN, 0 };
	int		fd, n = 0;

	ask_port(&a, "http", o->port, WAIT_MS);
	while (a.job != NULL) {
		turn(o->l);
		if (poll(&p, 1, 0) != 1)
			continue;
		fd = take(o->l);
		(void)hear(fd);
		say(fd, "HTTP/1.1 200 OK\r\n\r\nodd");
		hang_up(fd, 0);
		n++;
	}
	assert_answered(&a, "odd");
	return n;
}

/* So many are known, and who was known first is forgotten first. */
static void
odd_hosts(void **state)
{
	static struct odd	o[LIMIT_PAGE_ODD + 1];
	size_t			i;

	(void)state;
	for (i = 0; i <= LIMIT_PAGE_ODD; i++)
		o[i].l = loopback_listen(&o[i].port);
	for (i = 0; i < LIMIT_PAGE_ODD; i++)
		assert_int_equal(tries(&o[i]), 2);
	for (i = 0; i < LIMIT_PAGE_ODD; i++)
		assert_int_equal(tries(&o[i]), 1);
	assert_int_equal(tries(&o[LIMIT_PAGE_ODD]), 2);
	for (i = 1; i <= LIMIT_PAGE_ODD; i++)
		assert_int_equal(tries(&o[i]), 1);
	/* the first pushes out the second, and so on */
	for (i = 0; i < 3; i++) {
		assert_int_equal(tries(&o[i]), 2);
		assert_int_equal(tries(&o[i]), 1);
	}
	assert_int_equal(tries(&o[LIMIT_PAGE_ODD]), 1);
	for (i = 0; i <= LIMIT_PAGE_ODD; i++)
		(void)close(o[i].l);
}

/* Who is known is asked in the usual way again after an hour. */
static void
odd_for_an_hour(void **state)
{
	struct odd	o;

	(void)state;
	o.l = loopback_listen(&o.port);
	assert_int_equal(tries(&o), 2);
	x->odd[0].until -= 3500 * CLK_SEC;
	assert_int_equal(tries(&o), 1);
	x->odd[0].until -= 101 * CLK_SEC;
	assert_int_equal(tries(&o), 2);
	assert_int_equal(tries(&o), 1);
	(void)close(o.l);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest	tests[] = {
		T(breaks_late),
		T(breaks_early),
		T(again_on_fresh),
		T(breaks_new),
		T(says_close),
		T(mute_tls),
		T(beside_mute),
		cmocka_unit_test(behind_mute),
		cmocka_unit_test(behind_mute_stranger),
		T(odd_hosts),
		T(odd_for_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
