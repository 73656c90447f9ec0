/* What is found when sources contradict each other, or are faulty. */
#include "tests/unit/auditor/rev_find_fixture.h"

/* --- contradictions -------------------------------------------------------------- */

static void
disagreement(void **state)
{
	(void)state;
	one();
	sql("insert into revocation_source (kind, url, issuer_spki_sha256) "
	    "values ('crl', 'http://x', hash('ab'))");
	expect("01", "1 hour");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	rev_time();
	is(FINDINGS, "");
	sql("update revocation set disagree_since = now() - interval "
	    "'23 hours 59 minutes'");
	rev_time();
	is(FINDINGS, "");
	sql("update revocation set disagree_since = now() - interval "
	    "'24 hours 1 minute'");
	rev_time();
	rev_time();
	is(FINDINGS, "revocation.disagreement open high mail,"
	    "revocation.disagreement open high web");
	is(EVENTS("revocation.disagreement"), "opened,opened");
	rev_say(2, "01", REV_REVOKED, 1);
	rev_found(2);
	rev_time();
	rev_time();
	is(EVENTS("revocation.disagreement"), "opened,opened,resolved,"
	    "resolved");
}

/* Of an expired certificate nobody says anything any more. */
static void
disagreement_ends(void **state)
{
	(void)state;
	one();
	expect("01", "1 hour");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	sql("update revocation set disagree_since = now() - interval "
	    "'2 days'");
	rev_time();
	sql("update issuance set not_after = now()");
	rev_time();
	rev_time();
	is(EVENTS("revocation.disagreement"), "opened,opened,resolved,"
	    "resolved");
}

/* --- sources ------------------------------------------------------------------------ */

/* A check of the CRL; ${since}: it fails for so many seconds. */
static void
check(const char *url, const char *state, const char *fault, int twice,
    int64_t since)
{
	struct rev_source_row	s = { .id = 1, .url = mem_str(url) };
	struct rev_source_state	t = { .state = state, .fault = fault,
	    .why = "it says so" };
	struct err		e = ERR_INIT;

	if (rev_find_source(db, &s, &t, twice, since == -1 ? INT64_MIN :
	    clk_wall() - since * CLK_SEC, 6 * 3600, &e) == -1)
		fail_msg("%s", e.msg);
	rev_source_free(&s);
}

#define FAULTY	EVENTS("revocation.source_faulty")

static void
source_faulty(void **state)
{
	(void)state;
	/* once may be a cache, or the network */
	check("http://c", "faulty", "stale", 0, 0);
	check("http://c", "unreachable", "unreachable", 1, 6 * 3600 - 60);
	check("http://c", "unreachable", "unreachable", 1, -1);
	is(FAULTY, "");
	check("http://c", "faulty", "stale", 1, 0);
	check("http://c", "faulty", "stale", 1, 0);
	is(FAULTY, "opened");
	is("select subject || ' ' || severity || ' ' || reason from finding",
	    "http://c medium CRL: it says so");
	check("http://c", "good", "", 0, -1);
	check("http://c", "good", "", 0, -1);
	is(FAULTY, "opened,resolved");
	check("http://c", "unreachable", "unreachable", 0, 6 * 3600 + 1);
	is(FAULTY, "opened,resolved,opened");
	check("http://c", "good", "", 0, -1);
	/* tryLater and its like: a day */
	check("http://c", "faulty", "outer", 1, 23 * 3600);
	is(FAULTY, "opened,resolved,opened,resolved");
	check("http://c", "faulty", "outer", 1, 24 * 3600 + 1);
	is(FAULTY, "opened,resolved,opened,resolved,opened");
}

/* One URL for two issuers: good when it is so for both. */
static void
source_shared(void **state)
{
	struct rev_source_row	s;
	struct err		e = ERR_INIT;

	(void)state;
	sql("insert into revocation_source (kind, url, issuer_spki_sha256, "
	    "state, failing_since) values ('ocsp', 'http://o', hash('aa'), "
	    "'good', null), ('ocsp', 'http://o', hash('ab'), 'faulty', "
	    "now())");
	check("http://o", "faulty", "stale", 1, 0);
	check("http://o", "good", "", 0, -1);
	is(FAULTY, "opened");
	/* nobody has a certificate of the other issuer any more */
	assert_int_equal(rev_source_load(db, 2, &s, &e), 0);
	assert_int_equal(rev_find_idle(db, &s, &e), 0);
	rev_source_free(&s);
	is(FAULTY, "opened,resolved");
	is("select state || (failing_since is null)::text from "
	    "revocation_source where id = 2", "newtrue");
}

/* Nothing is due, but it is needed: its fault stays. */
static void
source_idle(void **state)
{
	struct rev_source_row	s;
	struct err		e = ERR_INIT;

	(void)state;
	one();
	sql("update revocation_source set state = 'faulty', failing_since = "
	    "now() where id = 2");
	check("http://o", "faulty", "stale", 1, 0);
	assert_int_equal(rev_source_load(db, 2, &s, &e), 0);
	assert_int_equal(rev_find_idle(db, &s, &e), 0);
	is(FAULTY, "opened");
	sql("update issuance set not_after = now()");
	assert_int_equal(rev_find_idle(db, &s, &e), 0);
	is(FAULTY, "opened,resolved");
	rev_source_free(&s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(disagreement, rev_clear),
		cmocka_unit_test_setup(disagreement_ends, rev_clear),
		cmocka_unit_test_setup(source_faulty, rev_clear),
		cmocka_unit_test_setup(source_shared, rev_clear),
		cmocka_unit_test_setup(source_idle, rev_clear),
	};

	return SQL_TESTS(tests);
}
