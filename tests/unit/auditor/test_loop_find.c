#include "auditor/loop_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/db/loop_store.h"
#include "auditor/decide.h"
#include "auditor/rev_find.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"
#include "tests/unit/ctlog/made_sct.h"

/* Our own orders, and what the logs show of them. */

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || owner, ',' order by kind, owner, id), '') from " \
	"finding"
#define EVENTS	"select coalesce(string_agg(v.event, ',' order by v.at, " \
	"v.event), '') from finding_event v"
#define LOGGED	"certificate.not_logged "
#define LOST	"certificate.not_received "

/* Milliseconds, ${x} SQL of an interval ago. */
#define AGO(x)	"(extract(epoch from now() - interval '" x "') * 1000)::bigint"

/*
 * ours(T, NAMES): received three days ago with SCTs of logs 1 and 2 (hash
 * 01, 02), and expected.  read_to(LOG, AGE): a head of that age, read from the beginning.
 */
static const char functions[] =
    "create or replace function ours(t text, n text[]) returns void "
    "language sql as $$ insert into acme_received (tbs_sha256, order_id, "
    "names, serial, not_after, der, received_at) values (hash(t), 1, n, "
    "'01', now() + interval '80 days', '\\x30', now() - interval '3 days');"
    "insert into expectation (kind, spki_sha256, not_before_ms, "
    "not_after_ms, state, origin, author) values ('issuance', hash('b9'), "
    "0, 0, 'fulfilled', 'acme', 'me');"
    "update acme_order set expectation = coalesce(expectation, (select "
    "max(id) from expectation)) where id = 1;"
    "insert into acme_promise select hash(t), decode(repeat(l, 32), 'hex'), "
    AGO("3 days") " from unnest(array['01', '02']) l; $$;"
    "create or replace function read_to(l int, age interval) returns void "
    "language sql as $$ with h as (insert into tree_head (log_ref, "
    "tree_size, root_hash, timestamp_ms, form, raw, verdict) select l, "
    "coalesce(max(tree_size), 90) + 10, hash('cc'), (extract(epoch from "
    "now() - age) * 1000)::bigint, 'sth', 'raw', 'valid' from tree_head "
    "where log_ref = l returning id, tree_size) insert into log_range "
    "(log_ref, size_from, size_to, frontier, root_hash, head_id) select l, "
    "0, tree_size, '', hash('cc'), id from h on conflict (log_ref, "
    "size_from) do update set size_to = excluded.size_to, head_id = "
    "excluded.head_id; $$;";

/* Without policies. */
static struct conf	conf;

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(functions);
	sql(audit_truncate);
	sql("truncate acme_account, managed_certificate, acme_order, "
	    "acme_received, acme_promise, watch restart identity cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, list_source, first_list) values "
	    "(hash('01'), 1, 'log one', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true), (hash('02'), 1, 'log two', 'static', "
	    "'u', 'u', 'k', 86400, 'usable', 'file', true);"
	    "insert into watch (pattern, owner, origin, added_at) values "
	    "('.example', 'web', 'cli', now() - interval '9 days'), "
	    "('a.example', 'mail', 'cli', now() - interval '9 days'), "
	    "('b.example', 'other', 'cli', now() - interval '9 days');"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('d', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory) values ('a.example', '{a.example}', 'cli', 'p256', "
	    "'d');"
	    "insert into acme_order (managed_id, account_id, state, "
	    "spki_sha256, added_at) values (1, 1, 'valid', hash('bb'), now() - "
	    "interval '3 days')");
	memset(&conf, 0, sizeof(conf));
	return 0;
}

