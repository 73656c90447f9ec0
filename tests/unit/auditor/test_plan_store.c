#include "auditor/db/plan_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clk.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* What is to be done: a row of work each, none twice, none for strangers. */

#define AGE	(INT64_C(86400) * 1000000)

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("truncate watch restart identity cascade");
	return 0;
}

/* Plan, and again: nothing more comes of it. */
static void
plan(void)
{
	struct err	e = ERR_INIT;
	int64_t		n;

	if (plan_store(db, clk_wall() - AGE, 3600, &e) == -1)
		fail_msg("%s", e.msg);
	n = number("select count(*) from work");
	if (plan_store(db, clk_wall() - AGE, 3600, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(number("select count(*) from work"), n);
}

/* The subjects of one kind, in order; long ones by their first 4 letters. */
#define SUBJECTS(kind) "select coalesce(string_agg(case when length(subject) " \
	"> 60 then left(subject, 4) else subject end, ' ' order by subject), " \
	"'') from work where kind = '" kind "'"

static void
certificates(void **state)
{
	(void)state;
	plan();
	is("select count(*)::text from work", "0");
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "select cert('12', '02', now(), 90, '{b.example}');"
	    "select cert('13', '03', now(), 90, '{c.example}');"
	    "select cert('14', '04', now() - interval '91 days', 90, '{}');"
	    "select cert('15', '05', now(), 90, '{}');"
	    "select cert('16', '06', now(), 90, '{}');"
	    "update issuance set issuer_spki_sha256 = hash('ab') where serial "
	    "= '03';"
	    /* expired, by nobody, and without its bytes: none of them */
	    "update issuance set issuer_spki_sha256 = hash('ac') where serial "
	    "= '04';"
	    "update issuance set issuer_spki_sha256 = hash('ad'), issued = "
	    "'invalid' where serial = '05';"
	    "update issuance set issuer_spki_sha256 = hash('ae') where serial "
	    "= '06';"
	    "delete from certificate where tbs_sha256 = hash('16')");
	plan();
	is(SUBJECTS("cert"), "aaaa abab");
	/* what was judged today is not due */
	sql("delete from work; insert into cert_fact (tbs_sha256, "
	    "cert_sha256, form) select tbs_sha256, set_byte(tbs_sha256, 31, "
	    "0), 'x509' from issuance");
	plan();
	is(SUBJECTS("cert"), "");
	/* yesterday it was */
	sql("update cert_fact set judged_at = now() - interval '25 hours' "
	    "where tbs_sha256 = hash('13')");
	plan();
	is(SUBJECTS("cert"), "abab");
}

/* Judged as a precertificate, and here is the certificate. */
static void
final_form(void **state)
{
	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form) values "
	    "(hash('11'), set_byte(hash('11'), 31, 1), 'precert')");
	plan();
	is(SUBJECTS("cert"), "aaaa");
	/* a log calls it a certificate, and it has the poison: read once */
	sql("delete from work; update cert_fact set cert_sha256 = "
	    "set_byte(hash('11'), 31, 0)");
	plan();
	is(SUBJECTS("cert"), "");
}

static void
sources_endpoints(void **state)
{
	(void)state;
	sql("insert into revocation_source (kind, url, issuer_spki_sha256) "
	    "values ('crl', 'http://c/1', hash('aa')), ('ocsp', 'http://o/', "
	    "hash('aa')), ('ocsp', 'http://o/', hash('ab'));"
	    "insert into endpoint (host, port, origin, removed_at) values "
	    "('a.example', 443, 'cli', null), ('b.example', 443, 'cli', "
	    "now())");
	plan();
	is(SUBJECTS("crl"), "1");
	is(SUBJECTS("ocsp"), "2 3");
	is(SUBJECTS("endpoint"), "1");
	/* a row that is there stays as it is */
	sql("update work set due_at = now() + interval '1 hour', attempts = "
	    "3");
	plan();
	is("select count(*)::text from work where attempts = 3 and due_at > "
	    "now() + interval '59 minutes'", "4");
}

