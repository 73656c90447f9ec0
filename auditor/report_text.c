#include "auditor/report_text.h"

#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/report.h"

#define VALUE	400	/* bytes of one value */
#define NAMES	5	/* names of one certificate */

/* A section: its title, and how a row of it is written. */
struct part {
	const char	*key;
	const char	*title;
	void		(*row)(const json_t *report, const json_t *,
			    struct buf *);
};

static void
clean(struct buf *out, const char *before, const char *text)
{
	if (text[0] == '\0')
		return;
	buf_str(out, before);
	message_clean(out, text, VALUE, "");
}

static void
names(const json_t *o, struct buf *out)
{
	const json_t	*a = json_object_get(o, "names");
	json_int_t	 n = json_integer_value(json_object_get(o,
			    "names_count"));
	size_t		 i;

	for (i = 0; i < json_array_size(a) && i < NAMES; i++)
		clean(out, i > 0 ? ", " : "",
		    json_string_value(json_array_get(a, i)));
	if (n > (json_int_t)i)
		buf_fmt(out, " and %lld more", (long long)n - (long long)i);
	if (i == 0)
		clean(out, "", message_get(o, "tbs_sha256"));
}

static void
owners(const json_t *o, struct buf *out)
{
	const json_t	*a = json_object_get(o, "owners");
	size_t		 i;

	for (i = 0; i < json_array_size(a) && i < NAMES; i++)
		clean(out, i > 0 ? ", " : "; of ",
		    json_string_value(json_array_get(a, i)));
}

static void
new_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	buf_fmt(out, "  %s  %-10s  ", message_get(o, "first_seen"),
	    report_decision(o));
	names(o, out);
	clean(out, "; ", message_get(o, "issuer_owner")[0] != '\0' ?
	    message_get(o, "issuer_owner") : "issuer not known");
	buf_fmt(out, ", until %.10s", message_get(o, "not_after"));
	owners(o, out);
	if (json_is_integer(json_object_get(o, "rule")))
		buf_fmt(out, "; rule %lld", (long long)json_integer_value(
		    json_object_get(o, "rule")));
	clean(out, ": ", message_get(o, "reason"));
	buf_str(out, "\n");
}

static void
changed_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	buf_fmt(out, "  %s  ", message_get(o, "at"));
	clean(out, "", message_get(o, "event"));
	clean(out, "  ", message_get(o, "name"));
	if (strncmp(message_get(o, "event"), "finding.", 8) == 0)
		clean(out, "  finding ", message_get(o, "subject"));
	clean(out, "  ", message_get(o, "text"));
	buf_str(out, "\n");
}

static void
finding_line(const json_t *o, struct buf *out)
{
	buf_fmt(out, "  %-8s  %lld  ", message_get(o, "severity"),
	    (long long)json_integer_value(json_object_get(o, "id")));
	clean(out, "", message_get(o, "kind"));
	clean(out, "  ", report_about(o));
	clean(out, "; of ", message_get(o, "owner"));
	buf_fmt(out, "; since %s", message_get(o, "first_seen"));
	clean(out, ": ", message_get(o, "reason"));
}

static void
open_row(const json_t *r, const json_t *o, struct buf *out)
{
	const json_t	*next = json_object_get(o, "next");
	size_t		 i;

	finding_line(o, out);
	if (json_is_true(json_object_get(o, "new")))
		buf_str(out, " (new)");
	if (strcmp(message_get(o, "state"), "open") != 0)
		buf_fmt(out, " (%s)", message_get(o, "state"));
	if (json_is_true(json_object_get(o, "silenced")))
		buf_str(out, " (silenced)");
	buf_str(out, "\n");
	for (i = 0; i < json_array_size(next) && report_fails(r, o); i++) {
		clean(out, "                ", json_string_value(
		    json_array_get(next, i)));
		buf_str(out, "\n");
	}
}

