/* The pre-flight: DNS servers of a table, a real challenge process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/proc.h"
#include "auditor/role/acme_preflight_part.h"
#include "auditor/role/challenge.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/zoneserver.h"

#define US	"https://ca.test/acct/7"
#define PERSIST	"_validation-persist."

static const struct zs_rr	table[] = {
	{ 1, "test", DNS_SOA, "", 0 },
	{ 1, "free.test", DNS_A, "127.0.0.1", 0 },
	{ 1, "a.deep.other.test", DNS_A, "127.0.0.1", 0 },
	{ 1, "other.test", DNS_CAA, "issue else.test", 0 },
	{ 1, "ours.test", DNS_CAA, "issue ca.test", 0 },
	{ 1, "second.test", DNS_CAA, "issue two.test", 0 },
	{ 1, "wild.test", DNS_CAA, "issue ca.test", 0 },
	{ 1, "wild.test", DNS_CAA, "issuewild ;", 0 },
	{ 1, "acct.test", DNS_CAA, "issue ca.test; accounturi=" US "1", 0 },
	{ 1, "mine.test", DNS_CAA, "issue ca.test; accounturi=" US, 0 },
	{ 1, "dnsonly.test", DNS_CAA, "issue ca.test; "
	    "validationmethods=dns-01", 0 },
	{ 1, "mail.test", DNS_CAA, "issuemail ;", 0 },
	{ 1, "fail.test", ZS_FAIL, "", 0 },
	{ 1, "ok.fail.test", DNS_A, "127.0.0.1", 0 },
	{ 1, "quiet.test", ZS_SILENT, "", 0 },
	{ 1, "grant.test", DNS_A, "127.0.0.1", 0 },
	{ 1, PERSIST "grant.test", DNS_TXT, "v=spf1", 0 },
	{ 1, PERSIST "grant.test", DNS_TXT, "ca.test; accounturi=" US, 0 },
	{ 1, PERSIST "old.test", DNS_TXT, "ca.test; accounturi=" US
	    "; persistUntil=1000", 0 },
	{ 1, PERSIST "strange.test", DNS_TXT, "ca.test; accounturi=x", 0 },
	{ 1, "two.test", DNS_A, "127.0.0.1", 0 },
	{ 1, "two.test", DNS_A, "127.0.0.77", 0 },
	{ 1, "away.test", DNS_A, "127.0.0.77", 0 },
	{ 1, "private.test", DNS_A, "10.1.2.3", 0 },
	{ 0, NULL, 0, NULL, 0 }
};

static const enum challenge_type	 by_http[] = { CHALLENGE_HTTP_01 };
static const enum challenge_type	 by_dns[] = { CHALLENGE_DNS_01 };
static const enum challenge_type	 by_all[] = { CHALLENGE_HTTP_01,
					    CHALLENGE_DNS_01 };
static const enum challenge_type	 by_grant[] = {
	CHALLENGE_DNS_PERSIST_01
};
static char	*identities[] = { (char *)(uintptr_t)"ca.test",
		    (char *)(uintptr_t)"two.test" };
static struct directory			 dir = { .caa = identities, .ncaa = 2 };
static struct acme_account_row		 account = { .id = 7,
					    .url = (char *)(uintptr_t)US };
static struct err			 e;

static struct acme_preflight_ask
ask_for(const char *const *name, const enum challenge_type *type, size_t n)
{
	struct acme_preflight_ask	a;

	memset(&a, 0, sizeof(a));
	a.dir = &dir;
	a.directory = "https://ca.test/dir";
	a.account = &account;
	a.names = (struct db_strs){ name, 1 };
	a.type = type;
	a.ntypes = n;
	return a;
}

static struct acme_subject
subject_of(const char *name, const struct acme_preflight_ask *a)
{
	struct acme_subject	s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(order_ident(name, &s.ident, NULL), 0);
	(void)order_text(&s.ident, s.text);
	for (s.ntypes = 0; s.ntypes < a->ntypes; s.ntypes++)
		s.type[s.ntypes] = a->type[s.ntypes];
	return s;
}

/* All questions, for at most ${ms}. */
static void
run_asks(struct acme_asks *a, int ms)
{
	int64_t		until = clk_mono() + ms * 1000LL, left;
	struct pollfd	p[LIMIT_PREFLIGHT_ASKS];

	while (!acme_asks_turn(a, until)) {
		left = (acme_asks_when(a) - clk_mono()) / 1000;
		(void)poll(p, acme_asks_polls(a, p, LIMIT_PREFLIGHT_ASKS),
		    left < 0 ? 0 : (int)left + 1);
	}
}

