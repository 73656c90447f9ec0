#include "tests/unit/auditor/rev_find_fixture.h"

/* The endpoint a.example:443 of owner ${owner} serves ${tbs}. */
static void
serves(const char *tbs)
{
	char	*text = mem_printf("insert into endpoint (host, port, owner, "
		    "origin) select 'a.example', 443, 'web', 'cli' where not "
		    "exists (select from endpoint); insert into "
		    "endpoint_observation (endpoint_id, addr, cert_sha256, "
		    "tbs_sha256) values (1, '192.0.2.1', hash('%s'), "
		    "hash('%s'))", tbs, tbs);

	sql(text);
	free(text);
}

/* --- one certificate ---------------------------------------------------------- */

static void
once_an_owner(void **state)
{
	int	i;

	(void)state;
	one();
	for (i = 0; i < 3; i++) {
		rev_say(1, "01", REV_REVOKED, 1);
		rev_found(1);
	}
	is(FINDINGS, "certificate.revoked open critical mail,"
	    "certificate.revoked open critical web");
	is(EVENTS("certificate.revoked"), "opened,opened");
	is("select name || ' ' || watch || ' ' || issuer_owner || ' ' || "
	    "split_part(subject, ':', 2) || ' ' || split_part(reason, ' at ', "
	    "1) || ' ' || (detail->>'revocation_reason') from finding where "
	    "owner = 'web'", "a.example .example digicert.com 01 revoked "
	    "keyCompromise");
	/* the second source: the same finding, with two provenances */
	rev_say(2, "01", REV_REVOKED, 1);
	rev_found(2);
	is(EVENTS("certificate.revoked"), "opened,opened");
	is("select string_agg(s->>'kind' || ' ' || (s->>'sha256'), ',' order "
	    "by s->>'kind') from finding, jsonb_array_elements("
	    "detail->'sources') s where owner = 'web'",
	    "crl 68617368,ocsp 68617368");
	/* a person is looking: nothing new is said */
	sql("update finding set state = 'acked'");
	rev_say(1, "01", REV_REVOKED, 4);
	rev_found(1);
	is(FINDINGS, "certificate.revoked acked critical mail,"
	    "certificate.revoked acked critical web");
}

static void
by_reason(void **state)
{
	(void)state;
	one();
	rev_say(1, "01", REV_REVOKED, 5);
	rev_found(1);
	is("select (reason like '%somebody proved control of our names%')"
	    "::text from finding where owner = 'web'", "true");
}

/* Nobody watches it: nothing is said. */
static void
nobody(void **state)
{
	(void)state;
	one();
	sql("update issuance set facts = '{\"watches\": []}'");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	is(FINDINGS, "");
	is("select status from revocation", "revoked");
}

static void
successor(void **state)
{
	(void)state;
	one();
	sql("select named('12', '02', '{a.example,b.example}', '{http://c}', "
	    "'{}')");
	serves("11");
	serves("12");
	rev_say(1, "01", REV_REVOKED, 4);
	rev_found(1);
	is(FINDINGS, "certificate.revoked open info mail,certificate.revoked "
	    "open info web");
	is("select (digest_only and (reason like '%successor is served%'))"
	    "::text from finding where owner = 'web'", "true");
}

/* It is served itself: no successor makes that harmless. */
static void
served(void **state)
{
	(void)state;
	one();
	sql("select named('12', '02', '{a.example}', '{http://c}', '{}');"
	    "insert into endpoint (host, port, owner, origin) values "
	    "('b.example', 443, 'web', 'cli'), ('c.example', 443, 'web', "
	    "'cli');"
	    "insert into endpoint_observation (endpoint_id, addr, "
	    "cert_sha256, tbs_sha256) values (1, '192.0.2.1', hash('11'), "
	    "hash('11')), (2, '192.0.2.2', hash('12'), hash('12'))");
	rev_say(1, "01", REV_REVOKED, 4);
	rev_found(1);
	is("select severity || ' ' || (reason like '%served still%')::text "
	    "from finding where owner = 'web'", "critical true");
}

static void
contained(void **state)
{
	static const char *const	was[] = { "open", "acked", "rejected" };
	char				*text;
	size_t				 i;

	for (i = 0; i < sizeof(was) / sizeof(was[0]); i++) {
		(void)rev_clear(state);
		one();
		text = mem_printf("insert into finding (kind, subject, "
		    "dedupe_key, severity, state, owner) select k, "
		    "encode(hash('11'), 'hex'), k, 'critical', '%s', 'web' "
		    "from unnest(array['certificate.unexpected', "
		    "'key.misused']) k", was[i]);
		sql(text);
		free(text);
		rev_say(1, "01", REV_REVOKED, 1);
		rev_found(1);
		is(FINDINGS, "certificate.unexpected contained critical web,"
		    "key.misused contained critical web");
	}
	/* one that is legitimate is ours: it is news */
	(void)rev_clear(state);
	one();
	sql("insert into finding (kind, subject, dedupe_key, severity, state, "
	    "owner) values ('certificate.unexpected', encode(hash('11'), "
	    "'hex'), 'k', 'critical', 'accepted', 'web')");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	is(FINDINGS, "certificate.revoked open critical mail,"
	    "certificate.revoked open critical web,"
	    "certificate.unexpected accepted critical web");
}

