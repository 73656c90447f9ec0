#include "auditor/endpoint_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/cert_fixture.h"

/* From what an endpoint served to findings. */

#define DAY	(86400 * CLK_SEC)

static struct endpoint_row	 row;
static struct endpoint_find	 f;

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("insert into endpoint (host, port, owner, origin) values "
	    "('a.example', 443, 'web', 'cli')");
	return 0;
}

static void
begin(void)
{
	struct err	e = ERR_INIT;

	endpoint_row_free(&row);
	if (endpoint_load(db, 1, &row, &e) == -1)
		fail_msg("%s", e.msg);
	endpoint_find_begin(&f, &row);
}

static void
add(const char *addr, const struct judge_cert *k, const struct ocsp_said *s)
{
	struct err	e = ERR_INIT;

	if (endpoint_find_add(&f, db, addr, k, s, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
end(void)
{
	struct err	e = ERR_INIT;

	if (endpoint_find_end(&f, db, &e) == -1)
		fail_msg("%s", e.msg);
	endpoint_row_free(&row);
}

static void
one(const struct judge_cert *k)
{
	begin();
	add("192.0.2.1", k, NULL);
	end();
}

#define OPEN	"select coalesce(string_agg(kind || ' ' || severity, ',' order " \
		"by kind), '') from finding where state in ('open', 'acked') " \
		"and subject = 'a.example:443' and owner = 'web'"

/* hash('11') is logged and ours. */
static struct judge_cert
logged(void)
{
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "update issuance set logged_at = now()");
	return said_cert(0x11);
}

static void
well(void **state)
{
	struct judge_cert	k = logged();

	(void)state;
	k.name_ok = 1;
	one(&k);
	is(OPEN, "");
}

/* --- never seen in a log ------------------------------------------------------ */

static void
unlogged(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	k.nscts = 0;
	one(&k);
	is(OPEN, "endpoint.unlogged_certificate critical");
	is("select (reason like '192.0.2.1 serves%CN=CA, serial 01')::text || "
	    "(detail->>'serial') || name from finding where kind like "
	    "'endpoint.%'", "true01a.example");
	one(&k);
	is("select count(*)::text from finding_event", "1");
	/* a log promises it: to be decided, neither open nor gone */
	sql("insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "inclusion) values (hash('11'), hash('01'), 1, '', 'tls', "
	    "'pending')");
	one(&k);
	is(OPEN, "endpoint.unlogged_certificate critical");
	sql("truncate finding cascade");
	one(&k);
	is(OPEN, "");
	sql("update sct set inclusion = 'violated'");
	one(&k);
	is(OPEN, "endpoint.unlogged_certificate critical");
	sql("update sct set inclusion = 'proved'");
	one(&k);
	is(OPEN, "");
}

/* A private CA that was declared. */
static void
declared(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("insert into known (tbs_sha256, trust, origin, author) values "
	    "(hash('11'), 'issuance', 'import', 'me')");
	one(&k);
	is(OPEN, "");
}

/* Names of strangers that are too long, in letters of two bytes. */
static void
long_names(void **state)
{
	struct judge_cert	k = said_cert(0x11);
	char			issuer[1000];
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(issuer) - 2; i += 2)
		memcpy(issuer + i, "\xc3\xbc", 2);
	issuer[i] = '\0';
	for (i = 0; i < 2; i++) {
		k.issuer = issuer + 2 * i;
		one(&k);
		is(OPEN, "endpoint.unlogged_certificate critical");
		sql("truncate finding cascade");
		issuer[0] = 'C';
		issuer[1] = '=';
	}
}

/* --- its time -------------------------------------------------------------------- */

static void
expiring(void **state)
{
	static const struct {
		int64_t		 before, after;	/* minutes ago, from now */
		const char	*want;
	} t[] = {
		{ 60, 31, "" },
		{ 61, 29, "endpoint.expiring medium" },
		{ 75, 16, "endpoint.expiring medium" },
		{ 76, 14, "endpoint.expiring high" },
		{ 90, 1, "endpoint.expiring high" },
		{ 90, -1, "endpoint.expiring critical" },
	};
	struct judge_cert	k = logged();
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		k.not_before = clk_wall() - t[i].before * 60 * CLK_SEC;
		k.not_after = clk_wall() + t[i].after * 60 * CLK_SEC;
		one(&k);
		is(OPEN, t[i].want);
	}
	/* opened, and louder twice */
	is("select string_agg(event, ',' order by at) from finding_event",
	    "opened,escalated,escalated");
	/* another one is served */
	sql("select cert('12', '02', now(), 90, '{a.example}');"
	    "update issuance set logged_at = now()");
	k = said_cert(0x12);
	one(&k);
	is(OPEN, "");
	is("select decided_reason from finding", "it serves a certificate that "
	    "is valid for long enough");
}

/* Whatever a certificate claims of its time. */
static void
odd_times(void **state)
{
	struct judge_cert	k = logged();

	(void)state;
	k.not_before = INT64_C(-62135596800000000);
	k.not_after = INT64_C(253402300799999999);
	one(&k);
	is(OPEN, "");
	k.not_after = k.not_before;
	one(&k);
	is(OPEN, "endpoint.expiring critical");
}

/* --- several addresses --------------------------------------------------------------- */

