#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/db/finding.h"
#include "auditor/db/silence.h"
#include "auditor/report.h"
#include "base/clk.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

#define HOUR	3600

static int
clean(void **state)
{
	(void)state;
	sql(audit_truncate);
	sql(audit_functions);
	sql("update instance set created_at = now() - interval '30 days'");
	return 0;
}

static json_t *
build(int64_t since, const char *fail_on)
{
	struct report_frame	f = { since, 0, 6 * HOUR, 0 };
	struct err		e = ERR_INIT;
	json_t			*r = report_build(db, &f, &e);

	if (r == NULL)
		fail_msg("%s", e.msg);
	report_judge(r, fail_on);
	return r;
}

/* The first line without its date, and the verdict. */
static void
is_line(json_t *r, const char *want, int verdict)
{
	const char	*line = message_get(r, "first_line");
	char		 day[CLK_TEXT];

	assert_memory_equal(line, "audit ", 6);
	assert_memory_equal(line + 6, clk_text(clk_wall(), day), 10);
	if (strcmp(line + 16, want) != 0)
		fail_msg("%s, not %s", line + 16, want);
	assert_int_equal(json_integer_value(json_object_get(r, "verdict")),
	    verdict);
}

static void
is_first(const char *want, int verdict, const char *fail_on)
{
	json_t	*r = build(INT64_MIN, fail_on);

	is_line(r, want, verdict);
	json_decref(r);
}

/* Keep it, as the command does. */
static void
save(json_t *r)
{
	struct report_row	w;
	struct err		e = ERR_INIT;
	char			*body = json_dumps(r, JSON_COMPACT);

	memset(&w, 0, sizeof(w));
	assert_int_equal(clk_parse(message_get(r, "since"), &w.since), 0);
	w.started = w.since;
	/* to the second: the next begins a little earlier */
	assert_int_equal(clk_parse(message_get(r, "until"), &w.until), 0);
	w.first_line = message_get(r, "first_line");
	w.body = body;
	if (report_store_save(db, &w, NULL, &e) == -1)
		fail_msg("%s", e.msg);
	free(body);
}

static int64_t
open_one(const char *kind, const char *subject, const char *severity,
    int digest)
{
	struct finding	f;
	struct err	e = ERR_INIT;
	int64_t		id = 0;

	memset(&f, 0, sizeof(f));
	f.kind = kind;
	f.subject = subject;
	f.owner = f.watch = f.name = "";
	f.severity = severity;
	f.reason = "because";
	f.digest_only = digest;
	f.issuer_first_seen = INT64_MIN;
	if (finding_open(db, &f, &id, NULL, &e) == -1)
		fail_msg("%s", e.msg);
	return id;
}

static const char logs[] = "insert into operator (name) values ('Op');"
    "insert into log (log_id, operator_id, description, protocol, url, "
    "read_url, key, mmd, state, list_source, first_list, added_at) select "
    "hash('9' || n), 1, 'log ' || n, 'rfc6962', 'u', 'u', '', 86400, "
    "'usable', 'chrome', true, now() - interval '20 days' from "
    "generate_series(1, 3) n;"
    "insert into log_health (log_ref, head_size, caught_up_at) select id, "
    "100, now() - interval '1 minute' from log;";

static void
nothing(void **state)
{
	json_t	*r;

	(void)state;
	is_first(": 0 new (0 declared), 0 open, 1 unchecked, 0/0 logs", 1,
	    "high");
	sql(logs);
	r = build(INT64_MIN, "high");
	is_line(r, ": 0 new (0 declared), 0 open, 0 unchecked, 3/3 logs", 0);
	assert_true(json_is_true(json_object_get(r, "first")));
	assert_int_equal(json_array_size(report_list(r, "coverage")), 3);
	json_decref(r);
}

