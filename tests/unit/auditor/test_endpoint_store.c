#include "auditor/db/endpoint_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* What endpoints served, as rows, and what is known of it. */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("insert into endpoint (host, port, starttls, owner, origin) values "
	    "('a.example', 443, '', 'web', 'cli'), ('mail.example', 25, "
	    "'smtp', '', 'cli'), ('2001:db8::1', 443, '', '', 'cli')");
	return 0;
}

static void
load(void **state)
{
	struct endpoint_row	p;
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(endpoint_load(db, 1, &p, &e), 0);
	assert_string_equal(p.host, "a.example");
	assert_string_equal(p.owner, "web");
	assert_string_equal(p.subject, "a.example:443");
	assert_int_equal(p.port, 443);
	endpoint_row_free(&p);
	assert_int_equal(endpoint_load(db, 2, &p, &e), 0);
	assert_string_equal(p.starttls, "smtp");
	assert_string_equal(p.subject, "mail.example:25/smtp");
	endpoint_row_free(&p);
	assert_int_equal(endpoint_load(db, 3, &p, &e), 0);
	assert_string_equal(p.subject, "[2001:db8::1]:443");
	endpoint_row_free(&p);
	sql("update endpoint set removed_at = now() where id = 3");
	assert_int_equal(endpoint_load(db, 3, &p, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	endpoint_row_free(&p);
	/* the longest name there is */
	sql("insert into endpoint (host, port, starttls, origin) values "
	    "(repeat('a', 253), 65535, 'imap', 'cli')");
	err_clear(&e);
	assert_int_equal(endpoint_load(db, 4, &p, &e), 0);
	assert_int_equal(strlen(p.subject), 253 + strlen(":65535/imap"));
	endpoint_row_free(&p);
}

/* ${addr} of endpoint 1 serves hash(B), or nothing with 0 and an error. */
static void
seen(const char *addr, uint8_t b, const char *error)
{
	uint8_t			hash[2][32];
	struct span		chain[2] = { { hash[0], 32 }, { hash[1], 32 } };
	struct endpoint_seen	s = { .addr = addr, .error = error,
	    .tls_version = b != 0 ? "TLSv1.3" : NULL };
	struct err		e = ERR_INIT;

	memset(hash[0], b, 32);
	memset(hash[1], 0xca, 32);
	if (b != 0) {
		s.cert_sha256 = s.tbs_sha256 = hash[0];
		s.chain = (struct db_spans){ chain, 2 };
		s.staple = SPAN_STR("staple");
	}
	if (endpoint_seen(db, 1, &s, &e) == -1)
		fail_msg("%s", e.msg);
}

#define ROWS	"select string_agg(addr || ' ' || coalesce(left(encode(" \
		"cert_sha256, 'hex'), 2), '-') || coalesce(' ' || error, ''), " \
		"',' order by id) from endpoint_observation"

static void
history(void **state)
{
	(void)state;
	seen("192.0.2.1", 0x11, "");
	sql("update endpoint_observation set last_seen = now() - interval "
	    "'1 day', staple = null");
	seen("192.0.2.1", 0x11, "");
	is(ROWS, "192.0.2.1 11");
	is("select (last_seen > now() - interval '1 hour')::text || "
	    "cardinality(chain) || tls_version || encode(staple, 'escape') || "
	    "(scts is null)::text from endpoint_observation",
	    "true2TLSv1.3stapletrue");
	/* another address, another certificate, none, and back */
	seen("192.0.2.2", 0x11, "");
	seen("192.0.2.1", 0x12, "");
	seen("192.0.2.1", 0, "timeout");
	seen("192.0.2.1", 0, "refused");
	seen("192.0.2.1", 0x12, "");
	is(ROWS, "192.0.2.1 11,192.0.2.2 11,192.0.2.1 12,192.0.2.1 - refused,"
	    "192.0.2.1 12");
	/* the same certificate with another chain is another thing */
	sql("update endpoint_observation set chain = '{}' where id = (select "
	    "max(id) from endpoint_observation)");
	seen("192.0.2.1", 0x12, "");
	is("select count(*)::text from endpoint_observation", "6");
}

static void
serving(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	assert_int_equal(endpoint_serving(db, 1, "192.0.2.1", &e), 0);
	seen("192.0.2.1", 0x11, "");
	seen("192.0.2.2", 0, "timeout");
	assert_int_equal(endpoint_serving(db, 1, "192.0.2.1", &e), 1);
	assert_int_equal(endpoint_serving(db, 1, "192.0.2.2", &e), 0);
	assert_int_equal(endpoint_serving(db, 2, "192.0.2.1", &e), 0);
	seen("192.0.2.1", 0, "timeout");
	assert_int_equal(endpoint_serving(db, 1, "192.0.2.1", &e), 0);
}

static void
checked(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	assert_int_equal(endpoint_checked(db, 1, 0, "timeout", &e), 0);
	sql("update endpoint set failing_since = now() - interval '1 day'");
	assert_int_equal(endpoint_checked(db, 1, 0, "refused", &e), 0);
	is("select (failing_since < now() - interval '1 hour')::text || "
	    "last_error || (ok_at is null)::text from endpoint where id = 1",
	    "truerefusedtrue");
	assert_int_equal(endpoint_checked(db, 1, 1, "of one address", &e), 0);
	is("select (failing_since is null)::text || coalesce(last_error, '-') "
	    "|| (ok_at is not null)::text from endpoint where id = 1",
	    "true-true");
}

/* Addresses that the name has no more serve nothing. */
static void
addresses(void **state)
{
	static const char *const	 now[] = { "192.0.2.2" };
	struct db_strs			 all = { now, 1 };
	struct err			 e = ERR_INIT;
	int				 i;

	(void)state;
	seen("192.0.2.1", 0x11, "");
	seen("192.0.2.2", 0x11, "");
	seen("192.0.2.3", 0, "timeout");
	for (i = 0; i < 2; i++)
		assert_int_equal(endpoint_addrs(db, 1, &all, &e), 0);
	is(ROWS, "192.0.2.1 11,192.0.2.2 11,192.0.2.3 - timeout,192.0.2.1 - "
	    "it has this address no more");
	/* of another endpoint they stay */
	all.n = 0;
	assert_int_equal(endpoint_addrs(db, 2, &all, &e), 0);
	is("select count(*)::text from endpoint_observation", "4");
}

/* --- what is known -------------------------------------------------------------- */

/* have logged promised known trusted revoked renewed, as letters. */
static void
is_about(const char *want)
{
	struct endpoint_about	a;
	uint8_t			tbs[32];
	struct err		e = ERR_INIT;
	char			have[8];

	memset(tbs, 0x11, sizeof(tbs));
	if (endpoint_about(db, tbs, &a, &e) == -1)
		fail_msg("%s", e.msg);
	(void)snprintf(have, sizeof(have), "%s%s%s%s%s%s%s",
	    a.have ? "h" : "", a.logged ? "l" : "", a.promised ? "p" : "",
	    a.known ? "k" : "", a.trusted ? "t" : "", a.revoked ? "r" : "",
	    a.renewed ? "n" : "");
	assert_string_equal(have, want);
}

static void
about(void **state)
{
	(void)state;
	is_about("");
	/* served, with SCTs */
	sql("insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "inclusion) values (hash('11'), hash('01'), 1, '', 'tls', "
	    "'pending')");
	is_about("p");
	sql("update sct set inclusion = 'unchecked'");
	is_about("p");
	sql("update sct set inclusion = 'violated'");
	is_about("");
	sql("update sct set inclusion = 'proved'");
	is_about("l");
	sql("truncate sct;"
	    "insert into known (tbs_sha256, spki_sha256, trust, origin, "
	    "author) values (hash('11'), null, 'issuance', 'import', 'me')");
	is_about("k");
	sql("update known set trust = 'rejected'");
	is_about("");
	sql("update known set trust = 'issuance', removed_at = now();"
	    "select cert('11', '01', now(), 90, '{a.example}')");
	is_about("h");
	sql("update issuance set logged_at = now();"
	    "insert into chain_verdict (tbs_sha256, program, path_no, verdict, "
	    "issued, path) values (hash('11'), 'system', 0, 'untrusted', "
	    "'trusted', '{}')");
	is_about("hl");
	sql("update chain_verdict set verdict = 'trusted';"
	    "insert into revocation (issuer_spki_sha256, serial, status) "
	    "values (hash('aa'), '01', 'good')");
	is_about("hlt");
	sql("update revocation set status = 'revoked'");
	is_about("hltr");
}

/* Another one is there for days, and the time of this one is mostly over. */
static void
renewed(void **state)
{
	(void)state;
	sql("select cert('11', '01', now() - interval '61 days', 90, "
	    "'{a.example,b.example}');"
	    "select cert('12', '02', now() - interval '4 days', 90, "
	    "'{b.example,a.example,c.example}')");
	is_about("hn");
	sql("update issuance set first_seen = now() - interval '71 hours' "
	    "where serial = '02'");
	is_about("h");
	sql("update issuance set first_seen = now() - interval '73 hours', "
	    "decision = 'page' where serial = '02'");
	is_about("h");
	sql("update issuance set decision = 'silent', names = '{a.example}' "
	    "where serial = '02'");
	is_about("h");
	sql("update issuance set names = '{a.example,b.example}' where "
	    "serial = '02'");
	is_about("hn");
	/* still in its first two thirds */
	sql("update issuance set not_before = now() - interval '59 days', "
	    "not_after = now() + interval '31 days' where serial = '01'");
	is_about("h");
}

/* Of many certificates with the name the question is one of indexes. */
static void
many(void **state)
{
	(void)state;
	sql("select cert('11', '01', now() - interval '61 days', 90, "
	    "'{a.example}');"
	    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "sha256(i::text::bytea), hash('aa'), 'x' || i, hash('bb'), "
	    "array['n' || i || '.example'], now(), now() + interval '1 day', "
	    "'valid' from generate_series(1, 1000) i;"
	    "insert into certificate_name select tbs_sha256, names[1] from "
	    "issuance where serial like 'x%'");
	is_about("h");
	sql("update issuance set names = '{a.example}', decision = 'silent', "
	    "first_seen = now() - interval '4 days' where serial = 'x1000';"
	    "insert into certificate_name select tbs_sha256, 'a.example' from "
	    "issuance where serial = 'x1000'");
	is_about("hn");
}

static void
served_at(void **state)
{
	uint8_t		tbs[32];
	struct err	e = ERR_INIT;

	(void)state;
	memset(tbs, 0x11, sizeof(tbs));
	sql("insert into finding (kind, subject, dedupe_key, severity) values "
	    "('key.weak', encode(hash('11'), 'hex'), 'a', 'high'), "
	    "('key.weak', encode(hash('12'), 'hex'), 'b', 'high')");
	seen("192.0.2.1", 0x11, "");
	seen("192.0.2.2", 0x11, "");
	sql("insert into endpoint_observation (endpoint_id, addr, tbs_sha256) "
	    "values (2, '192.0.2.9', hash('11'))");
	assert_int_equal(endpoint_served_at(db, tbs, &e), 0);
	is("select string_agg(served_at::text, ' ' order by dedupe_key) from "
	    "finding", "{a.example:443,mail.example:25} {}");
	/* not any more */
	seen("192.0.2.1", 0x12, "");
	seen("192.0.2.2", 0x12, "");
	sql("update endpoint set removed_at = now() where id = 2");
	assert_int_equal(endpoint_served_at(db, tbs, &e), 0);
	is("select string_agg(served_at::text, ' ' order by dedupe_key) from "
	    "finding", "{} {}");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(load, clear),
		cmocka_unit_test_setup(history, clear),
		cmocka_unit_test_setup(serving, clear),
		cmocka_unit_test_setup(checked, clear),
		cmocka_unit_test_setup(addresses, clear),
		cmocka_unit_test_setup(about, clear),
		cmocka_unit_test_setup(renewed, clear),
		cmocka_unit_test_setup(many, clear),
		cmocka_unit_test_setup(served_at, clear),
	};

	return SQL_TESTS(tests);
}