/* --- history ------------------------------------------------------------------ */

static void
stated(const char *interval)
{
	struct rev_word	w = rev_word("01", REV_REVOKED, 1, 0);
	char		*text = mem_printf("update revocation_status set "
			    "stated_at = (select first_seen from issuance) "
			    "+ interval '%s' where status = 'revoked'",
			    interval);

	rev_put(1, &w, 1);
	sql(text);
	free(text);
}

static void
fresh(void)
{
	sql("select named('11', '01', '{a.example}', '{http://c}', "
	    "'{http://o}')");
}

static void
history(void **state)
{
	(void)state;
	/* revoked before we saw it: known, and no news */
	fresh();
	stated("-2 hours");
	rev_found(1);
	is(FINDINGS, "");
	is("select status from revocation", "revoked");
	/* the other source was asked first, and knew nothing yet */
	(void)rev_clear(state);
	fresh();
	rev_say(2, "01", REV_UNKNOWN, -1);
	rev_found(2);
	is("select status from revocation", "unknown");
	stated("-2 hours");
	rev_found(1);
	is("select status from revocation", "revoked");
	is(FINDINGS, "");
	/* revoked since, or at that time: news */
	(void)rev_clear(state);
	fresh();
	stated("-59 minutes");
	rev_found(1);
	is(FINDINGS, "certificate.revoked open critical web");
	/* dated back, but we have seen it good */
	(void)rev_clear(state);
	fresh();
	rev_say(2, "01", REV_GOOD, -1);
	rev_say(1, "01", REV_GOOD, -1);
	rev_found(1);
	stated("-1 day");
	rev_found(1);
	is(FINDINGS, "certificate.revoked open critical web");
	/* old, and served by us today */
	(void)rev_clear(state);
	fresh();
	serves("11");
	stated("-2 hours");
	rev_found(1);
	is(FINDINGS, "certificate.revoked open critical web");
}

static void
taken_back(void **state)
{
	(void)state;
	one();
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	rev_say(1, "01", REV_GOOD, -1);
	rev_found(1);
	is(FINDINGS, "certificate.revoked resolved critical mail,"
	    "certificate.revoked resolved critical web,"
	    "revocation.disagreement open high mail,"
	    "revocation.disagreement open high web");
	/* it does not go away by itself */
	rev_time();
	is(EVENTS("revocation.disagreement"), "opened,opened");
	/* revoked again: the same finding is back */
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	is(EVENTS("certificate.revoked"), "opened,opened,resolved,resolved,"
	    "opened,opened");
	/* a hold that is lifted is no fault */
	(void)rev_clear(state);
	one();
	rev_say(1, "01", REV_REVOKED, 6);
	rev_found(1);
	rev_say(1, "01", REV_GOOD, -1);
	rev_found(1);
	is(FINDINGS, "certificate.revoked resolved critical mail,"
	    "certificate.revoked resolved critical web");
}

/* The end of what is expected is so far away. */
static void
expect_in(const char *by)
{
	char	*text = mem_printf("update expectation set not_after_ms = "
		    "(extract(epoch from now() + interval '%s') * "
		    "1000)::bigint", by);

	sql(text);
	free(text);
}

#define LATE	"revocation.not_published "

static void
ordered(void **state)
{
	(void)state;
	one();
	sql("insert into finding (kind, subject, dedupe_key, severity, state, "
	    "owner) values ('certificate.unexpected', encode(hash('11'), "
	    "'hex'), 'k', 'critical', 'rejected', 'web')");
	expect("01", "1 hour");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	is(FINDINGS, "certificate.unexpected contained critical web");
	is("select x.state || r.expected || r.published_s / 60 from "
	    "expectation x, revocation r", "fulfilled160");
	rev_time();
	is(EVENTS("revocation.not_published"), "");
}

static void
not_published(void **state)
{
	(void)state;
	one();
	expect("01", "4 hours");
	rev_time();
	is(FINDINGS, "");
	/* a quarter of the time is over: a warning */
	expect_in("3 hours");
	rev_time();
	rev_time();
	is(FINDINGS, LATE "open medium mail," LATE "open medium web");
	is("select detail->>'published' from finding where owner = 'web'",
	    "false");
	/* louder at the end of it: the same finding */
	expect_in("-1 second");
	rev_time();
	rev_time();
	is(FINDINGS, LATE "open high mail," LATE "open high web");
	is(EVENTS("revocation.not_published"),
	    "opened,opened,escalated,escalated");
	/* late, but there */
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	rev_time();
	rev_time();
	is(FINDINGS, LATE "resolved high mail," LATE "resolved high web");
	is(EVENTS("revocation.not_published"), "opened,opened,escalated,"
	    "escalated,resolved,resolved");
	is("select (published_s between 3600 and 3660)::text from revocation",
	    "true");
}

