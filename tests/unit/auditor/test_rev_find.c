#include "auditor/rev_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* From changes of revocation to findings: what is news, once, and what not. */

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || owner, ',' order by kind, owner, id), '') from " \
	"finding"
#define EVENTS(kind) "select coalesce(string_agg(v.event, ',' order by v.at, v.event), " \
	"'') from finding_event v join finding f on f.id = v.finding_id " \
	"where f.kind = '" kind "'"

/* A certificate that was good, for owners `web` and `mail`. */
static void
one(void)
{
	sql("select named('11', '01', '{a.example}', '{http://c}', "
	    "'{http://o}');"
	    "update issuance set facts = '{\"watches\": [{\"owner\": \"web\", "
	    "\"pattern\": \".example\", \"name\": \"a.example\"}, {\"owner\": "
	    "\"mail\", \"pattern\": \".example\", \"name\": \"a.example\"}, "
	    "{\"owner\": \"web\", \"pattern\": \"a.example\", \"name\": "
	    "\"a.example\"}]}'");
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(2, "01", REV_GOOD, -1);
	rev_found(1);
	is(FINDINGS, "");
}

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

/* --- what was ordered ----------------------------------------------------------- */

static void
expect(const char *serial, const char *by)
{
	char	*text = mem_printf("insert into expectation (kind, "
		    "issuer_spki_sha256, serial, not_before_ms, not_after_ms, "
		    "origin, author, added_at) values ('revocation', "
		    "hash('aa'), '%s', 0, (extract(epoch from now() + "
		    "interval '%s') * 1000)::bigint, 'cli', 'me', now() - "
		    "interval '1 hour')", serial, by);

	sql(text);
	free(text);
}

/* ... and its end is so far away. */
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

/* --- many -------------------------------------------------------------------------- */

/* ${n} certificates, good until now. */
static void
many(int n)
{
	char	*text = mem_printf("select named(lpad(to_hex(i), 2, '0'), "
		    "'5' || i, array['n' || i || '.example'], '{http://c}', "
		    "'{}') from generate_series(1, %d) i", n);
	int	 i;

	sql(text);
	free(text);
	for (i = 1; i <= n; i++) {
		text = mem_printf("5%d", i);
		rev_say(1, text, REV_GOOD, -1);
		free(text);
	}
	rev_found(1);
}

static void
revoke_all(int from, int to)
{
	char	*text;
	int	 i;

	for (i = from; i <= to; i++) {
		text = mem_printf("5%d", i);
		rev_say(1, text, REV_REVOKED, 1);
		free(text);
	}
	rev_found(1);
}

#define COUNT(what) "select count(*)::text from finding where " what

static void
campaign(void **state)
{
	(void)state;
	many(30);
	revoke_all(1, 9);
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "9");
	is(COUNT("kind = 'revocation.campaign'"), "0");
	/* the tenth: one finding, and the nine are part of it */
	revoke_all(10, 10);
	is("select subject || ' ' || severity || ' ' || owner || ' ' || "
	    "issuer_owner from finding where kind = 'revocation.campaign'",
	    "digicert.com critical  digicert.com");
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "0");
	is("select count(*)::text from finding_event where event = "
	    "'retracted'", "9");
	is(EVENTS("revocation.campaign"), "opened");
	is("select split_part(reason, ';', 1) from finding where kind = "
	    "'revocation.campaign'", "10 certificates of this CA were revoked "
	    "without our order: 0 replaced, 0 served, 10 left, 24 h to the "
	    "first deadline");
	/* more of it are not told */
	revoke_all(11, 20);
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "0");
	is(EVENTS("revocation.campaign"), "opened");
	/* two hours later one more: it is the same */
	sql("update revocation set observed_at = observed_at - interval "
	    "'2 hours'; update finding set detail = detail || "
	    "jsonb_build_object('began', now() - interval '2 hours 1 minute') "
	    "where kind = 'revocation.campaign'");
	revoke_all(21, 21);
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "0");
	is("select detail->>'revoked' from finding where kind = "
	    "'revocation.campaign'", "21");
	/* two days later it is a revocation like others */
	sql("update revocation set observed_at = observed_at - interval "
	    "'2 days'");
	revoke_all(22, 22);
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "1");
}

