#include "auditor/db/rev_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* What each source says, and the one status that comes of it. */

#define STATUS	"select status || coalesce(' ' || reason, '') from revocation"

/* --- words ----------------------------------------------------------------- */

#define HISTORY	"select string_agg(status || coalesce(' ' || reason, ''), ',' " \
		"order by id) from revocation_status"

static void
words_once(void **state)
{
	struct rev_word	w;
	int		i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	for (i = 0; i < 3; i++) {
		rev_say(1, "01", REV_GOOD, -1);
		rev_say(2, "01", REV_GOOD, -1);
	}
	is(HISTORY, "good,good");
	/* evidence is that of the first sight */
	w = rev_word("01", REV_REVOKED, 1, -100);
	for (i = 0; i < 3; i++) {
		rev_put(1, &w, 1);
		w.raw = SPAN_STR("another");
	}
	is(HISTORY, "good,good,revoked 1");
	is("select form || encode(raw, 'escape') || encode(sha256, 'escape') "
	    "from revocation_status order by id desc limit 1",
	    "crlevidencehash");
	/* another reason, another date: history */
	w.reason = 4;
	rev_put(1, &w, 1);
	w.stated_at -= CLK_SEC;
	rev_put(1, &w, 1);
	w.reason = -1;
	rev_put(1, &w, 1);
	is(HISTORY, "good,good,revoked 1,revoked 4,revoked 4,revoked");
	/* what is not known takes nothing back; good does */
	rev_say(1, "01", REV_UNKNOWN, -1);
	is("select count(*)::text from revocation_status", "6");
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(1, "01", REV_UNKNOWN, -1);
	rev_say(1, "01", REV_UNKNOWN, -1);
	is(HISTORY, "good,good,revoked 1,revoked 4,revoked 4,revoked,good,"
	    "unknown");
	is("select refusal from revocation_status where status = 'unknown'",
	    "it cannot be read");
}

/* What an OCSP answer says is seen again; of a CRL its source is. */
static void
words_seen(void **state)
{
	struct rev_word	w = rev_word("01", REV_GOOD, -1, 0);

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	rev_put(1, &w, 1);
	w.fresh_until = clk_wall() + 3600 * CLK_SEC;
	rev_put(2, &w, 1);
	sql("update revocation_status set last_seen = now() - interval "
	    "'1 day'");
	w.fresh_until += 3600 * CLK_SEC;
	rev_put(2, &w, 1);
	w.fresh_until = INT64_MIN;
	rev_put(1, &w, 1);
	is("select string_agg((last_seen > now() - interval '1 hour')::text, "
	    "' ' order by source_id) from revocation_status", "false true");
	is("select (fresh_until > now() + interval '90 minutes')::text from "
	    "revocation_status where source_id = 2", "true");
}

/* No answer does not end one that was good; "I do not know it" does. */
static void
words_silent(void **state)
{
	struct rev_word	w = rev_word("01", REV_UNKNOWN, -1, 0);

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{http://o}')");
	w.said = 0;
	rev_put(1, &w, 1);
	is(HISTORY, "unknown");
	rev_say(1, "01", REV_GOOD, -1);
	rev_put(1, &w, 1);
	is(HISTORY, "unknown,good");
	w.said = 1;
	rev_put(1, &w, 1);
	is(HISTORY, "unknown,good,unknown");
}

/* More than one statement's worth, the same twice. */
static void
words_many(void **state)
{
	static char	 text[5107][12];
	struct rev_word	*w = mem_array(5107, sizeof(*w));
	size_t		 i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}')");
	for (i = 0; i < 5107; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%06zx", i / 2);
		w[i] = rev_word(text[i], i % 7 == 0 ? REV_REVOKED : REV_GOOD,
		    -1, 0);
	}
	for (i = 0; i < 5107; i++)
		(void)snprintf(text[i], sizeof(text[i]), "%06zx", i);
	rev_put(1, w, 5107);
	rev_put(1, w, 5107);
	is("select count(*) || ' ' || count(distinct serial) || ' ' || "
	    "count(*) filter (where status = 'revoked') from "
	    "revocation_status", "5107 5107 730");
	/* one serial twice in a statement is one row */
	w[1].serial = w[0].serial = "ffff";
	w[1].status = REV_GOOD;
	w[0].status = REV_GOOD;
	rev_put(1, w, 2);
	is("select count(*)::text from revocation_status where serial = "
	    "'ffff'", "1");
	free(w);
}

/* Evidence is kept whole, however much of it comes at once. */
static void
words_large(void **state)
{
	static char	 text[40][8];
	struct rev_word	 w[40];
	struct buf	 crl = BUF_INIT;
	size_t		 i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}')");
	memset(buf_room(&crl, 1 << 20), 0x5a, 1 << 20);
	crl.n = 1 << 20;
	for (i = 0; i < 40; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zx", i + 1);
		w[i] = rev_word(text[i], REV_REVOKED, 1, 0);
		w[i].raw = buf_bytes(&crl);
	}
	rev_put(1, w, 40);
	is("select count(*) || ' ' || min(length(raw)) from "
	    "revocation_status", "40 1048576");
	buf_free(&crl);
}

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
		cmocka_unit_test_setup(words_once, rev_clear),
		cmocka_unit_test_setup(words_seen, rev_clear),
		cmocka_unit_test_setup(words_silent, rev_clear),
		cmocka_unit_test_setup(words_many, rev_clear),
		cmocka_unit_test_setup(words_large, rev_clear),
		cmocka_unit_test_setup(sources, rev_clear),
		cmocka_unit_test_setup(needed, rev_clear),
		cmocka_unit_test_setup(ccadb, rev_clear),
		cmocka_unit_test_setup(freshness, rev_clear),
		cmocka_unit_test_setup(expired, rev_clear),
		cmocka_unit_test_setup(unrevoked, rev_clear),
		cmocka_unit_test_setup(disagreement, rev_clear),
		cmocka_unit_test_setup(expectation, rev_clear),
		cmocka_unit_test_setup(many, rev_clear),
		cmocka_unit_test_setup(at_a_time, rev_clear),
		cmocka_unit_test_setup(source, rev_clear),
		cmocka_unit_test_setup(serials, rev_clear),
		cmocka_unit_test_setup(ocsp, rev_clear),
		cmocka_unit_test_setup(dropped, rev_clear),
		cmocka_unit_test_setup(news, rev_clear),
		cmocka_unit_test_setup(again, rev_clear),
	};

	return SQL_TESTS(tests);
}
