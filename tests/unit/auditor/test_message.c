#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/digest.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/message_fixture.h"

/* No control byte but newlines, no bidirectional override. */
static void
assert_clean(const char *s)
{
	const char *p;

	for (p = s; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			fail_msg("control byte in: %s", s);
	assert_null(strstr(s, "\xe2\x80\xae"));
	assert_null(strstr(s, "\xe2\x80\x8b"));
}

static void
test_screen(void **state)
{
	static const char *const want[] = {
		"CRITICAL certificate.unexpected: pay.example.com and 2 more",
		"nobody declared it", "ca.example, the first time",
		"key        new", "CAA        not looked at",
		"served by  none of our endpoints", "by nobody",
		"proven     not yet", "Rig log 1", "problems@ca.example",
		"certvigil why 12", "certvigil accept 12 --scope issuance",
		"certvigil reject 12", "certvigil silence 12",
		"--allow-critical", ".example.com, owner team-b",
	};
	struct message m;
	struct buf b = BUF_INIT;
	size_t i, lines;

	(void)state;
	m = fixture_message("pay.example.com");
	message_text(&m, LIMIT_MESSAGE_TEXT, &b);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (strstr(buf_text(&b), want[i]) == NULL)
			fail_msg("no \"%s\" in:\n%s", want[i], buf_text(&b));
	for (i = lines = 0; i < b.n; i++)
		lines += b.p[i] == '\n';
	assert_true(lines <= 24);
	buf_free(&b);
	message_free(&m);
}

static void
test_proven(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	json_t *f;

	(void)state;
	m = fixture_message("pay.example.com");
	f = json_array_get(m.findings, 0);
	json_object_set_new(f, "proven", json_true());
	json_object_set_new(f, "issuer_first_seen",
	    json_string("2025-01-01T00:00:00Z"));
	message_text(&m, LIMIT_MESSAGE_TEXT, &b);
	assert_non_null(strstr(buf_text(&b), "proven     Rig log 1\n"));
	assert_non_null(strstr(buf_text(&b), "since 2025-01-01"));
	buf_free(&b);
	message_free(&m);
}

static void
test_hostile(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < FIXTURE_NHOSTILE; i++) {
		m = fixture_hostile_message(i);
		buf_reset(&b);
		message_text(&m, LIMIT_MESSAGE_TEXT, &b);
		assert_clean(buf_text(&b));
		buf_reset(&b);
		message_summary(&m, 200, &b);
		assert_clean(buf_text(&b));
		assert_null(strchr(buf_text(&b), '\n'));
		assert_true(b.n <= 200);
		message_free(&m);
	}
	buf_free(&b);
}

static void
test_many(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	char name[64];
	size_t cap;
	int i;

	(void)state;
	m = fixture_message("pay.example.com");
	for (i = 0; i < 19; i++) {
		snprintf(name, sizeof(name), "n%d.example.com", i);
		json_array_append_new(m.findings, fixture_finding(20 + i,
		    name));
	}
	m.more = 5;
	message_text(&m, LIMIT_MESSAGE_TEXT, &b);
	assert_non_null(strstr(buf_text(&b), "(finding 38)"));
	assert_non_null(strstr(buf_text(&b), "and 5 more"));
	/* What does not fit is counted. */
	for (cap = 1500; cap < 3200; cap += 137) {
		buf_reset(&b);
		message_text(&m, cap, &b);
		assert_true(b.n <= cap);
		assert_non_null(strstr(buf_text(&b), " more: certvigil"));
	}
	buf_reset(&b);
	message_summary(&m, 1024, &b);
	assert_non_null(strstr(buf_text(&b), "and 24 more findings"));
	buf_free(&b);
	message_free(&m);
}

/* Cuts never split a character. */
static void
test_cut(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	json_t *v;
	size_t cap;

	(void)state;
	m = fixture_message("\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac.example");
	for (cap = 40; cap < 80; cap++) {
		buf_reset(&b);
		message_summary(&m, cap, &b);
		assert_true(b.n <= cap);
		v = json_string(buf_text(&b));
		assert_non_null(v);
		json_decref(v);
	}
	buf_free(&b);
	message_free(&m);
}