static void
certificates(void **state)
{
	json_t	*r, *o;

	(void)state;
	sql(logs);
	sql("select cert('11', '01', now() - interval '2 days', 90, "
	    "'{a.example}'), cert('22', '02', now() - interval '2 hours', 90, "
	    "'{b.example}'), cert('33', '03', now() - interval '2 hours', 90, "
	    "'{c.example}'), cert('44', '04', now() - interval '9 days', 90, "
	    "'{d.example}'), cert('55', '05', now() - interval '99 days', 90, "
	    "'{e.example}');"
	    "update issuance set decision = 'page' where serial = '03';"
	    "update issuance set decision = 'baseline', facts = "
	    "'{\"watches\": [{\"owner\": \"\"}, {\"owner\": \"\", \"late_s\": "
	    "7200}]}' where serial in ('04', '05')");
	r = build(clk_wall() - 86400 * CLK_SEC, "high");
	is_line(r, ": 2 new (1 declared), 0 open, 0 unchecked, 3/3 logs", 0);
	o = json_array_get(report_list(r, "new"), 0);
	assert_string_equal(report_about(o), "b.example");
	assert_true(json_is_true(json_object_get(o, "declared")));
	o = json_array_get(report_list(r, "new"), 1);
	assert_false(json_is_true(json_object_get(o, "declared")));
	/* of the baseline only what is still valid */
	assert_int_equal(report_count(r, "baseline"), 1);
	assert_string_equal(report_about(json_array_get(report_list(r,
	    "baseline"), 0)), "d.example");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(
	    report_list(r, "baseline"), 0), "logged_after_watch_seconds")),
	    7200);
	o = json_array_get(json_object_get(json_object_get(r, "baseline"),
	    "groups"), 0);
	assert_string_equal(message_get(o, "issuer_owner"), "digicert.com");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 1);
	json_decref(r);
	/* since the beginning */
	is_first(": 3 new (2 declared), 0 open, 0 unchecked, 3/3 logs", 0,
	    "high");
}

/* What makes an audit fail, and what does not. */
static void
verdicts(void **state)
{
	struct err	e = ERR_INIT;
	json_t		*r;
	int64_t		id, other;

	(void)state;
	sql(logs);
	(void)open_one("ct_policy.violated", "aa", "medium", 0);
	is_first(": 0 new (0 declared), 1 open, 0 unchecked, 3/3 logs", 0,
	    "high");
	is_first(": 0 new (0 declared), 1 open, 0 unchecked, 3/3 logs", 2,
	    "medium");
	id = open_one("certificate.unexpected", "bb", "critical", 0);
	is_first(": 0 new (0 declared), 2 open, 0 unchecked, 3/3 logs", 2,
	    "high");
	/* 2 wins over 1 */
	sql("update log_health set caught_up_at = now() - interval '7 hours' "
	    "where log_ref = 2");
	is_first(": 0 new (0 declared), 2 open, 1 unchecked, 2/3 logs", 2,
	    "high");
	assert_int_equal(finding_change(db, id, "acked", "me", NULL, &e), 0);
	r = build(INT64_MIN, "high");
	is_line(r, ": 0 new (0 declared), 1 open, 1 unchecked, 2/3 logs", 1);
	/* it is listed, and fails nothing */
	assert_int_equal(json_array_size(report_list(r, "open")), 2);
	assert_int_equal(report_count(r, "acked"), 1);
	assert_false(report_fails(r, json_array_get(report_list(r, "open"),
	    0)));
	json_decref(r);
	other = open_one("certificate.unexpected", "cc", "critical", 0);
	assert_int_equal(finding_change(db, other, "accepted", "me", "fine",
	    &e), 0);
	is_first(": 0 new (0 declared), 1 open, 1 unchecked, 2/3 logs", 1,
	    "high");
	/* rogue is not over */
	assert_int_equal(finding_change(db, id, "rejected", "me", NULL, &e),
	    0);
	is_first(": 0 new (0 declared), 2 open, 1 unchecked, 2/3 logs", 2,
	    "high");
	is_first(": 0 new (0 declared), 2 open, 1 unchecked, 2/3 logs", 2,
	    "critical");
}

