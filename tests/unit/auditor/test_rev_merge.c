#include "auditor/db/rev_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* What each source says, and the one status that comes of it. */

#define STATUS	"select status || coalesce(' ' || reason, '') from revocation"

/* --- the merge ------------------------------------------------------------- */

/* A certificate with one CRL and one responder; NULL: it says nothing. */
static const struct {
	const char	*crl, *ocsp;
	const char	*want;
} table[] = {
	{ "good",	"good",		"good" },
	{ "good",	"revoked",	"revoked 4 disputed" },
	{ "good",	"unknown",	"good" },
	{ "good",	NULL,		"good" },
	{ "revoked",	"good",		"revoked 1 disputed" },
	{ "revoked",	"revoked",	"revoked 1" },
	{ "revoked",	"unknown",	"revoked 1" },
	{ "revoked",	NULL,		"revoked 1" },
	/* a CRL that is named is needed */
	{ "unknown",	"good",		"unknown" },
	{ "unknown",	"revoked",	"revoked 4" },
	{ "unknown",	"unknown",	"unknown" },
	{ NULL,		"good",		"unknown" },
	{ NULL,		"revoked",	"revoked 4" },
	{ NULL,		NULL,		"unknown" },
};

static void
put(int64_t source, const char *says, int reason)
{
	if (says != NULL)
		rev_say(source, "01", strcmp(says, "good") == 0 ? REV_GOOD :
		    strcmp(says, "revoked") == 0 ? REV_REVOKED : REV_UNKNOWN,
		    says[0] == 'r' ? reason : -1);
}

static void
sources(void **state)
{
	struct rev_changes	c;
	size_t			i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		(void)rev_clear(state);
		sql("select named('11', '01', '{a}', '{http://c}', "
		    "'{http://o}')");
		put(1, table[i].crl, 1);
		put(2, table[i].ocsp, 4);
		c = rev_merged(1);
		assert_int_equal(c.n, 1);
		assert_string_equal(c.v[0].serial, "01");
		rev_changes_free(&c);
		is("select status || coalesce(' ' || reason, '') || case when "
		    "disagree_since is null then '' else ' disputed' end from "
		    "revocation", table[i].want);
		/* nothing is new a second time, whoever asks */
		c = rev_merged(2);
		assert_int_equal(c.n, 0);
		rev_changes_free(&c);
	}
}

/* Which sources there are decides what is needed. */
static void
needed(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{http://o}');"
	    "select named('12', '02', '{a}', '{http://c1,http://c2}', '{}');"
	    "select named('13', '03', '{a}', '{http://c1}', '{http://o}');"
	    "update cert_fact set short_lived = true where tbs_sha256 = "
	    "hash('13')");
	/* 1: o, 2 and 3: the CRLs */
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(2, "02", REV_GOOD, -1);
	rev_say(2, "03", REV_GOOD, -1);
	c = rev_merged(1);
	rev_changes_free(&c);
	c = rev_merged(2);
	rev_changes_free(&c);
	is("select string_agg(serial || status, ' ' order by serial) from "
	    "revocation", "01good 02unknown 03good");
	rev_say(3, "02", REV_GOOD, -1);
	c = rev_merged(3);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].serial, "02");
	rev_changes_free(&c);
	is("select string_agg(serial || status, ' ' order by serial) from "
	    "revocation", "01good 02good 03good");
}

/* A CRL that CCADB names speaks for those that name none. */
static void
ccadb(void **state)
{
	struct rev_changes	 c;
	struct rev_source_row	 s;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{}');"
	    "select named('12', '02', '{a}', '{http://c}', '{}');"
	    "insert into revocation_source (kind, url, issuer_spki_sha256, "
	    "origin, state, next_update) values ('crl', 'http://ccadb', "
	    "hash('aa'), 'ccadb', 'good', now() + interval '1 day'), "
	    "('crl', 'http://other', hash('ab'), 'ccadb', 'good', now())");
	if (rev_source_load(db, 2, &s, &e) == -1 ||
	    rev_source_serials(db, &s, &r, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_rows(r), 1);
	assert_string_equal(db_text(r, 0, 0), "01");
	db_free(r);
	rev_source_free(&s);
	rev_say(2, "01", REV_REVOKED, 5);
	c = rev_merged(2);
	assert_int_equal(c.n, 1);
	rev_changes_free(&c);
	is(STATUS, "revoked 5");
}

