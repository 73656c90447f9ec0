#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "auditor/net/egress.h"
#include "base/err.h"
#include "base/limit.h"

static struct sockaddr_storage	address;

static const struct sockaddr *
addr(const char *text)
{
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;

	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	v6.sin6_family = AF_INET6;
	memset(&address, 0, sizeof(address));
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		memcpy(&address, &v4, sizeof(v4));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		memcpy(&address, &v6, sizeof(v6));
	else
		fail_msg("%s", text);
	return (const struct sockaddr *)&address;
}

struct row {
	const char	*text;
	int		 ok;
};

/* Each network at its first and last address, and the neighbours. */
static const struct row rows[] = {
	{ "0.0.0.0", 0 }, { "0.255.255.255", 0 }, { "1.0.0.0", 1 },
	{ "9.255.255.255", 1 }, { "10.0.0.0", 0 }, { "10.255.255.255", 0 },
	{ "11.0.0.0", 1 },
	{ "100.63.255.255", 1 }, { "100.64.0.0", 0 },
	{ "100.127.255.255", 0 }, { "100.128.0.0", 1 },
	{ "126.255.255.255", 1 }, { "127.0.0.0", 0 }, { "127.0.0.1", 0 },
	{ "127.255.255.255", 0 }, { "128.0.0.0", 1 },
	{ "169.253.255.255", 1 }, { "169.254.0.0", 0 },
	{ "169.254.169.254", 0 }, { "169.254.255.255", 0 },
	{ "169.255.0.0", 1 },
	{ "172.15.255.255", 1 }, { "172.16.0.0", 0 },
	{ "172.31.255.255", 0 }, { "172.32.0.0", 1 },
	{ "191.255.255.255", 1 }, { "192.0.0.0", 0 }, { "192.0.0.255", 0 },
	{ "192.0.1.0", 1 }, { "192.0.2.0", 0 }, { "192.0.2.255", 0 },
	{ "192.0.3.0", 1 },
	{ "192.167.255.255", 1 }, { "192.168.0.0", 0 },
	{ "192.168.255.255", 0 }, { "192.169.0.0", 1 },
	{ "198.17.255.255", 1 }, { "198.18.0.0", 0 },
	{ "198.19.255.255", 0 }, { "198.20.0.0", 1 },
	{ "198.51.99.255", 1 }, { "198.51.100.0", 0 },
	{ "198.51.100.255", 0 }, { "198.51.101.0", 1 },
	{ "203.0.112.255", 1 }, { "203.0.113.0", 0 },
	{ "203.0.113.255", 0 }, { "203.0.114.0", 1 },
	{ "223.255.255.255", 1 }, { "224.0.0.0", 0 },
	{ "239.255.255.255", 0 }, { "240.0.0.0", 0 },
	{ "255.255.255.255", 0 },
	{ "8.8.8.8", 1 },
	{ "::", 0 }, { "::1", 0 }, { "::127.0.0.1", 0 }, { "::8.8.8.8", 0 },
	{ "::ffff:127.0.0.1", 0 }, { "::ffff:10.0.0.1", 0 },
	{ "::ffff:8.8.8.8", 1 }, { "::fffe:8.8.8.8", 0 },
	{ "64:ff9b::8.8.8.8", 0 }, { "64:ff9b::7f00:1", 0 },
	{ "100::1", 0 },
	{ "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0 },
	{ "2000::", 1 }, { "2001::", 0 }, { "2001::1", 0 },
	{ "2001:1ff:ffff::", 0 }, { "2001:200::", 1 },
	{ "2001:db7:ffff::", 1 }, { "2001:db8::", 0 },
	{ "2001:db8:ffff:ffff::1", 0 }, { "2001:db9::", 1 },
	{ "2001:ffff::", 1 }, { "2002::", 0 }, { "2002:7f00:1::", 0 },
	{ "2002:808:808::1", 0 },
	{ "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0 }, { "2003::", 1 },
	{ "2606:4700::1111", 1 }, { "3ffe:ffff::", 1 }, { "3fff::1", 0 },
	{ "3fff:0fff:ffff::", 0 }, { "3fff:1000::", 1 },
	{ "4000::", 0 }, { "fc00::1", 0 }, { "fd12::1", 0 },
	{ "fe80::1", 0 }, { "fec0::1", 0 }, { "ff02::1", 0 },
};

static void
addresses(void **state)
{
	struct egress	g = EGRESS_INIT;
	struct err	e;
	size_t		i;
	int		bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = (struct err)ERR_INIT;
		if ((egress_addr_ok(&g, addr(rows[i].text), &e) == 0) !=
		    rows[i].ok || (e.code == ERR_PERM) == rows[i].ok) {
			print_message("%s\n", rows[i].text);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void
other_families(void **state)
{
	struct egress		g = EGRESS_INIT;
	struct sockaddr_un	u;

	(void)state;
	memset(&u, 0, sizeof(u));
	u.sun_family = AF_UNIX;
	assert_int_equal(egress_addr_ok(&g, (const struct sockaddr *)&u,
	    NULL), -1);
	assert_int_equal(egress_is_allowed_private(&g,
	    (const struct sockaddr *)&u), 0);
}

struct allow_row {
	const char	*net;
	const char	*addr;
	int		 in;
};

static const struct allow_row allow_rows[] = {
	{ "127.0.0.0/8", "127.0.0.1", 1 },
	{ "127.0.0.0/8", "127.255.255.255", 1 },
	{ "127.0.0.0/8", "126.255.255.255", 0 },
	{ "127.0.0.0/8", "128.0.0.0", 0 },
	{ "127.0.0.0/8", "::ffff:127.0.0.1", 1 },
	{ "127.0.0.0/8", "::1", 0 },
	{ "127.0.0.0/8", "::127.0.0.1", 0 },
	{ "10.1.2.3", "10.1.2.3", 1 },
	{ "10.1.2.3", "10.1.2.4", 0 },
	{ "10.1.2.2/31", "10.1.2.3", 1 },
	{ "10.1.2.2/31", "10.1.2.4", 0 },
	{ "10.1.2.2/31", "10.1.2.1", 0 },
	{ "0.0.0.0/0", "10.0.0.1", 1 },
	{ "0.0.0.0/0", "fc00::1", 0 },
	{ "::1", "::1", 1 },
	{ "::1/128", "::2", 0 },
	{ "fd00::/8", "fd12::1", 1 },
	{ "fd00::/8", "fc00::1", 0 },
	{ "fe80::/10", "febf::1", 1 },
	{ "fe80::/10", "fec0::1", 0 },
};

static void
allow(void **state)
{
	const struct allow_row	*r;
	struct egress		 g;
	struct err		 e;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(allow_rows) / sizeof(allow_rows[0]); i++) {
		r = &allow_rows[i];
		memset(&g, 0, sizeof(g));
		e = (struct err)ERR_INIT;
		assert_int_equal(egress_parse_allow(&g, r->net, &e), 0);
		if (egress_is_allowed_private(&g, addr(r->addr)) != r->in)
			fail_msg("%s %s", r->net, r->addr);
		if (r->in)
			assert_int_equal(egress_addr_ok(&g, addr(r->addr),
			    &e), 0);
		egress_free(&g);
	}
}

static void
allow_refused(void **state)
{
	static const char *const	texts[] = {
		"", "/", "127.0.0.1/", "127.0.0.1/33", "127.0.0.0/-1",
		"127.0.0.0/8x", "127.0.0.0/ 8", "127.0.0.1/8", "127/8",
		"::1/129", "fd00::1/8", "localhost", "example.com/8",
		"10.0.0.0/8/8", "10.0.0.0/+8", "10.0.0.0/99999999999999999999",
		"::00000000000000000000000000000000000000000000000000001",
	};
	struct egress			g = EGRESS_INIT;
	struct err			e;
	char				longest[100];
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		e = (struct err)ERR_INIT;
		if (egress_parse_allow(&g, texts[i], &e) == 0)
			fail_msg("\"%s\"", texts[i]);
		assert_int_equal(e.code, ERR_CONF);
	}
	assert_int_equal(g.n, 0);
	/* Longer than any address, without and with a prefix length. */
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(egress_parse_allow(&g, longest, NULL), -1);
	longest[70] = '/';
	assert_int_equal(egress_parse_allow(&g, longest, NULL), -1);
	for (i = 0; i < LIMIT_EGRESS_NETS; i++)
		assert_int_equal(egress_parse_allow(&g, "::1", NULL), 0);
	assert_int_equal(egress_parse_allow(&g, "::1", NULL), -1);
	egress_free(&g);
}

/* Plain http: to all for revocation, to allow_private for the others. */
static void
schemes(void **state)
{
	struct egress	g = EGRESS_INIT;
	int		c;

	(void)state;
	assert_int_equal(egress_parse_allow(&g, "127.0.0.0/8", NULL), 0);
	for (c = 0; c < EGRESS_CLASS_MAX; c++) {
		assert_int_equal(egress_conn_ok(&g, (enum egress_class)c, 1,
		    addr("8.8.8.8"), NULL), 0);
		assert_int_equal(egress_conn_ok(&g, (enum egress_class)c, 0,
		    addr("8.8.8.8"), NULL),
		    c == EGRESS_REVOCATION ? 0 : -1);
		assert_int_equal(egress_conn_ok(&g, (enum egress_class)c, 0,
		    addr("127.0.0.1"), NULL), 0);
		assert_int_equal(egress_conn_ok(&g, (enum egress_class)c, 1,
		    addr("10.0.0.1"), NULL), -1);
		assert_int_equal(egress_conn_ok(&g, (enum egress_class)c, 0,
		    addr("10.0.0.1"), NULL), -1);
	}
	egress_free(&g);
}

/* What a URL may look like: for a log without and with allow_private, and
 * for revocation. */
struct url_row {
	const char	*url;
	int		 log, log_private, revocation;
};

static const struct url_row url_rows[] = {
	{ "https://log.example/", 1, 1, 1 },
	{ "HTTPS://log.example/", 1, 1, 1 },
	{ "https://log.example", 1, 1, 1 },
	{ "https://log.example?x=@", 1, 1, 1 },
	{ "https://log.example:8443/x", 1, 1, 1 },
	{ "https://log.example:25/x", 1, 1, 0 },
	{ "https://log.example:443/", 1, 1, 1 },
	{ "http://ocsp.example/", 0, 1, 1 },
	{ "http://ocsp.example:8080/", 0, 1, 1 },
	{ "http://ocsp.example:1023/", 0, 1, 0 },
	{ "http://ocsp.example:1024/", 0, 1, 1 },
	{ "http://ocsp.example:80/", 0, 1, 1 },
	{ "https://[2606:4700::1111]/", 1, 1, 1 },
	{ "https://[2606:4700::1111]:25/", 1, 1, 0 },
	{ "https://log.example/a@b", 1, 1, 1 },
	{ "https://log.example:0/", 0, 0, 0 },
	{ "https://log.example:65535/", 1, 1, 1 },
	{ "https://log.example:65536/", 0, 0, 0 },
	{ "https://log.example:999999/", 0, 0, 0 },
	{ "https://log.example:/", 0, 0, 0 },
	{ "https://a@log.example/", 0, 0, 0 },
	{ "https://a:b@log.example/", 0, 0, 0 },
	{ "https://@log.example/", 0, 0, 0 },
	{ "https:///x", 0, 0, 0 },
	{ "https://", 0, 0, 0 },
	{ "https:log.example", 0, 0, 0 },
	{ "//log.example/", 0, 0, 0 },
	{ "log.example", 0, 0, 0 },
	{ "", 0, 0, 0 },
	{ "ftp://log.example/", 0, 0, 0 },
	{ "file:///etc/passwd", 0, 0, 0 },
	{ "gopher://log.example/", 0, 0, 0 },
	{ "ldap://ldap.example/cn=x", 0, 0, 0 },
	{ "https://log.example/a b", 0, 0, 0 },
	{ "https://log.example/\r\nX: y", 0, 0, 0 },
	{ "https://log.example/\t", 0, 0, 0 },
	{ "https://log.example\\@evil.example/", 0, 0, 0 },
	{ "https://l\xc3\xb6g.example/", 0, 0, 0 },
	{ "https://log.example/\x7f", 0, 0, 0 },
	{ " https://log.example/", 0, 0, 0 },
};

static void
urls(void **state)
{
	const struct url_row	*r;
	struct egress		 none = EGRESS_INIT, some = EGRESS_INIT;
	size_t			 i;
	int			 bad = 0;

	(void)state;
	assert_int_equal(egress_parse_allow(&some, "127.0.0.0/8", NULL), 0);
	for (i = 0; i < sizeof(url_rows) / sizeof(url_rows[0]); i++) {
		r = &url_rows[i];
		if ((egress_url_ok(&none, r->url, EGRESS_LOG, NULL) == 0) !=
		    r->log ||
		    (egress_url_ok(&some, r->url, EGRESS_ACME, NULL) == 0) !=
		    r->log_private ||
		    (egress_url_ok(&none, r->url, EGRESS_REVOCATION, NULL) ==
		    0) != r->revocation) {
			print_message("%s\n", r->url);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	egress_free(&some);
}

static void
url_length(void **state)
{
	struct egress	g = EGRESS_INIT;
	char		url[2050];

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://log.example/", 20);
	url[2047] = '\0';
	assert_int_equal(egress_url_ok(&g, url, EGRESS_LOG, NULL), 0);
	url[2047] = 'a';
	url[2048] = '\0';
	assert_int_equal(egress_url_ok(&g, url, EGRESS_LOG, NULL), -1);
}

/* Only the text counts: what a name leads to changes. */
static void
own(void **state)
{
	static const struct {
		const char	*url;
		int		 own;
	} r[] = {
		{ "http://log.example/", 1 },
		{ "HTTP://127.0.0.1/", 1 },
		{ "https://127.0.0.1/", 1 },
		{ "https://127.0.0.1", 1 },
		{ "HTTPS://127.255.0.1:8443/x?y#z", 1 },
		{ "https://127.0.0.1?x", 1 },
		{ "https://[fd00::1]:443/", 1 },
		{ "https://[fd00::1]", 1 },
		{ "https://[::ffff:127.0.0.1]/", 1 },
		{ "https://10.0.0.1/", 0 },
		{ "https://192.0.2.1:443/", 0 },
		{ "https://[::1]/", 0 },
		{ "https://fd00::1/", 0 },
		{ "https://[fd00::1", 0 },
		{ "https://[", 0 },
		{ "https://]", 0 },
		{ "https://", 0 },
		{ "https://localhost/", 0 },
		{ "https://127.0.0.1.example/", 0 },
		{ "https://x/127.0.0.1/", 0 },
		{ "https://127.1/", 0 },
		{ "https://127.0.0.1:80@log.example/", 0 },
		{ "https://127.0.0.1@log.example/", 0 },
		{ "https://[fd00::1]:1@log.example/", 0 },
		{ "https://[fd00::1].log.example/", 0 },
		{ "https://[fd00::1/]", 0 },
		{ "https://127.0.0.1/@", 1 },
		{ "https://127.0.0.1111111111111111111111111111111111111111"
		  "111111111111111111111111111111111111111111111111111", 0 },
		{ "ftp://127.0.0.1/", 0 },
		{ "", 0 },
	};
	struct egress	g = EGRESS_INIT;
	size_t		i;
	int		bad = 0;

	(void)state;
	assert_int_equal(egress_parse_allow(&g, "127.0.0.0/8", NULL), 0);
	assert_int_equal(egress_parse_allow(&g, "fd00::/8", NULL), 0);
	for (i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (egress_url_own(&g, r[i].url) != r[i].own) {
			print_message("%s\n", r[i].url);
			bad++;
		}
	assert_int_equal(bad, 0);
	egress_free(&g);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(other_families),
		cmocka_unit_test(allow),
		cmocka_unit_test(allow_refused),
		cmocka_unit_test(schemes),
		cmocka_unit_test(urls),
		cmocka_unit_test(url_length),
		cmocka_unit_test(own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
