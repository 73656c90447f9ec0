#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/pagerduty.h"
#include "tests/unit/auditor/message_fixture.h"

static json_t *
request(const struct message *m)
{
	struct message_req r;
	json_t *o;

	memset(&r, 0, sizeof(r));
	pagerduty_request(m, "R0UT1NGKEY", &r);
	o = json_loadb((const char *)r.body.p, r.body.n, 0, NULL);
	assert_non_null(o);
	message_req_free(&r);
	return o;
}

static void
test_trigger(void **state)
{
	struct message m;
	json_t *o, *p;

	(void)state;
	m = fixture_message("pay.example.com");
	o = request(&m);
	assert_string_equal(message_get(o, "routing_key"), "R0UT1NGKEY");
	assert_string_equal(message_get(o, "event_action"), "trigger");
	assert_int_equal(strlen(message_get(o, "dedup_key")), 64);
	p = json_object_get(o, "payload");
	assert_string_equal(message_get(p, "severity"), "critical");
	assert_string_equal(message_get(p, "source"), "pay.example.com");
	assert_string_equal(message_get(p, "class"),
	    "certificate.unexpected");
	assert_string_equal(message_get(p, "timestamp"),
	    "2026-11-22T12:00:00Z");
	assert_true(strlen(message_get(p, "summary")) > 10);
	assert_non_null(strstr(message_get(json_object_get(p,
	    "custom_details"), "text"), "certvigil accept 12"));
	json_decref(o);
	message_free(&m);
}

static void
test_actions(void **state)
{
	static const char *const t[][2] = {
		{ "opened", "trigger" }, { "escalated", "trigger" },
		{ "resolved", "resolve" }, { "retracted", "resolve" },
		{ "acked", "acknowledge" },
	};
	struct message m;
	json_t *o, *first;
	size_t i;

	(void)state;
	m = fixture_message("pay.example.com");
	first = request(&m);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m.event = t[i][0];
		m.id = "11111111-2222-4333-8444-555555555555";
		o = request(&m);
		assert_string_equal(message_get(o, "event_action"), t[i][1]);
		/* One finding is one incident, whatever the event. */
		assert_string_equal(message_get(o, "dedup_key"),
		    message_get(first, "dedup_key"));
		json_decref(o);
	}
	json_object_set_new(json_array_get(m.findings, 0), "dedupe_key",
	    json_string("other"));
	o = request(&m);
	assert_string_not_equal(message_get(o, "dedup_key"),
	    message_get(first, "dedup_key"));
	json_decref(o);
	json_decref(first);
	message_free(&m);
}

static void
test_severities(void **state)
{
	static const char *const t[][2] = {
		{ "critical", "critical" }, { "high", "error" },
		{ "medium", "warning" }, { "low", "info" }, { "info", "info" },
	};
	struct message m;
	json_t *o;
	size_t i;

	(void)state;
	m = fixture_message("pay.example.com");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		json_object_set_new(json_array_get(m.findings, 0),
		    "severity", json_string(t[i][0]));
		o = request(&m);
		assert_string_equal(message_get(json_object_get(o, "payload"),
		    "severity"), t[i][1]);
		json_decref(o);
	}
	message_free(&m);
}

static void
test_hostile(void **state)
{
	struct message m;
	json_t *o;
	size_t i;

	(void)state;
	for (i = 0; i < FIXTURE_NHOSTILE; i++) {
		m = fixture_hostile_message(i);
		o = request(&m);
		assert_true(strlen(message_get(json_object_get(o, "payload"),
		    "summary")) <= 1024);
		json_decref(o);
		message_free(&m);
	}
}

static void
test_other(void **state)
{
	struct message m;
	json_t *o;

	(void)state;
	m = fixture_message("x");
	json_array_clear(m.findings);
	m.purpose = "test";
	m.event = NULL;
	o = request(&m);
	assert_string_equal(message_get(o, "event_action"), "trigger");
	assert_string_equal(message_get(json_object_get(o, "payload"),
	    "severity"), "info");
	json_decref(o);
	message_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trigger),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_severities),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
