/*
 * Thousands of requests to fifty hosts, of which one is dead and one gives a
 * byte now and then: who waits for whom.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/audit_part.h"
#include "tests/unit/auditor/fetching.h"

#define HOSTS	50
#define DEAD	0	/* takes connections and says nothing */
#define SLOW	1	/* says a byte now and then */
#define MOODY	2	/* answers, but not /hang */
#define CONNS	2048	/* of the server */
#define AT_ONCE	8	/* connections to one host */

static int	ports[HOSTS];

/* --- the hosts: one process, one port each --- */

struct conn {
	int	host;
	int	begun;
};

static struct pollfd	 polls[HOSTS + CONNS];
static struct conn	 conns[HOSTS + CONNS];
static int		 open_now[HOSTS], open_most[HOSTS];
static size_t		 npolls;

static void
add_conn(int fd, int host)
{
	if (npolls == HOSTS + CONNS)
		abort();
	polls[npolls] = (struct pollfd){ fd, POLLIN, 0 };
	conns[npolls++] = (struct conn){ host, 0 };
}

static void
remove_conn(size_t i)
{
	(void)close(polls[i].fd);
	open_now[conns[i].host]--;
	polls[i] = polls[--npolls];
	conns[i] = conns[npolls];
}

/* A request came; they are small, and come whole. */
static int
reply(size_t i)
{
	char	req[4096], text[128];
	ssize_t	n = recv(polls[i].fd, req, sizeof(req) - 1, 0);
	int	host = conns[i].host;

	if (n <= 0)
		return -1;
	req[n] = '\0';
	if (host == DEAD || strstr(req, " /hang ") != NULL)
		return 0;
	if (strstr(req, " /cut ") != NULL) {
		const struct linger	reset = { 1, 0 };

		say(polls[i].fd, "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 100\r\n\r\nabc");
		(void)poll(NULL, 0, 1);
		(void)setsockopt(polls[i].fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		return -1;
	}
	if (host == SLOW) {
		say(polls[i].fd, "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 100000\r\n\r\n");
		conns[i].begun = 1;
		return 0;
	}
	(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 4\r\n\r\n%04d", open_most[host]);
	say(polls[i].fd, text);
	return 0;
}

static void
hosts_serve(void)
{
	size_t	i;
	int	fd;

	for (;;) {
		if (poll(polls, npolls, 50) == -1)
			abort();
		for (i = HOSTS; i < npolls; i++) {
			if (conns[i].begun)
				(void)send(polls[i].fd, "x", 1, MSG_NOSIGNAL);
			if (polls[i].revents != 0 && reply(i) != 0)
				remove_conn(i--);
		}
		for (i = 0; i < HOSTS; i++) {
			if (polls[i].revents == 0)
				continue;
			fd = accept(polls[i].fd, NULL, NULL);
			if (fd == -1)
				abort();
			if (++open_now[i] > open_most[i])
				open_most[i] = open_now[i];
			add_conn(fd, (int)i);
		}
	}
}

static pid_t
hosts_start(void)
{
	pid_t	pid;
	int	i, fds[HOSTS];

	for (i = 0; i < HOSTS; i++) {
		fds[i] = listen_on(&ports[i]);
		add_conn(fds[i], i);
	}
	pid = fork();
	if (pid == 0)
		hosts_serve();
	for (i = 0; i < HOSTS; i++)
		(void)close(fds[i]);
	return pid;
}

/* --- tests --- */

static int
begin_hosts(void **state)
{
	struct fetch_setup	s;

	(void)state;
	setup_of(&s, "127.0.0.1/32");
	s.class = EGRESS_LOG;
	s.host_conns = AT_ONCE;
	client = client_of(&s);
	return 0;
}

static uint64_t
ask(int host, const char *path, uint32_t timeout_ms)
{
	struct fetch_get	g;
	char			url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s",
	    ports[host], path);
	get_of(&g, url, 0);
	g.timeout_ms = timeout_ms;
	g.slow_ms = 3600 * 1000;
	/* To see that this test fails with libcurl's own queues. */
	if (getenv("FETCH_UNQUEUED") != NULL)
		g.flags = FETCH_F_HTTP2;
	return fetch_client_get(client, &g);
}

/*
 * As many as there may be, those of the dead and of the slow host first: all
 * others are answered while these wait.
 */
static void
nobody_waits(void **state)
{
	static uint64_t		ids[LIMIT_FETCH_JOBS];
	struct fetch_done	d;
	size_t			i, n = 0, healthy, bad = 0;
	size_t			each = LIMIT_FETCH_JOBS / HOSTS;
	long			most = 0, m;
	char			text[5] = "";

	(void)state;
	for (i = 0; i < each * 2; i++)
		ids[n++] = ask(i % 2 == 0 ? DEAD : SLOW, "/", 3600 * 1000);
	for (i = 0; n < LIMIT_FETCH_JOBS; i++)
		ids[n++] = ask(2 + (int)(i % (HOSTS - 2)), "/", 3600 * 1000);
	healthy = LIMIT_FETCH_JOBS - each * 2;
	for (i = 0; i < healthy; i++) {
		next(client, &d);
		bad += d.id <= ids[each * 2 - 1];
		assert_int_equal(d.failure, FETCH_OK);
		assert_int_equal(d.body.n, 4);
		memcpy(text, d.body.p, 4);
		m = strtol(text, NULL, 10);
		if (m > most)
			most = m;
	}
	print_message("%zu answered while %zu hang; at most %ld connections "
	    "to one host\n", healthy, each * 2, most);
	assert_int_equal(bad, 0);
	assert_true(most <= AT_ONCE);
	for (i = 0; i < each * 2; i++)
		fetch_client_cancel(client, ids[i]);
	for (i = 0; i < each * 2; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_CANCELLED);
	}
	assert_int_equal(fetch_client_pending(client), 0);
	/* And what comes then is not behind them either. */
	(void)ask(DEAD + 2, "/", 10000);
	next(client, &d);
	assert_int_equal(d.status, 200);
}

