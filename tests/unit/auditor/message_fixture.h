#ifndef TESTS_UNIT_AUDITOR_MESSAGE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_MESSAGE_FIXTURE_H

#include <jansson.h>
#include <stdlib.h>

#include "auditor/alert/message.h"

#define FIXTURE_ID "0b0c7a1e-2f44-4c57-9a5b-6a2f5b0a9d11"
#define FIXTURE_TBS \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* A finding as finding_row() makes it, with this name. */
static inline json_t *
fixture_finding(int id, const char *name)
{
	json_t *f;

	f = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}",
	    "id", id, "kind", "certificate.unexpected", "severity",
	    "critical", "state", "open", "watch", ".example.com", "owner",
	    "team-b", "name", name, "subject", FIXTURE_TBS, "reason",
	    "nobody declared it", "rule", 8);
	json_object_set_new(f, "first_seen",
	    json_string("2026-11-22T12:00:00Z"));
	json_object_set_new(f, "last_seen",
	    json_string("2026-11-22T12:00:00Z"));
	json_object_set_new(f, "proven", json_false());
	json_object_set_new(f, "issuer_owner", json_string("ca.example"));
	json_object_set_new(f, "issuer_first_seen",
	    json_string("2026-11-22T12:00:00Z"));
	json_object_set_new(f, "key_status", json_string("new"));
	json_object_set_new(f, "caa", json_null());
	json_object_set_new(f, "served_at", json_array());
	json_object_set_new(f, "nearest_source", json_null());
	json_object_set_new(f, "ca_contact",
	    json_string("problems@ca.example"));
	json_object_set_new(f, "logs", json_pack("[s]", "Rig log 1"));
	json_object_set_new(f, "dedupe_key",
	    json_string("certificate.unexpected|" FIXTURE_TBS "|team-b"));
	json_object_set_new(f, "next", message_next(f));
	json_object_set_new(f, "detail", json_pack("{s:[s,s,s]}", "names",
	    name, "b.example.com", "c.example.com"));
	return f;
}

/* A message of event `opened` with one finding. */
static inline struct message
fixture_message(const char *name)
{
	struct message m = MESSAGE_INIT;

	m.id = FIXTURE_ID;
	m.purpose = "finding";
	m.event = "opened";
	m.at = 1795348800LL * 1000000;
	m.findings = json_array();
	json_array_append_new(m.findings, fixture_finding(12, name));
	return m;
}

/* Names as an attacker would choose them (ecosystem.md T18). */
static const char *const fixture_hostile[] = {
	"<!channel>", "<!here> x", "<@U123>", "<https://evil.example|click>",
	"```", "`rm -rf /`", "$(reboot)", "; reboot", "a\nb: c", "a\r\nX: y",
	"\x1b[2J\x1b]0;owned\x07", "\xe2\x80\xaegpj.exe", "\xe2\x80\x8b",
	"'; drop table finding; --", "\"}}, {\"a\": \"", "\\u0000", "%s%n%x",
	"<script>alert(1)</script>", "&lt;", "*bold*", "_x_", "\xc3\x28",
	"=cmd|' /C calc'!A0", "\x7f", "\t\t",
};
#define FIXTURE_NHOSTILE \
	(sizeof(fixture_hostile) / sizeof(fixture_hostile[0]))

/* A message whose every text is hostile; valid UTF-8 as the database has. */
static inline struct message
fixture_hostile_message(size_t i)
{
	static const char *const keys[] = { "watch", "owner", "name",
		"subject", "reason", "issuer_owner", "key_status", "caa",
		"nearest_source", "ca_contact" };
	struct message m;
	json_t *f, *v;
	size_t k;

	m = fixture_message("x");
	f = json_array_get(m.findings, 0);
	v = json_string(fixture_hostile[i]);
	if (v == NULL)
		v = json_string("\xef\xbf\xbd");
	for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		json_object_set(f, keys[k], v);
	json_array_append(json_object_get(f, "logs"), v);
	json_array_append(json_object_get(f, "served_at"), v);
	json_array_append(json_object_get(json_object_get(f, "detail"),
	    "names"), v);
	json_decref(v);
	return m;
}

#endif