static void
silenced_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	finding_line(o, out);
	buf_fmt(out, " (%s%s)\n", message_get(o, "state"),
	    json_is_true(json_object_get(o, "digest_only")) ?
	    ", lowered by policy" : ", muted");
}

static void
baseline_row(const json_t *r, const json_t *o, struct buf *out)
{
	int64_t	late = json_integer_value(json_object_get(o,
		    "logged_after_watch_seconds"));
	char	text[REPORT_LATE];

	(void)r;
	buf_fmt(out, "  until %.10s  ", message_get(o, "not_after"));
	clean(out, "", message_get(o, "issuer_owner")[0] != '\0' ?
	    message_get(o, "issuer_owner") : "issuer not known");
	buf_str(out, "  ");
	names(o, out);
	owners(o, out);
	if (late != 0)
		buf_fmt(out, "  logged %s after its watch began",
		    report_late(late, text));
	buf_str(out, "\n");
}

static void
unchecked_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	buf_fmt(out, "  since %s  ", message_get(o, "since"));
	clean(out, "", message_get(o, "what"));
	clean(out, " ", message_get(o, "subject"));
	clean(out, ": ", message_get(o, "why"));
	if (json_is_integer(json_object_get(o, "certificates")))
		buf_fmt(out, " (%lld certificates)",
		    (long long)json_integer_value(json_object_get(o,
		    "certificates")));
	buf_str(out, "\n");
}

static void
number(const json_t *o, const char *key, int width, struct buf *out)
{
	const json_t	*v = json_object_get(o, key);

	if (json_is_integer(v))
		buf_fmt(out, "  %*lld", width,
		    (long long)json_integer_value(v));
	else
		buf_fmt(out, "  %*s", width, "-");
}

static void
coverage_row(const json_t *r, const json_t *o, struct buf *out)
{
	struct buf	b = BUF_INIT;

	(void)r;
	clean(&b, "", message_get(o, "description"));
	buf_fmt(out, "  %-36s", buf_text(&b));
	number(o, "size_from", 12, out);
	number(o, "size_to", 12, out);
	number(o, "gaps", 4, out);
	number(o, "max_lag_seconds", 8, out);
	if (json_is_true(json_object_get(o, "current")))
		buf_str(out, "  current\n");
	else {
		clean(out, "  behind since ", message_get(o, "current_at"));
		clean(out, ": ", message_get(o, "last_error"));
		buf_str(out, "\n");
	}
	buf_free(&b);
}

const char *
report_text_verdict(const json_t *r)
{
	switch (json_integer_value(json_object_get(r, "verdict"))) {
	case 0:
		return "Nothing is wrong.";
	case 1:
		return "Something was not checked.";
	default:
		return "Something is wrong.";
	}
}

void
report_text_why(const json_t *r, struct buf *out)
{
	int64_t	bad = report_count(r, "failing"),
		unchecked = report_count(r, "unchecked");

	if (bad > 0) {
		buf_fmt(out, "%lld finding%s of severity %s",
		    (long long)bad, bad > 1 ? "s" : "",
		    message_get(r, "fail_on"));
		buf_fmt(out, "%s %s open. ", strcmp(message_get(r, "fail_on"),
		    "critical") == 0 ? "" : " or worse", bad > 1 ? "are" :
		    "is");
	}
	if (unchecked > 0)
		buf_fmt(out, "%lld thing%s not checked.",
		    (long long)unchecked, unchecked > 1 ? "s were" : " was");
	if (bad == 0 && unchecked == 0)
		buf_fmt(out, "Everything was checked, and no finding of "
		    "severity %s%s is open.", message_get(r, "fail_on"),
		    strcmp(message_get(r, "fail_on"), "critical") == 0 ? "" :
		    " or worse");
}