/* Published, with another reason than the one that was ordered. */
static void
wrong_reason(void **state)
{
	(void)state;
	one();
	expect("01", "4 hours");
	sql("update expectation set reason_code = 1");
	rev_say(1, "01", REV_REVOKED, 4);
	rev_found(1);
	rev_time();
	is(FINDINGS, "");
	is("select state from expectation", "open");
	expect_in("3 hours");
	rev_time();
	is(FINDINGS, LATE "open medium mail," LATE "open medium web");
	is("select detail->>'reason_ordered' || ' ' || "
	    "(detail->>'reason_published') from finding where owner = 'web'",
	    "keyCompromise superseded");
	is("select (reason like '%published with another reason: superseded, "
	    "and keyCompromise was ordered%')::text from finding where owner "
	    "= 'web'", "true");
	expect_in("-1 second");
	rev_time();
	is(FINDINGS, LATE "open high mail," LATE "open high web");
	/* said once: who looks at it may close it */
	is("select state from expectation", "fulfilled");
	sql("update finding set state = 'resolved'");
	rev_time();
	is(FINDINGS, LATE "resolved high mail," LATE "resolved high web");
}

/* No reason is the reason 0; one that was mended in time is none. */
static void
right_reason(void **state)
{
	(void)state;
	one();
	expect("01", "4 hours");
	sql("update expectation set reason_code = 0");
	rev_say(1, "01", REV_REVOKED, -1);
	rev_found(1);
	is("select state from expectation", "fulfilled");
	(void)rev_clear(state);
	one();
	expect("01", "3 hours");
	sql("update expectation set reason_code = 1");
	rev_say(1, "01", REV_REVOKED, 4);
	rev_found(1);
	rev_time();
	is(FINDINGS, LATE "open medium mail," LATE "open medium web");
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	rev_time();
	is(FINDINGS, LATE "resolved medium mail," LATE "resolved medium web");
}

/* What ends before a CRL must have it is waited for no more. */
static void
ends_before(void **state)
{
	(void)state;
	one();
	expect("01", "3 hours");
	rev_time();
	is(FINDINGS, LATE "open medium mail," LATE "open medium web");
	sql("update issuance set not_after = now() - interval '1 minute'");
	rev_time();
	is(FINDINGS, LATE "resolved medium mail," LATE "resolved medium web");
	is("select state from expectation", "expired");
	/* no CRL will ever have it: its end is the deadline */
	(void)rev_clear(state);
	one();
	sql("update cert_fact set crl = '{}', ocsp = '{}', short_lived = "
	    "true");
	expect("01", "-1 hour");
	rev_time();
	is(FINDINGS, "");
	is("select state from expectation", "open");
	sql("update issuance set not_after = now() - interval '1 minute'");
	rev_time();
	is("select state from expectation", "expired");
	is(FINDINGS, "");
}

static void
cancelled(void **state)
{
	(void)state;
	one();
	expect("01", "-1 second");
	rev_time();
	sql("update expectation set state = 'cancelled'");
	rev_time();
	rev_time();
	is(FINDINGS, LATE "resolved high mail," LATE "resolved high web");
}

/* Ordered when it was revoked already: not late, and no second page. */
static void
ordered_after(void **state)
{
	(void)state;
	one();
	rev_say(1, "01", REV_REVOKED, 1);
	rev_found(1);
	expect("01", "-1 minute");
	rev_time();
	rev_time();
	is("select state from expectation", "fulfilled");
	is("select expected::text from revocation", "1");
	is(EVENTS("revocation.not_published"), "");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(once_an_owner, rev_clear),
		cmocka_unit_test_setup(by_reason, rev_clear),
		cmocka_unit_test_setup(nobody, rev_clear),
		cmocka_unit_test_setup(successor, rev_clear),
		cmocka_unit_test_setup(served, rev_clear),
		cmocka_unit_test_setup(contained, rev_clear),
		cmocka_unit_test_setup(history, rev_clear),
		cmocka_unit_test_setup(taken_back, rev_clear),
		cmocka_unit_test_setup(ordered, rev_clear),
		cmocka_unit_test_setup(not_published, rev_clear),
		cmocka_unit_test_setup(wrong_reason, rev_clear),
		cmocka_unit_test_setup(right_reason, rev_clear),
		cmocka_unit_test_setup(ends_before, rev_clear),
		cmocka_unit_test_setup(cancelled, rev_clear),
		cmocka_unit_test_setup(ordered_after, rev_clear),
	};

	return SQL_TESTS(tests);
}
