#include "auditor/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/alert/route.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/sha.h"

static json_t *
time_json(int64_t us)
{
	char	text[CLK_TEXT];

	return json_string(clk_text(us, text));
}

/* --- building ----------------------------------------------------------------- */

static int
sections(struct db *db, const struct report_frame *f, json_t *out,
    struct err *e)
{
	static const struct {
		const char	*key;
		json_t		*(*read)(struct db *,
				    const struct report_frame *, struct err *);
	} parts[] = {
		{ "new", report_store_new },
		{ "changed", report_store_changed },
		{ "open", report_store_open },
		{ "silenced", report_store_silenced },
		{ "baseline", report_store_baseline },
		{ "unchecked", report_store_unchecked },
		{ "coverage", report_store_coverage },
	};
	json_t	*v;
	size_t	 i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if ((v = parts[i].read(db, f, e)) == NULL)
			return -1;
		json_object_set_new(out, parts[i].key, v);
	}
	return 0;
}

/* Logs that were not proven lately are not checked, too. */
static void
add_logs(json_t *out)
{
	json_t		*u = json_object_get(out, "unchecked"),
			*list = json_object_get(u, "list"), *o;
	const json_t	*logs = report_list(out, "coverage");
	const char	*since, *why;
	json_int_t	 n = json_integer_value(json_object_get(u, "count"));
	size_t		 i;

	for (i = 0; i < json_array_size(logs); i++) {
		o = json_array_get(logs, i);
		if (json_is_true(json_object_get(o, "current")))
			continue;
		since = message_get(o, "current_at");
		if (since[0] == '\0')
			since = message_get(o, "added_at");
		why = message_get(o, "last_error");
		n++;
		json_array_append_new(list, json_pack(
		    "{ss ss ss ss ss? so}", "what", "log", "subject",
		    message_get(o, "description"), "why", why[0] != '\0' ?
		    why : "not proven up to its head", "since", since,
		    "last_ok", message_get(o, "current_at")[0] != '\0' ?
		    message_get(o, "current_at") : NULL, "certificates",
		    json_null()));
	}
	if (json_array_size(logs) == 0) {
		n++;
		json_array_append_new(list, json_pack(
		    "{ss ss ss so sn sn}", "what", "log", "subject",
		    "all logs", "why", "no log list was read yet", "since",
		    json_incref(json_object_get(out, "since")), "last_ok",
		    "certificates"));
	}
	json_object_set_new(u, "count", json_integer(n));
}

char *
report_late(int64_t s, char *out)
{
	static const struct {
		int64_t		 s;
		const char	*name;
	} unit[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" },
	    { 1, "second" } };
	size_t	i = 0;

	while (i < 3 && s < 2 * unit[i].s)
		i++;
	(void)snprintf(out, REPORT_LATE, "%lld %s%s",
	    (long long)(s / unit[i].s), unit[i].name, s == 1 ? "" : "s");
	return out;
}

/* The baseline by issuer owner; the list is sorted by it. */
static void
add_groups(json_t *out)
{
	json_t		*b = json_object_get(out, "baseline"),
			*groups = json_array(), *last = NULL, *o;
	const json_t	*list = report_list(out, "baseline");
	const char	*owner;
	size_t		 i;

	for (i = 0; i < json_array_size(list); i++) {
		owner = message_get(json_array_get(list, i), "issuer_owner");
		if (last == NULL || strcmp(message_get(last, "issuer_owner"),
		    owner) != 0) {
			last = json_pack("{ss sI}", "issuer_owner", owner,
			    "count", (json_int_t)0);
			json_array_append_new(groups, last);
		}
		o = json_object_get(last, "count");
		json_integer_set(o, json_integer_value(o) + 1);
	}
	json_object_set_new(b, "groups", groups);
}

json_t *
report_build(struct db *db, struct report_frame *f, struct err *e)
{
	json_t	*o = json_object();
	char	*instance = NULL;
	int	 rc = -1;

	if (report_store_begin(db, f, e) == -1)
		goto out;
	if ((instance = report_store_instance(db, e)) != NULL) {
		json_object_set_new(o, "type", json_string("certvigil.audit"));
		json_object_set_new(o, "version", json_integer(1));
		json_object_set_new(o, "program",
		    json_string("certvigil " CERTVIGIL_VERSION));
		json_object_set_new(o, "instance", json_string(instance));
		json_object_set_new(o, "since", time_json(f->since));
		json_object_set_new(o, "until", time_json(f->until));
		json_object_set_new(o, "first", json_boolean(f->first));
		rc = sections(db, f, o, e);
	}
	report_store_end(db);
out:
	free(instance);
	if (rc == -1) {
		json_decref(o);
		return NULL;
	}
	add_logs(o);
	add_groups(o);
	json_object_set(json_object_get(o, "silenced"), "silent",
	    json_object_get(json_object_get(o, "new"), "declared"));
	return o;
}

