/*
 * Requests of some parties to some hosts that begin, are redirected, fail, end
 * and are stopped at random: what is counted is what there is, nobody has more
 * connections than there may be, and nothing is left.  XFER_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/auditor/xfer_fixture.h"

#define HOSTS		5	/* the first of them: nobody listens */
#define PARTIES		4
#define JOBS		120	/* at a time */
#define STEPS		4000
#define CONNS		4
#define SOCKETS		1024

static uint16_t			 ports[HOSTS];
static int			 listeners[HOSTS], socks[SOCKETS];
static size_t			 nsocks, ended, most;
static struct asked		 jobs[JOBS];
static enum egress_class	 class;
static unsigned			 seed;

static unsigned
any(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static void	start(struct asked *);

static void
on_end(void *arg, const struct fetch_done *d)
{
	struct asked	*a = arg;

	assert_true(d->failure < FETCH_FAILURE_MAX);
	a->job = NULL;
	ended++;
	/* as others do: what ended makes room for another */
	if (any(4) == 0)
		start(a);
}

static const struct xfer_ops	end_ops = { on_body, on_room, on_wrote,
    on_end };

static void
start(struct asked *a)
{
	struct fetch_get	g;
	char			url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/",
	    ports[any(20) == 0 ? 0 : 1 + any(HOSTS - 1)]);
	if (any(50) == 0)
		(void)snprintf(url, sizeof(url), "http://192.0.2.1/");
	get_of(&g, url, class == EGRESS_LOG ? any(2) : 0);
	g.timeout_ms = 20 + any(100);
	if (class == EGRESS_REVOCATION)
		g.flags = FETCH_F_FOLLOW;
	else
		g.party = any(PARTIES);
	if (any(20) == 0)
		g.flags |= FETCH_F_HTTP2;
	memset(a, 0, sizeof(*a));
	a->job = xfer_start(x, &g, &end_ops, a);
}

/* A word to who asked, or none. */
static void
answer(size_t i)
{
	char	req[2048], text[128];
	ssize_t	n = recv(socks[i], req, sizeof(req), MSG_DONTWAIT);
	int	what = (int)any(8);

	if (n > 0 && what == 0)
		return;
	if (n > 0 && what < 6) {
		(void)snprintf(text, sizeof(text), what == 1 ? "HTTP/1.1 302 "
		    "Found\r\nLocation: http://127.0.0.1:%d/\r\n"
		    "Content-Length: 0\r\n\r\n" : what == 2 ?
		    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n%d" :
		    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%05d",
		    ports[any(HOSTS)]);
		(void)send(socks[i], text, strlen(text), MSG_NOSIGNAL);
		if (what != 2)
			return;
	}
	hang_up(socks[i], what % 2);
	socks[i] = socks[--nsocks];
}

static void
serve(void)
{
	struct pollfd	p;
	size_t		i;

	for (i = 1; i < HOSTS; i++) {
		p = (struct pollfd){ listeners[i], POLLIN, 0 };
		while (nsocks < SOCKETS && poll(&p, 1, 0) == 1)
			socks[nsocks++] = accept(listeners[i], NULL, NULL);
	}
	for (i = nsocks; i-- > 0;) {
		p = (struct pollfd){ socks[i], POLLIN, 0 };
		if (poll(&p, 1, 0) == 1)
			answer(i);
	}
}

/* Does it hold a connection of its host? */
static int
holds(const struct xfer_job *j)
{
	return j->host != NULL && (j->queue == NULL || j->queue == &x->refused);
}

/* What is counted is what there is, and no more than there may be. */
static void
look(void)
{
	const struct xfer_job	*j, *k;
	size_t			 all = 0, host, shared;

	for (j = x->jobs; j != NULL; j = j->next) {
		assert_true((j->host == NULL) == (j->of == NULL));
		if (!holds(j))
			continue;
		all++;
		host = shared = 0;
		for (k = x->jobs; k != NULL; k = k->next)
			if (holds(k) && k->host == j->host) {
				host++;
				shared += k->party == 0;
			}
		assert_true(shared <= CONNS);
		assert_true(host <= CONNS + (class == EGRESS_LOG ?
		    (PARTIES - 1) * FETCH_PARTY_OWN : 0));
		most = host > most ? host : most;
	}
	assert_int_equal(x->active, all);
}

static void
at_random(void **state)
{
	size_t	i, stopped = 0, left;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		struct asked	*a = &jobs[any(JOBS)];

		if (a->job == NULL)
			start(a);
		else if (any(4) == 0) {
			xfer_stop(x, a->job);
			a->job = NULL;
			stopped++;
		}
		look();
		if (any(4) != 0)
			continue;
		turn(-1);
		look();
		serve();
	}
	/* all come to their end, and those that begin then */
	do {
		turn(-1);
		look();
		serve();
		for (left = i = 0; i < JOBS; i++)
			left += jobs[i].job != NULL;
	} while (left != 0);
	print_message("%zu ended, %zu stopped, at most %zu to a host\n", ended,
	    stopped, most);
	assert_true(ended > JOBS && stopped != 0);
	assert_int_equal(most > CONNS, class == EGRESS_LOG);
	assert_int_equal(x->active, 0);
	assert_null(x->jobs);
	assert_null(x->turn);
	assert_null(x->turn_last);
	assert_null(x->refused.first);
	for (i = 0; i < XFER_BUCKETS; i++)
		assert_null(x->buckets[i]);
}

static void
begin_as(enum egress_class c)
{
	struct fetch_setup	 s;
	const char		*given = getenv("XFER_SEED");
	struct err		 e = ERR_INIT;
	size_t			 i;

	class = c;
	seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) :
	    (unsigned)time(NULL);
	print_message("XFER_SEED=%u\n", seed);
	setup_of(&s, "127.0.0.0/8");
	s.host_conns = CONNS;
	s.class = c;
	x = xfer_new(&s, -1, &e);
	assert_non_null(x);
	for (i = 0; i < HOSTS; i++)
		listeners[i] = loopback_listen(&ports[i]);
	(void)close(listeners[0]);
	memset(jobs, 0, sizeof(jobs));
	nsocks = ended = most = 0;
	l = -1;
	deadline = clk_mono() + 3 * WAIT_MS * 1000LL;
}

static int
logs(void **state)
{
	(void)state;
	begin_as(EGRESS_LOG);
	return 0;
}

static int
redirects(void **state)
{
	(void)state;
	begin_as(EGRESS_REVOCATION);
	return 0;
}

static int
all_gone(void **state)
{
	size_t	i;

	for (i = 1; i < HOSTS; i++)
		(void)close(listeners[i]);
	for (i = 0; i < nsocks; i++)
		(void)close(socks[i]);
	return finish(state);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup_teardown(at_random, logs, all_gone),
		cmocka_unit_test_setup_teardown(at_random, redirects,
		    all_gone),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
