/*
 * The real probe process, sandboxed, looks at servers that serve well, badly
 * or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/nameserver.h"
#include "tests/unit/auditor/endpoint.h"

static struct probe_client	*client;

static int
begin(void **state)
{
	struct probe_setup	s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.allow[s.nallow++] = "127.0.0.0/8";
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
look(const char *host, enum ep kind, enum probe_starttls starttls)
{
	struct probe_tls	t = { 0, host, (uint16_t)ep_port[kind],
				    starttls, "", 20000 };

	return probe_client_tls(client, &t);
}

/* One address, one answer. */
static void
look_at(enum ep kind, enum probe_starttls starttls)
{
	uint64_t	id = look("127.0.0.1", kind, starttls);

	assert_int_equal(probe_next(client), PROBE_SERVED);
	assert_int_equal(served.id, id);
	assert_int_equal(served.last, 1);
	assert_string_equal(served.addr, "127.0.0.1");
	assert_int_equal(probe_client_pending(client), 0);
}

/* Both certificates, as they were made. */
static void
expect_chain(size_t n)
{
	if (!served.ok)
		print_message("%s\n", served.message);
	assert_int_equal(served.ok, 1);
	assert_string_equal(served.message, "");
	assert_int_equal(served.nchain, n);
	assert_int_equal(served.chain[0].n, ep_leaf.n);
	assert_memory_equal(served.chain[0].p, ep_leaf.p, ep_leaf.n);
	assert_int_equal(served.chain[1].n, ep_issuer.n);
	assert_memory_equal(served.chain[1].p, ep_issuer.p, ep_issuer.n);
}

/* --- what is served --- */

static void
versions(void **state)
{
	(void)state;
	look_at(EP_13, PROBE_PLAIN);
	expect_chain(2);
	assert_string_equal(served.version, "TLSv1.3");
	look_at(EP_12, PROBE_PLAIN);
	expect_chain(2);
	assert_string_equal(served.version, "TLSv1.2");
	/* Old ones are there to be seen. */
	look_at(EP_10, PROBE_PLAIN);
	assert_int_equal(served.ok, 1);
	assert_string_equal(served.version, "TLSv1");
	assert_int_equal(served.nchain, 2);
	assert_true(served.us > 0);
}

static void
staples(void **state)
{
	static const enum ep	kinds[] = { EP_13, EP_12 };
	size_t			i;

	(void)state;
	for (i = 0; i < 2; i++) {
		look_at(kinds[i], PROBE_PLAIN);
		expect_chain(2);
		assert_int_equal(served.staple.n, strlen(EP_STAPLE));
		assert_memory_equal(served.staple.p, EP_STAPLE,
		    strlen(EP_STAPLE));
		assert_int_equal(served.scts.n, 7);
		assert_memory_equal(served.scts.p, EP_SCTS, 7);
	}
	look_at(EP_PLAIN, PROBE_PLAIN);
	expect_chain(2);
	assert_int_equal(served.staple.n, 0);
	assert_int_equal(served.scts.n, 0);
}

static void
server_names(void **state)
{
	struct probe_tls	t = { 0, "127.0.0.1",
				    (uint16_t)ep_port[EP_13], PROBE_PLAIN,
				    "right.test", 20000 };

	(void)state;
	(void)probe_client_tls(client, &t);
	(void)probe_next(client);
	expect_chain(2);
	/* The server ends it, and that is said. */
	t.sni = "wrong.test";
	(void)probe_client_tls(client, &t);
	(void)probe_next(client);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "unrecognized name"));
	assert_string_equal(served.version, "");
	/* An address is not sent as a name. */
	t.sni = "127.0.0.1";
	(void)probe_client_tls(client, &t);
	(void)probe_next(client);
	expect_chain(2);
}

static void
long_chains(void **state)
{
	(void)state;
	look_at(EP_CHAIN16, PROBE_PLAIN);
	expect_chain(LIMIT_CHAIN);
	assert_string_equal(served.note, "");
	look_at(EP_CHAIN17, PROBE_PLAIN);
	expect_chain(LIMIT_CHAIN);
	assert_string_equal(served.note,
	    "17 certificates were served; the first 16 are kept");
	look_at(EP_HUGE, PROBE_PLAIN);
	assert_int_equal(served.ok, 0);
	assert_string_equal(served.message, "TLS: excessive message size");
}

/* Groups that cost us seconds are given up. */
static void
groups(void **state)
{
	(void)state;
	look_at(EP_DH4096, PROBE_PLAIN);
	assert_int_equal(served.ok, 1);
	look_at(EP_DH6144, PROBE_PLAIN);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "Diffie-Hellman"));
	assert_int_equal(served.nchain, 2);
}

static void
mail(void **state)
{
	(void)state;
	look_at(EP_SMTP, PROBE_SMTP);
	expect_chain(2);
	look_at(EP_IMAP, PROBE_IMAP);
	expect_chain(2);
	look_at(EP_SMTP_NONE, PROBE_SMTP);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "does not offer STARTTLS"));
	look_at(EP_IMAP, PROBE_SMTP);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "does not speak SMTP"));
	look_at(EP_LINES_OVER, PROBE_SMTP);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "more than 262144 bytes"));
}