/* --- judging -------------------------------------------------------------------- */

/* Of {severity: count}: all, and those as bad as ${rank} or worse. */
static void
sum(const json_t *counts, int rank, json_int_t *all, json_int_t *bad)
{
	const char	*severity;
	json_t		*v;

	*all = *bad = 0;
	json_object_foreach((json_t *)(uintptr_t)counts, severity, v) {
		*all += json_integer_value(v);
		if (route_severity(severity) <= rank)
			*bad += json_integer_value(v);
	}
}

static json_int_t
section_count(const json_t *r, const char *section)
{
	return json_integer_value(json_object_get(json_object_get(r, section),
	    "count"));
}

static json_int_t
logs_current(const json_t *r)
{
	const json_t	*a = report_list(r, "coverage");
	json_int_t	 n = 0;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		n += json_is_true(json_object_get(json_array_get(a, i),
		    "current"));
	return n;
}

void
report_judge(json_t *r, const char *fail_on)
{
	const json_t	*open = json_object_get(r, "open");
	json_int_t	 all, bad, acked, unused, declared;
	char		 line[200];

	sum(json_object_get(open, "by_severity"), route_severity(fail_on),
	    &all, &bad);
	sum(json_object_get(open, "acked"), 0, &acked, &unused);
	declared = json_integer_value(json_object_get(json_object_get(r,
	    "new"), "declared"));
	json_object_set_new(r, "counts", json_pack(
	    "{sI sI sI sI sI sI sI sI sI sI sI}",
	    "new", section_count(r, "new"), "declared", declared,
	    "open", all, "failing", bad, "acked", acked,
	    "unchecked", section_count(r, "unchecked"),
	    "logs", section_count(r, "coverage"),
	    "logs_current", logs_current(r),
	    "silenced", section_count(r, "silenced"),
	    "baseline", section_count(r, "baseline"),
	    "changed", section_count(r, "changed")));
	(void)snprintf(line, sizeof(line), "audit %.10s: %lld new (%lld "
	    "declared), %lld open, %lld unchecked, %lld/%lld logs",
	    message_get(r, "until"), (long long)report_count(r, "new"),
	    (long long)declared, (long long)all,
	    (long long)report_count(r, "unchecked"),
	    (long long)report_count(r, "logs_current"),
	    (long long)report_count(r, "logs"));
	json_object_set_new(r, "first_line", json_string(line));
	json_object_set_new(r, "fail_on", json_string(fail_on));
	json_object_set_new(r, "verdict", json_integer(bad > 0 ? 2 :
	    report_count(r, "unchecked") > 0 ? 1 : 0));
}

/* --- looking ---------------------------------------------------------------------- */

int64_t
report_count(const json_t *r, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(r,
	    "counts"), key));
}

const json_t *
report_list(const json_t *r, const char *section)
{
	return json_object_get(json_object_get(r, section), "list");
}

int64_t
report_more(const json_t *r, const char *section)
{
	int64_t	n = section_count(r, section) -
		    (int64_t)json_array_size(report_list(r, section));

	return n > 0 ? n : 0;
}

int
report_fails(const json_t *r, const json_t *f)
{
	return strcmp(message_get(f, "state"), "acked") != 0 &&
	    route_severity(message_get(f, "severity")) <=
	    route_severity(message_get(r, "fail_on"));
}

const char *
report_about(const json_t *o)
{
	const json_t	*names = json_object_get(o, "names");

	if (json_array_size(names) > 0 &&
	    json_is_string(json_array_get(names, 0)))
		return json_string_value(json_array_get(names, 0));
	if (message_get(o, "name")[0] != '\0')
		return message_get(o, "name");
	if (message_get(o, "subject")[0] != '\0')
		return message_get(o, "subject");
	return message_get(o, "tbs_sha256");
}

const char *
report_decision(const json_t *o)
{
	static const char *const words[][2] = {
		{ "silent", "declared" }, { "page", "unexpected" },
		{ "deny", "denied" }, { "misused", "misused" },
		{ "hold", "waiting" }, { "digest", "lowered" },
		{ "malformed", "malformed" }, { "baseline", "baseline" },
	};
	size_t	i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], message_get(o, "decision")) == 0)
			return words[i][1];
	return "undecided";
}

void
report_fingerprint(const json_t *o, char out[65])
{
	struct buf	b = BUF_INIT;
	uint8_t		h[32];

	/* no subject has a newline in it that is part of another's kind */
	buf_fmt(&b, "%s\n%s", message_get(o, "what"),
	    message_get(o, "subject"));
	sha_256(h, b.p, b.n);
	enc_hex_to(out, h, sizeof(h));
	buf_free(&b);
}
