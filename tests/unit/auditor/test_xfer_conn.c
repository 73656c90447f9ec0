/*
 * Connections that are ours: one that is freed is heard of no more, and those
 * that are kept for the next request are so many and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/xfer_fixture.h"

/*
 * Somebody (libcurl, from whom it came) still has a copy of its socket: what
 * epoll would tell leads to memory that is gone.
 */
static void
forgotten(void **state)
{
	struct asked		 a;
	struct epoll_event	 ev;
	struct pollfd		 p = { -1, POLLIN, 0 };
	int			 theirs;

	(void)state;
	ask(&a);
	theirs = take(l);
	while (a.job != NULL && a.job->conn == NULL)
		turn(-1);
	assert_non_null(a.job);
	p.fd = dup(page_conn_fd(a.job->conn->io));
	assert_true(p.fd >= 0);

	/* while it is in use, it is heard of */
	say(theirs, "H");
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(epoll_wait(x->epoll, &ev, 1, 0), 1);
	assert_ptr_equal(ev.data.ptr, a.job->conn);

	xfer_stop(x, a.job);
	say(theirs, "T");
	(void)shutdown(theirs, SHUT_WR);
	p.events = POLLRDHUP;
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(epoll_wait(x->epoll, &ev, 1, 0), 0);

	(void)close(p.fd);
	(void)close(theirs);
}

/* --- those that are kept --- */

/* To others, numbered ${from} to ${to}, who are quiet: copies of ${quiet}. */
static void
keep(unsigned from, unsigned to, int quiet)
{
	struct xfer_conn	*c;
	struct err		 e = ERR_INIT;
	char			 key[32];
	unsigned		 i;

	for (i = from; i <= to; i++) {
		(void)snprintf(key, sizeof(key), "http other:%u", i);
		c = mem_zero(sizeof(*c));
		c->io = page_conn_new(dup(quiet), NULL, "", &e);
		assert_non_null(c->io);
		c->epoll = x->epoll;
		c->key = mem_str(key);
		c->born = clk_mono();
		xfer_conn_keep(x, c);
	}
}

/* As many as may be are kept, of others the oldest and youngest these. */
static void
assert_kept(unsigned oldest, unsigned youngest)
{
	struct xfer_conn	*c = x->kept_last, *d = x->kept;
	char			 text[32];

	assert_int_equal(x->nkept, LIMIT_PAGE_KEPT);
	if (strncmp(c->key, "http other:", 11) != 0)
		c = c->prev;
	if (strncmp(d->key, "http other:", 11) != 0)
		d = d->next;
	(void)snprintf(text, sizeof(text), "http other:%u", oldest);
	assert_string_equal(c->key, text);
	(void)snprintf(text, sizeof(text), "http other:%u", youngest);
	assert_string_equal(d->key, text);
}

/* A request is answered on ${fd}. */
static void
answer(struct asked *a, int fd)
{
	(void)hear(fd);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept");
	assert_answered(a, "kept");
}

/* Who was not used for longest goes, and only when there is one too many. */
static void
as_many_as_may_be(void **state)
{
	const unsigned	n = LIMIT_PAGE_KEPT - 1;
	struct asked	a;
	int		fd, quiet[2];
	char		c;

	(void)state;
	loopback_pair(quiet);
	ask(&a);
	fd = take(l);
	answer(&a, fd);
	keep(1, n, quiet[0]);
	assert_kept(1, n);
	turn(-1);
	/* the oldest of them is of use still, and young by that */
	ask(&a);
	answer(&a, fd);
	assert_kept(1, n);
	keep(n + 1, 2 * n, quiet[0]);
	assert_kept(n + 1, 2 * n);
	turn(-1);
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	/* one too many */
	keep(2 * n + 1, 2 * n + 1, quiet[0]);
	assert_closed(fd);
	assert_kept(n + 1, 2 * n + 1);
	(void)close(fd);
	ask(&a);
	fd = take(l);
	answer(&a, fd);
	assert_kept(n + 2, 2 * n + 1);
	(void)close(fd);
	(void)close(quiet[0]);
	(void)close(quiet[1]);
}

/* One that nobody uses is not kept for ever, nor one that is used. */
static void
as_long_as_may_be(void **state)
{
	struct asked	a;
	int		fd;

	(void)state;
	ask(&a);
	fd = take(l);
	answer(&a, fd);
	x->kept->idle -= 110 * CLK_SEC;
	turn(-1);
	assert_int_equal(x->nkept, 1);
	x->kept->idle -= 9 * CLK_SEC;
	turn(-1);
	assert_int_equal(x->nkept, 0);
	assert_closed(fd);
	(void)close(fd);

	ask(&a);
	fd = take(l);
	answer(&a, fd);
	x->kept->born -= 3500 * CLK_SEC;
	ask(&a);
	answer(&a, fd);
	assert_int_equal(x->nkept, 1);
	x->kept->born -= 101 * CLK_SEC;
	ask(&a);
	answer(&a, fd);
	assert_int_equal(x->nkept, 0);
	assert_closed(fd);
	(void)close(fd);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest	tests[] = {
		T(forgotten),
		T(as_many_as_may_be),
		T(as_long_as_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
