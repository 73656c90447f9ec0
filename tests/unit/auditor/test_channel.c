#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/alert_fixture.h"

#define T(s) ((char *)(uintptr_t)(s))

static void
test_check(void **state)
{
	static const struct {
		struct conf_channel	c;
		int			rc;
	} t[] = {
		{ { .kind = T("webhook"), .url = T("https://x/"),
		    .secret_file = T("s") }, 0 },
		{ { .kind = T("webhook"), .url_file = T("u"),
		    .secret_file = T("s"), .old_secret_file = T("o") }, 0 },
		{ { .kind = T("webhook"), .url = T("https://x/"),
		    .url_file = T("u"), .secret_file = T("s") }, -1 },
		{ { .kind = T("webhook"), .secret_file = T("s") }, -1 },
		{ { .kind = T("webhook"), .url = T("https://x/") }, -1 },
		{ { .kind = T("webhook"), .url = T("https://x/"),
		    .secret_file = T("s"), .program = T("/p") }, -1 },
		{ { .kind = T("slack"), .url_file = T("u") }, 0 },
		{ { .kind = T("slack"), .url = T("https://x/") }, -1 },
		{ { .kind = T("slack") }, -1 },
		{ { .kind = T("pagerduty"), .routing_key_file = T("k") }, 0 },
		{ { .kind = T("pagerduty"), .routing_key_file = T("k"),
		    .url = T("https://x/") }, 0 },
		{ { .kind = T("pagerduty") }, -1 },
		{ { .kind = T("exec"), .program = T("/bin/true") }, 0 },
		{ { .kind = T("exec"), .program = T("bin/true") }, -1 },
		{ { .kind = T("exec") }, -1 },
		{ { .kind = T("mail") }, -1 },
	};
	struct conf_channel c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct err e = ERR_INIT;

		c = t[i].c;
		c.name = T("n");
		if (channel_check(&c, &e) != t[i].rc)
			fail_msg("row %zu: %s", i, e.msg);
		if (t[i].rc == -1)
			assert_int_equal(e.code, ERR_CONF);
	}
}

static void
test_names(void **state)
{
	struct conf_channel c = { .kind = T("slack"), .url_file = T("u") };
	char name[70];
	size_t n;

	(void)state;
	for (n = 0; n < 68; n++) {
		memset(name, 'a', n);
		name[n] = '\0';
		c.name = name;
		assert_int_equal(channel_check(&c, NULL),
		    n >= 1 && n <= 64 ? 0 : -1);
	}
	c.name = T("../x");
	assert_int_equal(channel_check(&c, NULL), -1);
	c.name = T("a/b");
	assert_int_equal(channel_check(&c, NULL), -1);
	c.name = T("-x");
	assert_int_equal(channel_check(&c, NULL), -1);
	c.name = T(".x");
	assert_int_equal(channel_check(&c, NULL), -1);
	c.name = T("a b");
	assert_int_equal(channel_check(&c, NULL), -1);
}

static void
test_add_remove(void **state)
{
	struct conf_channel c = { .name = T("chat"), .kind = T("slack"),
		.url_file = T("/u") };
	struct channel *l = NULL;
	struct finding f = a_finding("aa");
	size_t n;

	(void)state;
	empty();
	OK(channel_add(db, &c, e));
	FAILS(ERR_USAGE, channel_add(db, &c, e));
	OK(channel_list(db, &l, &n, e));
	assert_int_equal(n, 1);
	assert_string_equal(l[0].conf.url_file, "/u");
	assert_null(l[0].conf.url);
	assert_false(l[0].from_conf);
	assert_false(l[0].disabled);
	channel_free(l, n);
	opened(&f, 1);
	OK(channel_remove(db, "chat", e));
	assert_int_equal(number("select count(*) from delivery where "
	    "state = 'dead'"), 1);
	FAILS(ERR_NOENT, channel_remove(db, "chat", e));
}