static void
test_events(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;

	(void)state;
	m = fixture_message("a.example.com");
	m.event = "resolved";
	message_summary(&m, 200, &b);
	assert_memory_equal(b.p, "RESOLVED, CRITICAL ", 19);
	buf_reset(&b);
	message_free(&m);
	m.findings = json_array();
	m.purpose = "test";
	message_summary(&m, 200, &b);
	assert_string_equal(buf_text(&b), "certvigil: test message");
	buf_free(&b);
	message_free(&m);
}

/* The commands for a finding, one a line. */
static char *
next_of(const char *fmt, ...)
{
	struct buf	 b = BUF_INIT;
	va_list		 ap;
	json_t		*f, *a;
	char		*text;
	size_t		 i;

	va_start(ap, fmt);
	f = json_vpack_ex(NULL, 0, fmt, ap);
	va_end(ap);
	assert_non_null(f);
	a = message_next(f);
	for (i = 0; i < json_array_size(a); i++)
		buf_fmt(&b, "%s\n", json_string_value(json_array_get(a, i)));
	text = mem_str(buf_text(&b));
	buf_free(&b);
	json_decref(a);
	json_decref(f);
	return text;
}

#define FINDING(kind, severity, state) \
	"id", 7, "kind", kind, "severity", severity, "state", state
#define ACK	"certvigil ack 7\ncertvigil resolve 7 --reason 'TEXT'\n" \
	"certvigil silence 7 --for 24h --reason 'TEXT'\n"

