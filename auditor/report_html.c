#include "auditor/report_html.h"

#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/markup.h"
#include "auditor/report.h"
#include "auditor/report_html_style.h"
#include "auditor/report_text.h"
#include "base/enc.h"
#include "base/sha.h"

#define NAMES	8	/* names of one certificate */

/* <td class="CLASS">TEXT</td> */
static void
cell(struct buf *out, const char *class, const char *text)
{
	buf_fmt(out, class[0] != '\0' ? "<td class=\"%s\">" : "<td>", class);
	markup_text(out, text);
	buf_str(out, "</td>");
}

/* "2026-11-22T02:00:00Z" as "2026-11-22 02:00" with the whole in a title. */
static void
time_cell(struct buf *out, const char *at)
{
	buf_str(out, "<td class=\"t\">");
	if (strlen(at) >= 16) {
		buf_str(out, "<time datetime=\"");
		markup_text(out, at);
		buf_str(out, "\">");
		markup_fmt(out, "%.10s %.5s", at, at + 11);
		buf_str(out, "</time>");
	} else
		markup_text(out, at[0] != '\0' ? at : "-");
	buf_str(out, "</td>");
}

static void
number_cell(struct buf *out, const json_t *o, const char *key)
{
	const json_t	*v = json_object_get(o, key);

	if (json_is_integer(v))
		buf_fmt(out, "<td class=\"n\">%lld</td>",
		    (long long)json_integer_value(v));
	else
		buf_str(out, "<td class=\"n\">-</td>");
}

/* A word in a coloured frame. */
static void
badge(struct buf *out, const char *class, const char *text)
{
	buf_fmt(out, "<span class=\"b %s\">", class);
	markup_text(out, text);
	buf_str(out, "</span>");
}

static const char *
severity_class(const char *s)
{
	static const char *const words[] = { "critical", "high", "medium",
		"low" };
	size_t	i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i]) == 0)
			return words[i];
	return "info";
}

static void
name_cell(struct buf *out, const json_t *o)
{
	const json_t	*a = json_object_get(o, "names");
	json_int_t	 n = json_integer_value(json_object_get(o,
			    "names_count"));
	size_t		 i;

	buf_str(out, "<td class=\"w\">");
	for (i = 0; i < json_array_size(a) && i < NAMES; i++) {
		buf_str(out, i > 0 ? "<br>" : "");
		markup_text(out, json_string_value(json_array_get(a, i)));
	}
	if (n > (json_int_t)i)
		markup_fmt(out, " and %lld more", (long long)n - (long long)i);
	buf_str(out, "<br><small>");
	markup_text(out, message_get(o, "tbs_sha256"));
	buf_str(out, "</small></td>");
}

static void
owners_cell(struct buf *out, const json_t *o)
{
	const json_t	*a = json_object_get(o, "owners");
	size_t		 i;

	buf_str(out, "<td>");
	for (i = 0; i < json_array_size(a) && i < NAMES; i++) {
		buf_str(out, i > 0 ? ", " : "");
		markup_text(out, json_string_value(json_array_get(a, i)));
	}
	buf_str(out, "</td>");
}

static const char *
issuer(const json_t *o)
{
	const char	*s = message_get(o, "issuer_owner");

	return s[0] != '\0' ? s : "not known";
}

/* --- rows ----------------------------------------------------------------------- */

static void
new_row(const json_t *r, const json_t *o, struct buf *out)
{
	int	declared = json_is_true(json_object_get(o, "declared"));

	(void)r;
	time_cell(out, message_get(o, "first_seen"));
	name_cell(out, o);
	cell(out, "", issuer(o));
	time_cell(out, message_get(o, "not_after"));
	owners_cell(out, o);
	buf_str(out, "<td>");
	badge(out, declared ? "ok" : "medium", report_decision(o));
	buf_str(out, " ");
	markup_text(out, message_get(o, "reason"));
	buf_str(out, "</td>");
}

static void
changed_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	time_cell(out, message_get(o, "at"));
	cell(out, "", message_get(o, "event"));
	cell(out, "w", message_get(o, "name"));
	cell(out, "w", message_get(o, "text"));
}

