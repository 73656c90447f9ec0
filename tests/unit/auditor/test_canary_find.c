#include "auditor/canary_find.h"
#include "auditor/canary_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/db/loop_store.h"
#include "base/clk.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* A certificate that is issued to be found, and is not. */

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || subject, ',' order by id), '') from finding"
#define EVENTS	"select coalesce(string_agg(v.event, ',' order by v.at, " \
	"v.id), '') from finding_event v"

/* got(T, AGE, NAMES): received so long ago, with SCTs of logs 1, 2 and 9. */
static const char functions[] =
    "create or replace function got(t text, age interval, n text[]) returns "
    "void language sql as $$ insert into acme_received (tbs_sha256, order_id, "
    "names, serial, not_after, der, received_at) values (hash(t), 1, n, "
    "'01', now() + interval '80 days', '\\x30', now() - age);"
    "insert into acme_promise select hash(t), decode(repeat(l, 32), 'hex'), "
    "0 from unnest(array['01', '02', '09']) l $$;"
    "create or replace function shown(t text) returns void language sql as "
    "$$ insert into entry (log_ref, index, timestamp_ms, entry_type, leaf, "
    "leaf_hash, tbs_sha256) values (1, 7, 0, 'precert', '', '', hash(t)) $$;"
    "create or replace function declared(age interval, n text[]) returns "
    "void language sql as $$ insert into expectation (kind, spki_sha256, "
    "names, not_before_ms, not_after_ms, origin, author, added_at) values "
    "('issuance', hash('b9'), n, 0, 0, 'cli', 'me', now() - age) $$;";

static struct conf	conf;

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(functions);
	sql(audit_truncate);
	sql("truncate acme_account, managed_certificate, acme_order, "
	    "acme_received, acme_promise, canary, watch restart identity "
	    "cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, list_source, first_list, added_at) "
	    "values (hash('01'), 1, 'log one', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true, now() - interval '3 hours'), (hash('02'), "
	    "1, 'log two', 'static', 'u', 'u', 'k', 86400, 'usable', 'file', "
	    "true, now());"
	    "update log set watched = false where id = 2;"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('d', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory, issued_at) values ('c.example', '{c.example}', 'cli', "
	    "'p256', 'd', now()), ('a.example', '{a.example,c.example}', 'cli',"
	    " 'p256', 'd', now() - interval '60 days');"
	    "insert into acme_order (managed_id, account_id, state, "
	    "spki_sha256, added_at) values (1, 1, 'valid', hash('bb'), now())");
	memset(&conf, 0, sizeof(conf));
	conf.canary_name = (char *)(uintptr_t)"C.Example";
	conf.canary_within = 1800;
	conf.poll = 60;
	return 0;
}