static void
next_is(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void
test_next(void **state)
{
	(void)state;
	next_is(next_of("{si ss ss ss}", FINDING("certificate.unexpected",
	    "high", "resolved")), "");
	next_is(next_of("{si ss ss ss}", FINDING("certificate.unexpected",
	    "critical", "open")), "certvigil why 7\n"
	    "certvigil accept 7 --scope issuance --reason 'TEXT'\n"
	    "certvigil reject 7 --reason 'TEXT'\n"
	    "certvigil respond 7\n"
	    "certvigil silence 7 --for 24h --reason 'TEXT' "
	    "--allow-critical\n");
	next_is(next_of("{si ss ss ss}", FINDING("certificate.unexpected",
	    "high", "accepted")), "certvigil why 7\n"
	    "certvigil reject 7 --reason 'TEXT'\n"
	    "certvigil silence 7 --for 24h --reason 'TEXT'\n");
	/* what is revoked need not be again */
	next_is(next_of("{si ss ss ss}", FINDING("key.misused", "high",
	    "contained")), "certvigil why 7\n"
	    "certvigil accept 7 --scope issuance --reason 'TEXT'\n"
	    "certvigil reject 7 --reason 'TEXT'\n"
	    "certvigil silence 7 --for 24h --reason 'TEXT'\n");
	next_is(next_of("{si ss ss ss}", FINDING("log.stale", "medium",
	    "open")), ACK);
}

/* What mends it stands first. */
static void
test_next_mend(void **state)
{
	(void)state;
	next_is(next_of("{si ss ss ss ss}", FINDING("renewal.failed", "high",
	    "open"), "name", "*.a.example"), "certvigil renew '*.a.example'\n"
	    ACK);
	next_is(next_of("{si ss ss ss ss}", FINDING("deploy.failed", "high",
	    "open"), "name", "a.example"), "certvigil renew a.example\n" ACK);
	/* nothing for a shell to see */
	next_is(next_of("{si ss ss ss ss}", FINDING("deploy.failed", "high",
	    "open"), "name", "a.example;id"), ACK);
	next_is(next_of("{si ss ss ss ss}", FINDING("deploy.failed", "high",
	    "open"), "name", "--all"), ACK);
	next_is(next_of("{si ss ss ss s{ss}}", FINDING("certificate.revoked",
	    "high", "open"), "detail", "managed", "a.example"),
	    "certvigil renew a.example\n" ACK);
	next_is(next_of("{si ss ss ss s{}}", FINDING("certificate.revoked",
	    "high", "open"), "detail"), ACK);
	/* we ordered it: nobody asks who did */
	next_is(next_of("{si ss ss ss ss s{ss}}", FINDING(
	    "certificate.not_received", "high", "open"), "subject", "1f",
	    "detail", "managed", "a.example"),
	    "certvigil renew a.example\ncertvigil revoke 1f\n" ACK);
	next_is(next_of("{si ss ss ss s{ss ss si}}", FINDING(
	    "revocation.not_published", "high", "open"), "detail", "serial",
	    "0a", "tbs_sha256", "1f", "expectation", 3),
	    "certvigil revocation status 0a\ncertvigil revoke 1f\n"
	    "certvigil expect cancel 3\n" ACK);
	/* ours is renewed, that of others is not */
	next_is(next_of("{si ss ss ss ss ss}", FINDING("renewal.requested",
	    "high", "open"), "name", "a.example", "watch", ""),
	    "certvigil renew a.example\n" ACK);
	next_is(next_of("{si ss ss ss ss ss}", FINDING("renewal.requested",
	    "high", "open"), "name", "a.example", "watch", ".example"), ACK);
}

/* That no log shows it is no reason to say where it was seen. */
static void
test_not_logged(void **state)
{
	json_t		*f = json_pack("{ss ss ss ss}", "kind",
			    "certificate.not_logged", "severity", "high",
			    "state", "open", "name", "a.example");
	struct buf	 b = BUF_INIT;

	(void)state;
	message_finding(f, 0, &b);
	assert_non_null(strstr(buf_text(&b), "no: no log shows it"));
	assert_null(strstr(buf_text(&b), "seen in"));
	buf_free(&b);
	json_decref(f);
}

static void
test_digest(void **state)
{
	struct buf b = BUF_INIT;
	json_t *d;
	size_t i;

	(void)state;
	d = json_pack("{s:s, s:s, s:{s:i, s:[o]}, s:{s:i, s:[]}, s:{s:i}}",
	    "since", "2026-11-21T08:00:00Z", "until", "2026-11-22T08:00:00Z",
	    "lowered", "count", 40, "list", fixture_finding(3, "x.example"),
	    "muted", "count", 0, "list", "open", "critical", 2);
	digest_text(d, 4000, &b);
	assert_non_null(strstr(buf_text(&b), "Open: critical 2\n"));
	assert_non_null(strstr(buf_text(&b), "Lowered by policy: 40\n"));
	assert_non_null(strstr(buf_text(&b), "  3 critical"));
	assert_non_null(strstr(buf_text(&b), "and 39 more"));
	assert_non_null(strstr(buf_text(&b), "Muted by a silence: 0\n"));
	for (i = 1; i < 300; i += 13) {
		buf_reset(&b);
		digest_text(d, i, &b);
		assert_true(b.n <= i);
	}
	buf_free(&b);
	json_decref(d);
}

static void
test_digest_due(void **state)
{
	static const char *const bad[] = { "", "8", "24:00", "08:60", "8:0x",
		"-1:00", "08:00 ", "0800" };
	struct err e = ERR_INIT;
	int64_t at, due, later;
	size_t i;

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_int_equal(clk_parse("2026-11-22T12:00:00Z", &at), 0);
	assert_int_equal(digest_due("08:00", at, &due, &e), 0);
	assert_int_equal(clk_parse("2026-11-22T08:00:00Z", &later), 0);
	assert_int_equal(due, later);
	assert_int_equal(digest_due("12:00", at, &due, &e), 0);
	assert_int_equal(due, at);
	assert_int_equal(digest_due("12:01", at, &due, &e), 0);
	assert_int_equal(due, at + 60 * CLK_SEC - 86400 * CLK_SEC);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(digest_due(bad[i], at, &due, &e), -1);
		assert_int_equal(e.code, ERR_CONF);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_proven),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_next_mend),
		cmocka_unit_test(test_not_logged),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_digest_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
