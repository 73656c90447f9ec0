/* Names of a hosts file, addresses as text, resolvers as text. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/dnsserver.h"
#include "auditor/net/hosts.h"
#include "auditor/net/netaddr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limit.h"

static const char file[] =
    "# a comment\n"
    "127.0.0.1\tlocalhost\n"
    "192.0.2.1 one.example One # trailing\n"
    "   2001:db8::1   ONE.example.   \r\n"
    "192.0.2.2 two.example one.example\n"
    "not-an-address three.example\n"
    "fe80::1%eth0 zone.example\n"
    "192.0.2.9\n"
    "\n"
    "192.0.2.3 last.example";

static const char *
first(const struct hosts *h, const char *name)
{
	static char	text[NETADDR_TEXT];
	struct netaddr	a[4];

	if (hosts_find(h, name, a, 4) == 0)
		return "";
	return netaddr_text(&a[0], text);
}

static void
names(void **state)
{
	struct hosts	*h = hosts_new(SPAN_STR(file), NULL);
	struct netaddr	 a[4];
	char		 text[NETADDR_TEXT];

	(void)state;
	assert_non_null(h);
	assert_int_equal(hosts_find(h, "one.example", a, 4), 3);
	assert_string_equal(netaddr_text(&a[0], text), "192.0.2.1");
	assert_string_equal(netaddr_text(&a[1], text), "2001:db8::1");
	assert_string_equal(netaddr_text(&a[2], text), "192.0.2.2");
	/* Counted beyond what is given. */
	assert_int_equal(hosts_find(h, "one.example", a, 2), 3);
	assert_string_equal(first(h, "ONE.Example."), "192.0.2.1");
	assert_string_equal(first(h, "one"), "192.0.2.1");
	assert_string_equal(first(h, "last.example"), "192.0.2.3");
	assert_string_equal(first(h, "three.example"), "");
	assert_string_equal(first(h, "zone.example"), "");
	assert_string_equal(first(h, "trailing"), "");
	assert_string_equal(first(h, "example"), "");
	assert_string_equal(first(h, ""), "");
	hosts_free(h);
	hosts_free(NULL);
}

/* RFC 6761: this machine, unless the file says something else. */
static void
localhost(void **state)
{
	struct span	 none = { NULL, 0 };
	struct hosts	*h = hosts_new(none, NULL);
	struct netaddr	 a[2];

	(void)state;
	assert_int_equal(hosts_find(h, "localhost", a, 2), 2);
	assert_int_equal(hosts_find(h, "LOCALHOST.", a, 1), 2);
	assert_string_equal(first(h, "a.localhost"), "127.0.0.1");
	assert_string_equal(first(h, "alocalhost"), "");
	assert_string_equal(first(h, "localhost.example"), "");
	hosts_free(h);
	h = hosts_new(SPAN_STR(file), NULL);
	assert_int_equal(hosts_find(h, "localhost", a, 2), 1);
	hosts_free(h);
}