/* Logs with SCTs of which something can be found out. */
static void
inclusion(void **state)
{
	(void)state;
	sql("insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) select "
	    "hash(x), 1, x, 'rfc6962', x, x, '\\x02', 86400, 'usable', "
	    "'chrome', false from unnest(array['01', '02', '03', '04', '05']) "
	    "x;"
	    "insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "leaf_hash, inclusion, due_at, checked_at) values "
	    "(hash('11'), hash('01'), 1, '', 'certificate', hash('51'), "
	    "'pending', now() - interval '1 minute', null), "
	    "(hash('11'), hash('02'), 1, '', 'certificate', hash('52'), "
	    "'pending', now() + interval '1 minute', null), "
	    "(hash('11'), hash('03'), 1, '', 'certificate', hash('53'), "
	    "'unchecked', now() - interval '1 day', now() - interval "
	    "'59 minutes'), "
	    "(hash('11'), hash('04'), 1, '', 'certificate', hash('54'), "
	    "'proved', now() - interval '1 day', now()), "
	    "(hash('11'), hash('09'), 1, '', 'certificate', hash('55'), "
	    "'pending', now() - interval '1 day', null)");
	plan();
	is(SUBJECTS("incl"), "1");
	/* not over yet, but we have read it ourselves */
	sql("insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, tbs_sha256, head_id) values (2, 5, 1, 'precert', "
	    "'', hash('52'), hash('11'), 7)");
	plan();
	is(SUBJECTS("incl"), "1 2");
	sql("update sct set checked_at = now() - interval '61 minutes' where "
	    "log_id = hash('03')");
	plan();
	is(SUBJECTS("incl"), "1 2 3");
}

static void
watched_names(void **state)
{
	(void)state;
	sql("insert into watch (pattern, owner, origin, removed_at) values "
	    "('a.example', '', 'cli', null), ('.b.example', '', 'cli', null), "
	    "('c.example', '', 'cli', now()), ('192.0.2.1', '', 'cli', null), "
	    "('192.0.2.0/24', '', 'cli', null), ('2001:db8::1', '', 'cli', "
	    "null), ('.', '', 'cli', null), ('local', '', 'cli', null)");
	plan();
	is(SUBJECTS("caa"), "a.example b.example");
	/* nobody watches it any more */
	sql("update watch set removed_at = now() where pattern = 'a.example';"
	    "insert into work (kind, subject, holder, lease_until) values "
	    "('caa', 'held.example', 'h:1', now() + interval '1 minute')");
	assert_int_equal(number("select count(*) from work"), 3);
	plan();
	is(SUBJECTS("caa"), "b.example held.example");
}

/*
 * Names of certificates: those that are watched, by themselves, below, or
 * covered; never those of strangers beside them.
 */
static void
names_of_certificates(void **state)
{
	(void)state;
	sql("insert into watch (pattern, owner, origin) values ('.b.example', "
	    "'', 'cli'), ('www.c.example', '', 'cli');"
	    "select cert('11', '01', now() - interval '2 hours', 90, "
	    "'{x.b.example,*.y.b.example,evil.example,notb.example,192.0.2.1,"
	    "b.example,x@b.example,*.c.example,d.example}');"
	    "update issuance set facts = '{\"watches\": [{\"owner\": \"\", "
	    "\"name\": \"*.C.example\", \"fold\": \"*.c.example\"}]}';"
	    /* long ago, or expired */
	    "select cert('12', '02', now() - interval '40 days', 90, "
	    "'{old.b.example}');"
	    "select cert('13', '03', now() - interval '20 days', 10, "
	    "'{gone.b.example}')");
	plan();
	is(SUBJECTS("caa"), "b.example c.example www.c.example x.b.example "
	    "y.b.example");
}

/* 600 names: the newest 500, and the same ones each time. */
static void
many_names(void **state)
{
	(void)state;
	sql("insert into watch (pattern, owner, origin) values ('.b.example', "
	    "'', 'cli');"
	    "select cert(lpad(to_hex(i / 10 + 1), 2, '0'), i::text, now() - "
	    "interval '1 day' + i * interval '1 minute', 90, '{}') from "
	    "generate_series(0, 590, 10) i;"
	    "insert into certificate_name select hash(lpad(to_hex(i / 10 + 1), "
	    "2, '0')), 'n' || i || '.b.example' from generate_series(0, 599) "
	    "i; update issuance i set folded = array(select name from "
	    "certificate_name c where c.tbs_sha256 = i.tbs_sha256)");
	plan();
	is("select count(*)::text from work where kind = 'caa'", "501");
	is("select count(*)::text from work where kind = 'caa' and subject in "
	    "('n599.b.example', 'n100.b.example', 'n99.b.example', "
	    "'n0.b.example')", "2");
	/* no row went and came back */
	plan();
	is("select max(id)::text from work", "502");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(certificates, clear),
		cmocka_unit_test_setup(final_form, clear),
		cmocka_unit_test_setup(sources_endpoints, clear),
		cmocka_unit_test_setup(inclusion, clear),
		cmocka_unit_test_setup(watched_names, clear),
		cmocka_unit_test_setup(names_of_certificates, clear),
		cmocka_unit_test_setup(many_names, clear),
	};

	return SQL_TESTS(tests);
}