static void
servers_of(struct dnsservers *s)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(dnsserver_add(s, zs_text(0), &e), 0);
}

struct row {
	const char	*name;
	int		 says;
	const char	*text;		/* of the sentence */
	const enum challenge_type *type;
	size_t		 ntypes;
};

/* One name and one check: what is said. */
static void
one(const struct row *t, void (*ask)(struct acme_asks *,
    const struct acme_subject *), void (*check)(const struct acme_asks *,
    const struct acme_subject *, const struct acme_preflight_ask *,
    struct acme_checks *))
{
	struct acme_preflight_ask a = ask_for(&t->name, t->type, t->ntypes);
	struct acme_subject	 s = subject_of(t->name, &a);
	struct acme_checks	 c = { NULL, 0, 0 };
	struct dnsservers	 servers;
	struct acme_asks	*asks;

	servers_of(&servers);
	asks = acme_asks_new(&servers);
	ask(asks, &s);
	run_asks(asks, 400);
	check(asks, &s, &a, &c);
	assert_int_equal(c.n, 1);
	if (c.v[0].says != (enum acme_says)t->says ||
	    strstr(c.v[0].sentence, t->text) == NULL)
		fail_msg("%s: %s: %s", t->name, acme_says_name(c.v[0].says),
		    c.v[0].sentence);
	assert_string_equal(c.v[0].name, s.text);
	acme_checks_free(&c);
	acme_asks_free(asks);
}

