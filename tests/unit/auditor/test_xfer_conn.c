/*
 * A connection that is freed is heard of no more, although somebody (libcurl,
 * from whom it came) still has a copy of its socket: what epoll would tell
 * leads to memory that is gone.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/net/page_conn.h"
#include "auditor/net/xfer_job.h"
#include "base/clk.h"
#include "base/err.h"
#include "tests/unit/auditor/fetch_args.h"

static enum xfer_sink
on_body(void *arg, const uint8_t *p, size_t n, int64_t left)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)left;
	return XFER_STOP;
}

static enum xfer_sink
on_room(void *arg, size_t n, int64_t left, uint8_t **to, size_t *room)
{
	(void)arg;
	(void)n;
	(void)left;
	(void)to;
	(void)room;
	return XFER_STOP;
}

static void
on_wrote(void *arg, size_t n)
{
	(void)arg;
	(void)n;
}

static void
on_done(void *arg, const struct fetch_done *d)
{
	(void)arg;
	fail_msg("%s", d->message);
}

static const struct xfer_ops	ops = { on_body, on_room, on_wrote, on_done };

/* Somebody who listens, and the URL of it. */
static int
listener(char url[64])
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			l = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(a.sin_port));
	return l;
}

static void
forgotten(void **state)
{
	struct fetch_setup	 setup;
	struct fetch_get	 g;
	struct xfer		*x;
	struct xfer_job		*j;
	struct epoll_event	 ev;
	struct pollfd		 none = { -1, 0, 0 }, p = { -1, POLLIN, 0 };
	struct err		 e = ERR_INIT;
	char			 url[64];
	int64_t			 end = clk_mono() + WAIT_MS * 1000LL;
	int			 l = listener(url), theirs;

	(void)state;
	setup_of(&setup, "127.0.0.0/8");
	x = xfer_new(&setup, -1, &e);
	assert_non_null(x);
	get_of(&g, url, 1);
	j = xfer_start(x, &g, &ops, NULL);
	while (j->conn == NULL && clk_mono() < end)
		assert_int_equal(xfer_turn(x, &none, 1, 20, &e), 0);
	assert_non_null(j->conn);
	theirs = accept(l, NULL, NULL);
	assert_true(theirs >= 0);
	p.fd = dup(page_conn_fd(j->conn->io));
	assert_true(p.fd >= 0);

	/* while it is in use, it is heard of */
	assert_int_equal(send(theirs, "H", 1, 0), 1);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(epoll_wait(x->epoll, &ev, 1, 0), 1);
	assert_ptr_equal(ev.data.ptr, j->conn);

	xfer_stop(x, j);
	assert_int_equal(send(theirs, "T", 1, 0), 1);
	(void)shutdown(theirs, SHUT_WR);
	p.events = POLLRDHUP;
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(epoll_wait(x->epoll, &ev, 1, 0), 0);

	(void)close(p.fd);
	(void)close(theirs);
	(void)close(l);
	xfer_free(x);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
