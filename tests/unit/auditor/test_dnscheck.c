/* Where values belong, and whether they are seen, on servers of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/net/dnscheck.h"
#include "auditor/net/dnsns.h"
#include "auditor/net/egress.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/zoneserver.h"

#define R	1u		/* the resolver, 127.0.0.1 */
#define NS1	2u
#define NS2	4u
#define ALL	(R | NS1 | NS2)
#define CH	"_acme-challenge."

#define HEX(m, x) m(x, "1") m(x, "2") m(x, "3") m(x, "4") m(x, "5") \
	m(x, "6") m(x, "7") m(x, "8") m(x, "9") m(x, "10") m(x, "11") \
	m(x, "12") m(x, "13") m(x, "14") m(x, "15") m(x, "16") m(x, "17")
#define MANY_NS(x, i) { R, x, DNS_NS, "ns" i "." x, 0 }, \
	{ R, "ns" i "." x, DNS_A, "127.1.0." i, 0 },
#define WIDE_A(x, i) { R, "ns.wide.test", DNS_A, x i, 0 },

static const struct zs_rr	table[] = {
	{ ALL, "example.test", DNS_SOA, "", 0 },
	{ ALL, "example.test", DNS_NS, "ns1.example.test", 0 },
	{ ALL, "example.test", DNS_NS, "NS2.example.test", 0 },
	{ ALL, "ns1.example.test", DNS_A, "127.0.0.2", 0 },
	{ ALL, "ns2.example.test", DNS_A, "127.0.0.3", 0 },
	{ ALL, CH "good.example.test", DNS_TXT, "one", 0 },
	{ ALL, CH "good.example.test", DNS_TXT, "two", 0 },
	/* the second server is slower */
	{ R | NS1, CH "slow.example.test", DNS_TXT, "one", 0 },
	{ NS2, CH "slow.example.test", DNS_TXT, "one", 3 },
	{ NS1, CH "half.example.test", DNS_TXT, "one", 0 },
	{ NS2, CH "half.example.test", DNS_TXT, "other", 0 },
	{ NS1, CH "mute.example.test", DNS_TXT, "one", 0 },
	{ NS2, CH "mute.example.test", ZS_SILENT, "", 0 },
	{ NS1, CH "sick.example.test", ZS_FAIL, "", 0 },
	{ NS2, CH "sick.example.test", DNS_TXT, "one", 0 },
	{ R, CH "ill.example.test", ZS_FAIL, "", 0 },
	{ ALL, CH "alias.example.test", DNS_CNAME, CH "www.other.test", 0 },
	{ NS1 | NS2, CH "new.example.test", DNS_CNAME, CH "www.other.test",
	    0 },
	{ R, "other.test", DNS_SOA, "", 0 },
	{ R, "other.test", DNS_NS, "ns.other.test", 0 },
	{ R, "ns.other.test", DNS_A, "127.0.0.4", 0 },
	{ 8, "other.test", DNS_SOA, "", 0 },
	{ R | 8, CH "www.other.test", DNS_TXT, "one", 0 },
	/* a zone cut below the first label */
	{ R, "sub.example.test", DNS_SOA, "", 0 },
	/* servers that cannot be asked */
	{ R, "far.test", DNS_SOA, "", 0 },
	{ R, "far.test", DNS_NS, "ns1.far.test", 0 },
	{ R, "far.test", DNS_NS, "ns1.example.test", 0 },
	{ R, "ns1.far.test", DNS_A, "10.1.2.3", 0 },
	{ R, "ns1.far.test", DNS_A, "127.0.0.2", 0 },
	{ NS1, "far.test", DNS_SOA, "", 0 },
	{ NS1, CH "far.test", DNS_TXT, "one", 0 },
	{ R, "off.test", DNS_SOA, "", 0 },
	{ R, "off.test", DNS_NS, "ns.off.test", 0 },
	{ R, "ns.off.test", DNS_A, "255.255.255.255", 0 },
	{ R, "bare.test", DNS_SOA, "", 0 },
	{ R, "nowhere.test", DNS_SOA, "", 0 },
	{ R, "nowhere.test", DNS_NS, "ns.nowhere.test", 0 },
	/* as many servers as are asked, and one more; and addresses */
	{ R, "many.test", DNS_SOA, "", 0 },
	HEX(MANY_NS, "many.test")
	{ R, "wide.test", DNS_SOA, "", 0 },
	{ R, "wide.test", DNS_NS, "ns.wide.test", 0 },
	HEX(WIDE_A, "127.1.0.") HEX(WIDE_A, "127.1.1.")
	HEX(WIDE_A, "127.1.2.")
	{ 0, NULL, 0, NULL, 0 }
};

static struct dnsservers	lookup, primary;
static struct egress		egress;
static struct err		e;
static const char *const	both[] = { "one", "two" };