static void
test_caa(void **state)
{
	static const struct row	t[] = {
		{ "free.test", ACME_SAYS_OK, "no CAA records", by_http, 1 },
		{ "ours.test", ACME_SAYS_OK, "allows it", by_http, 1 },
		{ "second.test", ACME_SAYS_OK, "allows it", by_http, 1 },
		{ "*.wild.test", ACME_SAYS_WRONG,
		    "wild.test. CAA 0 issuewild \"ca.test\"", by_dns, 1 },
		{ "wild.test", ACME_SAYS_OK, "allows it", by_dns, 1 },
		{ "a.deep.other.test", ACME_SAYS_WRONG, "CAA forbids ca.test "
		    "to issue it: 0 issue \"else.test\" at other.test is of "
		    "another issuer; add the record: other.test. CAA 0 issue "
		    "\"ca.test\"", by_http, 1 },
		{ "acct.test", ACME_SAYS_WRONG, "add the record: acct.test. "
		    "CAA 0 issue \"ca.test; accounturi=" US "; "
		    "validationmethods=http-01\"", by_http, 1 },
		{ "mine.test", ACME_SAYS_OK, "allows it", by_http, 1 },
		{ "dnsonly.test", ACME_SAYS_WRONG, "account or method",
		    by_http, 1 },
		{ "dnsonly.test", ACME_SAYS_UNKNOWN, "another challenge type "
		    "is allowed", by_all, 2 },
		{ "dnsonly.test", ACME_SAYS_OK, "allows it", by_dns, 1 },
		{ "mail.test", ACME_SAYS_OK, "restrict no issuer", by_dns,
		    1 },
		{ "ok.fail.test", ACME_SAYS_UNKNOWN, "the CAA records of "
		    "fail.test cannot be had (127.0.0.1@", by_http, 1 },
		{ "quiet.test", ACME_SAYS_UNKNOWN, "the CAA records of "
		    "quiet.test cannot be had (", by_http, 1 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		one(&t[i], acme_caa_ask, acme_caa_check);
	/* a CA that does not say its name */
	dir.ncaa = 0;
	one(&(struct row){ "ours.test", ACME_SAYS_UNKNOWN, "caaIdentities",
	    by_http, 1 }, acme_caa_ask, acme_caa_check);
	one(&(struct row){ "free.test", ACME_SAYS_OK, "no CAA records",
	    by_http, 1 }, acme_caa_ask, acme_caa_check);
	dir.ncaa = 2;
}

static void
test_grant(void **state)
{
	static const struct row	t[] = {
		{ "grant.test", ACME_SAYS_OK, "lets our account order it",
		    by_grant, 1 },
		{ "*.grant.test", ACME_SAYS_WRONG, "it has no policy=wildcard;"
		    " make the record: " PERSIST "grant.test. IN TXT "
		    "\"ca.test; "
		    "accounturi=" US "; policy=wildcard\"", by_grant, 1 },
		{ "old.test", ACME_SAYS_WRONG, "persistUntil is over",
		    by_grant, 1 },
		{ "strange.test", ACME_SAYS_WRONG, "another account than " US,
		    by_grant, 1 },
		{ "free.test", ACME_SAYS_WRONG, "no record lets our account "
		    "order it; make the record: " PERSIST "free.test. IN TXT "
		    "\"ca.test; "
		    "accounturi=" US "\"", by_grant, 1 },
		{ "ok.fail.test", ACME_SAYS_WRONG, "no record", by_grant, 1 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		one(&t[i], acme_grant_ask, acme_grant_check);
}

/* --- where names lead --------------------------------------------------------------- */

/* A look at a name with nothing of ours to be asked for. */
static void
look(const struct row *t, uint16_t std, uint16_t port)
{
	struct acme_preflight_ask a = ask_for(&t->name, t->type, t->ntypes);
	struct acme_subject	 s = subject_of(t->name, &a);
	struct acme_checks	 c = { NULL, 0, 0 };
	struct acme_look	 l;
	struct dnsservers	 servers;
	struct acme_asks	*asks;
	struct egress		 egress = EGRESS_INIT;
	struct pollfd		 p;
	int64_t			 end = clk_mono() + 2 * CLK_SEC;
	size_t			 i;

	assert_int_equal(egress_parse_allow(&egress, "127.0.0.0/8", &e), 0);
	servers_of(&servers);
	asks = acme_asks_new(&servers);
	acme_look_ask(asks, &s);
	run_asks(asks, 400);
	memset(&l, 0, sizeof(l));
	l.subject = &s;
	l.std = std;
	l.port = port;
	(void)acme_look_begin(&l, asks, &egress);
	for (i = 0; i < l.n; i++)
		while (!acme_reach_turn(l.v[i]) && clk_mono() < end) {
			acme_reach_poll(l.v[i], &p);
			(void)poll(&p, 1, 10);
		}
	acme_look_check(&l, asks, &c);
	assert_int_equal(c.n, 1);
	if (c.v[0].says != (enum acme_says)t->says ||
	    strstr(c.v[0].sentence, t->text) == NULL)
		fail_msg("%s: %s: %s", t->name, acme_says_name(c.v[0].says),
		    c.v[0].sentence);
	acme_look_end(&l);
	acme_checks_free(&c);
	acme_asks_free(asks);
	egress_free(&egress);
}

static void
test_look(void **state)
{
	int	port = 0, shut = 0, fd;

	(void)state;
	fd = listen_at(SOCK_STREAM, 0, &shut);
	(void)close(fd);
	fd = listen_at(SOCK_STREAM, 0, &port);
	look(&(struct row){ "free.test", ACME_SAYS_OK, "is open", by_http, 1 },
	    (uint16_t)port, (uint16_t)port);
	/* one of two addresses */
	look(&(struct row){ "two.test", ACME_SAYS_UNKNOWN, "127.0.0.77 "
	    "refuses", by_http, 1 }, (uint16_t)port, (uint16_t)port);
	/* nobody there, though we listen */
	look(&(struct row){ "away.test", ACME_SAYS_WRONG, "127.0.0.77 refuses "
	    "connections to port", by_http, 1 }, (uint16_t)port,
	    (uint16_t)port);
	/* behind another port: something else may forward to it */
	look(&(struct row){ "away.test", ACME_SAYS_UNKNOWN, "refuses",
	    by_http, 1 }, (uint16_t)shut, (uint16_t)port);
	look(&(struct row){ "free.test", ACME_SAYS_OK, "is open", by_http,
	    1 }, (uint16_t)shut, (uint16_t)port);
	/* a web server of somebody else */
	look(&(struct row){ "away.test", ACME_SAYS_UNKNOWN, "refuses",
	    by_http, 1 }, (uint16_t)port, 0);
	look(&(struct row){ "private.test", ACME_SAYS_UNKNOWN,
	    "egress.allow_private", by_http, 1 }, (uint16_t)port,
	    (uint16_t)port);
	look(&(struct row){ "none.test", ACME_SAYS_UNKNOWN, "knows no "
	    "address", by_http, 1 }, (uint16_t)port, (uint16_t)port);
	look(&(struct row){ "quiet.test", ACME_SAYS_UNKNOWN, "its addresses "
	    "cannot be had", by_http, 1 }, (uint16_t)port, (uint16_t)port);
	look(&(struct row){ "127.0.0.1", ACME_SAYS_OK, "is open", by_http,
	    1 }, (uint16_t)port, (uint16_t)port);
	(void)close(fd);
}

/* What a server answers to a probe. */
static void
test_reach(void **state)
{
	static const struct {
		const char		*answer;
		enum acme_reached	 result;
		const char		*text;
	} t[] = {
		{ "HTTP/1.1 200 OK\r\nA: b\r\n\r\ntoken.thumb",
		    ACME_REACH_OURS, "leads here" },
		{ "HTTP/1.1 200 OK\r\n\r\ntoken.another", ACME_REACH_OTHER,
		    "something else than our answer" },
		{ "HTTP/1.1 404 Not Found\r\n\r\ntoken.thumb",
		    ACME_REACH_OTHER, "HTTP status 404" },
		{ "HTTP/1.1 301 Moved\r\nLocation: https://www.test/\r\n\r\n",
		    ACME_REACH_MOVED, "which a CA follows" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", ACME_REACH_OTHER,
		    "does not speak HTTP" },
		{ "", ACME_REACH_OTHER, "does not speak HTTP" },
		{ "HTTP/1.1 200", ACME_REACH_OTHER, "something else" },
	};
	struct acme_reach_ask	 a;
	struct acme_reach	*r;
	struct egress		 egress = EGRESS_INIT;
	char			 text[300], in[2048];
	int			 port = 0, fd = listen_at(SOCK_STREAM, 0,
				     &port), peer;
	size_t			 i;

	(void)state;
	assert_int_equal(egress_parse_allow(&egress, "127.0.0.0/8", &e), 0);
	memset(&a, 0, sizeof(a));
	assert_int_equal(netaddr_parse(&a.addr, "127.0.0.1"), 0);
	a.port = (uint16_t)port;
	a.host = "www.test";
	a.token = "token";
	a.keyauth = "token.thumb";
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		r = acme_reach_new(&a, &egress);
		peer = accept(fd, NULL, NULL);
		assert_int_equal(acme_reach_turn(r), 0);
		memset(in, 0, sizeof(in));
		assert_true(read(peer, in, sizeof(in) - 1) > 0);
		assert_non_null(strstr(in, "GET /.well-known/acme-challenge/"
		    "token HTTP/1.1\r\nHost: www.test\r\n"));
		assert_int_equal(write(peer, t[i].answer,
		    strlen(t[i].answer)), strlen(t[i].answer));
		(void)close(peer);
		while (!acme_reach_turn(r))
			(void)poll(NULL, 0, 1);
		acme_reach_say(r, text, sizeof(text));
		if (acme_reach_result(r) != t[i].result ||
		    strstr(text, t[i].text) == NULL)
			fail_msg("%zu: %s", i, text);
		acme_reach_free(r);
	}
	/* one that never ends is read up to a limit */
	r = acme_reach_new(&a, &egress);
	peer = accept(fd, NULL, NULL);
	memset(in, 'x', sizeof(in));
	while (!acme_reach_turn(r))
		(void)send(peer, in, sizeof(in), MSG_NOSIGNAL |
		    MSG_DONTWAIT);
	assert_int_equal(acme_reach_result(r), ACME_REACH_OTHER);
	acme_reach_free(r);
	(void)close(peer);
	(void)close(fd);
	egress_free(&egress);
}

/* --- all together ---------------------------------------------------------------------- */

/* Says of ${what}, or -1. */
static int
says(const struct acme_checks *c, const char *what)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->v[i].what, what) == 0)
			return (int)c->v[i].says;
	return -1;
}