/* All connections in a row without an answer: the rest is not tried. */
static void
dead_host(void **state)
{
	struct fetch_done	d;
	size_t			i, tried = 0, unsent = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		(void)ask(DEAD, "/", 500);
	for (i = 0; i < 100; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_TIMEOUT);
		assert_int_equal(d.status, 0);
		if (strstr(d.message, "not sent") != NULL)
			unsent++;
		else
			tried++;
	}
	print_message("%zu tried, %zu not sent\n", tried, unsent);
	assert_int_equal(tried, AT_ONCE);
	assert_int_equal(unsent, 100 - AT_ONCE);
	/* It is not remembered for ever. */
	(void)ask(DEAD, "/", 300);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_null(strstr(d.message, "not sent"));
}

/* A host that answers some is asked for each, whatever became of others. */
static void
moody_host(void **state)
{
	struct fetch_done	d;
	uint64_t		last = 0;
	size_t			i;

	(void)state;
	(void)ask(MOODY, "/", 60000);
	for (i = 0; i < 3 * AT_ONCE; i++)
		(void)ask(MOODY, "/hang", 300);
	last = ask(MOODY, "/", 60000);
	for (i = 0; i < 3 * AT_ONCE + 2; i++) {
		next(client, &d);
		assert_null(strstr(d.message, "not sent"));
		assert_int_equal(d.failure, i == 0 || d.id == last ?
		    FETCH_OK : FETCH_TIMEOUT);
	}
}

/* A request of a party to a host that answers all but /hang. */
static uint64_t
ask_for(uint32_t party, const char *path)
{
	struct fetch_get	g;
	char			url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s",
	    ports[MOODY], path);
	get_of(&g, url, 0);
	g.timeout_ms = 3600 * 1000;
	g.slow_ms = 3600 * 1000;
	g.party = party;
	return fetch_client_get(client, &g);
}

/*
 * One that holds all connections of a host, and more that wait: others have a
 * few of their own, also with as many before them, and no more than those.
 */
static void
parties(void **state)
{
	struct fetch_done	d;
	uint64_t		hung[4 * AT_ONCE], id;
	size_t			i, n = 0;
	long			most;
	char			text[5] = "";

	(void)state;
	id = ask_for(1, "/");
	next(client, &d);
	assert_int_equal(d.id, id);
	for (i = 0; i < 2 * AT_ONCE; i++)
		hung[n++] = ask_for(1, "/hang");
	for (i = 0; i < 4; i++) {
		id = ask_for(2, "/");
		next(client, &d);
		assert_int_equal(d.id, id);
		assert_int_equal(d.status, 200);
	}
	/* the second one hangs, too: then a third has its own */
	for (i = 0; i < AT_ONCE; i++)
		hung[n++] = ask_for(2, "/hang");
	for (i = 0; i < 4; i++) {
		id = ask_for(3, "/");
		next(client, &d);
		assert_int_equal(d.id, id);
	}
	memcpy(text, d.body.p, 4);
	most = strtol(text, NULL, 10);
	print_message("at most %ld connections for 3 parties\n", most);
	assert_int_equal(most, AT_ONCE + 2 * FETCH_PARTY_OWN - 1);
	/* nobody's have none of their own */
	id = ask_for(0, "/");
	for (i = 0; i < n; i++)
		fetch_client_cancel(client, hung[i]);
	for (i = 0; i < n; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_CANCELLED);
	}
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.status, 200);
}

