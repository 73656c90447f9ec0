/* Findings as they are listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "base/clk.h"
#include "tests/unit/auditor/alert_fixture.h"

static size_t
count(const struct finding_filter *q)
{
	json_t *a;
	size_t n;

	a = finding_list(db, q, NULL);
	assert_non_null(a);
	n = json_array_size(a);
	json_decref(a);
	return n;
}

static void
test_list(void **state)
{
	struct finding_filter q;
	struct finding f = a_finding("aa");
	json_t *a;
	int64_t first;
	int i;
	char subject[16];

	(void)state;
	empty();
	first = opened(&f, 1);
	for (i = 0; i < 9; i++) {
		snprintf(subject, sizeof(subject), "s%d", i);
		f.subject = subject;
		f.severity = i < 3 ? "critical" : i < 6 ? "medium" : "info";
		f.owner = i % 2 == 0 ? "" : "team-c";
		f.digest_only = i == 8;
		opened(&f, 1);
	}
	OK(finding_change(db, first, "resolved", "a", "b", e));
	memset(&q, 0, sizeof(q));
	assert_int_equal(count(&q), 10);
	q.limit = 4;
	assert_int_equal(count(&q), 4);
	q.limit = 0;
	q.open = 1;
	assert_int_equal(count(&q), 9);
	q.open = 0;
	q.severity = "medium";
	assert_int_equal(count(&q), 7);
	q.severity = NULL;
	q.owner = "";
	assert_int_equal(count(&q), 5);
	q.owner = NULL;
	q.subject = "s3";
	assert_int_equal(count(&q), 1);
	q.subject = NULL;
	q.silenced = 1;
	assert_int_equal(count(&q), 1);
	q.silenced = 0;
	q.kind = "no.such";
	assert_int_equal(count(&q), 0);
	q.kind = NULL;
	q.since = clk_wall() + 3600 * CLK_SEC;
	assert_int_equal(count(&q), 0);
	q.since = 0;
	q.after = first;
	assert_int_equal(count(&q), 9);
	a = finding_list(db, &q, NULL);
	assert_true(json_integer_value(json_object_get(json_array_get(a, 0),
	    "id")) > first);
	json_decref(a);
}

/* Every field that contract.md names is there. */
static void
test_json(void **state)
{
	static const char *const keys[] = { "id", "kind", "severity", "state",
		"watch", "owner", "subject", "reason", "rule", "first_seen",
		"last_seen", "proven", "issuer_owner", "issuer_first_seen",
		"key_status", "caa", "served_at", "nearest_source",
		"ca_contact", "logs", "next", "detail" };
	struct finding f = a_finding("aa");
	json_t *o;
	size_t i;

	(void)state;
	empty();
	o = finding_load(db, opened(&f, 1), NULL);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(o, keys[i]) == NULL)
			fail_msg("no field %s", keys[i]);
	assert_string_equal(message_get(o, "issuer_first_seen"),
	    message_get(o, "first_seen"));
	json_decref(o);
	assert_null(finding_load(db, 0, NULL));
	assert_null(finding_load(db, 999999, NULL));
}

static void
test_bad(void **state)
{
	struct finding f = a_finding("aa");

	(void)state;
	empty();
	f.severity = "urgent";
	FAILS(ERR_FORMAT, finding_open(db, &f, NULL, NULL, e));
	assert_int_equal(number("select count(*) from finding"), 0);
}

static void
test_silent_and_digest(void **state)
{
	struct finding f = a_finding("aa");
	int64_t now;
	json_t *a, *d;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	run("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued, decision, "
	    "rule, rule_reason, decided_at) values ('\\xaa', '\\xbb', '01', "
	    "'\\xcc', '{a.example.com}', now(), now(), 'valid', 'silent', 3, "
	    "'imported', now())");
	f.digest_only = 1;
	opened(&f, 1);
	f = a_finding("log1");
	f.kind = "log.stale";
	opened(&f, 1);
	OK(finding_resolve(db, f.kind, f.subject, f.owner, "fine", e));
	a = finding_silent(db, 0, 10, NULL);
	assert_int_equal(json_array_size(a), 1);
	assert_string_equal(message_get(json_array_get(a, 0), "name"),
	    "a.example.com");
	json_decref(a);
	now = clk_wall();
	d = finding_digest(db, now - 3600 * CLK_SEC, now + 3600 * CLK_SEC,
	    NULL);
	assert_non_null(d);
#define COUNT(k) json_integer_value(json_object_get(json_object_get(d, k), \
	"count"))
	assert_int_equal(COUNT("lowered"), 1);
	assert_int_equal(COUNT("muted"), 0);
	assert_int_equal(COUNT("silent"), 1);
	assert_int_equal(COUNT("resolved"), 1);
	assert_int_equal(COUNT("retracted"), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(d,
	    "open"), "high")), 1);
	json_decref(d);
	/* Nothing before it happened. */
	d = finding_digest(db, now - 7200 * CLK_SEC, now - 3600 * CLK_SEC,
	    NULL);
	assert_int_equal(COUNT("lowered"), 0);
	assert_int_equal(COUNT("silent"), 0);
	json_decref(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_silent_and_digest),
	};

	return SQL_TESTS(tests);
}