/* What was said expires by itself. */
static void
freshness(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}');"
	    "select named('12', '02', '{a}', '{}', '{http://o}');"
	    "select named('13', '03', '{a}', '{http://c}', '{}')");
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(2, "02", REV_GOOD, -1);
	rev_say(1, "03", REV_REVOKED, -1);
	c = rev_merged(1);
	rev_changes_free(&c);
	c = rev_merged(2);
	rev_changes_free(&c);
	is("select string_agg(status, ' ' order by serial) from revocation",
	    "good good revoked");
	sql("update revocation_source set next_update = now() where id = 1;"
	    "update revocation_status set fresh_until = now() where "
	    "source_id = 2");
	c = rev_merged(1);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.v[0].before.status, REV_GOOD);
	assert_int_equal(c.v[0].after.status, REV_UNKNOWN);
	rev_changes_free(&c);
	c = rev_merged(2);
	assert_int_equal(c.n, 1);
	rev_changes_free(&c);
	/* that it is revoked does not expire */
	is("select string_agg(status, ' ' order by serial) from revocation",
	    "unknown unknown revoked");
	is("select why from revocation where serial = '01'",
	    "CRL http://c: what it said has expired");
}

static void
expired(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}');"
	    "update issuance set not_after = now()");
	rev_say(1, "01", REV_REVOKED, -1);
	c = rev_merged(1);
	assert_int_equal(c.n, 0);
	rev_changes_free(&c);
	assert_int_equal(number("select count(*) from revocation"), 0);
}

/* Dates, reasons, and what becomes of it when it is taken back. */
static void
unrevoked(void **state)
{
	struct rev_changes	c;
	struct rev_word		w = rev_word("01", REV_REVOKED, -1, -7200);

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	rev_say(2, "01", REV_GOOD, -1);
	rev_put(1, &w, 1);
	c = rev_merged(1);
	assert_string_equal(c.v[0].what, "revoked");
	assert_true(c.v[0].after.stated_at == w.stated_at);
	rev_changes_free(&c);
	sql("update revocation set observed_at = now() - interval '1 day', "
	    "disagree_since = now() - interval '1 hour'");
	/* the responder agrees, with a reason and an earlier date */
	w = rev_word("01", REV_REVOKED, 1, -9000);
	rev_put(2, &w, 1);
	c = rev_merged(2);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].what, "reason");
	assert_true(c.v[0].disagree_since != INT64_MIN);
	rev_changes_free(&c);
	is("select status || reason || (disagree_since is null)::text || "
	    "(observed_at < now() - interval '23 hours')::text || "
	    "(stated_at < now() - interval '8900 s')::text from revocation",
	    "revoked1truetruetrue");
	/* both take it back */
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(2, "01", REV_GOOD, -1);
	c = rev_merged(1);
	assert_string_equal(c.v[0].what, "unrevoked");
	rev_changes_free(&c);
	is("select status || (removed_at is not null)::text || (observed_at < "
	    "now() - interval '23 hours')::text from revocation",
	    "goodtruetrue");
	/* and again */
	rev_say(1, "01", REV_REVOKED, -1);
	c = rev_merged(1);
	rev_changes_free(&c);
	is("select status || (removed_at is null)::text from revocation",
	    "revokedtrue");
}

static void
disagreement(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_say(2, "01", REV_GOOD, -1);
	c = rev_merged(1);
	rev_changes_free(&c);
	sql("update revocation set disagree_since = now() - interval "
	    "'2 hours'");
	/* it lasts: since when stays */
	rev_say(1, "01", REV_REVOKED, 4);
	c = rev_merged(1);
	assert_int_equal(c.n, 1);
	rev_changes_free(&c);
	is("select (disagree_since < now() - interval '1 hour')::text from "
	    "revocation", "true");
	/* what has expired contradicts nobody */
	sql("update revocation_status set fresh_until = now() where "
	    "source_id = 2");
	c = rev_merged(2);
	assert_int_equal(c.n, 1);
	rev_changes_free(&c);
	is("select (disagree_since is null)::text || status from revocation",
	    "truerevoked");
}

