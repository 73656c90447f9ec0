/*
 * The real probe process, sandboxed, asks name servers that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/nameserver.h"

static struct probe_client	*client;

/* One that asks these servers in this order; -1: no more. */
static struct probe_client *
asking(int a, int b)
{
	struct probe_setup	s;

	memset(&s, 0, sizeof(s));
	s.resolvers[s.nresolvers++] = ns_text(a);
	if (b >= 0)
		s.resolvers[s.nresolvers++] = ns_text(b);
	return probe_start(&s);
}

static int
begin(void **state)
{
	(void)state;
	client = asking(NS_GOOD, -1);
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

static void
expect_caa(void)
{
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.rcode, 0);
	assert_int_equal(said.n, 1);
	assert_int_equal(said.rr[0].rdata.n, 17);
	assert_memory_equal(said.rr[0].rdata.p, "\0\5issueca.example", 17);
}

static void
answers(void **state)
{
	(void)state;
	probe_ask(client, "caa.test", DNS_CAA, 0);
	expect_caa();
	assert_string_equal(said.message, "");
	assert_string_equal(said.rr[0].owner, "caa.test");
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
	assert_int_equal(said.ttl, 300);
	assert_int_equal(said.ad, 0);
	probe_ask(client, "CAA.test", DNS_CAA, 0);
	assert_int_equal(said.n, 0);	/* another name to this server */
	/* The question asks for AD, and it is told. */
	probe_ask(client, "ad.test", DNS_CAA, 0);
	expect_caa();
	assert_int_equal(said.ad, 1);
	probe_ask(client, "chain.test", DNS_CAA, 0);
	expect_caa();
	assert_string_equal(said.rr[0].owner, "c.test");
	assert_int_equal(said.ttl, 10);
	probe_ask(client, "three.test", DNS_A, 0);
	assert_int_equal(said.n, 3);
	assert_int_equal(said.rr[2].rdata.n, 4);
	assert_memory_equal(said.rr[2].rdata.p, "\x7f\0\0\3", 4);
}

