#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/alert/webhook.h"
#include "auditor/markup.h"
#include "auditor/report_csv.h"
#include "auditor/report_html.h"
#include "auditor/report_html_style.h"
#include "auditor/report_junit.h"
#include "auditor/report_rule.h"
#include "auditor/report_sarif.h"
#include "auditor/report_text.h"
#include "base/limit.h"
#include "tests/unit/auditor/report_fixture.h"

/* By hand: under ASan each strstr() looks at all of the text. */
static size_t
count(const struct buf *b, const char *what)
{
	size_t	i, k = strlen(what), n = 0;

	for (i = 0; i + k <= b->n; i++)
		n += b->p[i] == (uint8_t)what[0] &&
		    memcmp(b->p + i, what, k) == 0;
	return n;
}

/* Nothing that a terminal, a browser or a parser of XML stumbles over. */
static void
clean(const struct buf *b, const char *allowed)
{
	const uint8_t	*p = b->p;
	size_t		 i;

	for (i = 0; i < b->n; i++)
		if (p[i] < 0x20 && strchr(allowed, p[i]) == NULL)
			fail_msg("control character %d at %zu", p[i], i);
	assert_null(strstr(buf_text(b), "\xe2\x80\xae"));
	assert_null(strstr(buf_text(b), "\xef\xbf\xbd"));
}

static void
no_markup(const struct buf *b)
{
	assert_null(strstr(buf_text(b), "<script"));
	assert_null(strstr(buf_text(b), "<img"));
	assert_null(strstr(buf_text(b), "]]>"));
	assert_null(strstr(buf_text(b), "<!--"));
	assert_null(strstr(buf_text(b), "\xef\xbf\xbf"));
	assert_null(strstr(buf_text(b), "\xef\xbf\xbe"));
}

static void
begins(const struct buf *b, const char *want)
{
	assert_true(b->n >= strlen(want));
	assert_memory_equal(b->p, want, strlen(want));
}

static void
as_text(void **state)
{
	static const char	*const parts[] = { "\nNew certificates: ",
		"\nChanged: ", "\nOpen: ", "\nSilenced: ",
		"\nBaseline, not reviewed: ", "\nNot checked: ",
		"\nCoverage: " };
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(20);
	const char	*at, *next;
	size_t		i;

	(void)state;
	report_text(r, SIZE_MAX, SIZE_MAX, &b);
	clean(&b, "\n");
	begins(&b, "audit 2026-11-22: 25 new (10 declared), 20 open, 20 "
	    "unchecked, 10/20 logs\n1 finding of severity high or worse is open. "
	    "20 things were not checked.\n2026-11-21T02:00:00Z to");
	at = buf_text(&b);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		next = strstr(at, parts[i]);
		assert_non_null(next);
		at = next;
	}
	assert_non_null(strstr(buf_text(&b), "  and 5 more\n"));
	assert_int_equal(count(&b, "  logged 2 hours after its watch began\n"),
	    1);
	/* not those that are acked, or of little weight */
	assert_int_equal(count(&b, "certvigil why 1"), 7);
	/* few rows of each, and cut at a line */
	buf_reset(&b);
	report_text(r, 3, SIZE_MAX, &b);
	assert_int_equal(count(&b, "  and 22 more\n"), 1);
	assert_int_equal(count(&b, "  and 17 more\n"), 6);
	buf_reset(&b);
	report_text(r, SIZE_MAX, 2000, &b);
	assert_in_range(b.n, 1500, 2000);
	assert_int_equal(b.p[b.n - 1], '\n');
	buf_reset(&b);
	buf_str(&b, "before\n");
	report_text(r, SIZE_MAX, 10, &b);
	assert_string_equal(buf_text(&b), "before\n");
	buf_free(&b);
	json_decref(r);
	/* nothing at all */
	r = fixture_report(0);
	json_object_set_new(json_object_get(r, "new"), "count",
	    json_integer(0));
	report_judge(r, "high");
	report_text(r, SIZE_MAX, SIZE_MAX, &b);
	begins(&b, "audit 2026-11-22: 0 new (0 declared), 0 open, 0 "
	    "unchecked, 0/0 logs\nEverything was checked, and no finding of "
	    "severity high or worse is open.\n");
	buf_free(&b);
	json_decref(r);
}