static void
begin(void)
{
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
commit(void)
{
	struct err	e = ERR_INIT;

	if (db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
sweep(void)
{
	struct err	e = ERR_INIT;

	begin();
	if (loop_find_time(db, &conf, &e) == -1)
		fail_msg("%s", e.msg);
	commit();
}

/* --- not logged ----------------------------------------------------------- */

static void
not_logged(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}')");
	sweep();
	is(FINDINGS, "");
	/* both were read, but not as far as the SCT and the MMD */
	sql("select read_to(1, '2 days 1 minute'), read_to(2, '2 days 1 "
	    "minute')");
	sweep();
	is(FINDINGS, "");
	sql("select read_to(1, '47 hours'), read_to(2, '47 hours')");
	sweep();
	sweep();
	is(FINDINGS, LOGGED "open high mail," LOGGED "open high web");
	is(EVENTS, "opened,opened");
	is("select (subject = encode(hash('11'), 'hex')) || ' ' || name || ' ' "
	    "|| watch || ' ' || (detail->>'absent_from') from finding where "
	    "owner = 'web'", "true a.example .example [\"log one\", "
	    "\"log two\"]");
	is("select detail->'names'->>0 || (detail->>'serial') from finding "
	    "where owner = 'mail'", "a.example01");
	/* it appears */
	sql("insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, tbs_sha256) values (1, 7, 0, 'precert', '', '', "
	    "hash('11'))");
	sweep();
	sweep();
	is(FINDINGS, LOGGED "resolved high mail," LOGGED "resolved high web");
	is(EVENTS, "opened,opened,resolved,resolved");
}

/* Where the CA does not log, nothing is expected. */
static void
no_ct(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update acme_order set expectation = null");
	sweep();
	is(FINDINGS, "");
	sql("update acme_order set expectation = 1");
	sweep();
	is(EVENTS, "opened,opened");
}

/* A log that is not read holds it back, but not for ever. */
static void
one_log(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour');"
	    "update acme_promise set timestamp_ms = " AGO("47 hours"));
	sweep();
	is(FINDINGS, "");
	/* nor does one that we do not follow */
	sql("update log set watched = false where id = 2");
	sweep();
	is(EVENTS, "opened,opened");
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour');"
	    "update acme_promise set timestamp_ms = " AGO("49 hours"));
	sweep();
	is(EVENTS, "opened,opened");
	is("select detail->>'absent_from' from finding where owner = "
	    "'web'", "[\"log one\"]");
	/* none that promised it is read at all */
	(void)clear(state);
	sql("select ours('11', '{a.example}')");
	sweep();
	is(FINDINGS, "");
}

/* Reading began after the SCT: it may lie below. */
static void
began_late(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '2 days 23 hours'), "
	    "read_to(2, '2 days 23 hours'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update log_range set size_from = 100");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set timestamp_ms = " AGO("73 hours")
	    " where tree_size = 100");
	sweep();
	is(EVENTS, "opened,opened");
}

/* A head that contradicts another, or is not signed, says nothing. */
static void
bad_heads(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update tree_head set verdict = "
	    "'bad_signature'");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set verdict = 'valid', consistency = "
	    "'conflict'");
	sweep();
	is(FINDINGS, "");
	sql("update tree_head set consistency = 'proved'");
	sweep();
	is(EVENTS, "opened,opened");
	/* a head that we have, and have not read */
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update log_range set size_to = 99");
	sweep();
	is(FINDINGS, "");
}

/* Who would have seen it: entries are kept where a watch matches. */
static void
watched(void **state)
{
	static const struct {
		const char	*names, *pattern, *exclude, *events;
	} rows[] = {
		{ "{*.c.test}", "c.test", "{}", "opened" },
		{ "{*.c.test}", ".c.test", "{}", "opened" },
		{ "{*.c.test}", "*.c.test", "{}", "opened" },
		{ "{w.c.test}", "*.c.test", "{}", "opened" },
		{ "{w.c.test}", ".c.test", "{}", "opened" },
		{ "{w.c.test}", ".", "{}", "opened" },
		{ "{x.test,w.c.test}", "w.c.test", "{}", "opened" },
		{ "{w.c.test}", "c.test", "{}", "" },
		{ "{wc.test}", ".c.test", "{}", "" },
		{ "{w.c.test}", ".c.test", "{w.c.test}", "" },
		{ "{v.w.c.test}", ".c.test", "{.w.c.test}", "" },
		{ "{v.w.c.test}", ".c.test", "{x.c.test}", "opened" },
	};
	char	*text;
	size_t	 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)clear(state);
		text = mem_printf("update watch set removed_at = now(); "
		    "insert into watch (pattern, exclude, origin, added_at) "
		    "values ('%s', '%s', 'cli', now() - interval '9 days'); "
		    "select ours('11', '%s'), read_to(1, '1 hour'), "
		    "read_to(2, '1 hour')", rows[i].pattern, rows[i].exclude,
		    rows[i].names);
		sql(text);
		free(text);
		sweep();
		is(EVENTS, rows[i].events);
	}
	/* a watch that came after the SCT */
	(void)clear(state);
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour'); update watch set added_at = now() - "
	    "interval '2 days'");
	sweep();
	is(FINDINGS, "");
}