static void
open_row(const json_t *r, const json_t *o, struct buf *out)
{
	const json_t	*next = json_object_get(o, "next");
	const char	*severity = message_get(o, "severity");
	size_t		 i;

	buf_str(out, "<td>");
	badge(out, severity_class(severity), severity);
	if (json_is_true(json_object_get(o, "new")))
		badge(out, "new", "new");
	if (strcmp(message_get(o, "state"), "open") != 0)
		badge(out, "info", message_get(o, "state"));
	if (json_is_true(json_object_get(o, "silenced")))
		badge(out, "info", "silenced");
	buf_str(out, "</td>");
	number_cell(out, o, "id");
	buf_str(out, "<td class=\"w\"><strong>");
	markup_text(out, message_get(o, "kind"));
	buf_str(out, "</strong><br>");
	markup_text(out, report_about(o));
	if (strcmp(report_about(o), message_get(o, "subject")) != 0) {
		buf_str(out, "<br><small>");
		markup_text(out, message_get(o, "subject"));
		buf_str(out, "</small>");
	}
	buf_str(out, "</td>");
	cell(out, "", message_get(o, "owner"));
	time_cell(out, message_get(o, "first_seen"));
	buf_str(out, "<td class=\"w\">");
	markup_text(out, message_get(o, "reason"));
	for (i = 0; i < json_array_size(next) && report_fails(r, o); i++) {
		buf_str(out, "<br><code>");
		markup_text(out, json_string_value(json_array_get(next, i)));
		buf_str(out, "</code>");
	}
	buf_str(out, "</td>");
}

static void
silenced_row(const json_t *r, const json_t *o, struct buf *out)
{
	const char	*severity = message_get(o, "severity");

	(void)r;
	buf_str(out, "<td>");
	badge(out, severity_class(severity), severity);
	badge(out, "info", json_is_true(json_object_get(o, "digest_only")) ?
	    "lowered" : "muted");
	buf_str(out, "</td>");
	number_cell(out, o, "id");
	cell(out, "", message_get(o, "kind"));
	cell(out, "w", report_about(o));
	cell(out, "", message_get(o, "state"));
	time_cell(out, message_get(o, "first_seen"));
	cell(out, "w", message_get(o, "reason"));
}

static void
baseline_row(const json_t *r, const json_t *o, struct buf *out)
{
	int64_t	late = json_integer_value(json_object_get(o,
		    "logged_after_watch_seconds"));
	char	text[REPORT_LATE];

	(void)r;
	cell(out, "", issuer(o));
	name_cell(out, o);
	time_cell(out, message_get(o, "not_before"));
	time_cell(out, message_get(o, "not_after"));
	cell(out, "", late != 0 ? report_late(late, text) : "");
	owners_cell(out, o);
}

static void
unchecked_row(const json_t *r, const json_t *o, struct buf *out)
{
	(void)r;
	cell(out, "", message_get(o, "what"));
	cell(out, "w", message_get(o, "subject"));
	time_cell(out, message_get(o, "since"));
	time_cell(out, message_get(o, "last_ok"));
	number_cell(out, o, "certificates");
	cell(out, "w", message_get(o, "why"));
}

static void
coverage_row(const json_t *r, const json_t *o, struct buf *out)
{
	int	current = json_is_true(json_object_get(o, "current"));

	(void)r;
	cell(out, "w", message_get(o, "description"));
	cell(out, "", message_get(o, "operator"));
	number_cell(out, o, "size_from");
	number_cell(out, o, "size_to");
	number_cell(out, o, "gaps");
	number_cell(out, o, "max_lag_seconds");
	time_cell(out, message_get(o, "verified_at"));
	buf_str(out, "<td class=\"w\">");
	badge(out, current ? "ok" : "high", current ? "current" : "behind");
	if (!current) {
		buf_str(out, " ");
		markup_text(out, message_get(o, "last_error"));
	}
	buf_str(out, "</td>");
}

/* --- the page ------------------------------------------------------------------- */

struct part {
	const char	*key;
	const char	*title;
	const char	*none;		/* what stands there instead of rows */
	const char	*head;		/* cells of the table's head */
	void		(*row)(const json_t *report, const json_t *,
			    struct buf *);
};