static void
sweep_settled(int64_t settle)
{
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1 || loop_seen(db, &e) == -1 ||
	    canary_find_time(db, &conf, settle, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
sweep(void)
{
	sweep_settled(0);
}

static void
missed(void **state)
{
	(void)state;
	sweep();
	is(FINDINGS, "");
	sql("select got('11', '29 minutes', '{c.example}'), "
	    "got('12', '2 hours', '{a.example}')");
	sweep();
	is(FINDINGS, "");
	sql("update acme_received set received_at = now() - interval "
	    "'31 minutes' where tbs_sha256 = hash('11')");
	sweep();
	sweep();
	is(FINDINGS, "canary.missed open high c.example");
	is("select reason from finding", "a certificate for the canary was "
	    "received 31 min ago, and no log showed it to us within 30 min; "
	    "its SCTs are of log one (3 h behind), log two (not read), a log "
	    "that no list has");
	is("select (detail->'scts'->0->>'lag_seconds')::int between 10700 and "
	    "10900 and detail->'scts'->1->>'lag_seconds' is null and "
	    "detail->>'tbs_sha256' = repeat('11', 32) from finding", "t");
	/* all of them were read: then it is not the logs */
	sql("truncate finding restart identity cascade; delete from "
	    "acme_promise where log_id <> hash('01'); insert into log_health "
	    "(log_ref, head_size, head_ms, head_at) values (1, 0, 0, now())");
	sweep();
	is("select reason like '%; its SCTs are of log one (read to its end): "
	    "is its name watched (certvigil doctor), or do they merge late?' "
	    "from finding", "t");
	sql("select shown('11')");
	sweep();
	sweep();
	is(EVENTS, "opened,resolved");
}

/* What counts is the newest. */
static void
newest(void **state)
{
	(void)state;
	sql("select got('11', '3 hours', '{c.example}')");
	sweep();
	is(FINDINGS, "canary.missed open high c.example");
	sql("select got('12', '1 minute', '{c.example}')");
	sweep();
	is(EVENTS, "opened");
	sql("select shown('12')");
	sweep();
	is(EVENTS, "opened,resolved");
}

/* One that is ordered more often than it may be late: still missed. */
static void
often(void **state)
{
	(void)state;
	sql("select got('11', '71 minutes', '{c.example}'), got('12', "
	    "'51 minutes', '{c.example}'), got('13', '20 minutes', "
	    "'{c.example}'), got('14', '1 minute', '{c.example}')");
	sweep();
	is("select state || ' ' || left(reason, 52) || ' ' || left(detail->>"
	    "'tbs_sha256', 2) from finding", "open a certificate for the "
	    "canary was received 51 min ago 12");
	/* an older one proves nothing of it */
	sql("select shown('11')");
	sweep();
	is(EVENTS, "opened");
	/* the one that was missed, while others are under way */
	sql("update entry set tbs_sha256 = hash('12')");
	sweep();
	is(EVENTS, "opened,resolved");
	/* and one that is under way before it is late */
	sql("update acme_received set seen_at = null where tbs_sha256 = "
	    "hash('12'); update entry set tbs_sha256 = hash('13')");
	sweep();
	is(EVENTS, "opened,resolved");
}

/* All workers were away: what came meanwhile is about to be read. */
static void
settles(void **state)
{
	(void)state;
	sql("truncate worker; select got('11', '3 hours', '{c.example}'); "
	    "insert into worker (id, host, pid, version, schema_version, "
	    "roles, started_at) values ('w', 'h', 1, 'v', 1, '{}', now() - "
	    "interval '9 minutes')");
	sweep_settled(600);
	is(FINDINGS, "");
	sql("update worker set started_at = now() - interval '11 minutes'");
	sweep_settled(600);
	is(FINDINGS, "canary.missed open high c.example");
	/* it resolves whoever runs */
	sql("truncate worker; select shown('11')");
	sweep_settled(600);
	is(EVENTS, "opened,resolved");
	/* nor is it said that nobody ordered, when nobody could */
	conf.canary_every = 7 * 86400;
	sql("truncate acme_received cascade; update canary set since = now() - "
	    "interval '30 days'");
	sweep_settled(600);
	is(EVENTS, "opened,resolved");
	sweep();
	is(EVENTS, "opened,resolved,opened");
}

/* Somebody else orders it, and says so. */
static void
declared(void **state)
{
	(void)state;
	sql("select declared('29 minutes', '{c.example}'), declared('9 hours', "
	    "'{a.example}')");
	sweep();
	is(FINDINGS, "");
	sql("update expectation set added_at = now() - interval '31 minutes'");
	sweep();
	is("select reason from finding", "a certificate for the canary was "
	    "declared 31 min ago, and no log showed it to us within 30 min");
	/* one that was called off is none */
	sql("update expectation set state = 'cancelled'");
	sweep();
	is(EVENTS, "opened,resolved");
	sql("truncate finding restart identity cascade");
	sweep();
	is(FINDINGS, "");
	sql("update expectation set state = 'expired' where id = 1");
	sweep();
	is(EVENTS, "opened");
	sql("update expectation set state = 'fulfilled', closed_at = now() "
	    "where id = 1");
	sweep();
	is(EVENTS, "opened,resolved");
	/* an order of ours says nothing before it is received */
	(void)clear(state);
	sql("select declared('9 hours', '{c.example}'); update expectation set "
	    "origin = 'acme'");
	sweep();
	is(FINDINGS, "");
}

static void
every(void **state)
{
	static const char	due[] = "select coalesce(string_agg(name || "
				    "' ' || due_why, ','), '') from "
				    "managed_certificate where due_why is not "
				    "null";

	(void)state;
	/* not of its own accord */
	sql("update managed_certificate set issued_at = now() - interval "
	    "'50 days'");
	sweep();
	is(due, "");
	conf.canary_every = 7 * 86400;
	sql("update managed_certificate set issued_at = now() - interval "
	    "'167 hours' where id = 1");
	sweep();
	is(due, "");
	sql("update managed_certificate set attempts = 3, issued_at = now() - "
	    "interval '169 hours' where id = 1");
	sweep();
	is(due, "c.example it is the canary");
	/* once: who tries again is the renewal */
	sql("update managed_certificate set attempts = 4");
	sweep();
	is("select attempts from managed_certificate where id = 1", "4");
	/* not while an order is under way */
	sql("update managed_certificate set due_why = null; insert into "
	    "acme_order (managed_id, account_id, state) values (1, 1, "
	    "'open')");
	sweep();
	is(due, "");
}

/* Nobody orders it any more: then it proves nothing. */
static void
quiet(void **state)
{
	(void)state;
	conf.canary_every = 7 * 86400;
	sweep();
	is(FINDINGS, "");
	/* since it is configured */
	sql("update canary set since = now() - interval '10 days'");
	sweep();
	is(FINDINGS, "");
	sql("update canary set since = now() - interval '11 days'");
	sweep();
	is("select reason from finding", "no certificate for the canary was "
	    "ordered for 11 d (canary.every): is it managed, and can it be "
	    "renewed?");
	sql("select got('11', '1 day', '{c.example}'), shown('11')");
	sweep();
	is(EVENTS, "opened,resolved");
	sql("update acme_received set received_at = now() - interval "
	    "'11 days'");
	sweep();
	is("select state from finding", "open");
	/* another name begins anew */
	conf.canary_name = (char *)(uintptr_t)"d.example";
	sweep();
	is("select state || ' ' || (select name from canary) from finding",
	    "resolved d.example");
	conf.canary_name = NULL;
	sweep();
	is(EVENTS, "opened,resolved,opened,resolved");
}

/* No canary any more. */
static void
gone(void **state)
{
	(void)state;
	sql("select got('11', '3 hours', '{c.example}')");
	sweep();
	is(EVENTS, "opened");
	conf.canary_name = NULL;
	sweep();
	sweep();
	is(EVENTS, "opened,resolved");
}

/* What doctor says: how well it is, and words of it. */
static void
says(int want, const char *words)
{
	struct canary_state	s;
	struct buf		b = BUF_INIT;
	struct err		e = ERR_INIT;

	sweep();
	if (canary_state_load(db, &conf, &s, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(canary_state_say(&s, &b), want);
	if (strstr(buf_text(&b), words) == NULL)
		fail_msg("`%s` has no `%s`", buf_text(&b), words);
	canary_state_free(&s);
	buf_free(&b);
}

static void
state_of(void **state)
{
	struct canary_state	 s;
	json_t			*o;

	(void)state;
	says(1, "c.example is not watched, and so never seen");
	sql("insert into watch (pattern, origin, exclude) values ('.example', "
	    "'cli', '{c.example}')");
	says(1, "is not watched");
	sql("update watch set exclude = '{}'");
	says(1, "c.example is watched, managed; there was no certificate for "
	    "it yet: certvigil issue c.example");
	sql("select got('11', '5 minutes', '{c.example}')");
	says(0, "no log has shown it yet, which may take 30 min");
	sql("update acme_received set received_at = now() - interval "
	    "'31 minutes'");
	says(2, "received or declared 31 min ago, and no log has shown it: "
	    "certvigil findings");
	sql("select shown('11')");
	says(0, "a log showed it after 31 min");
	/* who renews it */
	conf.canary_every = 7 * 86400;
	says(0, "c.example is watched, managed, renewed every 7 d; the newest "
	    "certificate is of 20");
	sql("update acme_received set received_at = now() - interval "
	    "'11 days'; update canary set since = now() - interval "
	    "'11 days'");
	says(2, "the newest certificate is 11 d old: certvigil issue");
	sql("update acme_received set received_at = now() - interval '1 day';"
	    "update managed_certificate set removed_at = now() where id = 1");
	says(1, "managed as a name of a.example; the newest certificate");
	sql("update managed_certificate set removed_at = now()");
	says(1, "not managed (others declare it)");
	conf.canary_every = 0;
	says(0, "not managed (others declare it)");
	assert_int_equal(canary_state_load(db, &conf, &s, NULL), 0);
	o = canary_state_json(&s);
	assert_true(json_is_true(json_object_get(o, "watched")));
	assert_true(json_is_null(json_object_get(o, "managed")));
	assert_int_equal(json_string_length(json_object_get(o, "seen_at")),
	    json_string_length(json_object_get(o, "newest_at")));
	json_decref(o);
	canary_state_free(&s);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(missed, clear),
		cmocka_unit_test_setup(newest, clear),
		cmocka_unit_test_setup(often, clear),
		cmocka_unit_test_setup(settles, clear),
		cmocka_unit_test_setup(declared, clear),
		cmocka_unit_test_setup(every, clear),
		cmocka_unit_test_setup(quiet, clear),
		cmocka_unit_test_setup(gone, clear),
		cmocka_unit_test_setup(state_of, clear),
	};

	return SQL_TESTS(t);
}