static void
silenced(void **state)
{
	struct silence	s;
	struct err	e = ERR_INIT;
	json_t		*r, *o;

	(void)state;
	sql(logs);
	memset(&s, 0, sizeof(s));
	s.kind = "endpoint.mismatch";
	s.until = clk_wall() + HOUR * CLK_SEC;
	s.author = "me";
	s.reason = "known";
	assert_int_equal(silence_add(db, &s, NULL, &e), 0);
	(void)open_one("endpoint.mismatch", "a:443", "high", 0);
	(void)open_one("certificate.unexpected", "bb", "low", 1);
	(void)open_one("endpoint.expiring", "a:443", "medium", 0);
	r = build(INT64_MIN, "high");
	/* a silence mutes messages, and nothing else */
	is_line(r, ": 0 new (0 declared), 3 open, 0 unchecked, 3/3 logs", 2);
	assert_int_equal(report_count(r, "silenced"), 2);
	o = json_object_get(json_object_get(r, "silenced"), "silences");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 1);
	o = json_array_get(report_list(r, "open"), 0);
	assert_true(json_is_true(json_object_get(o, "silenced")));
	assert_true(json_is_true(json_object_get(o, "new")));
	assert_int_equal(strlen(message_get(o, "fingerprint")), 64);
	json_decref(r);
}

/* What was not checked, each kind of it, and how long it may take. */
static void
unchecked(void **state)
{
	json_t		*r, *o;
	const json_t	*a;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	(void)state;
	sql(logs);
	sql("select cert('11', '01', now() - interval '2 days', 90, "
	    "'{a.example}');"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form, crl, ocsp) "
	    "values (hash('11'), hash('11'), 'x509', '{http://c/1,http://c/2,"
	    "http://c/3}', '{http://o/}');"
	    /* failing: for too long, not long enough, of no certificate */
	    "insert into revocation_source (kind, url, issuer_spki_sha256, "
	    "state, failing_since, ok_at, why, next_update, added_at) values "
	    "('crl', 'http://c/1', hash('aa'), 'unreachable', now() - "
	    "interval '7 hours', now() - interval '8 hours', 'timed out', "
	    "null, now() - interval '2 days'), "
	    "('crl', 'http://c/2', hash('aa'), 'unreachable', now() - "
	    "interval '5 hours', now() - interval '6 hours', 'x', null, "
	    "now() - interval '2 days'), "
	    "('crl', 'http://other/', hash('aa'), 'unreachable', now() - "
	    "interval '7 hours', null, 'x', null, now() - interval '2 days'), "
	    /* stale, never asked */
	    "('crl', 'http://c/3', hash('aa'), 'faulty', null, now(), "
	    "'stale', now() - interval '7 hours', now()), "
	    "('ocsp', 'http://o/', hash('aa'), 'new', null, null, null, null, "
	    "now() - interval '7 hours');"
	    "insert into endpoint (host, port, origin, failing_since, "
	    "last_error, checked_at, added_at, removed_at) values "
	    "('a', 443, 'cli', now() - interval '7 hours', 'refused', now(), "
	    "now(), null), ('b', 443, 'cli', now() - interval '5 hours', "
	    "'refused', now(), now(), null), ('c', 443, 'cli', null, null, "
	    "null, now() - interval '7 hours', null), ('d', 443, 'cli', "
	    "now() - interval '7 hours', 'x', null, now(), now());"
	    "insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "inclusion, due_at, last_error) values (hash('11'), hash('91'), 1,"
	    " '', 'tls', 'pending', now() - interval '7 hours', 'no answer'), "
	    "(hash('11'), hash('92'), 1, '', 'tls', 'pending', now(), null);"
	    "insert into caa_observation (name, records, error, first_seen) "
	    "values ('a.example', '[]', 'SERVFAIL', now() - interval "
	    "'7 hours'), ('b.example', '[]', 'SERVFAIL', now() - interval "
	    "'7 hours'), ('b.example', '[]', null, now());"
	    "insert into revocation (issuer_spki_sha256, serial, status, "
	    "changed_at) values (hash('aa'), '01', 'unknown', now() - "
	    "interval '7 hours');"
	    "insert into work (kind, subject, due_at, last_error) values "
	    "('cert', '1', now() - interval '7 hours', 'no memory'), "
	    "('cert', '2', now() - interval '8 hours', null), "
	    "('sweep', '', now() - interval '1 hour', null), "
	    "('tail', '1', now() - interval '9 hours', null);"
	    "update log_health set caught_up_at = null, failing_since = "
	    "now() - interval '9 hours', last_error = 'no route' where "
	    "log_ref = 3");
	r = build(INT64_MIN, "high");
	a = report_list(r, "unchecked");
	for (i = 0; i < json_array_size(a); i++) {
		o = json_array_get(a, i);
		buf_fmt(&b, "%s %s: %s\n", message_get(o, "what"),
		    message_get(o, "subject"), message_get(o, "why"));
		assert_true(strlen(message_get(o, "since")) == 20);
	}
	assert_string_equal(buf_text(&b),
	    "CAA a.example: SERVFAIL\n"
	    "CRL http://c/1: timed out\n"
	    "CRL http://c/3: stale\n"
	    "OCSP http://o/: not asked yet\n"
	    "endpoint a:443: refused\n"
	    "endpoint c:443: not looked at yet\n"
	    "inclusion log 1: no answer\n"
	    "revocation status digicert.com: no source answers for them\n"
	    "work cert: no memory (2 overdue)\n"
	    "log log 3: no route\n");
	is_line(r, ": 1 new (1 declared), 0 open, 10 unchecked, 2/3 logs", 1);
	buf_free(&b);
	json_decref(r);
}

