#ifndef TESTS_UNIT_AUDITOR_REPORT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_REPORT_FIXTURE_H

#include <jansson.h>
#include <string.h>

#include "auditor/report.h"

/* Text as a hostile CA, log or server would write it. */
static const char *const hostile[] = {
	"<script>alert(1)</script>",
	"\"><img src=x onerror=alert(1)>",
	"=cmd|' /C calc'!A0",
	"]]><!--&amp;",
	"\x1b[2J\r\n\t=1+1",
	"\xe2\x80\xaemoc.elgoog",
	"\xef\xbf\xbf\xef\xbf\xbe",
	"+49 \\ ',\"",
};
#define HOSTILE	(sizeof(hostile) / sizeof(hostile[0]))

static inline json_t *
fixture_finding(int i, const char *text)
{
	static const char *const severities[] = { "critical", "high",
		"medium", "low", "info" };

	return json_pack("{sI ss ss ss ss ss ss ss ss ss ss sb sb ss s[ss]}",
	    "id", (json_int_t)i + 1, "kind", "certificate.unexpected",
	    "severity", severities[i % 5], "state", i % 7 == 6 ? "acked" :
	    "open", "owner", text, "name", text, "subject", text, "reason",
	    text, "first_seen", "2026-11-21T10:00:00Z", "last_seen",
	    "2026-11-22T10:00:00Z", "decided_reason", text, "new", i % 2,
	    "silenced", i % 3 == 0, "fingerprint",
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	    "next", "certvigil why 1", text);
}

static inline json_t *
fixture_cert(int i, const char *text)
{
	return json_pack("{ss s[ss] sI s[s] ss ss ss ss ss ss sI ss sb sI}",
	    "tbs_sha256",
	    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100",
	    "names", text, "www.example.com", "names_count", (json_int_t)25,
	    "owners", text, "issuer_owner", text, "serial", "0a",
	    "not_before", "2026-11-01T00:00:00Z", "not_after",
	    "2027-01-30T00:00:00Z", "first_seen", "2026-11-21T11:00:00Z",
	    "decision", i % 2 ? "silent" : "page", "rule", (json_int_t)8,
	    "reason", text, "declared", i % 2,
	    "logged_after_watch_seconds", (json_int_t)(i == 3 ? 7200 : 0));
}

static inline json_t *
fixture_section(json_t *(*make)(int, const char *), int n, int all)
{
	json_t	*list = json_array();
	int	 i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, make(i, hostile[(size_t)i %
		    HOSTILE]));
	return json_pack("{sI so}", "count", (json_int_t)all, "list", list);
}

static inline json_t *
fixture_change(int i, const char *text)
{
	(void)i;
	return json_pack("{ss ss ss ss ss}", "at", "2026-11-21T12:00:00Z",
	    "event", "finding.opened", "subject", text, "name", text, "text",
	    text);
}

static inline json_t *
fixture_unchecked(int i, const char *text)
{
	return json_pack("{ss ss ss ss sn so}", "what", "CRL", "subject",
	    text, "why", text, "since", "2026-11-21T13:00:00Z", "last_ok",
	    "certificates", i % 2 ? json_integer(3) : json_null());
}

static inline json_t *
fixture_log(int i, const char *text)
{
	return json_pack("{ss ss ss sI sI sI sI ss sb ss ss}", "log_id",
	    "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=", "description",
	    text, "operator", text, "size_from", (json_int_t)1000, "size_to",
	    (json_int_t)2000, "gaps", (json_int_t)0, "max_lag_seconds",
	    (json_int_t)61, "verified_at", "2026-11-22T01:00:00Z", "current",
	    i % 2 == 0, "last_error", text, "current_at",
	    "2026-11-21T01:00:00Z");
}

static inline json_t *
fixture_silence(int i, const char *text)
{
	return json_pack("{sI ss ss ss ss ss ss}", "id", (json_int_t)i,
	    "until", "2026-12-01T00:00:00Z", "kind", text, "name", text,
	    "owner", text, "author", text, "reason", text);
}

/* A judged report with ${n} hostile rows in each section, and some more. */
static inline json_t *
fixture_report(int n)
{
	json_t	*r = json_pack("{ss si ss ss ss ss ss ss sb}", "type",
		    "certvigil.audit", "version", 1, "program",
		    "certvigil 0.1.0", "instance", "6d1f-1", "host",
		    "h<1>", "started_at", "2026-11-22T01:59:00Z", "since",
		    "2026-11-21T02:00:00Z", "until", "2026-11-22T02:00:00Z",
		    "first", 0), *s;

	s = fixture_section(fixture_cert, n, n + 5);
	json_object_set_new(s, "declared", json_integer(n / 2));
	json_object_set_new(r, "new", s);
	json_object_set_new(r, "changed", fixture_section(fixture_change, n,
	    n));
	s = fixture_section(fixture_finding, n, n);
	json_object_set_new(s, "by_severity", json_pack("{si si}",
	    "critical", n > 0, "low", n > 0 ? n - 1 : 0));
	json_object_set_new(s, "acked", json_object());
	json_object_set_new(r, "open", s);
	s = fixture_section(fixture_finding, n, n);
	json_object_set_new(s, "silent", json_integer(n / 2));
	json_object_set_new(s, "silences", fixture_section(fixture_silence,
	    n > 3 ? 3 : n, n > 3 ? 3 : n));
	json_object_set_new(r, "silenced", s);
	s = fixture_section(fixture_cert, n, n);
	json_object_set_new(s, "groups", json_pack("[{ss si}]",
	    "issuer_owner", hostile[0], "count", n));
	json_object_set_new(r, "baseline", s);
	json_object_set_new(r, "unchecked", fixture_section(fixture_unchecked,
	    n, n));
	json_object_set_new(r, "coverage", fixture_section(fixture_log, n,
	    n));
	report_judge(r, "high");
	return r;
}

#endif
