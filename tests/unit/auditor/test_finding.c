#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "base/clk.h"
#include "tests/unit/auditor/alert_fixture.h"

static int64_t
events(int64_t id, const char *event)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "select count(*) from finding_event where "
	    "finding_id = %lld and event = '%s'", (long long)id, event);
	return number(sql);
}

static void
test_once(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("chat", "slack");
	id = opened(&f, 1);
	assert_int_equal(opened(&f, 0), id);
	assert_int_equal(opened(&f, 0), id);
	assert_int_equal(number("select count(*) from finding"), 1);
	assert_int_equal(events(id, "opened"), 1);
	assert_int_equal(number("select count(*) from delivery"), 2);
	assert_int_equal(number("select count(distinct webhook_id) from "
	    "delivery"), 1);
	assert_int_equal(number("select count(*) from delivery d join "
	    "finding_event v on v.id = d.webhook_id"), 2);
	/* Another owner, another kind, another subject: others. */
	f.owner = "";
	opened(&f, 1);
	f.subject = "ab";
	opened(&f, 1);
	f.kind = "certificate.twins";
	opened(&f, 1);
	assert_int_equal(number("select count(*) from finding"), 4);
}

/* Parts of the key cannot run into one another. */
static void
test_key(void **state)
{
	struct finding f = a_finding("a|b");

	(void)state;
	empty();
	f.owner = "c";
	opened(&f, 1);
	f.subject = "a";
	f.owner = "b|c";
	opened(&f, 1);
	f.subject = "a%7cb";
	f.owner = "c";
	opened(&f, 1);
	assert_int_equal(number("select count(*) from finding"), 3);
}

/* Many at once are as one after the other. */
static void
test_many(void **state)
{
	static const char *const logs[] = { "Log \"1\", {x}", "b\\c" };
	struct finding f[6];
	int64_t id;
	size_t i;

	(void)state;
	empty();
	run("alter table finding alter id restart");
	add_channel("soc", "webhook");
	f[0] = a_finding("old");
	id = opened(&f[0], 1);
	run("insert into silence (owner, until, author, reason) values "
	    "('muted', now() + interval '1 h', 'me', 'why')");
	for (i = 1; i < 6; i++)
		f[i] = a_finding("new");
	f[1].owner = "first";
	f[1].logs = (struct db_strs){ logs, 2 };
	f[1].detail = "{\"a\": \"\\\"}\"}";
	f[1].issuer_owner = f[1].key_status = NULL;
	f[1].rule = 0;
	f[2].owner = "muted";
	f[3] = f[1];		/* again, and louder; it takes a number */
	f[3].severity = "critical";
	f[4].digest_only = 1;
	f[5].subject = "last";
	f[5].issuer_first_seen = 1000000;
	OK(db_begin(db, e));
	OK(finding_open_all(db, f, 6, e));
	OK(db_commit(db, e));
	is("select string_agg(subject || ' ' || owner || ' ' || severity, ', ' "
	    "order by id) from finding", "old team-b high, "
	    "new first critical, new muted high, new team-b high, "
	    "last team-b high");
	is("select string_agg(id::text, ' ' order by id) from finding",
	    "1 2 3 5 6");
	assert_int_equal(events(id, "opened"), 1);
	is("select string_agg(finding_id || event, ' ' order by finding_id, "
	    "event) from finding_event", "1opened 2escalated 2opened 3opened "
	    "5opened 6opened");
	is("select string_agg(finding_id::text, ' ') from finding_event "
	    "where muted_by is not null", "3");
	is("select string_agg(d.findings[1] || v.event, ' ' order by "
	    "d.findings[1], v.event) from delivery d join finding_event v on "
	    "v.id = d.webhook_id and d.findings = array[v.finding_id]",
	    "1opened 2escalated 2opened 6opened");
	is("select to_json(logs)::text from finding where owner = 'first'",
	    "[\"Log \\\"1\\\", {x}\",\"b\\\\c\"]");
	is("select concat_ws(' ', rule, issuer_owner, issuer_first_seen, "
	    "key_status, detail->>'a') from finding where owner = 'first'",
	    "\"}");
	is("select rule || issuer_owner || extract(epoch from "
	    "issuer_first_seen)::int from finding where subject = 'last'",
	    "8ca.example1");
	f[5].severity = "loud";
	OK(db_begin(db, e));
	FAILS(ERR_FORMAT, finding_open_all(db, f, 6, e));
	db_rollback(db);
	assert_int_equal(number("select count(*) from finding"), 5);
}

/* What is rolled back was never said. */
static void
test_rollback(void **state)
{
	struct finding f = a_finding("aa");

	(void)state;
	empty();
	add_channel("soc", "webhook");
	OK(db_begin(db, e));
	OK(finding_open(db, &f, NULL, NULL, e));
	db_rollback(db);
	assert_int_equal(number("select count(*) from finding"), 0);
	assert_int_equal(number("select count(*) from finding_event"), 0);
	assert_int_equal(number("select count(*) from delivery"), 0);
}

