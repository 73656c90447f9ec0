#include "auditor/loop_replace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/db/loop_store.h"
#include "auditor/loop_find.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* What we keep, and what others revoke of it. */

#define DUE	"select coalesce(due_why, '') || ' ' || (next_at <= now())::text " \
	"from managed_certificate where id = 1"
#define REVOKED	"select severity || ' ' || reason from finding where kind = " \
	"'certificate.revoked' and owner = 'web'"

/* A certificate of ours, hash('11'), deployed yesterday. */
static int
clear(void **state)
{
	(void)rev_clear(state);
	sql("truncate acme_account, managed_certificate, acme_order, "
	    "acme_received, acme_replacement, watch restart identity cascade;"
	    "insert into acme_account (directory, url, key_id, thumbprint) "
	    "values ('d', 'u', 'k', 't');"
	    "insert into managed_certificate (name, names, origin, key_kind, "
	    "directory, tbs_sha256, issuer_spki_sha256, serial, not_before, "
	    "not_after, issued_at, next_at, attempts) values ('a.example', "
	    "'{a.example}', 'cli', 'p256', 'd', hash('11'), hash('aa'), '01', "
	    "now() - interval '1 day', now() + interval '89 days', now() - "
	    "interval '1 day', now() + interval '1 day', 4);"
	    "insert into acme_order (managed_id, account_id, state, "
	    "spki_sha256) values (1, 1, 'valid', hash('bb'));"
	    "insert into acme_received (tbs_sha256, order_id, names, serial, "
	    "not_after, der, received_at) values (hash('11'), 1, "
	    "'{a.example}', '01', now() + interval '89 days', '\\x30', now() - "
	    "interval '1 day');"
	    "select named('11', '01', '{a.example}', '{http://crl/1}', '{}')");
	rev_say(1, "01", REV_GOOD, -1);
	rev_found(1);
	memset(&rev_conf, 0, sizeof(rev_conf));
	return 0;
}

static void
gone(int reason)
{
	rev_say(1, "01", REV_REVOKED, reason);
	rev_found(1);
}

static void
sweep(void)
{
	struct err	e = ERR_INIT;

	rev_time();
	rev_begin();
	if (loop_find_time(db, &rev_conf, &e) == -1)
		fail_msg("%s", e.msg);
	rev_commit();
}

static void
ends_with(const char *query, const char *end)
{
	char	*q = mem_printf("select right((%s), %zu)", query, strlen(end));

	is(q, end);
	free(q);
}

static void
replaced(void **state)
{
	(void)state;
	gone(5);
	is(DUE, "revoked without our order true");
	is("select attempts::text from managed_certificate", "0");
	ends_with(REVOKED, "somebody proved control of our names; another one "
	    "is ordered");
	is("select detail->>'managed' from finding where owner = 'web'",
	    "a.example");
	/* once for one certificate, whatever is said again */
	sql("update managed_certificate set due_why = null");
	gone(4);
	sweep();
	is(DUE, " true");
	is("select count(*)::text from acme_replacement", "1");
	/* its successor is deployed */
	is("select severity from finding where owner = 'web'", "critical");
	sql("update managed_certificate set tbs_sha256 = hash('12'), serial = "
	    "'02', issued_at = now()");
	sweep();
	sweep();
	ends_with(REVOKED, "another one is ordered; a successor is deployed");
	is("select severity || ' ' || state from finding where owner = "
	    "'web'", "info open");
}

/* Still served somewhere: that it was replaced helps nobody yet. */
static void
still_served(void **state)
{
	(void)state;
	gone(4);
	sql("update managed_certificate set tbs_sha256 = hash('12'), serial = "
	    "'02', issued_at = now(); insert into endpoint (host, port, "
	    "origin) values ('a.example', 443, 'cli'); insert into "
	    "endpoint_observation (endpoint_id, addr, tbs_sha256) values (1, "
	    "'192.0.2.1', hash('11'))");
	sweep();
	is("select severity from finding where owner = 'web'", "critical");
	sql("insert into endpoint_observation (endpoint_id, addr, tbs_sha256) "
	    "values (1, '192.0.2.1', hash('12'))");
	sweep();
	is("select severity from finding where owner = 'web'", "info");
}