static void
test_run(void **state)
{
	const char			*name = "free.test", *away = "away.test",
					*bad = "a.deep.other.test";
	struct acme_preflight_ask	 a = ask_for(&name, by_http, 1);
	struct acme_checks		 c = { NULL, 0, 0 };
	struct acme_preflight		*p;
	struct conf			*conf;
	struct buf			 b = BUF_INIT;
	int				 port = 0, fd;

	(void)state;
	fd = listen_at(SOCK_STREAM, 0, &port);
	(void)close(fd);
	buf_fmt(&b, "audit: {resolvers: [\"%s\"]}\negress: {allow_private: "
	    "[127.0.0.0/8]}\nacme:\n  challenges: {http-01: {listen: "
	    "\"127.0.0.1:%d\"}}\n", zs_text(0), port);
	conf = conf_parse(buf_text(&b), b.n, NULL, &e);
	assert_non_null(conf);
	a.place = acme_place_new(conf, by_http, 1, &e);
	assert_non_null(a.place);
	acme_place_start(a.place);
	p = acme_preflight_new(conf, &e);
	assert_non_null(p);
	acme_preflight_early(p, a.names, by_http, 1);
	assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
	assert_int_equal(says(&c, "caa"), ACME_SAYS_OK);
	assert_int_equal(says(&c, "reach"), ACME_SAYS_OK);
	assert_non_null(strstr(c.v[1].sentence, "leads here"));
	acme_checks_free(&c);
	/* it is known now */
	assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(says(&c, "known"), ACME_SAYS_OK);
	acme_checks_free(&c);
	/* but not for another account */
	account.url = (char *)(uintptr_t)(US "8");
	assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
	assert_int_equal(c.n, 2);
	acme_checks_free(&c);
	account.url = (char *)(uintptr_t)US;
	/* what is wrong or cannot be told is looked at again */
	a.names.v = &away;
	for (fd = 0; fd < 2; fd++) {
		assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
		assert_int_equal(says(&c, "caa"), ACME_SAYS_OK);
		assert_int_equal(says(&c, "reach"), ACME_SAYS_UNKNOWN);
		acme_checks_free(&c);
	}
	a.names.v = &bad;
	for (fd = 0; fd < 2; fd++) {
		assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
		assert_int_equal(says(&c, "caa"), ACME_SAYS_WRONG);
		assert_int_equal(says(&c, "reach"), ACME_SAYS_OK);
		acme_checks_free(&c);
	}
	acme_preflight_free(p);
	acme_place_free(a.place);
	conf_free(conf);
	buf_free(&b);
}

