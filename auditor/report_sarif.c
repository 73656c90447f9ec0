#include "auditor/report_sarif.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/report.h"
#include "auditor/report_rule.h"

#define SCHEMA	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/" \
		"schemas/sarif-schema-2.1.0.json"
#define TEXT	2000	/* bytes of one text */

/* A cleaned text as a new string. */
static json_t *
clean(const char *text)
{
	struct buf	b = BUF_INIT;
	json_t		*s;

	message_clean(&b, text, TEXT, "-");
	s = json_string(buf_text(&b));
	buf_free(&b);
	return s;
}

/* critical and high are errors, medium a warning, the others notes. */
static const char *
level(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return "error";
	return strcmp(severity, "medium") == 0 ? "warning" : "note";
}

/* The number of a rule; a new one is added to ${rules}. */
static size_t
rule_index(json_t *rules, json_t *index, const char *kind)
{
	const json_t	*n = json_object_get(index, kind);
	size_t		 i = json_array_size(rules);

	if (n != NULL)
		return (size_t)json_integer_value(n);
	json_object_set_new(index, kind, json_integer((json_int_t)i));
	json_array_append_new(rules, json_pack("{ss s{ss}}", "id", kind,
	    "shortDescription", "text", report_rule(kind)));
	return i;
}

/* "kind/subject" as a relative reference (RFC 3986). */
static json_t *
place(const json_t *f)
{
	static const char	ok[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	struct buf		b = BUF_INIT;
	const char		*s = message_get(f, "subject");
	json_t			*v;

	buf_fmt(&b, "%s/", message_get(f, "kind"));
	for (; *s != '\0' && b.n < TEXT; s++) {
		if (strchr(ok, *s) != NULL)
			buf_u8(&b, (uint8_t)*s);
		else
			buf_fmt(&b, "%%%02X", (unsigned)(unsigned char)*s);
	}
	v = json_string(buf_text(&b));
	buf_free(&b);
	return v;
}

static json_t *
result_message(const json_t *f)
{
	struct buf	b = BUF_INIT;
	json_t		*v;

	message_clean(&b, report_about(f), TEXT, "-");
	buf_str(&b, ": ");
	message_clean(&b, message_get(f, "reason"), TEXT,
	    report_rule(message_get(f, "kind")));
	v = json_string(buf_text(&b));
	buf_free(&b);
	return v;
}

static json_t *
result(const json_t *r, const json_t *f, json_t *rules, json_t *index)
{
	const char	*kind = message_get(f, "kind");
	json_t		*o;

	o = json_pack("{ss sI ss ss s{so} ss s{ss}}",
	    "ruleId", kind,
	    "ruleIndex", (json_int_t)rule_index(rules, index, kind),
	    "kind", "fail",
	    "level", level(message_get(f, "severity")),
	    "message", "text", result_message(f),
	    "baselineState", json_is_true(json_object_get(f, "new")) ?
	    "new" : "unchanged",
	    "partialFingerprints", "certvigil/v1",
	    message_get(f, "fingerprint"));
	json_object_set_new(o, "locations", json_pack(
	    "[{s{s{so}} s[{so ss}]}]", "physicalLocation", "artifactLocation",
	    "uri", place(f), "logicalLocations", "fullyQualifiedName",
	    clean(report_about(f)), "kind", "resource"));
	json_object_set_new(o, "properties", json_pack(
	    "{sI so so so so sb sO}",
	    "finding", json_integer_value(json_object_get(f, "id")),
	    "severity", clean(message_get(f, "severity")),
	    "state", clean(message_get(f, "state")),
	    "subject", clean(message_get(f, "subject")),
	    "owner", clean(message_get(f, "owner")),
	    "fails", report_fails(r, f),
	    "first_seen", json_object_get(f, "first_seen")));
	if (strcmp(message_get(f, "state"), "acked") == 0)
		json_object_set_new(o, "suppressions", json_pack(
		    "[{ss ss so}]", "kind", "external", "status",
		    "underReview", "justification",
		    clean(message_get(f, "decided_reason"))));
	return o;
}

/* What was not checked. */
static json_t *
notification(const json_t *o)
{
	struct buf	b = BUF_INIT, id = BUF_INIT;
	char		print[65];
	json_t		*v;

	report_fingerprint(o, print);
	message_clean(&b, message_get(o, "what"), TEXT, "-");
	buf_str(&b, " ");
	message_clean(&b, message_get(o, "subject"), TEXT, "-");
	buf_fmt(&b, " was not checked since %s: ", message_get(o, "since"));
	message_clean(&b, message_get(o, "why"), TEXT, "-");
	buf_str(&id, "unchecked.");
	message_clean(&id, message_get(o, "what"), TEXT, "-");
	v = json_pack("{ss s{ss} s{ss} s{ss}}", "level", "warning",
	    "message", "text", buf_text(&b), "descriptor", "id",
	    buf_text(&id), "properties", "fingerprint", print);
	buf_free(&b);
	buf_free(&id);
	return v;
}

static json_t *
invocation(const json_t *r)
{
	const json_t	*a = report_list(r, "unchecked");
	json_t		*notes = json_array();
	const char	*started = message_get(r, "started_at");
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		json_array_append_new(notes, notification(json_array_get(a,
		    i)));
	return json_pack("{sb sI ss ss so}", "executionSuccessful", 1,
	    "exitCode", json_integer_value(json_object_get(r, "verdict")),
	    "startTimeUtc", started[0] != '\0' ? started :
	    message_get(r, "until"), "endTimeUtc", message_get(r, "until"),
	    "toolExecutionNotifications", notes);
}

void
report_sarif(const json_t *r, struct buf *out)
{
	const json_t	*a = report_list(r, "open");
	const char	*program = message_get(r, "program"), *version;
	json_t		*rules = json_array(), *index = json_object(),
			*results = json_array(), *o;
	char		 id[64], *text;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		json_array_append_new(results, result(r, json_array_get(a,
		    i), rules, index));
	version = strchr(program, ' ');
	(void)snprintf(id, sizeof(id), "certvigil/audit/%.10s",
	    message_get(r, "until"));
	o = json_pack("{ss ss s[{s{s{ss ss so}} so s[o] s{ss} s{ss sO}}]}",
	    "$schema", SCHEMA, "version", "2.1.0", "runs",
	    "tool", "driver", "name", "certvigil", "version",
	    version != NULL ? version + 1 : program, "rules", rules,
	    "results", results, "invocations", invocation(r),
	    "automationDetails", "id", id,
	    "properties", "line", message_get(r, "first_line"), "counts",
	    json_object_get(r, "counts"));
	json_decref(index);
	if (o == NULL || (text = json_dumps(o, JSON_INDENT(1))) == NULL)
		abort();
	buf_str(out, text);
	buf_str(out, "\n");
	free(text);
	json_decref(o);
}
