#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/route.h"

static char *crit[] = { (char *)(uintptr_t)"critical" };
static char *kinds[] = { (char *)(uintptr_t)"key.misused",
	(char *)(uintptr_t)"log.misbehaved" };
static char *by[] = { (char *)(uintptr_t)"kind",
	(char *)(uintptr_t)"issuer_owner", (char *)(uintptr_t)"owner",
	(char *)(uintptr_t)"watch" };

static const struct route_facts base = {
	.id = 1, .kind = "key.misused", .subject = "ab", .severity = "critical",
	.owner = "team-b", .watch = ".shop.example", .name = "a.shop.example",
	.issuer_owner = "ca.example",
};

static void
test_match(void **state)
{
	struct conf_route r;
	struct route_facts f;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_true(route_match(&r, &base));
	r.severity.v = crit;
	r.severity.n = 1;
	r.kind.v = kinds;
	r.kind.n = 2;
	r.owner = (char *)(uintptr_t)"team-b";
	r.watch = (char *)(uintptr_t)".shop.example";
	assert_true(route_match(&r, &base));
	f = base;
	f.severity = "high";
	assert_false(route_match(&r, &f));
	f = base;
	f.kind = "log.misbehaved";
	assert_true(route_match(&r, &f));
	f.kind = "log.stale";
	assert_false(route_match(&r, &f));
	f = base;
	f.owner = "";
	assert_false(route_match(&r, &f));
	f = base;
	f.watch = "shop.example";
	assert_false(route_match(&r, &f));
	r.watch = (char *)(uintptr_t)".SHOP.Example.";
	assert_false(route_match(&r, &f));
	assert_true(route_match(&r, &base));
}

static void
test_first_wins(void **state)
{
	struct conf_route r[3];
	struct route_facts f;

	(void)state;
	memset(r, 0, sizeof(r));
	r[0].owner = (char *)(uintptr_t)"team-a";
	r[1].severity.v = crit;
	r[1].severity.n = 1;
	assert_ptr_equal(route_pick(r, 3, &base), &r[1]);
	f = base;
	f.severity = "low";
	assert_ptr_equal(route_pick(r, 3, &f), &r[2]);
	f.owner = "team-a";
	assert_ptr_equal(route_pick(r, 3, &f), &r[0]);
	assert_null(route_pick(r, 1, &base));
	assert_null(route_pick(NULL, 0, &base));
}

static void
test_group(void **state)
{
	struct conf_route r;
	struct route_facts f;
	struct buf a = BUF_INIT, b = BUF_INIT;

	(void)state;
	memset(&r, 0, sizeof(r));
	r.group_by.v = by;
	r.group_by.n = 2;
	route_group(&r, &base, "opened", &a);
	assert_int_equal(a.n, 0);
	r.group_wait = 60;
	route_group(&r, &base, "opened", &a);
	assert_string_equal(buf_text(&a),
	    "opened kind=key.misused issuer_owner=ca.example");
	f = base;
	f.owner = "other";	/* not grouped by */
	route_group(&r, &f, "opened", &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_reset(&b);
	f.issuer_owner = "";
	route_group(&r, &f, "opened", &b);
	assert_string_not_equal(buf_text(&a), buf_text(&b));
	buf_reset(&b);
	route_group(&r, &base, "escalated", &b);
	assert_string_not_equal(buf_text(&a), buf_text(&b));
	buf_reset(&b);
	r.group_by.n = 4;
	route_group(&r, &base, "opened", &b);
	assert_string_equal(buf_text(&b), "opened kind=key.misused "
	    "issuer_owner=ca.example owner=team-b watch=.shop.example");
	buf_free(&a);
	buf_free(&b);
}

static void
test_severity(void **state)
{
	(void)state;
	assert_int_equal(route_severity("critical"), 0);
	assert_int_equal(route_severity("high"), 1);
	assert_int_equal(route_severity("medium"), 2);
	assert_int_equal(route_severity("low"), 3);
	assert_int_equal(route_severity("info"), 4);
	assert_int_equal(route_severity("Critical"), -1);
	assert_int_equal(route_severity(""), -1);
}

static void
test_covers(void **state)
{
	static const struct {
		const char	*pattern;
		const char	*watch;
		const char	*name;
		int		 yes;
	} t[] = {
		{ "a.shop.example", "", "a.shop.example", 1 },
		{ "A.Shop.Example.", "", "a.shop.example", 1 },
		{ "a.shop.example", "", "b.shop.example", 0 },
		{ ".shop.example", "", "a.b.shop.example", 1 },
		{ ".shop.example", "", "notshop.example", 0 },
		{ "shop.example", "", "a.shop.example", 0 },
		{ "shop.example", "shop.example", "other.example", 1 },
		{ ".", "", "anything.example", 1 },
		{ "192.0.2.0/24", "", "192.0.2.7", 1 },
		{ "192.0.2.0/24", "", "192.0.3.7", 0 },
		{ "no such pattern !", "", "a.shop.example", 0 },
		{ ".shop.example", "", "", 0 },
	};
	struct route_facts f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		f = base;
		f.watch = t[i].watch;
		f.name = t[i].name;
		if (route_covers(t[i].pattern, &f) != t[i].yes)
			fail_msg("%s against %s", t[i].pattern, t[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_severity),
		cmocka_unit_test(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