static void
limit(void **state)
{
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	struct span	 s;
	struct hosts	*h;
	char		 long_name[300];

	(void)state;
	buf_str(&b, "192.0.2.1 a\n");
	memset(buf_room(&b, LIMIT_HOSTS_FILE), '#', LIMIT_HOSTS_FILE + 1 -
	    b.n);
	s.p = b.p;
	s.n = LIMIT_HOSTS_FILE;
	h = hosts_new(s, &e);
	assert_non_null(h);
	assert_string_equal(first(h, "a"), "192.0.2.1");
	memset(long_name, 'a', sizeof(long_name));
	long_name[299] = '\0';
	assert_string_equal(first(h, long_name), "");
	hosts_free(h);
	s.n++;
	assert_null(hosts_new(s, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

static void
addresses(void **state)
{
	static const char *const	good[] = {
		"192.0.2.1", "2001:db8::1", "::1", "0.0.0.0",
	};
	struct sockaddr_storage		sa;
	struct netaddr			a, b;
	char				text[NETADDR_TEXT];
	size_t				i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(netaddr_parse(&a, good[i]), 0);
		assert_string_equal(netaddr_text(&a, text), good[i]);
		(void)netaddr_sock(&a, 443, &sa);
		assert_int_equal(netaddr_of(&b, (struct sockaddr *)&sa), 0);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	/* Both ways to write IPv4 are one address. */
	assert_int_equal(netaddr_parse(&a, "192.0.2.1"), 0);
	assert_int_equal(netaddr_parse(&b, "::ffff:192.0.2.1"), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(netaddr_is4(&b));
	assert_int_equal(netaddr_sock(&b, 1, &sa), sizeof(struct sockaddr_in));
	assert_int_equal(netaddr_parse(&a, "192.0.2"), -1);
	assert_int_equal(netaddr_parse(&a, "name"), -1);
	assert_int_equal(netaddr_parse(&a, "fe80::1%lo"), -1);
	assert_int_equal(netaddr_bytes(&a, "12345", 5), -1);
	sa.ss_family = AF_UNIX;
	assert_int_equal(netaddr_of(&a, (struct sockaddr *)&sa), -1);
}

static unsigned
port_of(const struct dnsserver *s)
{
	struct sockaddr_in6	v6;
	struct sockaddr_in	v4;

	if (s->sa.ss_family == AF_INET6) {
		memcpy(&v6, &s->sa, sizeof(v6));
		return ntohs(v6.sin6_port);
	}
	memcpy(&v4, &s->sa, sizeof(v4));
	return ntohs(v4.sin_port);
}

static void
resolvers(void **state)
{
	static const char *const	bad[] = {
		"", "name", "192.0.2.1@", "192.0.2.1@0", "192.0.2.1@65536",
		"192.0.2.1@5x", "192.0.2.1@ 5", "@53", "192.0.2.1:53",
		"fe80::1%no-such-interface",
	};
	struct dnsservers		l;
	struct err			e = ERR_INIT;
	size_t				i;

	(void)state;
	memset(&l, 0, sizeof(l));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(dnsserver_add(&l, bad[i], &e), -1);
		assert_int_equal(e.code, ERR_CONF);
	}
	assert_int_equal(l.n, 0);
	assert_int_equal(dnsserver_add(&l, "192.0.2.1", NULL), 0);
	assert_int_equal(port_of(&l.v[0]), 53);
	assert_int_equal(dnsserver_add(&l, "127.0.0.1@5353", NULL), 0);
	assert_int_equal(port_of(&l.v[1]), 5353);
	assert_string_equal(l.v[1].text, "127.0.0.1@5353");
	assert_int_equal(dnsserver_add(&l, "2001:db8::1@65535", NULL), 0);
	assert_int_equal(l.v[2].sa.ss_family, AF_INET6);
	assert_int_equal(port_of(&l.v[2]), 65535);
	assert_int_equal(dnsserver_add(&l, "fe80::1%lo", NULL), 0);
	while (l.n < DNSSERVER_MAX)
		assert_int_equal(dnsserver_add(&l, "192.0.2.1", NULL), 0);
	err_clear(&e);
	assert_int_equal(dnsserver_add(&l, "192.0.2.1", &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
resolv_conf(void **state)
{
	struct dnsservers	l;
	struct span		none = { NULL, 0 };
	int			i;
	struct buf		b = BUF_INIT;

	(void)state;
	memset(&l, 0, sizeof(l));
	dnsserver_conf(&l, SPAN_STR("# nameserver 192.0.2.7\n"
	    "search example\nnameserver 192.0.2.1\n; x\n"
	    "nameserver\t2001:db8::1 \nnameserver bad\nnameserver\n"
	    "options edns0\n nameserver 192.0.2.1@1\nnameserver 192.0.2.2"));
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].text, "192.0.2.1");
	assert_string_equal(l.v[1].text, "2001:db8::1");
	assert_string_equal(l.v[2].text, "192.0.2.2");
	memset(&l, 0, sizeof(l));
	dnsserver_conf(&l, none);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].text, "127.0.0.1");
	memset(&l, 0, sizeof(l));
	for (i = 0; i < DNSSERVER_MAX + 1; i++)
		buf_fmt(&b, "nameserver 192.0.2.%d\n", i);
	dnsserver_conf(&l, buf_bytes(&b));
	assert_int_equal(l.n, DNSSERVER_MAX);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(localhost),
		cmocka_unit_test(limit),
		cmocka_unit_test(addresses),
		cmocka_unit_test(resolvers),
		cmocka_unit_test(resolv_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