static void
changed(void **state)
{
	const json_t	*a;
	json_t		*r;
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	(void)state;
	sql(logs);
	sql("select cert('11', '01', now() - interval '2 days', 90, "
	    "'{a.example}');"
	    "insert into revocation (issuer_spki_sha256, serial, status, "
	    "reason, observed_at, why, removed_at) values (hash('aa'), '01', "
	    "'good', 1, now() - interval '2 hours', 'listed', now() - "
	    "interval '1 hour');"
	    "insert into endpoint (host, port, origin) values ('a', 443, "
	    "'cli');"
	    "insert into endpoint_observation (endpoint_id, addr, "
	    "cert_sha256, first_seen) values (1, '1.1.1.1', '\\x01', now() - "
	    "interval '9 days'), (1, '1.1.1.1', '\\x02', now() - interval "
	    "'50 minutes'), (1, '2.2.2.2', '\\x01', now() - interval "
	    "'50 minutes');"
	    "insert into caa_observation (name, records, first_seen) values "
	    "('a.example', '[]', now() - interval '9 days'), ('a.example', "
	    "'[1]', now() - interval '40 minutes')");
	(void)open_one("log.stale", "log", "medium", 0);
	assert_int_equal(finding_resolve(db, "log.stale", "log", "", "again",
	    &e), 0);
	sql("update finding_event set at = now() - interval '30 minutes' "
	    "where event = 'opened'");
	sql("insert into audit_trail (at, actor, action, detail, prev, hash) "
	    "values (now() - interval '10 minutes', 'me@host', 'watch.add', "
	    "'{\"name\": \".example\"}', '', '')");
	r = build(clk_wall() - 86400 * CLK_SEC, "high");
	a = report_list(r, "changed");
	for (i = 0; i < json_array_size(a); i++)
		buf_fmt(&b, "%s %s: %s\n", message_get(json_array_get(a, i),
		    "event"), message_get(json_array_get(a, i), "name"),
		    message_get(json_array_get(a, i), "text"));
	assert_string_equal(buf_text(&b),
	    "revocation.revoked a.example: keyCompromise: listed\n"
	    "revocation.removed a.example: no source says revoked any more\n"
	    "endpoint.changed a:443: 1.1.1.1: serves 02\n"
	    "caa.changed a.example: records [1]\n"
	    "finding.opened log: medium log.stale: because\n"
	    "watch.add : by me@host: {\"name\": \".example\"}\n"
	    "finding.resolved log: medium log.stale: because\n");
	buf_free(&b);
	json_decref(r);
}

