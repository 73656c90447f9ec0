/* What can be placed, and dns-01 by a hook with servers of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "auditor/role/acme_place.h"
#include "tests/unit/auditor/conf_fixture.h"
#include "tests/unit/auditor/probing.h"
#include "tests/unit/auditor/zoneserver.h"

#define TOKEN	"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMB	"9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define VALUE	"lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM"
#define CH	"_acme-challenge."

static const struct zs_rr	table[] = {
	{ 1, "example.test", DNS_SOA, "", 0 },
	{ 1, "example.test", DNS_NS, "ns.example.test", 0 },
	{ 1, "ns.example.test", DNS_A, "127.0.0.2", 0 },
	{ 1, CH "example.test", DNS_TXT, "of the other", 0 },
	{ 1, CH "example.test", DNS_TXT, VALUE, 0 },
	{ 1, "_validation-persist.granted.example.test", DNS_TXT, "ca.example; "
	    "accounturi=https://ca.example/acct/1", 0 },
	{ 1, "_validation-persist.wild.example.test", DNS_TXT, "ca.example; "
	    "accounturi=https://ca.example/acct/1; policy=wildcard", 0 },
	{ 1, "_validation-persist.over.example.test", DNS_TXT, "ca.example; "
	    "accounturi=https://ca.example/acct/1; persistUntil=1", 0 },
	{ 0, NULL, 0, NULL, 0 }
};

static struct err	e;
static const char	*lookup;	/* instead of that server; NULL */

static struct conf *
conf_of(const char *challenges)
{
	struct buf	 b = BUF_INIT;
	struct conf	*c;

	buf_fmt(&b, "acme:\n  challenges: {%s}\n", challenges);
	err_clear(&e);
	c = parse(buf_text(&b), &e);
	assert_string_equal(e.msg, "");
	assert_non_null(c);
	buf_free(&b);
	return c;
}

static void
test_types(void **state)
{
	static const struct {
		const char	*challenges, *only;
		size_t		 n;
		int		 type[3];
	} t[] = {
		{ "dns-01: {hook: /h}", NULL, 1, { CHALLENGE_DNS_01, 0, 0 } },
		{ "dns-01: {rfc2136: {server: 192.0.2.1, key_name: a, "
		    "secret_file: f}}", "dns-01", 1,
		    { CHALLENGE_DNS_01, 0, 0 } },
		{ "dns-01: {hook: /h}, http-01: {webroot: /w}, "
		    "tls-alpn-01: {listen: \"127.0.0.1:443\"}", NULL, 3,
		    { CHALLENGE_HTTP_01, CHALLENGE_TLS_ALPN_01,
		    CHALLENGE_DNS_01 } },
		{ "dns-01: {hook: /h}, http-01: {webroot: /w}", "dns-01", 1,
		    { CHALLENGE_DNS_01, 0, 0 } },
		{ "dns-01: {check: none}", NULL, 0, { 0, 0, 0 } },
		{ "http-01: {webroot: /w}", "dns-01", 0, { 0, 0, 0 } },
	};
	enum challenge_type	 got[CHALLENGE_MAX];
	struct conf		*c;
	size_t			 i, k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		c = conf_of(t[i].challenges);
		err_clear(&e);
		assert_int_equal(acme_place_types(c, t[i].only, got, &e),
		    t[i].n);
		for (k = 0; k < t[i].n; k++)
			assert_int_equal(got[k], t[i].type[k]);
		assert_int_equal(e.code, t[i].n == 0 ? ERR_CONF : ERR_NONE);
		conf_free(c);
	}
}

static void
named(char out[NAME_TEXT], const char *name)
{
	(void)snprintf(out, NAME_TEXT, "%s", name);
}

/* Place one by a hook; what it was called with stands in the file "log". */
static int
put(struct acme_place **p, struct conf **c, const char *more)
{
	static const enum challenge_type	type = CHALLENGE_DNS_01;
	struct flow_place	 f;
	struct buf		 b = BUF_INIT;
	char			*log = mem_printf("%s/log", folder), *hook;
	int			 rc;

	(void)unlink(log);
	buf_fmt(&b, "#!/bin/sh\necho $CERTBOT_DOMAIN $CERTBOT_VALIDATION "
	    "\"$CERTBOT_AUTH_OUTPUT\" >> %s\necho record 7\n", log);
	hook = spill_text("hook", buf_text(&b));
	assert_int_equal(chmod(hook, 0700), 0);
	buf_reset(&b);
	buf_fmt(&b, "dns-01: {hook: %s, convention: certbot, resolvers: "
	    "[\"%s\"], %s}", hook, lookup != NULL ? lookup : zs_text(0), more);
	*c = conf_of(buf_text(&b));
	*p = acme_place_new(*c, &type, 1, &e);
	assert_non_null(*p);
	memset(&f, 0, sizeof(f));
	f.type = CHALLENGE_DNS_01;
	f.token = TOKEN;
	f.ident.wildcard = 1;
	(void)snprintf(f.ident.text, sizeof(f.ident.text), "example.test");
	rc = acme_place_put(*p, &f, THUMB, &e);
	if (rc == 0) {
		/* again is harmless */
		assert_int_equal(acme_place_put(*p, &f, THUMB, &e), 0);
		assert_int_equal(acme_place_drop(*p, &f, THUMB, 0, &e), 0);
	}
	buf_free(&b);
	free(log);
	free(hook);
	return rc;
}