static void
negative(void **state)
{
	(void)state;
	probe_ask(client, "nx.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.rcode, 3);
	assert_int_equal(said.n, 0);
	assert_int_equal(said.ttl, 600);
	probe_ask(client, "nothing.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.rcode, 0);
	assert_int_equal(said.n, 0);
	assert_int_equal(said.ttl, 30);
	probe_ask(client, "fail.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.rcode, 2);
	assert_int_equal(said.ttl, 0);
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
}

/* Too large for a datagram: over TCP, up to what we take. */
static void
large(void **state)
{
	(void)state;
	probe_ask(client, "big.test", DNS_TXT, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.n, 250);
	assert_int_equal(said.rr[249].rdata.n, 201);
	probe_ask(client, "full.test", DNS_TXT, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.n, PROBE_RRS);
	probe_ask(client, "over.test", DNS_TXT, 0);
	assert_int_equal(said.ok, 0);
	assert_int_equal(said.n, 0);
	assert_non_null(strstr(said.message, "more than 256"));
	/* Cut, and no answer over TCP. */
	probe_ask(client, "cut.test", DNS_TXT, 0);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "closed the connection"));
}

/* Answers with another id or name, or none, do not count. */
static void
strays(void **state)
{
	(void)state;
	probe_ask(client, "stray.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.n, 0);
	/* So many that somebody is guessing: TCP cannot be guessed. */
	probe_ask(client, "flood.test", DNS_CAA, 0);
	expect_caa();
}

static void
faults(void **state)
{
	static const char *const	names[] = {
		"", "a..b", ".", "a.", "a\\b", "a b",
	};
	size_t				i;

	(void)state;
	probe_ask(client, "noedns.test", DNS_CAA, 0);
	expect_caa();
	probe_ask(client, "lame.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "asks nobody"));
	probe_ask(client, "bad.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "not well formed"));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		probe_ask(client, names[i], DNS_CAA, 0);
		assert_int_equal(said.ok, 0);
		assert_non_null(strstr(said.message, "no name"));
	}
	probe_ask(client, "silent.test", DNS_CAA, 300);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "did not answer"));
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
}

/* The second resolver is asked when the first will not, or cannot. */
static void
second(void **state)
{
	struct probe_client	*c;

	(void)state;
	c = asking(NS_BROKEN, NS_GOOD);
	probe_ask(c, "caa.test", DNS_CAA, 0);
	expect_caa();
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
	probe_client_free(c);
	c = asking(NS_SILENT, NS_GOOD);
	probe_ask(c, "caa.test", DNS_CAA, 4000);
	expect_caa();
	assert_string_equal(said.resolver, ns_text(NS_GOOD));
	/* The silent one is asked last for a while: so it has time left. */
	probe_ask(c, "caa.test", DNS_CAA, 2000);
	expect_caa();
	probe_client_free(c);
	/* Both refuse: the code is told. */
	c = asking(NS_BROKEN, NS_SILENT);
	probe_ask(c, "caa.test", DNS_CAA, 400);
	assert_int_equal(said.ok, 1);
	assert_int_equal(said.rcode, 2);
	assert_int_equal(said.n, 0);
	assert_string_equal(said.resolver, ns_text(NS_BROKEN));
	probe_client_free(c);
}

/* Nobody listens there: the kernel says so, and the next one is asked. */
static void
closed(void **state)
{
	struct probe_setup	 s;
	struct probe_client	*c;
	char			 text[32];
	int			 port = 0, fd;

	(void)state;
	fd = listen_at(SOCK_DGRAM, 0, &port);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "127.0.0.1@%d", port);
	memset(&s, 0, sizeof(s));
	s.resolvers[0] = text;
	s.nresolvers = 1;
	c = probe_start(&s);
	probe_ask(c, "caa.test", DNS_CAA, 0);
	assert_int_equal(said.ok, 0);
	assert_non_null(strstr(said.message, "refused"));
	probe_client_free(c);
	s.resolvers[1] = ns_text(NS_GOOD);
	s.nresolvers = 2;
	c = probe_start(&s);
	probe_ask(c, "caa.test", DNS_CAA, 0);
	expect_caa();
	probe_client_free(c);
}

/* As many as may be pending; some are never answered, some cancelled. */
static void
many(void **state)
{
	struct probe_dns	d = { 0, "caa.test", DNS_CAA, 30000 };
	uint64_t		first = 0, id;
	size_t			i, good = 0, cancelled = 0;

	(void)state;
	for (i = 0; i < LIMIT_PROBES; i++) {
		d.name = i % 100 == 7 ? "silent.test" : "caa.test";
		id = probe_client_dns(client, &d);
		if (i == 0)
			first = id;
	}
	while (good < LIMIT_PROBES - 11) {
		assert_int_equal(probe_next(client), PROBE_SAID);
		assert_int_not_equal((said.id - first) % 100, 7);
		expect_caa();
		good++;
	}
	assert_int_equal(probe_client_pending(client), 11);
	for (i = 0; i < LIMIT_PROBES; i++)
		probe_client_cancel(client, first + i);
	probe_client_cancel(client, 999999);
	while (probe_client_pending(client) > 0) {
		assert_int_equal(probe_next(client), PROBE_SAID);
		assert_int_equal(said.ok, 0);
		assert_string_equal(said.message, "cancelled");
		cancelled++;
	}
	assert_int_equal(cancelled, 11);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(answers, begin, finish),
		cmocka_unit_test_setup_teardown(negative, begin, finish),
		cmocka_unit_test_setup_teardown(large, begin, finish),
		cmocka_unit_test_setup_teardown(strays, begin, finish),
		cmocka_unit_test_setup_teardown(faults, begin, finish),
		cmocka_unit_test(second),
		cmocka_unit_test(closed),
		cmocka_unit_test_setup_teardown(many, begin, finish),
	};
	int	r = probe_role(argc, argv);

	if (r >= 0)
		return r;
	ns_start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	ns_stop();
	return r;
}
