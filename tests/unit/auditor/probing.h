#ifndef TESTS_UNIT_AUDITOR_PROBING_H
#define TESTS_UNIT_AUDITOR_PROBING_H

/*
 * A probe process and how to ask it, for the programs that test probing;
 * included once, after cmocka.h, everything is static.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/probe_client.h"
#include "base/clk.h"
#include "base/err.h"

#define WAIT_MS	60000

static struct probe_served	served;		/* the last answers */
static struct probe_said	said;

/* A listening socket of the loopback address (${any}: of all of them). */
static inline int
listen_at(int type, int any, int *port)
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)*port);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 1024) != 0) ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static inline struct probe_client *
probe_start(const struct probe_setup *s)
{
	struct err		 e = ERR_INIT;
	struct probe_client	*c = probe_client_new(s, &e);

	if (c == NULL)
		print_message("%s\n", e.msg);
	assert_non_null(c);
	return c;
}

/* The next answer; in served or said. */
static inline enum probe_type
probe_next(struct probe_client *c)
{
	struct err	e = ERR_INIT;
	enum probe_type	type = PROBE_SETUP;
	struct pollfd	p;
	int64_t		end = clk_mono() + WAIT_MS * 1000LL;
	int		r;

	for (;;) {
		r = probe_client_next(c, &type, &served, &said, &e);
		if (r < 0)
			print_message("%s\n", e.msg);
		assert_true(r >= 0);
		if (r == 1)
			break;
		assert_true(clk_mono() < end);
		p.fd = ipc_fd(probe_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(probe_client_ipc(c)) ? POLLOUT : 0));
		(void)poll(&p, 1, 100);
		if (probe_client_turn(c, &e) != 0)
			fail_msg("%s", e.msg);
	}
	if (getenv("PROBE_SAY") == NULL)
		return type;
	if (type == PROBE_SERVED)
		print_message("%llu %s: %d %s %s %s, chain %zu, last %d\n",
		    (unsigned long long)served.id, served.addr, served.ok,
		    served.version, served.message, served.note,
		    served.nchain, served.last);
	else
		print_message("%llu: %d %s rcode %d, %zu records, ttl %u\n",
		    (unsigned long long)said.id, said.ok, said.message,
		    said.rcode, said.n, said.ttl);
	return type;
}

static inline void
probe_ask(struct probe_client *c, const char *name, uint16_t type,
    uint32_t timeout_ms)
{
	struct probe_dns	d = { 0, name, type, timeout_ms };
	uint64_t		id = probe_client_dns(c, &d);

	assert_int_equal(probe_next(c), PROBE_SAID);
	assert_int_equal(said.id, id);
	assert_int_equal(probe_client_pending(c), 0);
}

/* The role when this program is the child; -1 when it is not. */
static inline int
probe_role(int argc, char **argv)
{
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;

	if (role == NULL)
		return -1;
	return strcmp(role, "probe") == 0 ? probe_main() : 64;
}

#endif