#define TH(x)	"<th scope=\"col\">" x "</th>"
#define TN(x)	"<th scope=\"col\" class=\"n\">" x "</th>"

static const struct part parts[] = {
	{ "new", "New certificates", "No certificate is new.",
	  TH("First seen") TH("Names") TH("Issuer") TH("Valid until")
	  TH("Owner") TH("Decision"), new_row },
	{ "changed", "Changed", "Nothing has changed.",
	  TH("When") TH("What") TH("Name") TH("How"), changed_row },
	{ "open", "Open findings", "No finding is open.",
	  TH("Severity") TN("No.") TH("Finding") TH("Owner") TH("Since")
	  TH("Reason, and what to do"), open_row },
	{ "silenced", "Silenced findings", "No finding was silenced.",
	  TH("Severity") TN("No.") TH("Kind") TH("Name") TH("State")
	  TH("Since") TH("Reason"), silenced_row },
	{ "baseline", "Baseline, not reviewed",
	  "Nothing of the baseline is unreviewed.",
	  TH("Issuer") TH("Names") TH("Valid from") TH("Valid until")
	  TH("Logged after its watch began")
	  TH("Owner"), baseline_row },
	{ "unchecked", "Not checked", "Everything was checked.",
	  TH("What") TH("Which") TH("Since") TH("Last good")
	  TN("Certificates") TH("Why"), unchecked_row },
	{ "coverage", "Coverage of the period", "No log is read.",
	  TH("Log") TH("Operator") TN("From entry") TN("To entry") TN("Gaps")
	  TN("Largest lag, s") TH("Verified") TH("State"), coverage_row },
};

/* What our own orders and declarations kept silent. */
static void
issuances(const json_t *s, struct buf *out)
{
	const json_t	*a = report_list(s, "issuances"), *o;
	size_t		 i;

	if (json_array_size(a) == 0)
		return;
	buf_str(out, "<table><thead><tr>" TH("Since") TH("Names") TH("Issuer")
	    TN("Rule") TH("Reason") "</tr></thead><tbody>\n");
	for (i = 0; i < json_array_size(a); i++) {
		o = json_array_get(a, i);
		buf_str(out, "<tr>");
		time_cell(out, message_get(o, "first_seen"));
		name_cell(out, o);
		cell(out, "", message_get(o, "issuer_owner"));
		number_cell(out, o, "rule");
		cell(out, "w", message_get(o, "reason"));
		buf_str(out, "</tr>\n");
	}
	buf_str(out, "</tbody></table>\n");
}

/* The silences in force, before the findings. */
static void
silences(const json_t *r, struct buf *out)
{
	const json_t	*s = json_object_get(r, "silenced"), *a, *o;
	size_t		 i;

	buf_fmt(out, "<p>%lld issuances were silent because they were "
	    "ordered or declared.</p>\n", (long long)json_integer_value(
	    json_object_get(s, "silent")));
	issuances(s, out);
	a = report_list(s, "silences");
	if (json_array_size(a) == 0)
		return;
	buf_str(out, "<table><thead><tr>" TN("Silence") TH("Until") TH("Kind")
	    TH("Name") TH("Owner") TH("By") TH("Reason")
	    "</tr></thead><tbody>\n");
	for (i = 0; i < json_array_size(a); i++) {
		o = json_array_get(a, i);
		buf_str(out, "<tr>");
		number_cell(out, o, "id");
		time_cell(out, message_get(o, "until"));
		cell(out, "", message_get(o, "kind"));
		cell(out, "w", message_get(o, "name"));
		cell(out, "", message_get(o, "owner"));
		cell(out, "", message_get(o, "author"));
		cell(out, "w", message_get(o, "reason"));
		buf_str(out, "</tr>\n");
	}
	buf_str(out, "</tbody></table>\n");
}