static void
test_touch(void **state)
{
	static const char *const logs1[] = { "Log 1" };
	static const char *const logs2[] = { "Log 2", "Log 1" };
	struct finding f = a_finding("aa");
	json_t *o;
	int64_t id;

	(void)state;
	empty();
	f.logs.v = logs1;
	f.logs.n = 1;
	f.detail = "{\"a\": 1}";
	id = opened(&f, 1);
	f.logs.v = logs2;
	f.logs.n = 2;
	f.proven = 1;
	f.detail = "{\"b\": 2}";
	f.severity = "low";	/* never lowered by seeing it again */
	f.reason = "something else";
	opened(&f, 0);
	o = finding_load(db, id, NULL);
	assert_string_equal(message_get(o, "severity"), "high");
	assert_string_equal(message_get(o, "reason"), "nobody declared it");
	assert_true(json_is_true(json_object_get(o, "proven")));
	assert_int_equal(json_array_size(json_object_get(o, "logs")), 2);
	assert_int_equal(json_object_size(json_object_get(o, "detail")), 2);
	json_decref(o);
	f.proven = 0;
	f.logs.n = 0;
	opened(&f, 0);
	o = finding_load(db, id, NULL);
	assert_true(json_is_true(json_object_get(o, "proven")));
	assert_int_equal(json_array_size(json_object_get(o, "logs")), 2);
	json_decref(o);
}

static void
test_escalated(void **state)
{
	struct finding f = a_finding("aa");
	json_t *o;
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	f.severity = "critical";
	f.reason = "the policy denies it";
	f.rule = 1;
	opened(&f, 1);
	opened(&f, 0);
	assert_int_equal(events(id, "escalated"), 1);
	assert_int_equal(pending("soc"), 2);
	o = finding_load(db, id, NULL);
	assert_string_equal(message_get(o, "severity"), "critical");
	assert_string_equal(message_get(o, "reason"), "the policy denies it");
	assert_int_equal(json_integer_value(json_object_get(o, "rule")), 1);
	json_decref(o);
}

/* Another fault of the same: who put the first one away hears of it. */
static void
test_anew(void **state)
{
	static const struct {
		const char	*to;
		int		 fresh;
		const char	*then;
	} t[] = {
		{ "acked", 1, "open" }, { "contained", 1, "open" },
		{ "resolved", 1, "open" }, { "rejected", 1, "open" },
		{ "accepted", 0, "accepted" },
	};
	struct finding f = a_finding("aa");
	int64_t id;
	size_t i;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	f.anew = 1;
	opened(&f, 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		OK(finding_change(db, id, t[i].to, "me", "seen", e));
		f.anew = 0;
		if (strcmp(t[i].to, "resolved") != 0)
			opened(&f, 0);
		f.anew = 1;
		opened(&f, t[i].fresh);
		is("select state from finding", t[i].then);
	}
	assert_int_equal(events(id, "opened"), 5);
}

static void
test_digest_only(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	f.severity = "low";
	f.digest_only = 1;
	id = opened(&f, 1);
	assert_int_equal(pending("soc"), 0);
	assert_int_equal(events(id, "opened"), 1);
	/* Louder than the digest: now it is said. */
	f.digest_only = 0;
	opened(&f, 1);
	assert_int_equal(pending("soc"), 1);
	f.digest_only = 1;
	opened(&f, 0);
	assert_int_equal(number("select digest_only::int from finding"), 0);
}

static void
test_resolve_reopen(void **state)
{
	struct finding f = a_finding("log1");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	f.kind = "log.stale";
	id = opened(&f, 1);
	add_channel("late", "webhook");	/* heard nothing of the opening */
	OK(finding_resolve(db, "log.stale", "log1", "team-b", "fine", e));
	OK(finding_resolve(db, "log.stale", "log1", "team-b", "fine", e));
	assert_int_equal(events(id, "resolved"), 1);
	assert_int_equal(pending("soc"), 2);
	assert_int_equal(pending("late"), 0);
	/* Resolving what never was is nothing. */
	OK(finding_resolve(db, "log.stale", "log2", "team-b", "fine", e));
	f.severity = "medium";
	assert_int_equal(opened(&f, 1), id);
	assert_int_equal(events(id, "opened"), 2);
	assert_int_equal(pending("late"), 1);
	assert_int_equal(number("select (severity = 'medium' and "
	    "state = 'open')::int from finding"), 1);
}