static void
servers(struct dnsservers *l, int i, int direct)
{
	memset(l, 0, sizeof(*l));
	l->direct = direct;
	assert_int_equal(dnsserver_add(l, zs_text(i), NULL), 0);
}

/* Until it ends, on a clock that jumps when nothing comes for ${ms}. */
static struct dnscheck *
check(const struct dnscheck_opts *o, const char *name, size_t n, int ms)
{
	struct dnscheck	*c = dnscheck_new(o, name, both, n, 1000);
	struct pollfd	 p[DNSCHECK_POLLS];
	int64_t		 now = 1000;
	size_t		 k;
	int		 i;

	for (i = 0; i < 1000 && !dnscheck_turn(c, now); i++) {
		assert_true(dnscheck_when(c) > now);
		k = dnscheck_polls(c, p, DNSCHECK_POLLS);
		if (k == 0 || poll(p, k, ms) == 0)
			now = dnscheck_when(c);
	}
	assert_true(i < 1000);
	assert_int_equal(dnscheck_when(c), 0);
	assert_int_equal(dnscheck_polls(c, p, DNSCHECK_POLLS), 0);
	err_clear(&e);
	return c;
}

static struct dnscheck_opts
opts(enum dnscheck_mode mode, uint32_t ms)
{
	struct dnscheck_opts	o;

	servers(&lookup, 0, 0);
	memset(&o, 0, sizeof(o));
	o.mode = mode;
	o.lookup = o.resolvers = &lookup;
	o.port = (uint16_t)zs_port;
	o.timeout_ms = ms;
	return o;
}

static const struct dnscheck_server *
server(const struct dnscheck *c, size_t i)
{
	const struct dnscheck_server	*s;

	assert_true(i < dnscheck_servers(c, &s));
	return &s[i];
}

static void
shown(void **state)
{
	struct dnscheck_opts	 o = opts(DNSCHECK_AUTHORITATIVE, 0);
	struct dnscheck		*c;

	(void)state;
	c = check(&o, CH "good.example.test", 2, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	assert_int_equal(dnscheck_rounds(c), 1);
	assert_string_equal(server(c, 0)->sentence,
	    "ns1.example.test (127.0.0.2) shows all values");
	assert_int_equal(server(c, 1)->state, DNSCHECK_SHOWN);
	dnscheck_free(c);
	/* Asked again after 1, 2 and 4 s. */
	c = check(&o, CH "slow.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	assert_int_equal(dnscheck_rounds(c), 4);
	dnscheck_free(c);
	/* Where a CNAME leads, at the servers of that zone. */
	c = check(&o, CH "alias.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	assert_string_equal(server(c, 0)->sentence,
	    "ns.other.test (127.0.0.4) shows the value");
	dnscheck_free(c);
	dnscheck_free(NULL);
}

/* 1, 2, 4, 8, 15, 15 seconds: rounds that fit into a time. */
static void
steps(void **state)
{
	static const struct {
		uint32_t	ms;
		unsigned	rounds;
	} v[] = { { 999, 1 }, { 1001, 2 }, { 3001, 3 }, { 7001, 4 },
		{ 15001, 5 }, { 30001, 6 }, { 45001, 7 }, { 44900, 6 } };
	struct dnscheck_opts	 o;
	struct dnscheck		*c;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		o = opts(DNSCHECK_AUTHORITATIVE, v[i].ms);
		c = check(&o, CH "half.example.test", 1, WAIT_MS);
		assert_int_equal(dnscheck_rounds(c), v[i].rounds);
		assert_int_equal(dnscheck_result(c, &e), -1);
		assert_int_equal(e.code, ERR_TEMP);
		assert_string_equal(e.msg, "ns2.example.test (127.0.0.3) "
		    "shows 0 of 1 values, and 1 others, at "
		    "_acme-challenge.half.example.test");
		assert_int_equal(server(c, 0)->state, DNSCHECK_SHOWN);
		dnscheck_free(c);
	}
}

static void
broken(void **state)
{
	struct dnscheck_opts	 o = opts(DNSCHECK_AUTHORITATIVE, 6000);
	struct dnscheck		*c;

	(void)state;
	c = check(&o, CH "mute.example.test", 1, 1500);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_string_equal(e.msg, "ns2.example.test (127.0.0.3) did not "
	    "answer");
	dnscheck_free(c);
	c = check(&o, CH "sick.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "ns1.example.test (127.0.0.2) answers "
	    "SERVFAIL"));
	dnscheck_free(c);
	/* Both are in the way. */
	c = check(&o, CH "none.example.test", 2, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_non_null(strstr(e.msg, "0 of 2 values"));
	assert_non_null(strstr(e.msg, "; 1 more of 2 servers neither"));
	dnscheck_free(c);
	/* The resolver does not know the CNAME yet. */
	c = check(&o, CH "new.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_non_null(strstr(e.msg, "has a CNAME at "
	    "_acme-challenge.new.example.test to "
	    "_acme-challenge.www.other.test"));
	dnscheck_free(c);
}