/* What our own orders and declarations kept silent. */
static void
issuances(const json_t *o, struct buf *out)
{
	const json_t	*a = report_list(o, "issuances");
	size_t		 i;

	buf_fmt(out, "  %lld issuances were silent because they were ordered "
	    "or declared\n", (long long)json_integer_value(
	    json_object_get(o, "silent")));
	for (i = 0; i < json_array_size(a) && i < 20; i++) {
		o = json_array_get(a, i);
		buf_fmt(out, "  silent since %.16s  ",
		    message_get(o, "first_seen"));
		names(o, out);
		clean(out, ", ", message_get(o, "issuer_owner"));
		clean(out, ": ", message_get(o, "reason"));
		buf_str(out, "\n");
	}
}

/* What stands below a section's title, before its rows. */
static void
preface(const json_t *r, const char *key, struct buf *out)
{
	const json_t	*a, *o;
	size_t		 i;

	if (strcmp(key, "silenced") == 0) {
		o = json_object_get(r, "silenced");
		issuances(o, out);
		a = report_list(o, "silences");
		for (i = 0; i < json_array_size(a) && i < 20; i++) {
			o = json_array_get(a, i);
			buf_fmt(out, "  silence %lld until %s, by",
			    (long long)json_integer_value(
			    json_object_get(o, "id")),
			    message_get(o, "until"));
			clean(out, " ", message_get(o, "author"));
			clean(out, ", kind ", message_get(o, "kind"));
			clean(out, ", name ", message_get(o, "name"));
			clean(out, ", owner ", message_get(o, "owner"));
			clean(out, ": ", message_get(o, "reason"));
			buf_str(out, "\n");
		}
	}
	a = json_object_get(json_object_get(r, key), "groups");
	for (i = 0; i < json_array_size(a) && i < 20; i++) {
		o = json_array_get(a, i);
		buf_fmt(out, "  %lld of ", (long long)json_integer_value(
		    json_object_get(o, "count")));
		clean(out, "", message_get(o, "issuer_owner")[0] != '\0' ?
		    message_get(o, "issuer_owner") :
		    "issuers that are not known");
		buf_str(out, "\n");
	}
	if (strcmp(key, "coverage") == 0 &&
	    json_array_size(report_list(r, key)) > 0)
		buf_fmt(out, "  %-36s  %12s  %12s  %4s  %8s\n", "LOG", "FROM",
		    "TO", "GAPS", "MAX LAG");
}

static const struct part parts[] = {
	{ "new", "New certificates", new_row },
	{ "changed", "Changed", changed_row },
	{ "open", "Open", open_row },
	{ "silenced", "Silenced", silenced_row },
	{ "baseline", "Baseline, not reviewed", baseline_row },
	{ "unchecked", "Not checked", unchecked_row },
	{ "coverage", "Coverage", coverage_row },
};

static void
put_part(const json_t *r, const struct part *p, size_t rows, struct buf *out)
{
	const json_t	*a = report_list(r, p->key);
	int64_t		 more = report_more(r, p->key);
	size_t		 i, n = json_array_size(a);

	buf_fmt(out, "\n%s: %lld\n", p->title, (long long)n +
	    (long long)more);
	preface(r, p->key, out);
	for (i = 0; i < n && i < rows; i++)
		p->row(r, json_array_get(a, i), out);
	more += (int64_t)(n - i);
	if (more > 0)
		buf_fmt(out, "  and %lld more\n", (long long)more);
}

void
report_text(const json_t *r, size_t rows, size_t cap, struct buf *out)
{
	size_t	from = out->n, i;

	buf_fmt(out, "%s\n", message_get(r, "first_line"));
	report_text_why(r, out);
	buf_fmt(out, "\n%s to %s, %s\n", message_get(r, "since"),
	    message_get(r, "until"), message_get(r, "program"));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put_part(r, &parts[i], rows, out);
	if (out->n - from <= cap)
		return;
	out->n = from + cap;
	while (out->n > from && out->p[out->n - 1] != '\n')
		out->n--;
	out->p[out->n] = '\0';
}