static void
expect_log(const char *want)
{
	char	 text[1024], *path = mem_printf("%s/log", folder);
	FILE	*f = fopen(path, "re");
	size_t	 n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	assert_string_equal(text, want);
	free(path);
}

/* Seen by the resolver, among others; the cleanup gets what was printed. */
static void
test_resolvers(void **state)
{
	struct acme_place	*p;
	struct conf		*c;

	(void)state;
	assert_int_equal(put(&p, &c, "check: resolvers"), 0);
	expect_log("example.test " VALUE " \nexample.test " VALUE " \n"
	    "example.test " VALUE " record 7\n");
	acme_place_free(p);
	conf_free(c);
}

/* The zone's own servers are asked, not the resolver that would show it. */
static void
test_authoritative(void **state)
{
	struct acme_place	*p;
	struct conf		*c;

	(void)state;
	assert_int_equal(put(&p, &c, "check: authoritative"), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "ns.example.test (127.0.0.2) was not "
	    "asked: a private address that is not in egress.allow_private"));
	/* and it was taken away again */
	expect_log("example.test " VALUE " \n"
	    "example.test " VALUE " record 7\n");
	acme_place_free(p);
	conf_free(c);
}

/* No look at all; and at resolvers of check's own, not at those others. */
static void
test_checks(void **state)
{
	char			*own = mem_printf("check: [\"%s\"]", zs_text(0));
	const char *const	 ways[] = { "check: none", own };
	struct acme_place	*p;
	struct conf		*c;
	size_t			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		err_clear(&e);
		lookup = "127.0.0.1@9";
		assert_int_equal(put(&p, &c, ways[i]), 0);
		acme_place_free(p);
		conf_free(c);
		lookup = NULL;
	}
	free(own);
}

/* The names of an order, and how many are left, in the environment. */
static void
test_names(void **state)
{
	static const enum challenge_type type = CHALLENGE_DNS_01;
	struct order_ident	 all[3];
	struct flow_place	 f;
	struct acme_place	*p;
	struct conf		*c;
	char			*log = mem_printf("%s/log", folder), *hook,
				*text;
	size_t			 i;

	(void)state;
	(void)unlink(log);
	text = mem_printf("#!/bin/sh\necho $CERTBOT_REMAINING_CHALLENGES "
	    "$CERTBOT_ALL_IDENTIFIERS $CERTBOT_ALL_DOMAINS \"$SECRET\" >> "
	    "%s\n", log);
	hook = spill_text("hook", text);
	assert_int_equal(chmod(hook, 0700), 0);
	free(text);
	text = mem_printf("dns-01: {hook: %s, convention: certbot, "
	    "check: none}", hook);
	c = conf_of(text);
	assert_int_equal(setenv("SECRET", "of ours", 1), 0);
	p = acme_place_new(c, &type, 1, &e);
	assert_non_null(p);
	memset(all, 0, sizeof(all));
	named(all[0].text, "example.test");
	named(all[1].text, "example.test");
	all[1].wildcard = 1;
	named(all[2].text, "www.example.test");
	for (i = 0; i < 3; i++) {
		memset(&f, 0, sizeof(f));
		f.type = CHALLENGE_DNS_01;
		f.token = i == 0 ? TOKEN : i == 1 ? TOKEN "x" : TOKEN "y";
		f.ident = all[i];
		f.all = all;
		f.nall = 3;
		f.remaining = (unsigned)(2 - i);
		assert_int_equal(acme_place_put(p, &f, THUMB, &e), 0);
	}
	/* one that is taken away before the last one */
	f.remaining = 1;
	f.token = TOKEN "z";
	assert_int_equal(acme_place_put(p, &f, THUMB, &e), 0);
	assert_int_equal(acme_place_drop(p, &f, THUMB, 1, &e), 0);
	f.token = TOKEN "y";
	/* the last one's cleanup, when nothing is left: as it was told */
	f.remaining = 0;
	assert_int_equal(acme_place_drop(p, &f, THUMB, 0, &e), 0);
#define NAMES " example.test,example.test,www.example.test" \
	" example.test,example.test,www.example.test \n"
	expect_log("2" NAMES "1" NAMES "0" NAMES "1" NAMES "1" NAMES
	    "0" NAMES);
#undef NAMES
	acme_place_free(p);
	conf_free(c);
	free(text);
	free(hook);
	free(log);
}