/* What keeps the servers from being found. */
static void
lost(void **state)
{
	static const struct {
		const char	*name;
		enum err_code	 code;
		const char	*says;
	} v[] = {
		{ CH "ill.example.test", ERR_TEMP, "SERVFAIL" },
		{ CH "x.unknown", ERR_TEMP, "REFUSED" },
		{ CH "bare.test", ERR_CONF, "the name servers of zone "
		    "bare.test are not known: no NS records" },
		{ CH "nowhere.test", ERR_CONF, "no name server of zone "
		    "nowhere.test has an address; the first is "
		    "ns.nowhere.test" },
		{ CH "off.test", ERR_CONF, "no server could be asked for "
		    CH "off.test: ns.off.test (255.255.255.255) cannot be "
		    "asked" },
		{ "a..b", ERR_NET, "no name that DNS could know" },
	};
	struct dnscheck_opts	 o = opts(DNSCHECK_AUTHORITATIVE, 3000);
	struct dnscheck		*c;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		c = check(&o, v[i].name, 1, WAIT_MS);
		assert_int_equal(dnscheck_result(c, &e), -1);
		if (strstr(e.msg, v[i].says) == NULL)
			print_message("%s\n", e.msg);
		assert_non_null(strstr(e.msg, v[i].says));
		assert_int_equal(e.code, v[i].code);
		dnscheck_free(c);
	}
}

