#include "auditor/report_junit.h"

#include <stdio.h>

#include "auditor/alert/message.h"
#include "auditor/markup.h"
#include "auditor/report.h"

/* What the head of a suite says. */
struct suite {
	int		 id;
	const char	*name;
	size_t		 tests, failures, errors, skipped;
};

static void
suite_begin(const json_t *r, const struct suite *s, struct buf *out)
{
	const char	*host = message_get(r, "host");

	buf_fmt(out, "<testsuite name=\"%s\" package=\"certvigil.audit\" "
	    "id=\"%d\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
	    "skipped=\"%zu\" time=\"0\" timestamp=\"", s->name, s->id,
	    s->tests, s->failures, s->errors, s->skipped);
	/* Ant's form has no time zone */
	markup_fmt(out, "%.19s", message_get(r, "until"));
	buf_str(out, "\" hostname=\"");
	markup_text(out, host[0] != '\0' ? host : "localhost");
	buf_str(out, "\">\n<properties>\n<property name=\"line\" value=\"");
	markup_text(out, message_get(r, "first_line"));
	buf_str(out, "\"/>\n<property name=\"since\" value=\"");
	markup_text(out, message_get(r, "since"));
	buf_str(out, "\"/>\n</properties>\n");
}

static void
suite_end(struct buf *out)
{
	buf_str(out, "<system-out></system-out>\n<system-err></system-err>\n"
	    "</testsuite>\n");
}

/* A test case up to its attributes' end; the name ends in what is unique. */
static void
case_begin(struct buf *out, const char *class, const char *name,
    const char *fingerprint)
{
	buf_str(out, "<testcase classname=\"");
	markup_text(out, class);
	buf_str(out, "\" name=\"");
	markup_text(out, name);
	markup_fmt(out, " [%.12s]", fingerprint);
	buf_str(out, "\" time=\"0\"");
}

static void
finding(const json_t *r, const json_t *f, struct buf *out)
{
	const json_t	*next = json_object_get(f, "next");
	size_t		 i;

	case_begin(out, message_get(f, "kind"), report_about(f),
	    message_get(f, "fingerprint"));
	if (!report_fails(r, f)) {
		buf_str(out, "><skipped message=\"");
		markup_fmt(out, "%s, %s: %s", message_get(f, "severity"),
		    message_get(f, "state"), message_get(f, "reason"));
		buf_str(out, "\"></skipped></testcase>\n");
		return;
	}
	buf_str(out, "><failure type=\"");
	markup_text(out, message_get(f, "severity"));
	buf_str(out, "\" message=\"");
	markup_text(out, message_get(f, "reason"));
	buf_str(out, "\">");
	markup_fmt(out, "finding %lld, first seen %s, subject %s",
	    (long long)json_integer_value(json_object_get(f, "id")),
	    message_get(f, "first_seen"), message_get(f, "subject"));
	for (i = 0; i < json_array_size(next); i++) {
		buf_str(out, "\n");
		markup_text(out, json_string_value(json_array_get(next, i)));
	}
	buf_str(out, "</failure></testcase>\n");
}

static void
unchecked(const json_t *o, struct buf *out)
{
	char	print[65], class[64];

	report_fingerprint(o, print);
	(void)snprintf(class, sizeof(class), "unchecked.%.40s",
	    message_get(o, "what"));
	case_begin(out, class, message_get(o, "subject"), print);
	buf_str(out, "><error type=\"unchecked\" message=\"");
	markup_text(out, message_get(o, "why"));
	buf_str(out, "\">");
	markup_fmt(out, "not checked since %s", message_get(o, "since"));
	buf_str(out, "</error></testcase>\n");
}

static void
findings(const json_t *r, struct buf *out)
{
	const json_t	*a = report_list(r, "open");
	struct suite	 s = { 0, "findings", json_array_size(a), 0, 0, 0 };
	size_t		 i;

	for (i = 0; i < s.tests; i++)
		s.failures += (size_t)report_fails(r, json_array_get(a, i));
	s.skipped = s.tests - s.failures;
	suite_begin(r, &s, out);
	for (i = 0; i < s.tests; i++)
		finding(r, json_array_get(a, i), out);
	suite_end(out);
}

static void
checks(const json_t *r, struct buf *out)
{
	const json_t	*u = report_list(r, "unchecked"),
			*logs = report_list(r, "coverage"), *o;
	struct suite	 s = { 1, "checks", json_array_size(u), 0,
			    json_array_size(u), 0 };
	size_t		 i;

	for (i = 0; i < json_array_size(logs); i++)
		s.tests += json_is_true(json_object_get(json_array_get(logs,
		    i), "current"));
	suite_begin(r, &s, out);
	for (i = 0; i < json_array_size(logs); i++) {
		o = json_array_get(logs, i);
		if (!json_is_true(json_object_get(o, "current")))
			continue;
		case_begin(out, "checked.log", message_get(o, "description"),
		    message_get(o, "log_id"));
		buf_str(out, "/>\n");
	}
	for (i = 0; i < json_array_size(u); i++)
		unchecked(json_array_get(u, i), out);
	suite_end(out);
}

void
report_junit(const json_t *r, struct buf *out)
{
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuites>\n");
	findings(r, out);
	checks(r, out);
	buf_str(out, "</testsuites>\n");
}
