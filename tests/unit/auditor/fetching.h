#ifndef TESTS_UNIT_AUDITOR_FETCHING_H
#define TESTS_UNIT_AUDITOR_FETCHING_H

/*
 * A fetch process for each test and the server of web.h, for the programs
 * that test fetching; included once, after cmocka.h, everything is static.
 */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/fetch.h"
#include "auditor/role/fetch_client.h"
#include "base/clk.h"
#include "base/err.h"
#include "tests/unit/auditor/fetch_args.h"
#include "tests/unit/auditor/web.h"

static struct fetch_client	*client;

static struct fetch_client *
client_of(const struct fetch_setup *s)
{
	struct err		 e = ERR_INIT;
	struct fetch_client	*c = fetch_client_new(s, &e);

	if (c == NULL)
		print_message("%s\n", e.msg);
	assert_non_null(c);
	return c;
}

static inline int
begin(void **state)
{
	struct fetch_setup	s;

	(void)state;
	setup_of(&s, "127.0.0.0/8");
	client = client_of(&s);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	fetch_client_free(client);
	client = NULL;
	return 0;
}

/* The next answer. */
static void
next(struct fetch_client *c, struct fetch_done *d)
{
	struct err	e = ERR_INIT;
	struct pollfd	p;
	int64_t		end = clk_mono() + WAIT_MS * 1000LL;
	int		r;

	for (;;) {
		r = fetch_client_next(c, d, &e);
		if (r < 0)
			print_message("%s\n", e.msg);
		assert_true(r >= 0);
		if (r == 1)
			return;
		assert_true(clk_mono() < end);
		p.fd = ipc_fd(fetch_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(c)) ? POLLOUT : 0));
		(void)poll(&p, 1, 100);
		if (fetch_client_turn(c, &e) != 0) {
			print_message("%s\n", e.msg);
			fail();
		}
	}
}

/* A GET of a path of the server. */
static inline const char *
url_of(const char *path)
{
	static char	url[256];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	return url;
}

static inline void
fetch(struct fetch_client *c, const char *url, struct fetch_done *d)
{
	struct fetch_get	g;
	uint64_t		id;

	get_of(&g, url, 0);
	id = fetch_client_get(c, &g);
	next(c, d);
	assert_int_equal(d->id, id);
	if (getenv("FETCH_SAY") != NULL)
		print_message("%s: %d %s %s\n", url, d->status,
		    fetch_failure_name(d->failure), d->message);
}

/* The role when this program is the child, else the tests with a server. */
static int
fetching_main(int argc, char **argv, int (*run)(void))
{
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;
	pid_t		 server;
	int		 r;

	if (role != NULL)
		return strcmp(role, "fetch") == 0 ? fetch_main() : 64;
	server = server_start();
	r = run();
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return r;
}

#endif