static void
test_sync(void **state)
{
	struct conf_channel ch[] = {
		{ .name = T("soc"), .kind = T("webhook"),
		    .url = T("https://a/"), .secret_file = T("/s") },
		{ .name = T("chat"), .kind = T("slack"),
		    .url_file = T("/u") },
	};
	struct conf conf;
	struct buf diff = BUF_INIT;

	(void)state;
	empty();
	add_channel("mine", "exec");
	memset(&conf, 0, sizeof(conf));
	conf.channels = ch;
	conf.nchannels = 2;
	OK(channel_sync(db, &conf, &diff, e));
	assert_string_equal(buf_text(&diff),
	    "+ channel soc (webhook)\n+ channel chat (slack)\n");
	buf_reset(&diff);
	OK(channel_sync(db, &conf, &diff, e));
	assert_int_equal(diff.n, 0);
	/* A change of its settings switches it on again. */
	run("update channel set state = 'disabled' where name = 'soc'");
	OK(channel_sync(db, &conf, &diff, e));
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'disabled'"), 1);
	ch[0].url = T("https://b/");
	OK(channel_sync(db, &conf, &diff, e));
	assert_string_equal(buf_text(&diff), "~ channel soc (webhook)\n");
	assert_int_equal(number("select count(*) from channel where "
	    "state = 'disabled'"), 0);
	buf_reset(&diff);
	FAILS(ERR_USAGE, channel_remove(db, "soc", e));
	conf.nchannels = 1;
	OK(channel_sync(db, &conf, &diff, e));
	assert_string_equal(buf_text(&diff), "- channel chat\n");
	conf.nchannels = 0;
	OK(channel_sync(db, &conf, NULL, e));
	/* What the command line added stays. */
	assert_int_equal(number("select count(*) from channel"), 1);
	ch[0].name = T("mine");
	conf.nchannels = 1;
	FAILS(ERR_CONF, channel_sync(db, &conf, NULL, e));
	buf_free(&diff);
}

static void
test_route_sync(void **state)
{
	char *sev[] = { T("critical") }, *to[] = { T("soc"), T("pd") };
	char *one[] = { T("soc") }, *by[] = { T("kind") };
	struct conf_route r[2], *got = NULL;
	struct conf conf;
	struct buf diff = BUF_INIT;
	size_t n;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	memset(&conf, 0, sizeof(conf));
	memset(r, 0, sizeof(r));
	r[0].severity.v = sev;
	r[0].severity.n = 1;
	r[0].owner = T("team-b");
	r[0].to.v = to;
	r[0].to.n = 2;
	r[0].group_by.v = by;
	r[0].group_by.n = 1;
	r[0].group_wait = 60;
	r[1].to.v = one;
	r[1].to.n = 1;
	conf.routes = r;
	conf.nroutes = 2;
	FAILS(ERR_NOENT, route_sync(db, &conf, NULL, e));	/* no pd */
	add_channel("pd", "pagerduty");
	OK(route_sync(db, &conf, &diff, e));
	assert_int_equal(diff.n > 0, 1);
	buf_reset(&diff);
	OK(route_sync(db, &conf, &diff, e));
	assert_int_equal(diff.n, 0);
	OK(route_load(db, &got, &n, e));
	assert_int_equal(n, 2);
	assert_int_equal(got[0].severity.n, 1);
	assert_string_equal(got[0].severity.v[0], "critical");
	assert_string_equal(got[0].owner, "team-b");
	assert_null(got[0].watch);
	assert_int_equal(got[0].to.n, 2);
	assert_string_equal(got[0].to.v[1], "pd");
	assert_string_equal(got[0].group_by.v[0], "kind");
	assert_int_equal(got[0].group_wait, 60);
	assert_int_equal(got[1].severity.n, 0);
	route_free(got, n);
	conf.nroutes = 0;
	OK(route_sync(db, &conf, &diff, e));
	assert_int_equal(number("select count(*) from route"), 0);
	buf_free(&diff);
}

static void
test_explain(void **state)
{
	struct route_facts f = { .kind = "log.stale", .subject = "",
		.severity = "medium", .owner = "", .watch = "", .name = "x",
		.issuer_owner = "" };
	json_t *o;

	(void)state;
	empty();
	add_channel("a", "webhook");
	add_channel("b", "slack");
	o = outbox_explain(db, &f, NULL);
	assert_true(json_is_null(json_object_get(o, "route")));
	assert_int_equal(json_array_size(json_object_get(o, "channels")), 2);
	assert_true(json_is_null(json_object_get(o, "silence")));
	json_decref(o);
	run("insert into route (position, match, channels, group_by, "
	    "group_wait, origin) values (1, '{\"severity\": [\"high\"]}', "
	    "'{a}', '{}', '0', 'config'), (2, '{}', '{b}', '{kind}', "
	    "'30 s', 'config'); insert into silence (kind, until, author, "
	    "reason) values ('log.stale', now() + interval '1 h', 'a', 'b')");
	o = outbox_explain(db, &f, NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "route")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "channels")), 1);
	assert_int_equal(json_integer_value(json_object_get(o,
	    "group_wait")), 30);
	assert_true(json_is_integer(json_object_get(o, "silence")));
	json_decref(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_add_remove),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_route_sync),
		cmocka_unit_test(test_explain),
	};

	return SQL_TESTS(tests);
}