/* Dated back to before we saw them, which were good: a campaign, too. */
static void
campaign_backdated(void **state)
{
	struct rev_word	w;
	char		*text;
	int		 i;

	(void)state;
	many(12);
	for (i = 1; i <= 12; i++) {
		text = mem_printf("5%d", i);
		w = rev_word(text, REV_REVOKED, 1, -30 * 86400);
		rev_put(1, &w, 1);
		free(text);
	}
	rev_found(1);
	is(COUNT("kind = 'certificate.revoked'"), "0");
	is("select detail->>'revoked' from finding where kind = "
	    "'revocation.campaign'", "12");
	/* of certificates that we never saw otherwise: history */
	(void)rev_clear(NULL);
	sql("select named(lpad(to_hex(i), 2, '0'), '5' || i, array['n' || i "
	    "|| '.example'], '{http://c}', '{}') from generate_series(1, 12) "
	    "i");
	for (i = 1; i <= 12; i++) {
		text = mem_printf("5%d", i);
		w = rev_word(text, REV_REVOKED, 1, -30 * 86400);
		rev_put(1, &w, 1);
		free(text);
	}
	rev_found(1);
	is(COUNT("true"), "0");
	is("select count(*)::text from revocation where status = 'revoked'",
	    "12");
}

static void
campaign_progress(void **state)
{
	(void)state;
	many(12);
	revoke_all(1, 12);
	/* one is served still, three are replaced, one has expired */
	sql("insert into endpoint (host, port, owner, origin) values "
	    "('n1.example', 443, 'web', 'cli');"
	    "insert into endpoint_observation (endpoint_id, addr, "
	    "cert_sha256, tbs_sha256) values (1, '192.0.2.1', hash('01'), "
	    "hash('01'));"
	    "select named('e' || i, '6' || i, array['n' || i || '.example', "
	    "'more.example'], '{http://c}', '{}') from generate_series(1, 3) "
	    "i;"
	    "update issuance set not_before = now() where serial like '6_';"
	    /* and a successor of the fourth that is revoked itself */
	    "select named('e4', '64', '{n4.example}', '{http://c}', '{}');"
	    "update issuance set not_before = now() where serial = '64';"
	    "insert into revocation (issuer_spki_sha256, serial, status, "
	    "observed_at) values (hash('aa'), '64', 'revoked', now() - "
	    "interval '5 days');"
	    "update issuance set not_after = now() where serial = '55'");
	rev_time();
	is("select split_part(split_part(reason, ': ', 2), ';', 1) from "
	    "finding where kind = 'revocation.campaign'",
	    "3 replaced, 1 served, 8 left, 24 h to the first deadline");
	is(EVENTS("revocation.campaign"), "opened");
	/* the rest is replaced; the last one is served still */
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "hash('d0'), hash('ab'), '99', hash('bb'), array_agg('n' || i || "
	    "'.example'), now(), now() + interval '1 day', 'valid' from "
	    "generate_series(1, 12) i;"
	    "insert into certificate_name select hash('d0'), 'n' || i || "
	    "'.example' from generate_series(1, 12) i");
	rev_time();
	is("select state || ' ' || split_part(split_part(reason, ': ', 2), "
	    "';', 1) from finding where kind = 'revocation.campaign'",
	    "open 12 replaced, 1 served, 0 left, 0 h to the first "
	    "deadline");
	sql("insert into endpoint_observation (endpoint_id, addr, "
	    "cert_sha256, tbs_sha256) values (1, '192.0.2.1', hash('d0'), "
	    "hash('d0'))");
	rev_time();
	is(EVENTS("revocation.campaign"), "opened,resolved");
	/* what is over is not counted with the next one */
	sql("update revocation set observed_at = now() - interval '30 days'");
	rev_time();
	is(EVENTS("revocation.campaign"), "opened,resolved");
}