/* --- what is not --- */

static void
faults(void **state)
{
	static const struct {
		enum ep		 kind;
		const char	*message;
	} rows[] = {
		{ EP_CLOSE, "closed the connection" },
		{ EP_GARBAGE, "TLS: wrong version number" },
		{ EP_ENDLESS, "more than 262144 bytes" },
		{ EP_RESET, "reset by peer" },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		look_at(rows[i].kind, PROBE_PLAIN);
		assert_int_equal(served.ok, 0);
		if (strstr(served.message, rows[i].message) == NULL)
			fail_msg("%d: %s", (int)rows[i].kind, served.message);
		assert_int_equal(served.nchain, 0);
	}
	/* A certificate that OpenSSL cannot read is shown all the same. */
	look_at(EP_BAD_LEAF, PROBE_PLAIN);
	assert_int_equal(served.ok, 0);
	assert_int_equal(served.nchain, 1);
	assert_int_equal(served.chain[0].n, 7);
	assert_memory_equal(served.chain[0].p, "garbage", 7);
}

struct late {
	enum ep			 kind;
	enum probe_starttls	 starttls;
	const char		*message;
};

static const struct late late[] = {
	{ EP_STALL, PROBE_PLAIN, "no whole handshake within 5000 ms (0 bytes "
	    "came)" },
	{ EP_HALF, PROBE_PLAIN, "no whole handshake within 5000 ms (6 bytes "
	    "came)" },
	{ EP_STALL, PROBE_SMTP, "no answer to STARTTLS within 5000 ms (0 "
	    "bytes came)" },
	{ EP_SMTP_SLOW, PROBE_SMTP, "no answer to STARTTLS within 5000 ms (8 "
	    "bytes came)" },
	/* As many bytes as are taken, and no more come. */
	{ EP_LINES_AT, PROBE_SMTP, "no answer to STARTTLS within 5000 ms "
	    "(262144 bytes came)" },
};

#define NLATE	(sizeof(late) / sizeof(late[0]))

static void
timeouts(void **state)
{
	struct probe_tls	t = { 0, NULL, 0, PROBE_PLAIN, "", 5000 };
	uint64_t		ids[NLATE];
	char			host[32];
	size_t			i, n;

	(void)state;
	for (i = 0; i < NLATE; i++) {
		(void)snprintf(host, sizeof(host), "127.0.0.%zu", i + 1);
		t.host = host;
		t.port = (uint16_t)ep_port[late[i].kind];
		t.starttls = late[i].starttls;
		ids[i] = probe_client_tls(client, &t);
	}
	for (n = 0; n < NLATE; n++) {
		(void)probe_next(client);
		for (i = 0; i < NLATE && ids[i] != served.id; i++)
			;
		assert_true(i < NLATE);
		ids[i] = 0;
		assert_int_equal(served.ok, 0);
		assert_string_equal(served.message, late[i].message);
	}
}

/* Nobody listens. */
static void
refused(void **state)
{
	struct probe_tls	t = { 0, "127.0.0.1", 0, PROBE_PLAIN, "", 0 };
	int			port = 0, fd;

	(void)state;
	fd = listen_at(SOCK_STREAM, 0, &port);
	(void)close(fd);
	t.port = (uint16_t)port;
	(void)probe_client_tls(client, &t);
	(void)probe_next(client);
	assert_int_equal(served.ok, 0);
	assert_non_null(strstr(served.message, "refused"));
	assert_string_equal(served.addr, "127.0.0.1");
}

/* --- names --- */