/* The gravest reason of them, and one finding. */
static void
gravest(void **state)
{
	struct judge_cert	good = logged(), bad = said_cert(0x11);
	struct judge_cert	worse = said_cert(0x11);

	(void)state;
	good.not_before = bad.not_before = worse.not_before = clk_wall() -
	    90 * DAY;
	bad.not_after = clk_wall() + 20 * DAY;
	worse.not_after = clk_wall() - DAY;
	begin();
	add("192.0.2.1", &good, NULL);
	add("192.0.2.2", &bad, NULL);
	add("192.0.2.3", &worse, NULL);
	add("192.0.2.4", &bad, NULL);
	end();
	is(OPEN, "endpoint.expiring critical");
	is("select split_part(reason, ' ', 1) from finding", "192.0.2.3");
	/* one of them could not be judged: nothing is taken back */
	begin();
	add("192.0.2.1", &good, NULL);
	f.v[ENDPOINT_EXPIRING].wait = 1;
	end();
	is(OPEN, "endpoint.expiring critical");
	begin();
	add("192.0.2.1", &good, NULL);
	end();
	is(OPEN, "");
}

/* --- its names, its chain --------------------------------------------------------------- */

static void
mismatch(void **state)
{
	struct judge_cert	k = logged();

	(void)state;
	k.name_ok = 0;
	one(&k);
	is(OPEN, "endpoint.mismatch high");
	k.name_ok = -1;
	one(&k);
	is(OPEN, "");
}

static void
incomplete(void **state)
{
	struct judge_cert	k = logged();

	(void)state;
	k.npaths = 0;
	/* nobody knows a path: that is chain.untrusted */
	one(&k);
	is(OPEN, "");
	sql("insert into chain_verdict (tbs_sha256, program, path_no, verdict, "
	    "issued, path) values (hash('11'), 'system', 0, 'trusted', "
	    "'trusted', '{}')");
	one(&k);
	is(OPEN, "endpoint.incomplete_chain medium");
	k.npaths = 1;
	one(&k);
	is(OPEN, "");
}

/* --- revoked, renewed, stapled ------------------------------------------------------------- */

static struct ocsp_said
staple(enum ocsp_says says)
{
	struct ocsp_said	s;

	memset(&s, 0, sizeof(s));
	s.sig = OCSP_SIG_VALID;
	s.who = OCSP_WHO_ISSUER;
	s.says = says;
	s.this_update = s.next_update = s.produced_at = s.revoked_at =
	    INT64_MIN;
	s.reason = -1;
	(void)snprintf(s.why, sizeof(s.why), "it has expired");
	return s;
}

static void
old(void **state)
{
	struct judge_cert	k = logged();
	struct ocsp_said	s = staple(OCSP_SAYS_REVOKED);

	(void)state;
	sql("insert into revocation (issuer_spki_sha256, serial, status) "
	    "values (hash('aa'), '01', 'revoked')");
	one(&k);
	is(OPEN, "endpoint.old_certificate critical");
	sql("truncate revocation");
	one(&k);
	is(OPEN, "");
	begin();
	add("192.0.2.1", &k, &s);
	end();
	is(OPEN, "endpoint.old_certificate critical");
	/* it is renewed since days */
	sql("truncate finding cascade; select cert('12', '02', now() - "
	    "interval '4 days', 90, '{a.example}'); update issuance set "
	    "not_before = now() - interval '70 days', not_after = now() + "
	    "interval '20 days' where serial = '01'");
	k.not_before = clk_wall() - 10 * DAY;
	one(&k);
	is(OPEN, "endpoint.old_certificate medium");
}

static void
staples(void **state)
{
	struct judge_cert	k = logged();
	struct ocsp_said	good = staple(OCSP_SAYS_GOOD);
	struct ocsp_said	stale = staple(OCSP_SAYS_GOOD);

	(void)state;
	stale.fresh = OCSP_FRESH_STALE;
	k.must_staple = 1;
	one(&k);
	is(OPEN, "revocation.source_faulty medium");
	/* there is one that could not be judged: it is not missing */
	sql("truncate finding cascade");
	begin();
	f.stapled = 1;
	add("192.0.2.1", &k, NULL);
	end();
	is(OPEN, "");
	begin();
	add("192.0.2.1", &k, &stale);
	end();
	is(OPEN, "revocation.source_faulty medium");
	begin();
	add("192.0.2.1", &k, &good);
	end();
	is(OPEN, "");
	/* who need not staple may staple nothing, but nothing bad */
	k.must_staple = 0;
	one(&k);
	is(OPEN, "");
	begin();
	add("192.0.2.1", &k, &stale);
	end();
	is(OPEN, "revocation.source_faulty medium");
}

/* --- the certificate's own findings ----------------------------------------------------------- */

/* One that is served only has nobody else to look at it. */
static void
own_faults(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("insert into endpoint_observation (endpoint_id, addr, cert_sha256, "
	    "tbs_sha256) values (1, '192.0.2.1', hash('11'), hash('11'))");
	k.weak = "debian";
	k.weak_why = "it is in a list";
	one(&k);
	is("select owner || ' ' || severity from finding where kind = "
	    "'key.weak'", "web high");
	/* of one that a log has shown its own job speaks */
	sql("truncate finding cascade");
	k = logged();
	k.weak = "debian";
	one(&k);
	is("select count(*)::text from finding where kind = 'key.weak'", "0");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(well, clear),
		cmocka_unit_test_setup(unlogged, clear),
		cmocka_unit_test_setup(declared, clear),
		cmocka_unit_test_setup(long_names, clear),
		cmocka_unit_test_setup(expiring, clear),
		cmocka_unit_test_setup(odd_times, clear),
		cmocka_unit_test_setup(gravest, clear),
		cmocka_unit_test_setup(mismatch, clear),
		cmocka_unit_test_setup(incomplete, clear),
		cmocka_unit_test_setup(old, clear),
		cmocka_unit_test_setup(staples, clear),
		cmocka_unit_test_setup(own_faults, clear),
	};

	return SQL_TESTS(tests);
}