/* Resolvers that say nothing are not waited for twice. */
static void
test_deaf(void **state)
{
	const char			*name = "free.test";
	struct acme_preflight_ask	 a = ask_for(&name, by_http, 1);
	struct acme_checks		 c = { NULL, 0, 0 };
	struct acme_preflight		*p;
	struct conf			*conf;
	struct buf			 b = BUF_INIT;
	int				 port = 0, mute = 0, fd, i;

	(void)state;
	fd = listen_at(SOCK_STREAM, 0, &port);
	(void)close(fd);
	/* questions end there */
	fd = listen_at(SOCK_DGRAM, 0, &mute);
	buf_fmt(&b, "audit: {resolvers: [\"127.0.0.1@%d\"]}\nacme:\n  "
	    "challenges: {http-01: {listen: \"127.0.0.1:%d\"}}\n", mute,
	    port);
	conf = conf_parse(buf_text(&b), b.n, NULL, &e);
	assert_non_null(conf);
	a.place = acme_place_new(conf, by_http, 1, &e);
	p = acme_preflight_new(conf, &e);
	for (i = 0; i < 2; i++) {
		assert_int_equal(acme_preflight_run(p, &a, &c, &e), 0);
		assert_int_equal(says(&c, "caa"), ACME_SAYS_UNKNOWN);
		assert_int_equal(says(&c, "reach"), ACME_SAYS_UNKNOWN);
		acme_checks_free(&c);
		/* who would hear the second one? */
		if (i == 0)
			while (recv(fd, &port, 1, MSG_DONTWAIT) != -1)
				;
	}
	assert_int_equal(recv(fd, &port, 1, MSG_DONTWAIT), -1);
	(void)close(fd);
	acme_preflight_free(p);
	acme_place_free(a.place);
	conf_free(conf);
	buf_free(&b);
}

/* More questions than are put at a time, each of them once. */
static void
test_asks(void **state)
{
	struct dnsservers	 servers;
	struct acme_asks	*a;
	struct probe_said	 s;
	char			 name[64];
	int			 i;

	(void)state;
	servers_of(&servers);
	a = acme_asks_new(&servers);
	for (i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "n%d.test", i);
		acme_asks_add(a, name, ACME_ASK_A);
		acme_asks_add(a, name, ACME_ASK_A);
	}
	acme_asks_add(a, "free.test", ACME_ASK_A);
	assert_int_equal(acme_asks_count(a), 201);
	run_asks(a, 20000);
	assert_int_equal(acme_asks_heard(a), 201);
	assert_int_equal(acme_asks_said(a, "free.test", ACME_ASK_A, &s), 1);
	assert_int_equal(s.n, 1);
	assert_int_equal(acme_asks_said(a, "n7.test", ACME_ASK_A, &s), 1);
	assert_int_equal(s.rcode, 3);
	assert_int_equal(acme_asks_said(a, "n7.test", ACME_ASK_TXT, &s), 0);
	assert_int_equal(s.ok, 0);
	acme_asks_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_caa),
		cmocka_unit_test(test_grant),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_deaf),
	};
	int	r;

	if (argc > 1 && proc_role(argv[1]) != NULL)
		return challenge_main();
	zs_start(table);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	zs_stop();
	return r;
}
