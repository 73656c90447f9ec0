/* Findings about many revocations at once. */
#include "tests/unit/auditor/rev_find_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(campaign, rev_clear),
		cmocka_unit_test_setup(campaign_backdated, rev_clear),
		cmocka_unit_test_setup(campaign_progress, rev_clear),
		cmocka_unit_test_setup(no_campaign, rev_clear),
		cmocka_unit_test_setup(campaign_key, rev_clear),
		cmocka_unit_test_setup(hundreds, rev_clear)
	};

	return SQL_TESTS(tests);
}
