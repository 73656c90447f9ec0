#include "auditor/db/watcher.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Whose a certificate is: a finding for each owner. */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	return 0;
}

#define ALL	"select coalesce(string_agg(owner || '/' || watch || '/' || " \
		"name || '/' || coalesce(issuer_owner, '-') || '/' || proven " \
		"|| '/' || state, ' ' order by owner), '') from finding"

/* How many owners are told that hash('11') has ${kind}. */
static size_t
open_kind(const char *kind)
{
	struct finding	f = { .kind = kind, .severity = "high", .subject = "s",
	    .reason = "r" };
	uint8_t		tbs[32];
	struct err	e = ERR_INIT;
	size_t		n = 0;

	memset(tbs, 0x11, sizeof(tbs));
	if (watcher_open(db, tbs, &f, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

static size_t
open_serial(const char *serial)
{
	struct finding	f = { .kind = "certificate.revoked", .severity =
	    "high", .subject = "s", .reason = "r" };
	uint8_t		key[32];
	struct err	e = ERR_INIT;
	size_t		n = 0;

	memset(key, 0xaa, sizeof(key));
	if (watcher_open_serial(db, key, serial, &f, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

static void
gone(const char *kind)
{
	struct err	e = ERR_INIT;

	if (watcher_gone(db, kind, "s", "gone", &e) == -1)
		fail_msg("%s", e.msg);
}

#define WATCHES	"update issuance set facts = '{\"watches\": [" \
	"{\"owner\": \"web\", \"pattern\": \"b.example\", \"name\": " \
	"\"b.example\"}, {\"owner\": \"web\", \"pattern\": \"a.example\", " \
	"\"name\": \"a.example\"}, {\"owner\": \"mail\", \"pattern\": \".\", " \
	"\"name\": \"a.example\"}]}'"

static void
owners(void **state)
{
	(void)state;
	assert_int_equal(open_kind("key.weak"), 0);
	sql("select cert('11', '01', now(), 90, '{a.example,b.example}');"
	    WATCHES);
	assert_int_equal(open_kind("key.weak"), 2);
	assert_int_equal(open_kind("key.weak"), 2);
	is(ALL, "mail/./a.example/digicert.com/false/open "
	    "web/a.example/a.example/digicert.com/false/open");
	is("select (ca_contact is not null)::text from finding limit 1",
	    "true");
	sql("truncate finding cascade; update issuance set logged_at = now(), "
	    "issuer_owner = null");
	assert_int_equal(open_kind("key.weak"), 2);
	is(ALL, "mail/./a.example/-/true/open web/a.example/a.example/-/true/"
	    "open");
	/* nobody's */
	sql("update issuance set facts = null");
	assert_int_equal(open_kind("sct.invalid"), 0);
	sql("update issuance set facts = '{}'");
	assert_int_equal(open_kind("sct.invalid"), 0);
}

/* Who watches an endpoint that serves it hears of it, too: once. */
static void
endpoints(void **state)
{
	(void)state;
	sql("insert into endpoint (host, port, owner, origin) values "
	    "('a.example', 443, 'web', 'cli'), ('b.example', 443, 'ops', "
	    "'cli'), ('c.example', 443, 'ops', 'cli'), ('d.example', 443, "
	    "'left', 'cli');"
	    "update endpoint set removed_at = now() where owner = 'left';"
	    "insert into endpoint_observation (endpoint_id, addr, "
	    "tbs_sha256) select i, '192.0.2.1', hash('11') from "
	    "generate_series(1, 4) i");
	/* no log has shown it */
	assert_int_equal(open_kind("key.weak"), 2);
	is(ALL, "ops//b.example/-/false/open web//a.example/-/false/open");
	sql("truncate finding cascade;"
	    "select cert('11', '01', now(), 90, '{a.example,b.example}');"
	    WATCHES "; update issuance set logged_at = now()");
	assert_int_equal(open_kind("key.weak"), 3);
	is(ALL, "mail/./a.example/digicert.com/true/open "
	    "ops//b.example/digicert.com/true/open "
	    "web/a.example/a.example/digicert.com/true/open");
}

/* By issuer key and serial: twins are one. */
static void
serials(void **state)
{
	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "select cert('12', '01', now(), 90, '{b.example}');"
	    "select cert('13', '02', now(), 90, '{c.example}');"
	    "select cert('14', '01', now(), 90, '{d.example}');"
	    "update issuance set issuer_spki_sha256 = hash('ab') where "
	    "tbs_sha256 = hash('14');"
	    "update issuance set facts = jsonb_build_object('watches', "
	    "jsonb_build_array(jsonb_build_object('owner', 'o' || "
	    "(names)[1], 'pattern', (names)[1], 'name', (names)[1])));"
	    "insert into endpoint (host, port, owner, origin) values "
	    "('e.example', 443, 'ops', 'cli');"
	    "insert into endpoint_observation (endpoint_id, addr, "
	    "tbs_sha256) values (1, '192.0.2.1', hash('12'))");
	assert_int_equal(open_serial("01"), 3);
	is("select string_agg(owner, ' ' order by owner) from finding",
	    "oa.example ob.example ops");
	assert_int_equal(open_serial("03"), 0);
	assert_int_equal(open_serial("' or true --"), 0);
}

static void
resolved(void **state)
{
	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example,b.example}');"
	    WATCHES);
	gone("key.weak");
	(void)open_kind("key.weak");
	(void)open_kind("sct.invalid");
	gone("key.weak");
	gone("key.weak");
	is("select string_agg(kind || ' ' || owner || ' ' || state, ',' order "
	    "by kind, owner) from finding", "key.weak mail resolved,key.weak "
	    "web resolved,sct.invalid mail open,sct.invalid web open");
	is("select count(*)::text from finding_event where event = "
	    "'resolved'", "2");
	/* what a person decided stays decided */
	sql("update finding set state = 'rejected' where owner = 'web'; update "
	    "finding set state = 'acked' where owner = 'mail'");
	gone("sct.invalid");
	is("select string_agg(owner || ' ' || state, ',' order by owner) from "
	    "finding where kind = 'sct.invalid'", "mail resolved,web "
	    "rejected");
}

/* 1,000 watches of 500 owners. */
static void
many(void **state)
{
	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "update issuance set facts = jsonb_build_object('watches', (select "
	    "jsonb_agg(jsonb_build_object('owner', 'o' || i / 2, 'pattern', "
	    "'p' || i, 'name', 'n' || i)) from generate_series(0, 999) i))");
	assert_int_equal(open_kind("key.weak"), 500);
	is("select count(distinct owner)::text from finding", "500");
	gone("key.weak");
	is("select count(*)::text from finding where state = 'resolved'",
	    "500");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(owners, clear),
		cmocka_unit_test_setup(endpoints, clear),
		cmocka_unit_test_setup(serials, clear),
		cmocka_unit_test_setup(resolved, clear),
		cmocka_unit_test_setup(many, clear),
	};

	return SQL_TESTS(tests);
}