/* Two nights: the second says nothing again. */
static void
nights(void **state)
{
	json_t	*r;

	(void)state;
	sql(logs);
	sql("select cert('11', '01', now() - interval '2 days', 90, "
	    "'{a.example}')");
	(void)open_one("certificate.unexpected", "bb", "critical", 0);
	sql("update finding_event set at = now() - interval '1 hour'; "
	    "update finding set first_seen = now() - interval '1 hour'");
	r = build(INT64_MIN, "high");
	is_line(r, ": 1 new (1 declared), 1 open, 0 unchecked, 3/3 logs", 2);
	assert_true(json_is_true(json_object_get(json_array_get(report_list(r,
	    "open"), 0), "new")));
	save(r);
	json_decref(r);
	r = build(INT64_MIN, "high");
	is_line(r, ": 0 new (0 declared), 1 open, 0 unchecked, 3/3 logs", 2);
	assert_false(json_is_true(json_object_get(r, "first")));
	assert_false(json_is_true(json_object_get(json_array_get(
	    report_list(r, "open"), 0), "new")));
	assert_int_equal(report_count(r, "changed"), 0);
	json_decref(r);
	/* something that is being written now falls into the next period */
	{
		struct db	*other = testdb_again();
		struct err	 e = ERR_INIT;

		assert_int_equal(db_begin(other, &e), 0);
		assert_int_equal(db_query(other, NULL, &e, "select cert('22', "
		    "'02', now() - interval '1 hour', 9, '{b.example}')", ""),
		    0);
		(void)usleep(1200000);
		r = build(INT64_MIN, "high");
		save(r);
		json_decref(r);
		assert_int_equal(db_commit(other, &e), 0);
		db_close(other);
	}
	is_first(": 1 new (1 declared), 1 open, 0 unchecked, 3/3 logs", 2,
	    "high");
}

/* As many rows as a section lists, and one more. */
static void
capped(void **state)
{
	json_t	*r;

	(void)state;
	sql(logs);
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, decision, first_seen)"
	    " select sha256(n::text::bytea), '', '', '', '{x}', now(), now(), "
	    "'silent', now() - interval '1 minute' from generate_series(1, "
	    "10001) n");
	r = build(clk_wall() - 86400 * CLK_SEC, "high");
	assert_int_equal(LIMIT_REPORT_ROWS, 10000);
	assert_int_equal(json_array_size(report_list(r, "new")), 10000);
	assert_int_equal(report_more(r, "new"), 1);
	is_line(r, ": 10001 new (10001 declared), 0 open, 0 unchecked, 3/3 "
	    "logs", 0);
	json_decref(r);
	sql("delete from issuance where tbs_sha256 = sha256('1'::bytea)");
	r = build(clk_wall() - 86400 * CLK_SEC, "high");
	assert_int_equal(report_more(r, "new"), 0);
	json_decref(r);
}

/* What an audit waits for. */
static void
due(void **state)
{
	struct err	e = ERR_INIT;
	char		*sample = NULL;
	int64_t		n, started;

	(void)state;
	assert_int_equal(report_store_now(db, &started, &e), 0);
	assert_int_equal(report_store_due(db, started, &n, &sample, &e), 0);
	assert_int_equal(n, 0);
	assert_string_equal(sample, "");
	free(sample);
	/* due, claimed, failed, done, later, of another kind, new */
	sql("insert into work (kind, subject, due_at, token, lease_until) "
	    "values ('crl', '1', now() - interval '1 hour', 3, null), "
	    "('tail', '1', now() - interval '1 hour', 3, now() + interval "
	    "'1 hour'), ('tail', '2', now() + interval '1 minute', 3, null), "
	    "('digest', '', now() - interval '1 hour', 0, null), "
	    "('cert', '1', now(), 0, null), "
	    "('cert', '2', now(), 1, now() + interval '1 minute'), "
	    "('cert', '3', now(), 1, null), ('cert', '4', now(), 2, now() + "
	    "interval '1 minute')");
	assert_int_equal(report_store_due(db, started, &n, &sample, &e), 0);
	assert_string_equal(sample, "2 cert, 1 crl, 1 tail");
	assert_int_equal(n, 4);
	free(sample);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing, clean),
		cmocka_unit_test_setup(certificates, clean),
		cmocka_unit_test_setup(verdicts, clean),
		cmocka_unit_test_setup(silenced, clean),
		cmocka_unit_test_setup(unchecked, clean),
		cmocka_unit_test_setup(changed, clean),
		cmocka_unit_test_setup(nights, clean),
		cmocka_unit_test_setup(capped, clean),
		cmocka_unit_test_setup(due, clean),
	};

	return SQL_TESTS(tests);
}