static void
as_html(void **state)
{
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(16);
	const char	*p;

	(void)state;
	report_html(r, &b);
	clean(&b, "\n");
	no_markup(&b);
	assert_int_equal(count(&b, "&lt;script&gt;") > 10, 1);
	/* one file: nothing from elsewhere, no handlers, no inline styles */
	assert_int_equal(count(&b, "<style>"), 1);
	assert_int_equal(count(&b, " style=\""), 0);
	assert_int_equal(count(&b, "http://"), 0);
	assert_int_equal(count(&b, "https://"), 0);
	assert_int_equal(count(&b, "<link"), 0);
	assert_int_equal(count(&b, "url("), 0);
	assert_int_equal(count(&b, "href=\"#"), count(&b, "href="));
	assert_int_equal(count(&b, "content=\"default-src 'none'; style-src "
	    "'sha256-"), 1);
	/* the hash of the style is over what stands between the tags */
	p = strstr(buf_text(&b), "<style>");
	assert_memory_equal(p + 7, report_html_style,
	    strlen(report_html_style));
	assert_memory_equal(p + 7 + strlen(report_html_style), "</style>", 8);
	assert_int_equal(count(&b, "<tr>"), count(&b, "</tr>"));
	assert_int_equal(count(&b, "<tr>"), 7 * 16 + 7 + 3 + 1);
	assert_int_equal(count(&b, "<td"), count(&b, "</td>"));
	assert_int_equal(count(&b, "<section"), 7);
	buf_free(&b);
	json_decref(r);
}

/* The cells of the rows of RFC 4180, checked as a reader would. */
static size_t
csv_rows(const struct buf *b, size_t cells)
{
	size_t	i = 0, n, rows = 0, from;

	while (i < b->n) {
		for (n = 1;; n++) {
			from = i;
			if (b->p[i] == '"') {
				i++;
				from = i;
				while (b->p[i] != '"' || b->p[i + 1] == '"')
					i += b->p[i] == '"' ? 2 : 1;
				/* no formula */
				if (strchr("=+-@\t\r", b->p[from]) != NULL)
					fail_msg("cell %.30s",
					    (char *)b->p + from);
				i++;
			}
			if (b->p[i] != ',')
				break;
			i++;
		}
		assert_int_equal(n, cells);
		assert_memory_equal(b->p + i, "\r\n", 2);
		i += 2;
		rows++;
	}
	return rows;
}

static void
as_csv(void **state)
{
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(16);

	(void)state;
	report_csv(r, &b);
	clean(&b, "\r\n");
	assert_int_equal(csv_rows(&b, 13), 2 + 7 * 16);
	assert_int_equal(count(&b, "\"'=cmd|' /C calc'!A0"),
	    2 * (4 + 3 + 4 + 4 + 3 + 2 + 2));
	buf_free(&b);
	json_decref(r);
}

static void
as_junit(void **state)
{
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(20);

	(void)state;
	report_junit(r, &b);
	clean(&b, "\n");
	no_markup(&b);
	assert_int_equal(count(&b, "<testsuite "), 2);
	assert_int_equal(count(&b, "<testcase "), 20 + 20 + 10);
	/* of 20: critical and high are 8, one of these is acked */
	assert_int_equal(count(&b, "<failure "), 7);
	assert_int_equal(count(&b, "<skipped "), 13);
	assert_int_equal(count(&b, "<error "), 20);
	assert_non_null(strstr(buf_text(&b), "name=\"findings\" package=\""
	    "certvigil.audit\" id=\"0\" tests=\"20\" failures=\"7\" errors=\""
	    "0\" skipped=\"13\" time=\"0\" timestamp=\"2026-11-22T02:00:00\" "
	    "hostname=\"h&lt;1&gt;\">"));
	assert_non_null(strstr(buf_text(&b), "name=\"checks\" package=\""
	    "certvigil.audit\" id=\"1\" tests=\"30\" failures=\"0\" "
	    "errors=\"20\" skipped=\"0\""));
	buf_free(&b);
	json_decref(r);
}

static void
as_sarif(void **state)
{
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(20), *all, *o, *run, *v;
	size_t		i;

	(void)state;
	report_sarif(r, &b);
	clean(&b, "\n");
	all = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(all);
	assert_string_equal(message_get(all, "version"), "2.1.0");
	run = json_array_get(json_object_get(all, "runs"), 0);
	v = json_object_get(json_object_get(json_object_get(run, "tool"),
	    "driver"), "rules");
	assert_int_equal(json_array_size(v), 1);
	assert_string_equal(message_get(json_array_get(v, 0), "id"),
	    "certificate.unexpected");
	v = json_object_get(run, "results");
	assert_int_equal(json_array_size(v), 20);
	for (i = 0; i < 20; i++) {
		static const char *const levels[] = { "error", "error",
			"warning", "note", "note" };

		o = json_array_get(v, i);
		assert_string_equal(message_get(o, "level"), levels[i % 5]);
		assert_string_equal(message_get(o, "baselineState"),
		    i % 2 ? "new" : "unchanged");
		assert_int_equal(json_is_array(json_object_get(o,
		    "suppressions")), i % 7 == 6);
		assert_int_equal(strlen(message_get(json_object_get(o,
		    "partialFingerprints"), "certvigil/v1")), 64);
	}
	o = json_array_get(json_object_get(run, "invocations"), 0);
	assert_int_equal(json_array_size(json_object_get(o,
	    "toolExecutionNotifications")), 20);
	assert_int_equal(json_integer_value(json_object_get(o, "exitCode")),
	    2);
	json_decref(all);
	buf_free(&b);
	json_decref(r);
}

