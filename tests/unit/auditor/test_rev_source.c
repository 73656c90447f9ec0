/* The sources of revocations, and whom OCSP is asked about. */
#include "auditor/db/rev_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* --- sources ---------------------------------------------------------------- */

static void
source(void **state)
{
	struct rev_source_row	s;
	struct rev_source_state	t;
	struct err		e = ERR_INIT;
	int64_t			since, first;

	(void)state;
	assert_int_equal(rev_source_load(db, 1, &s, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	rev_source_free(&s);
	err_clear(&e);
	sql("insert into revocation_source (kind, url, issuer_spki_sha256) "
	    "values ('crl', 'http://c', hash('aa')), ('ocsp', 'http://o', "
	    "hash('aa'));"
	    "insert into issuer (sha256, spki_sha256, der) values (hash('01'), "
	    "hash('aa'), 'der') on conflict do nothing");
	assert_int_equal(rev_source_load(db, 1, &s, &e), 0);
	assert_true(!s.is_ocsp && !s.probe && s.issuer.n == 3);
	assert_string_equal(s.url, "http://c");
	assert_string_equal(s.fault, "");
	assert_true(s.failing_since == INT64_MIN &&
	    s.this_update == INT64_MIN);
	memset(&t, 0, sizeof(t));
	t.state = "good";
	t.fault = t.why = "";
	t.this_update = 1000 * CLK_SEC;
	t.next_update = 2000 * CLK_SEC;
	t.number = "0b";
	t.sha256 = SPAN_STR("h1");
	t.bytes = 10;
	t.entries = 3;
	t.etag = "\"e\"";
	t.last_modified = "then";
	assert_int_equal(rev_source_checked(db, &s, &t, &since, &e), 0);
	assert_true(since == INT64_MIN);
	is("select state || number || bytes || entries || etag || "
	    "last_modified || extract(epoch from this_update)::int || "
	    "extract(epoch from next_update)::int || (ok_at is not null)::text "
	    "from revocation_source where id = 1",
	    "good0b103\"e\"then10002000true");
	/* a fault: what was good stays, but it is asked whole */
	t = (struct rev_source_state){ .state = "faulty", .fault = "rewound",
	    .why = "older", .this_update = 500 * CLK_SEC, .next_update =
	    3000 * CLK_SEC, .number = "0a", .bytes = -1, .entries = -1 };
	assert_int_equal(rev_source_checked(db, &s, &t, &first, &e), 0);
	assert_true(first != INT64_MIN);
	is("select state || fault || why || number || extract(epoch from "
	    "this_update)::int || extract(epoch from next_update)::int || "
	    "(etag is null)::text || bytes from revocation_source where id = 1",
	    "faultyrewoundolder0b10002000true10");
	rev_source_free(&s);
	assert_int_equal(rev_source_load(db, 1, &s, &e), 0);
	assert_string_equal(s.fault, "rewound");
	assert_true(s.failing_since == first);
	/* since when it fails stays while it does */
	t.state = t.fault = "unreachable";
	assert_int_equal(rev_source_checked(db, &s, &t, &since, &e), 0);
	assert_true(since == first);
	rev_source_free(&s);
	/* the probe: once a day, and as long as it was good of nobody's */
	assert_int_equal(rev_source_load(db, 2, &s, &e), 0);
	assert_true(s.is_ocsp && s.probe);
	rev_source_free(&s);
	assert_int_equal(rev_ocsp_probed(db, 2, &e), 0);
	assert_int_equal(rev_source_load(db, 2, &s, &e), 0);
	assert_false(s.probe);
	rev_source_free(&s);
	sql("update revocation_source set fault = 'good_for_unissued'");
	assert_int_equal(rev_source_load(db, 2, &s, &e), 0);
	assert_true(s.probe);
	rev_source_free(&s);
}

static void
serials(void **state)
{
	struct rev_source_row	 s;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c,http://d}', '{}');"
	    "select named('12', '02', '{a}', '{http://c}', '{http://o}');"
	    "select named('13', '03', '{a}', '{http://d}', '{http://c}');"
	    "select named('14', '04', '{a}', '{http://c}', '{}');"
	    "update issuance set not_after = now() where serial = '04'");
	rev_say(1, "02", REV_GOOD, -1);
	assert_int_equal(rev_source_load(db, 1, &s, &e), 0);
	assert_int_equal(rev_source_serials(db, &s, &r, &e), 0);
	assert_int_equal(db_rows(r), 2);
	assert_string_equal(db_text(r, 0, 0), "01");
	assert_int_equal(db_bool(r, 0, 1), 0);
	assert_string_equal(db_text(r, 1, 0), "02");
	assert_int_equal(db_bool(r, 1, 1), 1);
	db_free(r);
	rev_source_free(&s);
}

/* --- OCSP -------------------------------------------------------------------- */

static void
ocsp(void **state)
{
	static const char *const	 two[] = { "01", "02" };
	struct db_strs			 s = { two, 2 };
	struct db_res			*r = NULL;
	struct err			 e = ERR_INIT;
	int				 i;

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{http://o}');"
	    "select named('12', '02', '{a}', '{}', '{http://o}');"
	    "select named('13', '03', '{a}', '{}', '{http://o}');"
	    "select named('14', '04', '{a}', '{}', '{http://o}');"
	    "update ocsp_due o set due_at = now() - interval '1 minute' * x.n "
	    "from (select serial, row_number() over (order by serial) as n from "
	    "issuance) x where x.serial = o.serial;"
	    "update issuance set not_after = now() where serial = '04'");
	assert_int_equal(rev_ocsp_due(db, 1, 2, &r, &e), 0);
	assert_int_equal(db_rows(r), 2);
	assert_string_equal(db_text(r, 0, 0), "03");
	assert_string_equal(db_text(r, 1, 0), "02");
	db_free(r);
	assert_int_equal(rev_ocsp_asked(db, 1, &s, 600, 1, &e), 0);
	is("select string_agg(serial || tries, ' ' order by serial) from "
	    "ocsp_due where due_at > now() + interval '9 minutes'", "010 020");
	/* a failure: longer each time, and for a year */
	for (i = 0; i < 3; i++)
		assert_int_equal(rev_ocsp_asked(db, 1, &s, 60, 0, &e), 0);
	is("select string_agg(round(extract(epoch from due_at - now())) || "
	    "' ' || tries, ',') from ocsp_due where tries <> 0",
	    "240 3,240 3");
	sql("update ocsp_due set tries = 5000");
	if (rev_ocsp_asked(db, 1, &s, 60, 0, &e) == -1)
		fail_msg("%s", e.msg);
	is("select max(round(extract(epoch from due_at - now())))::text from "
	    "ocsp_due", "1920");
	assert_int_equal(rev_ocsp_due(db, 1, 10, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	db_free(r);
	/* who has expired is not asked about for ever */
	assert_int_equal(rev_ocsp_forget(db, 1, &e), 0);
	is("select string_agg(serial, ' ' order by serial) from ocsp_due",
	    "01 02 03");
}

/* CCADB's list drops the partition that said it. */
static void
dropped(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{}');"
	    "insert into revocation_source (kind, url, issuer_spki_sha256, "
	    "origin, state, ok_at, next_update) select 'crl', u, hash('aa'), "
	    "'ccadb', 'good', now(), now() + interval '1 day' from "
	    "unnest('{http://1,http://2}'::text[]) u");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_say(2, "01", REV_GOOD, -1);
	c = rev_merged(1);
	rev_changes_free(&c);
	is("select status || reason from revocation", "revoked1");
	sql("update revocation_source set origin = 'certificate' where "
	    "url = 'http://1'");
	c = rev_merged(2);
	assert_int_equal(c.n, 0);
	rev_changes_free(&c);
	is("select status || reason from revocation", "revoked1");
	/* until that one says itself that it is not */
	rev_say(1, "01", REV_GOOD, -1);
	c = rev_merged(2);
	assert_int_equal(c.n, 1);
	rev_changes_free(&c);
	is("select status from revocation", "good");
}

/* Nothing new: the time of the look, and no other row. */
static void
news(void **state)
{
	struct rev_word		w = rev_word("01", REV_GOOD, -1, 0);
	struct rev_which	which = { rev_key, 1, NULL };
	struct rev_changes	c;
	struct err		e = ERR_INIT;
	int64_t			n = -1;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}')");
	assert_int_equal(rev_words(db, 1, rev_key, &w, 1, &n, &e), 0);
	assert_int_equal(n, 1);
	c = rev_merged(1);
	rev_changes_free(&c);
	sql("update revocation set checked_at = now() - interval '1 hour', "
	    "changed_at = now() - interval '2 hours'");
	assert_int_equal(rev_words(db, 1, rev_key, &w, 1, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(rev_merge_seen(db, &which, &e), 0);
	is("select (checked_at > now() - interval '1 minute')::text || "
	    "(changed_at < now() - interval '1 hour')::text from revocation",
	    "truetrue");
	w = rev_word("01", REV_REVOKED, 4, -60);
	assert_int_equal(rev_words(db, 1, rev_key, &w, 1, &n, &e), 0);
	assert_int_equal(n, 1);
}

/* Certificates that came while a source was being asked. */
static void
again(void **state)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}');"
	    "insert into work (kind, subject, due_at) values ('crl', '1', "
	    "now() + interval '1 hour'), ('ocsp', '2', now() + interval "
	    "'1 hour')");
	assert_int_equal(rev_source_again(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 2);
	db_free(r);
	sql("update work set due_at = now() + interval '1 hour'");
	rev_say(1, "01", REV_GOOD, -1);
	assert_int_equal(rev_source_again(db, 1, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
	/* whoever fails has its own pause, and who is at work finds out */
	sql("update revocation_source set failing_since = now(), state = "
	    "'unreachable'");
	assert_int_equal(rev_source_again(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
	sql("update revocation_source set failing_since = null, state = "
	    "'good'; update work set holder = 'h:1'");
	assert_int_equal(rev_source_again(db, 0, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
	/* a URL that is a CRL's to one and a responder's to another */
	sql("update work set holder = null;"
	    "select named('12', '02', '{a}', '{}', '{http://c}');"
	    "delete from ocsp_due; delete from revocation_source where "
	    "kind = 'ocsp'");
	rev_say(1, "01", REV_GOOD, -1);
	assert_int_equal(rev_source_again(db, 1, &r, &e), 0);
	assert_int_equal(db_rows(r), 0);
	db_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(source, rev_clear),
		cmocka_unit_test_setup(serials, rev_clear),
		cmocka_unit_test_setup(ocsp, rev_clear),
		cmocka_unit_test_setup(dropped, rev_clear),
		cmocka_unit_test_setup(news, rev_clear),
		cmocka_unit_test_setup(again, rev_clear)
	};

	return SQL_TESTS(tests);
}