static void
addresses(void **state)
{
	char	seen[3][16];
	size_t	i, n;

	(void)state;
	(void)look("three.test", EP_13, PROBE_PLAIN);
	for (i = 0; i < 3; i++) {
		(void)probe_next(client);
		expect_chain(2);
		assert_int_equal(served.last, i == 2);
		(void)snprintf(seen[i], sizeof(seen[i]), "%.15s",
		    served.addr);
		for (n = 0; n < i; n++)
			assert_string_not_equal(seen[n], seen[i]);
	}
	(void)look("alias.test", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	expect_chain(2);
	assert_int_equal(served.last, 1);
	/* The same address twice is one. */
	(void)look("double.test", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	assert_int_equal(served.last, 1);
	/* What is no address is passed over. */
	(void)look("odd.test", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	assert_string_equal(served.addr, "127.0.0.1");
	assert_int_equal(served.last, 1);
	/* From /etc/hosts, or because it always is. */
	(void)look("localhost", EP_13, PROBE_PLAIN);
	n = 0;
	do {
		(void)probe_next(client);
		n += (size_t)(strcmp(served.addr, "127.0.0.1") == 0 &&
		    served.ok);
	} while (!served.last);
	assert_int_equal(n, 1);
}

static void
many_addresses(void **state)
{
	static const char *const	names[] = {
		"sixteen.test", "seventeen.test"
	};
	size_t				i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)look(names[i], EP_13, PROBE_PLAIN);
		n = 0;
		do {
			(void)probe_next(client);
			expect_chain(2);
			n++;
		} while (!served.last);
		assert_int_equal(n, LIMIT_PROBE_ADDRS);
		assert_string_equal(served.note, i == 0 ? "" : "the name has "
		    "17 addresses; 16 of them are looked at");
	}
}

static void
no_addresses(void **state)
{
	static const struct {
		const char	*name, *message;
		int		 resolver;	/* it is the resolver's fault */
	} rows[] = {
		{ "nx.test", "the name does not exist", 0 },
		{ "nothing.test", "the name has no address", 0 },
		{ "fail.test", "rcode 2", 1 },
		{ "bad..name", "no name", 0 },
		{ "10.0.0.1.", "no address", 0 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)look(rows[i].name, EP_13, PROBE_PLAIN);
		(void)probe_next(client);
		assert_int_equal(served.ok, 0);
		assert_int_equal(served.last, 1);
		assert_string_equal(served.addr, "");
		if (strstr(served.message, rows[i].message) == NULL)
			fail_msg("%s: %s", rows[i].name, served.message);
		if ((strncmp(served.resolver, "127.0.0.1@", 10) == 0) !=
		    rows[i].resolver)
			fail_msg("%s: %s", rows[i].name, served.resolver);
	}
	/* One family is silent: the other is looked at, and it is said. */
	(void)look("half.test", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	expect_chain(2);
	assert_int_equal(served.last, 1);
	assert_non_null(strstr(served.note, "AAAA records cannot be had"));
}

/* --- the egress policy --- */

static void
policy(void **state)
{
	static const char *const	hosts[] = {
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1",
		"169.254.169.254", "fe80::1", "0.0.0.0", "localhost",
		"a.localhost", "three.test", "only6.test", "224.0.0.1",
	};
	struct probe_setup		s;
	struct probe_client		*open;
	size_t				i;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.resolvers[s.nresolvers++] = ns_text(NS_GOOD);
	open = client;
	client = probe_start(&s);
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)look(hosts[i], EP_13, PROBE_PLAIN);
		do {
			(void)probe_next(client);
			assert_int_equal(served.ok, 0);
			if (strstr(served.message, "allow_private") == NULL)
				fail_msg("%s: %s", hosts[i], served.message);
			assert_string_not_equal(served.addr, "");
		} while (!served.last);
	}
	probe_client_free(client);
	client = open;
	/* Each address by itself. */
	(void)look("private.test", EP_13, PROBE_PLAIN);
	for (i = 0; i < 2; i++) {
		(void)probe_next(client);
		assert_int_equal(served.ok,
		    strcmp(served.addr, "127.0.0.1") == 0);
		assert_int_equal(served.last, i == 1);
	}
}

static void
cancel(void **state)
{
	uint64_t	id, ids[10];
	size_t		i;

	(void)state;
	/* Four under way, six that wait. */
	for (i = 0; i < 10; i++)
		ids[i] = look("127.0.0.1", EP_STALL, PROBE_PLAIN);
	(void)look("127.0.0.2", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	expect_chain(2);
	for (i = 10; i > 0; i--)
		probe_client_cancel(client, ids[i - 1]);
	for (i = 0; i < 10; i++) {
		(void)probe_next(client);
		assert_int_equal(served.last, 1);
		assert_string_equal(served.message, "cancelled");
	}
	assert_int_equal(probe_client_pending(client), 0);
	/* Its places are free again. */
	for (i = 0; i < 8; i++)
		look_at(EP_13, PROBE_PLAIN);
	/* While the name is looked up. */
	id = look("silent.test", EP_13, PROBE_PLAIN);
	(void)look("127.0.0.1", EP_13, PROBE_PLAIN);
	(void)probe_next(client);
	probe_client_cancel(client, id);
	(void)probe_next(client);
	assert_int_equal(served.id, id);
	assert_string_equal(served.message, "cancelled");
	look_at(EP_13, PROBE_PLAIN);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(versions, begin, finish),
		cmocka_unit_test_setup_teardown(staples, begin, finish),
		cmocka_unit_test_setup_teardown(server_names, begin, finish),
		cmocka_unit_test_setup_teardown(long_chains, begin, finish),
		cmocka_unit_test_setup_teardown(groups, begin, finish),
		cmocka_unit_test_setup_teardown(mail, begin, finish),
		cmocka_unit_test_setup_teardown(faults, begin, finish),
		cmocka_unit_test_setup_teardown(timeouts, begin, finish),
		cmocka_unit_test_setup_teardown(refused, begin, finish),
		cmocka_unit_test_setup_teardown(addresses, begin, finish),
		cmocka_unit_test_setup_teardown(many_addresses, begin,
		    finish),
		cmocka_unit_test_setup_teardown(no_addresses, begin, finish),
		cmocka_unit_test_setup_teardown(policy, begin, finish),
		cmocka_unit_test_setup_teardown(cancel, begin, finish),
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