#define ACCOUNT	"https://ca.example/acct/1"

/* A grant of dns-persist-01 that is there; what is said of those that are not. */
static void
test_persist(void **state)
{
	static const enum challenge_type type = CHALLENGE_DNS_PERSIST_01;
	static const char *const issuers[] = { "other.example", "ca.example" };
	static const struct {
		const char	*name, *account;
		int		 wildcard;
		const char	*says;		/* NULL: granted */
	} t[] = {
		{ "granted.example.test", ACCOUNT, 0, NULL },
		{ "wild.example.test", ACCOUNT, 1, NULL },
		{ "granted.example.test", ACCOUNT, 1, "no policy=wildcard; make the "
		    "record: _validation-persist.granted.example.test. IN TXT "
		    "\"other.example; accounturi=" ACCOUNT "; "
		    "policy=wildcard\"" },
		{ "over.example.test", ACCOUNT, 0, "persistUntil is over" },
		{ "none.example.test", ACCOUNT, 0, "there is none that grants it" },
		{ "lost.test", ACCOUNT, 0, "_validation-persist.lost.test "
		    "cannot be looked up: the resolver says REFUSED" },
		/* what the CA asks for is not granted to somebody else */
		{ "granted.example.test", ACCOUNT "0", 0, "another account than ours" },
	};
	struct acme_place	*p;
	struct flow_place	 f;
	struct conf		*c;
	char			*text;
	size_t			 i;

	(void)state;
	text = mem_printf("dns-01: {resolvers: [\"%s\"]}, "
	    "dns-persist-01: {}", zs_text(0));
	c = conf_of(text);
	p = acme_place_new(c, &type, 1, &e);
	assert_non_null(p);
	acme_place_as(p, ACCOUNT);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(&f, 0, sizeof(f));
		f.type = type;
		f.ident.wildcard = t[i].wildcard;
		named(f.ident.text, t[i].name);
		f.account = t[i].account;
		f.issuers = issuers;
		f.nissuers = 2;
		err_clear(&e);
		if (acme_place_put(p, &f, THUMB, &e) !=
		    (t[i].says == NULL ? 0 : -1) || (t[i].says != NULL &&
		    strstr(e.msg, t[i].says) == NULL))
			fail_msg("%s: %s", t[i].name, e.msg);
		assert_int_equal(acme_place_drop(p, &f, THUMB, 0, &e), 0);
	}
	acme_place_free(p);
	conf_free(c);
	free(text);
}

/* A port that is taken stops only what needs it. */
static void
test_taken(void **state)
{
	static const enum challenge_type types[] = { CHALLENGE_HTTP_01,
	    CHALLENGE_DNS_01 };
	struct sockaddr_in	 sa;
	socklen_t		 len = sizeof(sa);
	struct acme_place	*p;
	struct flow_place	 f;
	struct conf		*c;
	char			*hook = spill_text("hook", "#!/bin/sh\n"),
				*text;
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(chmod(hook, 0700), 0);
	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	text = mem_printf("http-01: {listen: \"127.0.0.1:%d\"}, dns-01: "
	    "{hook: %s, check: none}", ntohs(sa.sin_port), hook);
	c = conf_of(text);
	assert_null(acme_place_new(c, types, 1, &e));
	assert_int_equal(e.code, ERR_NET);
	err_clear(&e);
	p = acme_place_new(c, types, 2, &e);
	assert_non_null(p);
	memset(&f, 0, sizeof(f));
	named(f.ident.text, "example.test");
	f.token = TOKEN;
	f.type = CHALLENGE_HTTP_01;
	assert_int_equal(acme_place_put(p, &f, THUMB, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "the port is taken by"));
	err_clear(&e);
	f.type = CHALLENGE_DNS_01;
	assert_int_equal(acme_place_put(p, &f, THUMB, &e), 0);
	assert_int_equal(acme_place_drop(p, &f, THUMB, 0, &e), 0);
	acme_place_free(p);
	conf_free(c);
	free(text);
	/* what is no address is not passed over */
	text = mem_printf("http-01: {listen: here}, dns-01: {hook: %s, "
	    "check: none}", hook);
	c = conf_of(text);
	assert_null(acme_place_new(c, types, 2, &e));
	assert_int_equal(e.code, ERR_CONF);
	conf_free(c);
	free(text);
	free(hook);
	(void)close(fd);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_authoritative),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_persist),
		cmocka_unit_test(test_taken),
	};
	int	r;

	zs_start(table);
	r = cmocka_run_group_tests(tests, setup, folder_remove);
	zs_stop();
	return r;
}