static void
test_only_persons(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	FAILS(ERR_PERM, finding_resolve(db, f.kind, f.subject, f.owner, "x",
	    e));
	OK(finding_change(db, id, "resolved", "ann", "was us", e));
	assert_int_equal(events(id, "resolved"), 1);
	assert_int_equal(number("select (author = 'ann' and decided_reason = "
	    "'was us' and state = 'resolved')::int from finding"), 1);
}

static void
test_retract(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	OK(finding_retract(db, id, "declared since", e));
	OK(finding_retract(db, id, "declared since", e));
	assert_int_equal(events(id, "retracted"), 1);
	assert_int_equal(pending("soc"), 2);
	f.subject = "ab";
	id = opened(&f, 1);
	OK(finding_change(db, id, "acked", "ann", NULL, e));
	OK(finding_retract(db, id, "declared since", e));
	assert_int_equal(events(id, "retracted"), 0);
	FAILS(ERR_NOENT, finding_retract(db, 999999, "x", e));
}

static void
test_transitions(void **state)
{
	static const char *const names[] = { "open", "acked", "accepted",
		"rejected", "contained", "resolved" };
	/* Row: from; column: to. */
	static const char ok[6][7] = {
		"-yyyyy", "-yyyyy", "-nyynn", "-nyyyy", "-nnnyy", "-nynny"
	};
	struct finding f = a_finding("aa");
	struct err x;
	char sql[200];
	int64_t id;
	size_t i, k;

	(void)state;
	empty();
	id = opened(&f, 1);
	for (i = 0; i < 6; i++)
		for (k = 1; k < 6; k++) {
			snprintf(sql, sizeof(sql), "update finding set "
			    "state = '%s'", names[i]);
			run(sql);
			err_clear(&x);
			if ((finding_change(db, id, names[k], "ann", "r",
			    &x) == 0) != (ok[i][k] == 'y'))
				fail_msg("%s to %s: %s", names[i], names[k],
				    x.msg);
			if (ok[i][k] != 'y')
				assert_int_equal(x.code, ERR_USAGE);
		}
	FAILS(ERR_USAGE, finding_change(db, id, "nonsense", "a", "r", e));
	FAILS(ERR_NOENT, finding_change(db, 424242, "acked", "a", "r", e));
}

/* Accepted is legitimate: seen again it is silent, also when louder. */
static void
test_accepted_stays(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	id = opened(&f, 1);
	OK(finding_change(db, id, "accepted", "ann", "ours", e));
	assert_int_equal(events(id, "retracted"), 1);
	f.severity = "critical";
	opened(&f, 0);
	assert_int_equal(number("select (state = 'accepted')::int from "
	    "finding"), 1);
	/* Rejected goes on being heard of. */
	OK(finding_change(db, id, "rejected", "ann", "no", e));
	run("update finding set severity = 'high'");
	opened(&f, 1);
}

static void
test_acked(void **state)
{
	struct finding f = a_finding("aa");
	int64_t id;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("pd", "pagerduty");
	id = opened(&f, 1);
	OK(finding_change(db, id, "acked", "ann", NULL, e));
	assert_int_equal(pending("soc"), 1);
	assert_int_equal(pending("pd"), 2);
	opened(&f, 0);
	assert_int_equal(number("select (state = 'acked')::int from "
	    "finding"), 1);
}

static void
test_proven(void **state)
{
	struct finding f = a_finding("aa");

	(void)state;
	empty();
	add_channel("soc", "webhook");
	opened(&f, 1);
	OK(finding_proven(db, "aa", e));
	assert_int_equal(number("select proven::int from finding"), 1);
	assert_int_equal(number("select count(*) from finding_event"), 1);
	assert_int_equal(pending("soc"), 1);
}

/* Two transactions open the same finding: one event. */
static void
test_race(void **state)
{
	struct finding f = a_finding("aa");
	struct db *other;
	int fresh;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	other = testdb_again();
	OK(db_begin(db, e));
	OK(finding_open(db, &f, NULL, &fresh, e));
	assert_int_equal(fresh, 1);
	OK(db_script(other, "set lock_timeout = '200ms'", e));
	OK(db_begin(other, e));
	FAILS(ERR_DB, finding_open(other, &f, NULL, &fresh, e));
	db_rollback(other);
	OK(db_commit(db, e));
	OK(db_begin(other, e));
	OK(finding_open(other, &f, NULL, &fresh, e));
	assert_int_equal(fresh, 0);
	OK(db_commit(other, e));
	db_close(other);
	assert_int_equal(pending("soc"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_escalated),
		cmocka_unit_test(test_anew),
		cmocka_unit_test(test_digest_only),
		cmocka_unit_test(test_resolve_reopen),
		cmocka_unit_test(test_only_persons),
		cmocka_unit_test(test_retract),
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_accepted_stays),
		cmocka_unit_test(test_acked),
		cmocka_unit_test(test_proven),
		cmocka_unit_test(test_race),
	};

	return SQL_TESTS(tests);
}