static void
put_part(const json_t *r, const struct part *p, struct buf *out)
{
	const json_t	*a = report_list(r, p->key);
	size_t		 i, n = json_array_size(a);
	int64_t		 more = report_more(r, p->key);

	buf_fmt(out, "<section id=\"%s\"><h2>%s <span class=\"c\">%lld</span>"
	    "</h2>\n", p->key, p->title, (long long)n + (long long)more);
	if (strcmp(p->key, "silenced") == 0)
		silences(r, out);
	if (n == 0)
		buf_fmt(out, "<p class=\"none\">%s</p>\n", p->none);
	else {
		buf_fmt(out, "<table><thead><tr>%s</tr></thead><tbody>\n",
		    p->head);
		for (i = 0; i < n; i++) {
			buf_str(out, "<tr>");
			p->row(r, json_array_get(a, i), out);
			buf_str(out, "</tr>\n");
		}
		buf_str(out, "</tbody></table>\n");
	}
	if (more > 0)
		buf_fmt(out, "<p>and %lld more</p>\n", (long long)more);
	buf_str(out, "</section>\n");
}

static void
tile(struct buf *out, const char *to, const char *class, const char *label,
    const char *value)
{
	buf_fmt(out, "<a class=\"tile %s\" href=\"#%s\"><b>%s</b><span>%s"
	    "</span></a>\n", class, to, value, label);
}

static void
tiles(const json_t *r, struct buf *out)
{
	static const struct {
		const char	*count, *part, *label, *bad;
	} v[] = {
		{ "new", "new", "new certificates", "" },
		{ "declared", "new", "of them declared", "" },
		{ "open", "open", "open findings", "medium" },
		{ "silenced", "silenced", "silenced", "" },
		{ "baseline", "baseline", "not reviewed", "" },
		{ "unchecked", "unchecked", "not checked", "medium" },
	};
	struct buf	b = BUF_INIT;
	int64_t		n;
	size_t		i;

	buf_str(out, "<nav>\n");
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		n = report_count(r, v[i].count);
		buf_reset(&b);
		buf_fmt(&b, "%lld", (long long)n);
		tile(out, v[i].part, n == 0 ? "" : strcmp(v[i].count,
		    "open") == 0 && report_count(r, "failing") > 0 ?
		    "critical" : v[i].bad, v[i].label, buf_text(&b));
	}
	buf_reset(&b);
	buf_fmt(&b, "%lld/%lld", (long long)report_count(r, "logs_current"),
	    (long long)report_count(r, "logs"));
	tile(out, "coverage", report_count(r, "logs_current") ==
	    report_count(r, "logs") ? "" : "medium", "logs current",
	    buf_text(&b));
	buf_str(out, "</nav>\n");
	buf_free(&b);
}

static void
head(const json_t *r, struct buf *out)
{
	uint8_t	hash[32];

	sha_256(hash, report_html_style, strlen(report_html_style));
	buf_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
	    "<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\""
	    "default-src 'none'; style-src 'sha256-");
	enc_b64(out, hash, sizeof(hash));
	buf_str(out, "'; base-uri 'none'; form-action 'none'\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n<title>");
	markup_text(out, message_get(r, "first_line"));
	buf_fmt(out, "</title>\n<style>%s</style></head>\n",
	    report_html_style);
}

void
report_html(const json_t *r, struct buf *out)
{
	static const char *const classes[] = { "ok", "medium", "critical" };
	json_int_t	verdict = json_integer_value(json_object_get(r,
			    "verdict"));
	struct buf	why = BUF_INIT;
	size_t		i;

	head(r, out);
	buf_fmt(out, "<body><header class=\"%s\"><h1>",
	    classes[verdict >= 0 && verdict < 3 ? verdict : 2]);
	markup_text(out, report_text_verdict(r));
	buf_str(out, "</h1>\n<p class=\"line\">");
	markup_text(out, message_get(r, "first_line"));
	buf_str(out, "</p>\n<p>");
	report_text_why(r, &why);
	markup_text(out, buf_text(&why));
	buf_free(&why);
	buf_str(out, "</p>\n<p>");
	markup_fmt(out, "From %s to %s, %s on %s.",
	    message_get(r, "since"), message_get(r, "until"),
	    message_get(r, "program"), message_get(r, "host"));
	buf_str(out, "</p></header>\n<main>\n");
	tiles(r, out);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put_part(r, &parts[i], out);
	buf_str(out, "</main>\n<footer><p>");
	markup_fmt(out, "Instance %s. Times are UTC. What was silenced is "
	    "listed, because a thief of a known key gets silent "
	    "certificates.", message_get(r, "instance"));
	buf_str(out, "</p></footer></body></html>\n");
}