static void
expectation(void **state)
{
	struct rev_changes	c;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}');"
	    "insert into expectation (kind, issuer_spki_sha256, serial, "
	    "not_before_ms, not_after_ms, state, origin, author) values "
	    "('revocation', hash('aa'), '01', 0, 0, 'cancelled', 'cli', 'me'), "
	    "('revocation', hash('ab'), '01', 0, 0, 'open', 'cli', 'me'), "
	    "('issuance', hash('aa'), '01', 0, 0, 'open', 'cli', 'me'), "
	    "('revocation', hash('aa'), '01', 0, 0, 'open', 'cli', 'me')");
	rev_say(1, "01", REV_REVOKED, -1);
	c = rev_merged(1);
	assert_int_equal(c.n, 1);
	assert_true(c.v[0].expected == 4);
	assert_true(c.v[0].expected_at != INT64_MIN);
	rev_changes_free(&c);
}

/* 1,000 certificates of two sources, of which one changes. */
static void
many(void **state)
{
	struct rev_changes	 c;
	struct rev_word		*w = mem_array(1000, sizeof(*w));
	static char		 text[1000][8];
	size_t			 i;

	(void)state;
	sql("select named('11', 'none', '{a}', '{http://c}', '{http://o}');"
	    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "sha256(i::text::bytea), hash('aa'), to_hex(i), hash('bb'), "
	    "'{a}', now(), now() + interval '1 day', 'valid' from "
	    "generate_series(0, 999) i;"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form, crl, ocsp) "
	    "select sha256(i::text::bytea), '', 'x509', '{http://c}', "
	    "'{http://o}' from generate_series(0, 999) i");
	for (i = 0; i < 1000; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zx", i);
		w[i] = rev_word(text[i], REV_GOOD, -1, 0);
	}
	rev_put(1, w, 1000);
	c = rev_merged(1);
	assert_int_equal(c.n, 1001);
	rev_changes_free(&c);
	is("select count(*)::text from revocation where status = 'good'",
	    "1000");
	w[500] = rev_word(text[500], REV_REVOKED, 1, 0);
	rev_put(1, w, 1000);
	c = rev_merged(1);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.v[0].serial, "1f4");
	rev_changes_free(&c);
	free(w);
}

/*
 * Two workers at a time, each with a source of one issuer: the second one
 * sees what the first one said.
 */
static void
at_a_time(void **state)
{
	struct db		*mine = db, *other = testdb_again();
	struct rev_changes	 c;
	struct err		 e = ERR_INIT;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	rev_begin();
	rev_say(1, "01", REV_REVOKED, 1);
	c = rev_merged(1);
	rev_changes_free(&c);
	/* the other one does not get in between */
	testdb_run(other, "set lock_timeout = '200ms'");
	assert_int_equal(db_begin(other, &e), 0);
	assert_int_equal(rev_merge_store(other, rev_key, 2, &c, &e), -1);
	assert_string_equal(db_sqlstate(other), "55P03");
	rev_changes_free(&c);
	db_rollback(other);
	/* another issuer's sources do not wait */
	err_clear(&e);
	rev_key[0] = 0xbb;
	assert_int_equal(db_begin(other, &e), 0);
	assert_int_equal(rev_merge_store(other, rev_key, 2, &c, &e), 0);
	rev_changes_free(&c);
	assert_int_equal(db_commit(other, &e), 0);
	rev_key[0] = 0xaa;
	rev_commit();
	db = other;
	rev_say(2, "01", REV_GOOD, -1);
	c = rev_merged(2);
	rev_changes_free(&c);
	db = mine;
	db_close(other);
	is(STATUS, "revoked 1");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(sources, rev_clear),
		cmocka_unit_test_setup(needed, rev_clear),
		cmocka_unit_test_setup(ccadb, rev_clear),
		cmocka_unit_test_setup(freshness, rev_clear),
		cmocka_unit_test_setup(expired, rev_clear),
		cmocka_unit_test_setup(unrevoked, rev_clear),
		cmocka_unit_test_setup(disagreement, rev_clear),
		cmocka_unit_test_setup(expectation, rev_clear),
		cmocka_unit_test_setup(many, rev_clear),
		cmocka_unit_test_setup(at_a_time, rev_clear)
	};

	return SQL_TESTS(tests);
}