/* What was ordered, and what should not have been there, is no campaign. */
static void
no_campaign(void **state)
{
	char	*text;
	int	 i;

	(void)state;
	many(30);
	for (i = 1; i <= 20; i++) {
		text = mem_printf("5%d", i);
		expect(text, "1 day");
		free(text);
	}
	sql("update issuance set decision = 'page' where serial > '520'");
	revoke_all(1, 29);
	/* 52 to 59 are behind 520, too: 9 ordered ones are both */
	is(COUNT("kind = 'revocation.campaign'"), "0");
	is("select count(*)::text from expectation where state = 'fulfilled'",
	    "20");
	is(COUNT("kind = 'certificate.revoked' and state = 'open'"), "9");
}

/* Of a CA without a name the key stands for it; others are not part of it. */
static void
campaign_key(void **state)
{
	(void)state;
	many(12);
	sql("update issuance set issuer_owner = null");
	revoke_all(1, 12);
	is("select subject from finding where kind = 'revocation.campaign'",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	(void)rev_clear(state);
	many(12);
	sql("update issuance set issuer_spki_sha256 = hash('ab') where serial "
	    "in ('51', '52', '53');"
	    "update revocation_status set issuer_spki_sha256 = hash('ab') "
	    "where serial in ('51', '52', '53');"
	    "update revocation set issuer_spki_sha256 = hash('ab'), status = "
	    "'revoked', observed_at = now() where serial in ('51', '52', "
	    "'53')");
	/* 3 of another key of the same CA, and 7 of this one */
	revoke_all(4, 10);
	is(COUNT("kind = 'revocation.campaign' and subject = "
	    "'digicert.com'"), "1");
}

/* 300 at once. */
static void
hundreds(void **state)
{
	static char	 text[300][8];
	struct rev_word	*w = mem_array(300, sizeof(*w));
	size_t		 i;

	(void)state;
	sql("select named('11', 'none', '{a}', '{http://c}', '{}');"
	    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued, issuer_owner, "
	    "first_seen, decision, facts) select sha256(i::text::bytea), "
	    "hash('aa'), to_hex(i + 4096), hash('bb'), array['n' || i || "
	    "'.example'], now(), now() + interval '1 day', 'valid', "
	    "'digicert.com', now() - interval '1 day', 'silent', "
	    "'{\"watches\": [{\"owner\": \"web\"}]}' from generate_series(0, "
	    "299) i;"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form, crl) "
	    "select sha256(i::text::bytea), '', 'x509', '{http://c}' from "
	    "generate_series(0, 299) i");
	for (i = 0; i < 300; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zx", i + 4096);
		w[i] = rev_word(text[i], REV_GOOD, -1, 0);
	}
	rev_put(1, w, 300);
	rev_found(1);
	for (i = 0; i < 300; i++)
		w[i] = rev_word(text[i], REV_REVOKED, 4, 0);
	rev_put(1, w, 300);
	rev_found(1);
	is(COUNT("true"), "1");
	is("select (detail->>'revoked') || ' ' || (detail->>'left') from "
	    "finding", "300 300");
	free(w);
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
		cmocka_unit_test_setup(disagreement, rev_clear),
		cmocka_unit_test_setup(disagreement_ends, rev_clear),
		cmocka_unit_test_setup(campaign, rev_clear),
		cmocka_unit_test_setup(campaign_backdated, rev_clear),
		cmocka_unit_test_setup(campaign_progress, rev_clear),
		cmocka_unit_test_setup(no_campaign, rev_clear),
		cmocka_unit_test_setup(campaign_key, rev_clear),
		cmocka_unit_test_setup(hundreds, rev_clear),
		cmocka_unit_test_setup(source_faulty, rev_clear),
		cmocka_unit_test_setup(source_shared, rev_clear),
		cmocka_unit_test_setup(source_idle, rev_clear),
	};

	return SQL_TESTS(tests);
}
