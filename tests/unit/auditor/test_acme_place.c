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
	{ 0, NULL, 0, NULL, 0 }
};

static struct err	e;

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
	    "[\"%s\"], %s}", hook, zs_text(0), more);
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
	};
	int	r;

	zs_start(table);
	r = cmocka_run_group_tests(tests, setup, folder_remove);
	zs_stop();
	return r;
}