static void
expired(void **state)
{
	(void)state;
	sql("select ours('11', '{a.example}'), read_to(1, '1 hour'), "
	    "read_to(2, '1 hour')");
	sweep();
	sql("update acme_received set not_after = now()");
	sweep();
	sweep();
	is(EVENTS, "opened,opened,resolved,resolved");
}

/* What is kept of a certificate, from its own bytes. */
static void
received(void **state)
{
	struct made_logs	logs;
	struct made_ca		ca;
	struct made_leaf	l;
	struct buf		items = BUF_INIT, sct = BUF_INIT;
	struct buf		der = BUF_INIT;
	struct err		e = ERR_INIT;
	const char		*names[] = { "a.example", "*.a.example" };
	const uint8_t		junk[] = { 9, 9 };
	uint8_t			tbs[32];
	struct loop_got		g = { .order = 1, .names = { names, 2 },
	    .serial = "0a", .not_after = 1785000000LL * CLK_SEC,
	    .tbs = { tbs, 32 } };
	size_t			i;

	(void)state;
	made_logs(&logs, 2);
	made_ca(&ca, "root", NULL, 0);
	made_leaf(&l, &ca, 1780000000LL, 1785000000LL);
	for (i = 0; i < 2; i++) {
		l.en.timestamp = 1780000000000ULL + i;
		buf_reset(&sct);
		made_sct(&sct, &logs, i, &l.en);
		made_item(&items, &sct);
	}
	/* one that cannot be read hides none of the others */
	buf_reset(&sct);
	buf_add(&sct, junk, sizeof(junk));
	made_item(&items, &sct);
	made_leaf_done(&l, &items, &der);
	memset(tbs, 0x12, sizeof(tbs));
	g.der = buf_bytes(&der);
	for (i = 0; i < 2; i++)
		if (loop_received(db, &g, &e) == -1)
			fail_msg("%s", e.msg);
	is("select string_agg(timestamp_ms::text || length(log_id), ',' order "
	    "by timestamp_ms) from acme_promise where tbs_sha256 = "
	    "hash('12')", "178000000000032,178000000000132");
	is("select array_to_string(names, ',') || serial || not_after::date "
	    "from acme_received", "a.example,*.a.example0a2026-07-25");
	/* none at all */
	memset(tbs, 0x13, sizeof(tbs));
	g.der = (struct span){ junk, sizeof(junk) };
	assert_int_equal(loop_received(db, &g, &e), 0);
	assert_int_equal(number("select count(*) from acme_received"), 2);
	assert_int_equal(number("select count(*) from acme_promise"), 2);
	made_logs_free(&logs);
	made_ca_free(&ca);
	buf_free(&items);
	buf_free(&sct);
	buf_free(&der);
}

/* --- not received --------------------------------------------------------- */

/* Its certificate is in a log, and the order is ${state}. */
static void
lost(const char *state)
{
	char	*text = mem_printf("select cert('11', '01', now() - interval "
		    "'1 day', 90, '{a.example}'); update acme_order set "
		    "state = '%s', changed_at = now(), url = "
		    "'https://ca/1', error = 'it is gone'", state);

	sql(text);
	free(text);
}

static void
not_received(void **state)
{
	(void)state;
	lost("open");
	sql("update acme_order set changed_at = now() - interval '59 "
	    "minutes'");
	sweep();
	is(FINDINGS, "");
	sql("update acme_order set changed_at = now() - interval '61 "
	    "minutes'");
	sweep();
	sweep();
	is(FINDINGS, LOST "open high web");
	is(EVENTS, "opened");
	is("select reason from finding", "issued with the key of our order "
	    "for a.example, which nobody went on with, and never received: "
	    "\"certvigil renew a.example\" fetches it, \"certvigil revoke "
	    "1111111111111111111111111111111111111111111111111111111111111111"
	    "\" revokes this one");
	is("select detail->>'order' from finding", "https://ca/1");
	/* it is gone on with, and comes */
	sql("insert into acme_received (tbs_sha256, order_id, names, serial, "
	    "not_after, der) values (hash('11'), 1, '{a.example}', '01', "
	    "now() + interval '1 day', ''); update acme_order set state = "
	    "'valid'");
	sweep();
	sweep();
	is(EVENTS, "opened,resolved");
	is("select decided_reason from finding", "it was received");
}