/* 10,000 rows in each section. */
static void
many(void **state)
{
	struct buf	b = BUF_INIT;
	json_t		*r = fixture_report(LIMIT_REPORT_ROWS), *o;

	(void)state;
	report_text(r, SIZE_MAX, SIZE_MAX, &b);
	assert_in_range(count(&b, "\n"), 70000, 80000);
	buf_reset(&b);
	report_html(r, &b);
	assert_int_equal(count(&b, "<tr>"), 7 * 10000 + 7 + 3 + 1);
	no_markup(&b);
	buf_reset(&b);
	report_csv(r, &b);
	assert_int_equal(csv_rows(&b, 13), 2 + 70000);
	buf_reset(&b);
	report_junit(r, &b);
	assert_int_equal(count(&b, "<testcase "), 25000);
	buf_reset(&b);
	report_sarif(r, &b);
	o = json_loads(buf_text(&b), 0, NULL);
	assert_non_null(o);
	json_decref(o);
	buf_free(&b);
	json_decref(r);
}

/* What channels get. */
static void
as_message(void **state)
{
	struct message	m = MESSAGE_INIT;
	struct buf	text = BUF_INIT, b = BUF_INIT;
	json_t		*r = fixture_report(1000), *o;

	(void)state;
	report_text(r, 20, LIMIT_REPORT_TEXT, &text);
	m.id = "id";
	m.purpose = "audit";
	m.data = json_pack("{ss sO ss}", "type", "audit", "summary",
	    json_object_get(r, "first_line"), "text", buf_text(&text));
	message_summary(&m, 1000, &b);
	assert_string_equal(buf_text(&b), message_get(r, "first_line"));
	buf_reset(&b);
	message_text(&m, LIMIT_MESSAGE_TEXT, &b);
	assert_string_equal(buf_text(&b), buf_text(&text));
	buf_reset(&b);
	webhook_body(&m, &b);
	assert_true(b.n < LIMIT_WEBHOOK_BODY);
	o = json_loads(buf_text(&b), 0, NULL);
	assert_string_equal(message_get(o, "type"), "audit.report");
	json_decref(o);
	message_free(&m);
	buf_free(&b);
	buf_free(&text);
	json_decref(r);
}

static void
escaped(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "a", "a" }, { "<&>\"'", "&lt;&amp;&gt;&quot;"
		  "&#39;" }, { "\n", "\\x0a" }, { "b\xc3\xbc", "b\xc3\xbc" },
		{ "\xef\xbf\xbe\xef\xbf\xbf", "\\u{FFFE}\\u{FFFF}" },
		{ "\xff", "\\xff" }, { "\xf0\x9f\x98\x80",
		  "\xf0\x9f\x98\x80" },
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	markup_text(&b, NULL);
	assert_string_equal(buf_text(&b), "");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		markup_text(&b, t[i][0]);
		assert_string_equal(buf_text(&b), t[i][1]);
	}
	buf_reset(&b);
	markup_fmt(&b, "%s-%d", "<", 1);
	assert_string_equal(buf_text(&b), "&lt;-1");
	buf_free(&b);
}

/* Fingerprints and rules do not change between nights. */
static void
stable(void **state)
{
	json_t	*a = fixture_unchecked(0, "x"), *b = fixture_unchecked(1, "x"),
		*c = fixture_unchecked(0, "y");
	char	p[65], q[65];

	(void)state;
	report_fingerprint(a, p);
	json_object_set_new(b, "why", json_string("another reason"));
	json_object_set_new(b, "since", json_string("later"));
	report_fingerprint(b, q);
	assert_string_equal(p, q);
	report_fingerprint(c, q);
	assert_string_not_equal(p, q);
	json_decref(a);
	json_decref(b);
	json_decref(c);
	assert_string_equal(report_rule("no.such"), "A finding.");
	assert_string_not_equal(report_rule("log.misbehaved"), "A finding.");
	assert_string_not_equal(report_rule("database.low_space"),
	    "A finding.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_text),
		cmocka_unit_test(as_html),
		cmocka_unit_test(as_csv),
		cmocka_unit_test(as_junit),
		cmocka_unit_test(as_sarif),
		cmocka_unit_test(many),
		cmocka_unit_test(as_message),
		cmocka_unit_test(escaped),
		cmocka_unit_test(stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
