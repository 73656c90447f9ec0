/*
 * Many endpoints at once, some of them dead: the dead hold up nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/nameserver.h"
#include "tests/unit/auditor/endpoint.h"

#define MANY	500
#define DEAD	5
#define NAMES	100

static struct probe_client	*client;

static int
begin(void **state)
{
	struct probe_setup	s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.allow[s.nallow++] = "127.0.0.0/8";
	s.resolvers[s.nresolvers++] = ns_text(NS_SILENT);
	s.resolvers[s.nresolvers++] = ns_text(NS_GOOD);
	client = probe_start(&s);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	probe_client_free(client);
	client = NULL;
	return 0;
}

static uint64_t
look(const char *host, enum ep kind, uint32_t timeout_ms)
{
	struct probe_tls	t = { 0, host, (uint16_t)ep_port[kind],
				    PROBE_PLAIN, "right.test", timeout_ms };

	return probe_client_tls(client, &t);
}

/* Each hundredth is dead; nobody waits for it. */
static void
some_dead(void **state)
{
	char	host[32];
	size_t	i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		(void)snprintf(host, sizeof(host), "127.0.%d.%zu",
		    i % 100 == 50, i % 100 == 50 ? 1 + i / 100 : 1 + i % 97);
		(void)look(host, i % 100 == 50 ? EP_STALL : EP_PLAIN,
		    600000);
	}
	for (i = 0; i < MANY - DEAD; i++) {
		assert_int_equal(probe_next(client), PROBE_SERVED);
		if (!served.ok)
			print_message("%s\n", served.message);
		assert_int_equal(served.ok, 1);
		assert_int_equal(served.nchain, 2);
		assert_int_not_equal((served.id - 1) % 100, 50);
	}
	assert_int_equal(probe_client_pending(client), DEAD);
	for (i = 0; i < DEAD; i++)
		probe_client_cancel(client, 1 + 50 + 100 * i);
	for (i = 0; i < DEAD; i++) {
		assert_int_equal(probe_next(client), PROBE_SERVED);
		assert_string_equal(served.message, "cancelled");
	}
}

/* Many names on one dead server: four are tried, the others are told. */
static void
dead_server(void **state)
{
	size_t	i, late = 0, untried = 0, good = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		(void)look("127.0.2.1", EP_STALL, 1000);
	/* The same address, another port. */
	(void)look("127.0.2.1", EP_PLAIN, 600000);
	for (i = 0; i < 101; i++) {
		(void)probe_next(client);
		late += strstr(served.message, "within 1000 ms") != NULL;
		untried += strstr(served.message, "not tried") != NULL;
		good += served.ok != 0;
		assert_string_equal(served.addr, "127.0.2.1");
	}
	assert_int_equal(late, LIMIT_PROBE_PEER);
	assert_int_equal(untried, 100 - LIMIT_PROBE_PEER);
	assert_int_equal(good, 1);
}

/* A dead resolver, and many names: all of them are found by the other. */
static void
dead_resolver(void **state)
{
	size_t	i, n = 0;

	(void)state;
	for (i = 0; i < NAMES; i++)
		(void)look("three.test", EP_PLAIN, 600000);
	while (probe_client_pending(client) > 0) {
		(void)probe_next(client);
		if (!served.ok)
			print_message("%s %s\n", served.message, served.note);
		assert_int_equal(served.ok, 1);
		n++;
	}
	assert_int_equal(n, 3 * NAMES);
}

/* As many as may be pending, from addresses that refuse and that answer. */
static void
full(void **state)
{
	char	host[32];
	size_t	i, good = 0;

	(void)state;
	for (i = 0; i < LIMIT_PROBES; i++) {
		(void)snprintf(host, sizeof(host), "127.1.%zu.%zu", i / 200,
		    1 + i % 200);
		(void)look(host, i % 2 ? EP_PLAIN : EP_CLOSE, 600000);
	}
	for (i = 0; i < LIMIT_PROBES; i++) {
		(void)probe_next(client);
		good += served.ok != 0;
	}
	assert_int_equal(good, LIMIT_PROBES / 2);
	assert_int_equal(probe_client_pending(client), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(some_dead, begin, finish),
		cmocka_unit_test_setup_teardown(dead_server, begin, finish),
		cmocka_unit_test_setup_teardown(dead_resolver, begin, finish),
		cmocka_unit_test_setup_teardown(full, begin, finish),
	};
	int	r = probe_role(argc, argv);

	if (r >= 0)
		return r;
	ns_start();
	ep_start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ep_stop();
	ns_stop();
	return r;
}