/* A private address is not asked, and does not stand in the way. */
static void
private(void **state)
{
	struct dnscheck_opts	 o = opts(DNSCHECK_AUTHORITATIVE, 0);
	struct dnscheck		*c;

	(void)state;
	assert_int_equal(egress_parse_allow(&egress, "127.0.0.0/8", NULL), 0);
	o.egress = &egress;
	c = check(&o, CH "far.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	assert_int_equal(server(c, 0)->state, DNSCHECK_UNASKED);
	assert_non_null(strstr(server(c, 0)->sentence,
	    "egress.allow_private"));
	assert_int_equal(server(c, 1)->state, DNSCHECK_SHOWN);
	/* The address of the second name was there already. */
	assert_int_equal(dnscheck_servers(c, &(const struct dnscheck_server *)
	    { NULL }), 2);
	dnscheck_free(c);
	egress_free(&egress);
}

static void
modes(void **state)
{
	struct dnscheck_opts	 o = opts(DNSCHECK_RESOLVERS, 1500);
	struct dnscheck		*c;

	(void)state;
	c = check(&o, CH "alias.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	assert_non_null(strstr(server(c, 0)->sentence, "resolver 127.0.0.1@"));
	dnscheck_free(c);
	assert_int_equal(dnsserver_add(&lookup, zs_text(3), NULL), 0);
	c = check(&o, CH "alias.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "answers REFUSED"));
	assert_int_equal(dnscheck_rounds(c), 2);
	dnscheck_free(c);
	lookup.n = 0;
	c = check(&o, CH "good.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_non_null(strstr(e.msg, "none is configured"));
	dnscheck_free(c);
	o.mode = DNSCHECK_NONE;
	c = check(&o, CH "none.example.test", 1, WAIT_MS);
	assert_int_equal(dnscheck_result(c, &e), 0);
	dnscheck_free(c);
}

/* Names and addresses of servers, and values, that are one too many. */
static void
limits(void **state)
{
	static const char *const	names[] = { "x.many.test",
					    "x.wide.test" };
	static const size_t		want[] = { LIMIT_DNS_NS,
					    LIMIT_DNS_NS_ADDRS };
	const char			*values[LIMIT_DNS_VALUES + 1];
	struct dnscheck_opts		 o = opts(DNSCHECK_NONE, 0);
	struct dnscheck			*c;
	struct dnsns			*d;
	struct pollfd			 p;
	int64_t				 now = 1000;
	size_t				 i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		d = dnsns_new(&lookup, names[i], now);
		for (n = 0; n < 100 && !dnsns_turn(d, now); n++) {
			assert_true(dnsns_when(d) > now);
			p.fd = dnsns_fd(d);
			p.events = dnsns_events(d);
			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		}
		assert_int_equal(dnsns_result(d, NULL), 0);
		assert_int_equal(dnsns_fd(d), -1);
		assert_int_equal(dnsns_without(d), 0);
		assert_non_null(dnsns_server(d, want[i] - 1));
		assert_null(dnsns_server(d, want[i]));
		dnsns_free(d);
	}
	dnsns_free(NULL);
	for (i = 0; i < LIMIT_DNS_VALUES + 1; i++)
		values[i] = "x";
	c = dnscheck_new(&o, "x", values, LIMIT_DNS_VALUES, now);
	assert_int_equal(dnscheck_turn(c, now), 1);
	assert_int_equal(dnscheck_result(c, NULL), 0);
	dnscheck_free(c);
	c = dnscheck_new(&o, "x", values, LIMIT_DNS_VALUES + 1, now);
	assert_int_equal(dnscheck_turn(c, now), 1);
	err_clear(&e);
	assert_int_equal(dnscheck_result(c, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	dnscheck_free(c);
}

/* --- places --- */

static int
place(int follow, int at, const char *name, struct dnszone_place *p)
{
	struct dnszone	*z;
	struct pollfd	 f;
	int64_t		 now = 1000;
	int		 i, r;

	servers(&lookup, 0, 0);
	servers(&primary, at, 1);
	z = dnszone_new(follow ? &lookup : NULL, &primary, name, now);
	for (i = 0; i < 1000 && !dnszone_turn(z, now); i++) {
		f.fd = dnszone_fd(z);
		f.events = dnszone_events(z);
		if (poll(&f, 1, 1500) == 0)
			now = dnszone_when(z);
	}
	assert_true(i < 1000);
	assert_int_equal(dnszone_fd(z), -1);
	assert_int_equal(dnszone_when(z), 0);
	err_clear(&e);
	r = dnszone_result(z, p, &e);
	dnszone_free(z);
	return r;
}

static void
places(void **state)
{
	struct dnszone_place	p;

	(void)state;
	assert_int_equal(place(1, 1, CH "Good.example.test", &p), 0);
	assert_string_equal(p.name, CH "good.example.test");
	assert_string_equal(p.zone, "example.test");
	assert_int_equal(place(0, 1, "example.test", &p), 0);
	assert_string_equal(p.zone, "example.test");
	assert_int_equal(place(0, 0, "a.b.sub.example.test", &p), 0);
	assert_string_equal(p.zone, "sub.example.test");
	assert_int_equal(place(1, 3, CH "alias.example.test", &p), 0);
	assert_string_equal(p.name, CH "www.other.test");
	assert_string_equal(p.zone, "other.test");
	/* The server has not the zone of where the CNAME leads. */
	assert_int_equal(place(1, 1, CH "alias.example.test", &p), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "has no zone in which "
	    CH "www.other.test lies (REFUSED)"));
	/* A CNAME that the resolver does not show. */
	assert_int_equal(place(1, 1, CH "new.example.test", &p), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "has a CNAME at " CH
	    "new.example.test to " CH "www.other.test"));
	assert_int_equal(place(1, 1, CH "ill.example.test", &p), -1);
	assert_int_equal(e.code, ERR_TEMP);
	assert_int_equal(place(0, 2, CH "mute.example.test", &p), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "did not answer"));
	dnszone_free(NULL);
}

static void
known(void **state)
{
	static struct dnszone_known	k;
	struct dnszone_place		p, a = { "n", "z" };
	char				name[32];
	int				i;

	(void)state;
	assert_int_equal(dnszone_recall(&k, "s", "n", 0, &p), 0);
	dnszone_remember(&k, "s", "N.test", 1000, &a);
	assert_int_equal(dnszone_recall(&k, "s", "n.TEST", 2000, &p), 1);
	assert_string_equal(p.zone, "z");
	assert_int_equal(dnszone_recall(&k, "t", "n.test", 2000, &p), 0);
	assert_int_equal(dnszone_recall(&k, "s", "n.test", 1000 + 600 *
	    CLK_SEC, &p), 0);
	/* The same again takes no other place. */
	dnszone_remember(&k, "s", "n.test", 5000, &a);
	assert_int_equal(k.next, 1);
	assert_int_equal(dnszone_recall(&k, "s", "n.test", 1000 + 600 *
	    CLK_SEC, &p), 1);
	for (i = 0; i < LIMIT_DNS_ZONES - 1; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		dnszone_remember(&k, "s", name, 5000, &a);
	}
	assert_int_equal(dnszone_recall(&k, "s", "n.test", 6000, &p), 1);
	dnszone_remember(&k, "s", "more", 5000, &a);
	assert_int_equal(dnszone_recall(&k, "s", "n.test", 6000, &p), 0);
	assert_int_equal(dnszone_recall(&k, "s", "more", 6000, &p), 1);
	dnszone_forget(&k);
	assert_int_equal(dnszone_recall(&k, "s", "more", 6000, &p), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(shown),
		cmocka_unit_test(steps),
		cmocka_unit_test(broken),
		cmocka_unit_test(lost),
		cmocka_unit_test(private),
		cmocka_unit_test(modes),
		cmocka_unit_test(limits),
		cmocka_unit_test(places),
		cmocka_unit_test(known),
	};
	int	r;

	zs_start(table);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	zs_stop();
	return r;
}