/* Logs that take all of their host's connections leave audits some. */
static void
audits(void **state)
{
	struct engine		en;
	struct audit		a;
	struct audit_job	j;
	struct fetch_done	d;
	uint64_t		hung[4 * AT_ONCE], id;
	char			url[64];
	size_t			i;

	(void)state;
	memset(&en, 0, sizeof(en));
	memset(&a, 0, sizeof(a));
	memset(&j, 0, sizeof(j));
	en.logs = client;
	j.en = &en;
	j.audit = &a;
	id = ask_for(2, "/");
	next(client, &d);
	assert_int_equal(d.id, id);
	for (i = 0; i < 4 * AT_ONCE; i++)
		hung[i] = ask_for(2 + (uint32_t)(i % 4), "/hang");
	/* by then they are under way */
	id = ask_for(6, "/");
	next(client, &d);
	assert_int_equal(d.id, id);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ports[MOODY]);
	id = audit_get_log(&j, url, 100);
	next(client, &d);
	assert_int_equal(d.id, id);
	assert_int_equal(d.status, 200);
	for (i = 0; i < 4 * AT_ONCE; i++)
		fetch_client_cancel(client, hung[i]);
	for (i = 0; i < 4 * AT_ONCE; i++)
		next(client, &d);
	free(a.waits);
}

/* One that breaks off in the middle of its answers has answered. */
static void
broken_host(void **state)
{
	struct fetch_done	d;
	size_t			i, unsent = 0;

	(void)state;
	for (i = 0; i < 5 * AT_ONCE; i++)
		(void)ask(MOODY, "/cut", 60000);
	for (i = 0; i < 5 * AT_ONCE; i++) {
		next(client, &d);
		assert_int_not_equal(d.failure, FETCH_OK);
		unsent += strstr(d.message, "not sent") != NULL;
	}
	assert_int_equal(unsent, 0);
}

/* Nobody listens: the same, by another failure. */
static void
refusing_host(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			url[64];
	size_t			i, unsent = 0;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", closed_port);
	get_of(&g, url, 0);
	for (i = 0; i < 50; i++)
		(void)fetch_client_get(client, &g);
	for (i = 0; i < 50; i++) {
		next(client, &d);
		assert_int_equal(d.failure, FETCH_CONNECT);
		unsent += strstr(d.message, "not sent") != NULL;
	}
	assert_int_equal(unsent, 50 - AT_ONCE);
}

/* Too slow for the request, long before its time is over. */
static void
too_slow(void **state)
{
	struct fetch_get	g;
	struct fetch_done	d;
	char			url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ports[SLOW]);
	get_of(&g, url, 0);
	g.timeout_ms = 3600 * 1000;
	g.slow_ms = 1000;
	g.slow_bytes = 2000;
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_non_null(strstr(d.message, "2000 bytes/sec"));
	/* A silent one is slow too. */
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ports[DEAD]);
	(void)fetch_client_get(client, &g);
	next(client, &d);
	assert_int_equal(d.failure, FETCH_TIMEOUT);
	assert_non_null(strstr(d.message, "2000 bytes/sec"));
}

static int
run(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(nobody_waits, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(dead_host, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(moody_host, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(parties, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(audits, begin_hosts, finish),
		cmocka_unit_test_setup_teardown(broken_host, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(refusing_host, begin_hosts,
		    finish),
		cmocka_unit_test_setup_teardown(too_slow, begin_hosts,
		    finish),
	};
	pid_t	hosts = hosts_start();
	int	r = cmocka_run_group_tests(tests, NULL, NULL);

	(void)kill(hosts, SIGKILL);
	(void)waitpid(hosts, NULL, 0);
	return r;
}

int
main(int argc, char **argv)
{
	return fetching_main(argc, argv, run);
}