static void
failed(void **state)
{
	static const char *const	over[] = {
		"insert into revocation (issuer_spki_sha256, serial, status) "
		"values (hash('aa'), '01', 'revoked')",
		"update managed_certificate set issued_at = now(), "
		"tbs_sha256 = hash('12')",
		"update issuance set not_after = now()",
	};
	size_t				i;

	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		(void)clear(state);
		/* what was deployed before that order is no newer one */
		sql("update managed_certificate set issued_at = now() - "
		    "interval '9 days', tbs_sha256 = hash('10')");
		lost("failed");
		sweep();
		sweep();
		is(FINDINGS, LOST "open high web");
		is("select detail->>'error' from finding", "it is gone");
		sql(over[i]);
		sweep();
		sweep();
		is(FINDINGS, LOST "resolved high web");
		is(EVENTS, "opened,resolved");
	}
}

/* What is no lost order. */
static void
not_lost(void **state)
{
	static const char *const	why[] = {
		"update acme_order set state = 'valid'",
		"update acme_order set spki_sha256 = hash('bc')",
		"update issuance set issued = 'unchecked'",
		"update issuance set decision = 'misused'",
		"update issuance set not_after = now()",
		"insert into revocation (issuer_spki_sha256, serial, status) "
		"values (hash('aa'), '01', 'revoked')",
	};
	size_t				i;

	for (i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		(void)clear(state);
		lost("failed");
		sql(why[i]);
		sweep();
		is(FINDINGS, "");
	}
	/* nobody keeps it any more: no new one is offered */
	(void)clear(state);
	lost("failed");
	sql("update managed_certificate set removed_at = now()");
	sweep();
	is("select (reason like '%received: \"certvigil revoke 11%')::text "
	    "from finding", "true");
	/* a star is no pattern of the shell's */
	(void)clear(state);
	lost("failed");
	sql("update managed_certificate set name = '*.a.example'");
	sweep();
	is("select (reason like '%renew ''*.a.example''\" fetches%')::text "
	    "from finding", "true");
}

/* --- our key elsewhere ---------------------------------------------------- */

/* An order with key hash('bb') whose expectation has this state. */
static void
expects(const char *state, const char *used)
{
	char	*text = mem_printf("insert into expectation (kind, "
		    "spki_sha256, names, not_before_ms, not_after_ms, state, "
		    "tbs_sha256, origin, author) values ('issuance', "
		    "hash('bb'), '{a.example}', 1000, 3000000, '%s', %s, "
		    "'acme', 'me'); update acme_order set expectation = 1",
		    state, used);

	sql(text);
	free(text);
}

/* hash(${tbs}) for a.example was logged then. */
static void
decided(int tbs, int64_t at_ms)
{
	struct decide_match	m = { 1, 5, at_ms, 1, ".example", "web", "",
	    "a.example", 0 };
	uint8_t			id[32];
	struct span		s = { id, 32 };
	struct err		e = ERR_INIT;
	char			*text;

	memset(id, tbs, sizeof(id));
	text = mem_printf("select cert('%02x', '%02x', now() - interval '1 "
	    "day', 90, '{a.example}') where not exists (select from issuance "
	    "where tbs_sha256 = hash('%02x')); update issuance set decision = "
	    "null, facts = null where tbs_sha256 = hash('%02x')", tbs, tbs,
	    tbs, tbs);
	sql(text);
	free(text);
	begin();
	if (decide_issuance(db, &conf, &s, &m, 1, 1, &e) == -1)
		fail_msg("%s", e.msg);
	commit();
}

#define DECISION(t, want) is("select decision || ' ' || rule from issuance " \
	"where tbs_sha256 = hash('" t "')", want)

