#ifndef TESTS_UNIT_AUDITOR_ALERT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_ALERT_FIXTURE_H

/* Shared by tests of findings and the outbox; after cmocka.h. */

#include "auditor/db/channel.h"
#include "auditor/db/finding.h"
#include "auditor/db/outbox.h"
#include "tests/unit/auditor/sql.h"


#define OK(x) do {							\
	struct err e_ = ERR_INIT;					\
	struct err *e = &e_;						\
	if ((x) != 0)							\
		fail_msg("%s: %s", #x, e_.msg);				\
} while (0)

#define FAILS(c, x) do {						\
	struct err e_ = ERR_INIT;					\
	struct err *e = &e_;						\
	assert_int_equal((x), -1);					\
	assert_int_equal(e_.code, (c));					\
} while (0)

static inline void
run(const char *text)
{
	testdb_run(db, text);
}

static inline void
empty(void)
{
	run("truncate finding_event, delivery, finding, silence, channel, "
	    "route, work, audit_trail, issuance cascade");
}

static inline void
add_channel(const char *name, const char *kind)
{
	struct conf_channel c;
	char url[] = "https://sink.example/x", file[] = "/nonexistent";

	memset(&c, 0, sizeof(c));
	c.name = (char *)(uintptr_t)name;
	c.kind = (char *)(uintptr_t)kind;
	if (strcmp(kind, "webhook") == 0) {
		c.url = url;
		c.secret_file = file;
	} else if (strcmp(kind, "slack") == 0)
		c.url_file = file;
	else if (strcmp(kind, "pagerduty") == 0)
		c.routing_key_file = file;
	else
		c.program = file;
	OK(channel_add(db, &c, e));
}

static inline struct finding
a_finding(const char *subject)
{
	struct finding f;

	memset(&f, 0, sizeof(f));
	f.kind = "certificate.unexpected";
	f.subject = subject;
	f.owner = "team-b";
	f.severity = "high";
	f.watch = ".example.com";
	f.name = "pay.example.com";
	f.reason = "nobody declared it";
	f.rule = 8;
	f.issuer_owner = "ca.example";
	f.issuer_first_seen = INT64_MIN;
	f.key_status = "new";
	return f;
}

/* Open it in a transaction of its own; returns the id. */
static inline int64_t
opened(const struct finding *f, int want_fresh)
{
	int64_t id;
	int fresh;

	OK(db_begin(db, e));
	OK(finding_open(db, f, &id, &fresh, e));
	OK(db_commit(db, e));
	assert_int_equal(fresh, want_fresh);
	return id;
}

static inline int64_t
pending(const char *channel)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "select count(*) from delivery where "
	    "channel = '%s' and state = 'pending'", channel);
	return number(sql);
}

#endif
