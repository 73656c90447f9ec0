/* Updates against those that made_tsig.py wrote from RFC 2136. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/dnsserver.h"
#include "auditor/net/dnsupdate.h"
#include "base/err.h"
#include "base/limit.h"
#include "tests/unit/auditor/made_tsig.h"

static struct buf	b;
static struct err	e;
static char		text[LIMIT_DNS_VALUE + 2];

static const struct dnsupdate	base = {
	DNSUPDATE_ADD, "example.org", MADE_NAME, MADE_VALUE, 60
};

static void
is(const struct dnsupdate *u, const uint8_t *want, size_t n)
{
	assert_int_equal(dnsupdate_pack(&b, 0x1234, u, NULL), 0);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, want, n);
}

static void
packs(void **state)
{
	struct dnsupdate	u = base;

	(void)state;
	is(&u, made_add, sizeof(made_add));
	u.what = DNSUPDATE_DELETE;
	is(&u, made_delete, sizeof(made_delete));
	u.what = DNSUPDATE_MAY;
	is(&u, made_may, sizeof(made_may));
	u.what = DNSUPDATE_KEY;
	u.name = NULL;
	u.value = NULL;
	is(&u, made_key, sizeof(made_key));
	u = base;
	u.value = text;
	memset(text, 'x', 600);
	text[600] = '\0';
	is(&u, made_long, sizeof(made_long));
	text[255] = '\0';
	is(&u, made_edge, sizeof(made_edge));
}

static enum err_code
refused(const char *zone, const char *name, const char *value)
{
	struct dnsupdate	u = base;

	u.zone = zone;
	u.name = name;
	u.value = value;
	err_clear(&e);
	assert_int_equal(dnsupdate_pack(&b, 1, &u, &e), -1);
	return e.code;
}

static void
limits(void **state)
{
	struct dnsupdate	u = base;

	(void)state;
	assert_int_equal(refused("example.org", "www.example.com", "x"),
	    ERR_FORMAT);
	assert_non_null(strstr(e.msg, "does not lie in zone"));
	assert_int_equal(refused("example.org", "wwwexample.org", "x"),
	    ERR_FORMAT);
	assert_int_equal(refused("example.org", "a..example.org", "x"),
	    ERR_FORMAT);
	assert_int_equal(refused("", "", "x"), ERR_FORMAT);
	assert_int_equal(refused("example.org", "example.org", "\n"),
	    ERR_FORMAT);
	assert_int_equal(refused("example.org", "example.org", "\xc3\xa4"),
	    ERR_FORMAT);
	memset(text, 'x', sizeof(text));
	text[LIMIT_DNS_VALUE + 1] = '\0';
	assert_int_equal(refused("example.org", "example.org", text),
	    ERR_LIMIT);
	text[LIMIT_DNS_VALUE] = '\0';
	u.value = text;
	u.name = "Example.ORG";
	assert_int_equal(dnsupdate_pack(&b, 1, &u, NULL), 0);
}

static void
reads(void **state)
{
	static const uint8_t	ok[] = { 0x12, 0x34, 0xa8, 5, 0, 0, 0, 0, 0,
				    0, 0, 0 };
	uint8_t			p[sizeof(ok)];
	struct span		s = { p, sizeof(p) };
	size_t			i;

	(void)state;
	memcpy(p, ok, sizeof(p));
	assert_int_equal(dnsupdate_read(s, 0x1234, NULL), 5);
	err_clear(&e);
	assert_int_equal(dnsupdate_read(s, 0x1235, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	p[2] = 0x28;		/* a request */
	assert_int_equal(dnsupdate_read(s, 0x1234, NULL), -1);
	p[2] = 0x80;		/* an answer to a query */
	assert_int_equal(dnsupdate_read(s, 0x1234, NULL), -1);
	memcpy(p, ok, sizeof(p));
	for (i = 0; i < sizeof(p); i++) {
		s.n = i;
		assert_int_equal(dnsupdate_read(s, 0x1234, NULL), -1);
	}
}