static void
our_key(void **state)
{
	(void)state;
	expects("open", "null");
	decided(0x11, 2000);
	DECISION("11", "silent 2");
	/* a second one: the order is used up */
	decided(0x12, 2000);
	decided(0x12, 2000);
	DECISION("12", "misused 1");
	is(FINDINGS, "key.misused open critical web");
	is(EVENTS, "opened");
	is("select reason from finding", "a known key outside its bounds: it "
	    "is the key of our order for a.example, which is for one "
	    "certificate: 111111111111111111111111111111111111111111111111111"
	    "1111111111111");
	/* the first one stays what it is */
	decided(0x11, 2000);
	DECISION("11", "silent 2");
	is(EVENTS, "opened");
	/* it is misused, not lost */
	sql("update acme_order set state = 'valid'");
	sweep();
	is(FINDINGS, "key.misused open critical web");
	/* a person trusts the key */
	sql("insert into known (spki_sha256, trust, origin, author) values "
	    "(hash('bb'), 'key', 'accept', 'me')");
	decided(0x12, 2000);
	DECISION("12", "silent 4");
	is(EVENTS, "opened,retracted");
}

static void
our_key_late(void **state)
{
	(void)state;
	/* nobody used it: what fits is the ordered one, seen late */
	expects("expired", "null");
	decided(0x11, 2000);
	DECISION("11", "page 8");
	/* what does not fit is another one */
	(void)clear(state);
	expects("expired", "null");
	decided(0x11, 4000000);
	DECISION("11", "misused 1");
	/* also while it is open */
	(void)clear(state);
	expects("open", "null");
	sql("update expectation set names = '{a.example,b.example}'");
	decided(0x11, 2000);
	DECISION("11", "misused 1");
	/* we received it ourselves */
	(void)clear(state);
	expects("expired", "null");
	sql("select ours('11', '{a.example}')");
	decided(0x11, 4000000);
	DECISION("11", "page 8");
	/* but a thief was faster: both are told of */
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("select ours('11', '{a.example}')");
	decided(0x11, 2000);
	DECISION("11", "misused 1");
	/* a key that no order has, and an order where nothing is logged */
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("update acme_order set spki_sha256 = hash('bc')");
	decided(0x11, 2000);
	DECISION("11", "page 8");
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("update acme_order set expectation = null");
	decided(0x11, 2000);
	DECISION("11", "page 8");
}

/* --- what we revoke ------------------------------------------------------- */

/* Ordered by `revoke`: late after a day. */
static void
not_published(void **state)
{
	struct err	e = ERR_INIT;
	int		i;

	(void)state;
	sql("select cert('11', '01', now() - interval '9 days', 90, "
	    "'{a.example}'); insert into expectation (kind, "
	    "issuer_spki_sha256, serial, not_before_ms, not_after_ms, origin, "
	    "author) values ('revocation', hash('aa'), '01', 0, "
	    AGO("-1 minute") ", 'revoke', 'me')");
	for (i = 0; i < 3; i++) {
		begin();
		if (rev_find_time(db, &e) == -1)
			fail_msg("%s", e.msg);
		commit();
		is(EVENTS, i == 0 ? "" : "opened");
		if (i == 0)
			sql("update expectation set not_after_ms = "
			    AGO("1 minute"));
	}
	is(FINDINGS, "revocation.not_published open high web");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(not_logged, clear),
		cmocka_unit_test_setup(no_ct, clear),
		cmocka_unit_test_setup(one_log, clear),
		cmocka_unit_test_setup(began_late, clear),
		cmocka_unit_test_setup(bad_heads, clear),
		cmocka_unit_test_setup(watched, clear),
		cmocka_unit_test_setup(expired, clear),
		cmocka_unit_test_setup(received, clear),
		cmocka_unit_test_setup(not_received, clear),
		cmocka_unit_test_setup(failed, clear),
		cmocka_unit_test_setup(not_lost, clear),
		cmocka_unit_test_setup(our_key, clear),
		cmocka_unit_test_setup(our_key_late, clear),
		cmocka_unit_test_setup(not_published, clear),
	};

	return SQL_TESTS(tests);
}