static void
not_replaced(void **state)
{
	(void)state;
	rev_conf.acme_when_alert = 1;
	gone(4);
	is(DUE, " false");
	ends_with(REVOKED, "it is not replaced: acme.when_revoked is alert");
	/* its request was made elsewhere */
	(void)clear(state);
	sql("update managed_certificate set key_kind = 'csr'");
	gone(4);
	is(DUE, " false");
	ends_with(REVOKED, "it is not replaced: its key is not kept here");
	/* we ordered it */
	(void)clear(state);
	sql("insert into expectation (kind, issuer_spki_sha256, serial, "
	    "not_before_ms, not_after_ms, origin, author) values ('revocation'"
	    ", hash('aa'), '01', 0, (extract(epoch from now() + interval "
	    "'1 day') * 1000)::bigint, 'cli', 'me')");
	gone(4);
	sweep();
	is(DUE, " false");
	is("select count(*)::text from acme_replacement", "0");
	/* nobody keeps it any more */
	(void)clear(state);
	sql("update managed_certificate set removed_at = now()");
	gone(4);
	is("select count(*)::text from acme_replacement", "0");
}

static void
not_for_ever(void **state)
{
	char	*text;

	(void)state;
	text = mem_printf("insert into acme_replacement (tbs_sha256, "
	    "managed_id, asked, why) select sha256(x::text::bytea), 1, true, "
	    "'t' from generate_series(1, %d) x", LIMIT_REPLACE);
	sql(text);
	gone(4);
	is(DUE, " false");
	ends_with(REVOKED, "3 successors within a day were revoked, too");
	(void)clear(state);
	sql(text);
	sql("update acme_replacement set added_at = now() - interval "
	    "'25 hours'");
	gone(4);
	is(DUE, "revoked without our order true");
	free(text);
}

/* What is not ours has that key, too. */
static void
compromised(void **state)
{
	(void)state;
	sql("select cert('13', '03', now() - interval '2 days', 90, "
	    "'{z.example}')");
	gone(4);
	is("select count(*)::text from known", "0");
	(void)clear(state);
	sql("insert into watch (pattern, owner, origin) values ('.example', "
	    "'web', 'cli'); select cert('13', '03', now() - interval '2 days',"
	    " 90, '{z.example}'); update issuance set facts = '{\"watches\": "
	    "[{\"id\": 1, \"owner\": \"web\", \"pattern\": \".example\", "
	    "\"name\": \"z.example\", \"fold\": \"z.example\"}]}'");
	gone(1);
	is("select trust || ' ' || encode(spki_sha256, 'hex') from known",
	    "compromised bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbbb");
	is("select string_agg(left(subject, 2), ',') from finding where kind = "
	    "'key.misused'", "13");
}

/* --- an order that was lost ----------------------------------------------- */

static int
reopen(void)
{
	struct err	e = ERR_INIT;
	int		rc = loop_reopen(db, 1, "me:1", &e);

	if (rc == -1)
		fail_msg("%s", e.msg);
	return rc;
}

static void
lost(void **state)
{
	(void)clear(state);
	sql("delete from acme_received; update managed_certificate set "
	    "tbs_sha256 = null, issued_at = null, serial = null; update "
	    "acme_order set state = 'failed', url = 'https://ca/1', flow = "
	    "'{\"a\": 1}', error = 'lost'");
}

static void
late(void **state)
{
	static const char *const	not[] = {
		"update acme_order set url = null",
		"update acme_order set state = 'valid'",
		"update acme_order set flow = '{}'",
		"update issuance set not_after = now()",
		"update issuance set decision = 'misused'",
		"update revocation set status = 'revoked'",
		"update managed_certificate set issued_at = now() + interval "
		"'1 second', tbs_sha256 = hash('12')",
		"update managed_certificate set removed_at = now()",
	};
	size_t				i;

	lost(state);
	sweep();
	is(DUE, "a log shows what a lost order led to true");
	/* once for each order */
	sql("update managed_certificate set due_why = null");
	sweep();
	is(DUE, " true");
	for (i = 0; i < LIMIT_LATE; i++) {
		assert_int_equal(reopen(), 1);
		is("select state || ' ' || holder || ' ' || late_tries from "
		    "acme_order", i == 0 ? "open me:1 1" : "open me:1 2");
		assert_int_equal(reopen(), 0);
		sql("update acme_order set state = 'failed'");
	}
	assert_int_equal(reopen(), 0);
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		lost(state);
		sql(not[i]);
		assert_int_equal(reopen(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(replaced, clear),
		cmocka_unit_test_setup(still_served, clear),
		cmocka_unit_test_setup(not_replaced, clear),
		cmocka_unit_test_setup(not_for_ever, clear),
		cmocka_unit_test_setup(compromised, clear),
		cmocka_unit_test_setup(late, clear),
	};

	return SQL_TESTS(tests);
}