static void
codes(void **state)
{
	static const struct {
		int		 rcode;
		enum err_code	 code;
		const char	*says;
	} v[] = {
		{ 1, ERR_FORMAT, "FORMERR" },
		{ 2, ERR_TEMP, "SERVFAIL" },
		{ 3, ERR_FORMAT, "NXDOMAIN" },
		{ 4, ERR_CONF, "takes no updates (NOTIMP)" },
		{ 5, ERR_PERM, "does not let key \"k\" update TXT records of "
		    MADE_NAME " in zone example.org (REFUSED)" },
		{ 6, ERR_FORMAT, "YXDOMAIN" },
		{ 7, ERR_FORMAT, "YXRRSET" },
		{ 8, ERR_CONF, "NXRRSET" },
		{ 9, ERR_CONF, "not the primary server of zone example.org "
		    "(NOTAUTH)" },
		{ 10, ERR_CONF, "NOTZONE" },
		{ 11, ERR_FORMAT, "RCODE 11" },
		{ 15, ERR_FORMAT, "RCODE 15" },
	};
	struct dnsupdate	u = base;
	char			out[16];
	size_t			i;

	(void)state;
	assert_int_equal(dnsupdate_err(0, &u, "ns", "k", NULL), 0);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		err_clear(&e);
		assert_int_equal(dnsupdate_err(v[i].rcode, &u, "192.0.2.1",
		    "k", &e), -1);
		assert_int_equal(e.code, v[i].code);
		assert_non_null(strstr(e.msg, v[i].says));
		assert_non_null(strstr(e.msg, "192.0.2.1"));
	}
	u.what = DNSUPDATE_KEY;
	u.name = NULL;
	err_clear(&e);
	assert_int_equal(dnsupdate_err(5, &u, "ns", "k", &e), -1);
	assert_non_null(strstr(e.msg, "update zone example.org"));
	assert_string_equal(dnsupdate_rcode(0, out), "NOERROR");
	assert_string_equal(dnsupdate_rcode(-1, out), "RCODE -1");
}

static void
values(void **state)
{
	static const struct {
		const char	*rdata;
		size_t		 n;
		const char	*value;
		int		 is;
	} v[] = {
		{ "\3abc", 4, "abc", 1 },
		{ "\1a\2bc", 5, "abc", 1 },
		{ "\0\3abc\0", 6, "abc", 1 },
		{ "\0", 1, "", 1 },
		{ "", 0, "", 0 },
		{ "\3abc", 4, "ab", 0 },
		{ "\3abc", 4, "abcd", 0 },
		{ "\3abc", 4, "abC", 0 },
		{ "\3abc\1d", 6, "abc", 0 },
		{ "\4abc", 4, "abc", 0 },
		{ "\3abc\1", 5, "abc", 0 },
		{ "\3a\0c", 4, "a", 0 },
	};
	struct span	s;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		s.p = (const uint8_t *)v[i].rdata;
		s.n = v[i].n;
		assert_int_equal(dnsupdate_is(s, v[i].value), v[i].is);
	}
}

static void
servers(void **state)
{
	static const struct {
		const char	*text;
		int		 family, port;	/* 0: refused */
	} v[] = {
		{ "192.0.2.1", AF_INET, 53 },
		{ "192.0.2.1:5353", AF_INET, 5353 },
		{ "192.0.2.1@5353", AF_INET, 5353 },
		{ "2001:db8::1", AF_INET6, 53 },
		{ "2001:db8::1@54", AF_INET6, 54 },
		{ "[2001:db8::1]", AF_INET6, 53 },
		{ "[2001:db8::1]:65535", AF_INET6, 65535 },
		{ "::1", AF_INET6, 53 },
		{ "", 0, 0 }, { ":", 0, 0 }, { "@", 0, 0 }, { "[]", 0, 0 },
		{ "[", 0, 0 }, { "[::1", 0, 0 }, { "[::1]x", 0, 0 },
		{ "[::1]:", 0, 0 }, { "[::1]:0", 0, 0 }, { "[::1]@53", 0, 0 },
		{ "192.0.2.1:65536", 0, 0 }, { "192.0.2.1:", 0, 0 },
		{ "192.0.2.1:5x", 0, 0 }, { "ns.example.org", 0, 0 },
		{ "ns.example.org:53", 0, 0 }, { "[192.0.2.1]:53", 0, 0 },
	};
	struct dnsserver	s;
	char			port[16];
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		err_clear(&e);
		if (v[i].family == 0) {
			if (dnsserver_read(&s, v[i].text, &e) == 0)
				print_message("%s\n", v[i].text);
			assert_int_equal(e.code, ERR_CONF);
			continue;
		}
		assert_int_equal(dnsserver_read(&s, v[i].text, NULL), 0);
		assert_int_equal(s.sa.ss_family, v[i].family);
		/* The port stands at the same place in both. */
		(void)snprintf(port, sizeof(port), "%d",
		    ((uint8_t *)&s.sa)[2] << 8 | ((uint8_t *)&s.sa)[3]);
		(void)snprintf(text, sizeof(text), "%d", v[i].port);
		assert_string_equal(port, text);
		assert_string_equal(s.text, v[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(packs),
		cmocka_unit_test(limits),
		cmocka_unit_test(reads),
		cmocka_unit_test(codes),
		cmocka_unit_test(values),
		cmocka_unit_test(servers),
	};
	int	r;

	r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&b);
	return r;
}
