#include "auditor/db/incl_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Whether the entries that SCTs promise are in their logs: the rows. */

#define HOUR	INT64_C(3600000)	/* ms */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) select "
	    "hash(x), 1, x, 'rfc6962', x, x, '\\x02', 3600, 'usable', "
	    "'chrome', false from unnest(array['01', '02']) x");
	return 0;
}

/* An SCT of log ${log}, tbs and leaf hash(T), at ${ms}. */
static void
sct(const char *t, const char *log, int64_t ms)
{
	char	*text = mem_printf("insert into sct (tbs_sha256, log_id, "
		    "timestamp_ms, raw, source, status, leaf_hash, inclusion, "
		    "due_at) values (hash('%s'), hash('%s'), %lld, '', "
		    "'certificate', 'valid', hash('%s'), 'pending', "
		    "to_timestamp(%lld / 1000.0) + interval '1 hour')", t, log,
		    (long long)ms, t, (long long)ms);

	sql(text);
	free(text);
}

static void
head(int log, int64_t size, int64_t ms, const char *verdict,
    const char *consistency)
{
	char	*text = mem_printf("insert into tree_head (log_ref, tree_size, "
		    "root_hash, timestamp_ms, form, raw, verdict, consistency) "
		    "values (%d, %lld, hash('%02llx'), %lld, 'sth', '', '%s', "
		    "'%s')", log, (long long)size, (long long)size & 0xff,
		    (long long)ms, verdict, consistency);

	sql(text);
	free(text);
}

/* So many heads of log 2, numbered from 1. */
static void
heads(int n)
{
	int	i;

	for (i = 0; i < n; i++)
		head(2, i, i, "valid", "proved");
}

/* A log that has shown nothing since is no witness of what it has. */
static void
alive(void **state)
{
	static const struct {
		const char	*health;
		int		 yes;
	} t[] = {
		{ "truncate log_health", 0 },
		{ "insert into log_health (log_ref, head_at) values (1, "
		  "now() - interval '2 hours')", 0 },
		{ "update log_health set head_at = now()", 1 },
		{ "update log_health set failing_since = now()", 0 },
		{ "update log_health set failing_since = null", 1 },
		{ "update log_health set head_at = null", 0 },
	};
	struct err	e = ERR_INIT;
	struct db_res	*r = NULL;
	size_t		i;
	int		yes = -1;

	(void)state;
	sct("11", "01", 1);
	sql("update sct set checked_at = now() - interval '1 hour'");
	if (db_query(db, &r, &e, "select tbs_sha256 from sct", "") == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sql(t[i].health);
		assert_int_equal(incl_store_alive(db, 1, db_bytes(r, 0, 0), 1,
		    &yes, &e), 0);
		if (yes != t[i].yes)
			fail_msg("%s: %d", t[i].health, yes);
	}
	db_free(r);
}

/* --- our own tree ---------------------------------------------------------- */

static void
own(void **state)
{
	struct err	e = ERR_INIT;
	int64_t		n;

	(void)state;
	heads(6);
	sct("11", "01", 1);
	sct("12", "01", 1);
	sct("13", "01", 1);
	sct("14", "01", 1);
	sct("15", "02", 1);
	sql("insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, tbs_sha256, proof, proof_size, head_id) values "
	    "(1, 7, 1, 'precert', '', hash('11'), hash('11'), 'path', 9, 5), "
	    /* not proven yet; another entry of the issuance; another log's */
	    "(1, 8, 1, 'precert', '', hash('12'), hash('12'), null, null, "
	    "null), "
	    "(1, 9, 1, 'x509', '', hash('99'), hash('13'), 'path', 9, 5), "
	    "(2, 7, 1, 'precert', '', hash('14'), hash('14'), 'path', 9, 5);"
	    "update sct set last_error = 'absent: x', checked_at = null");
	assert_int_equal(incl_store_own(db, 1, &n, &e), 0);
	assert_int_equal(n, 1);
	is("select inclusion || entry_index || encode(proof, 'escape') || "
	    "proof_size || head_id || coalesce(last_error, '-') from sct where "
	    "tbs_sha256 = hash('11')", "proved7path95-");
	is("select count(*)::text from sct where inclusion = 'pending'", "4");
	assert_int_equal(incl_store_own(db, 1, &n, &e), 0);
	assert_int_equal(n, 0);
	/* late, but there */
	sql("update sct set inclusion = 'violated' where tbs_sha256 = "
	    "hash('12'); update entry set head_id = 6 where index = 8");
	assert_int_equal(incl_store_own(db, 1, NULL, &e), 0);
	is("select inclusion from sct where tbs_sha256 = hash('12')",
	    "proved");
}

/* --- heads ------------------------------------------------------------------- */

static void
newest(void **state)
{
	struct incl_head	h;
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(incl_store_head(db, 1, &h, &e), 0);
	assert_true(h.id == 0 && h.size == 0 && h.timestamp_ms == 0);
	head(1, 10, 1000, "valid", "proved");
	head(1, 30, 3000, "bad_signature", "pending");
	head(1, 31, 3001, "valid", "conflict");
	head(1, 20, 2000, "valid", "pending");
	head(1, 15, 1500, "valid", "proved");
	head(2, 99, 9000, "valid", "proved");
	assert_int_equal(incl_store_head(db, 1, &h, &e), 0);
	assert_true(h.size == 20 && h.timestamp_ms == 2000 && h.id == 4);
	assert_int_equal(h.root[31], 20);
}

/* --- what is due --------------------------------------------------------------- */

/* The first bytes of what is due at a head of ${ms}. */
static void
is_due(int64_t ms, const char *want)
{
	struct incl_ask	 q = { 1, ms, 3600, 10 };
	struct db_res	*r = NULL;
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	size_t		 i;

	if (incl_store_due(db, &q, &r, &e) == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < db_rows(r); i++)
		buf_fmt(&b, "%02x", db_bytes(r, i, 0).p[0]);
	assert_string_equal(buf_text(&b), want);
	db_free(r);
	buf_free(&b);
}

static void
due(void **state)
{
	(void)state;
	sct("11", "01", 1000 * HOUR);
	sct("12", "01", 1000 * HOUR + 1);
	sct("13", "02", 1000 * HOUR);
	sct("14", "01", 999 * HOUR);
	sct("15", "01", 998 * HOUR);
	sct("16", "01", 997 * HOUR);
	sql("update sct set inclusion = 'proved' where tbs_sha256 = "
	    "hash('15'); update sct set inclusion = 'unchecked', checked_at = "
	    "now() - interval '59 minutes' where tbs_sha256 = hash('16')");
	/* T + MMD at the head, to the millisecond; the oldest first */
	is_due(1000 * HOUR, "14");
	is_due(1001 * HOUR - 1, "14");
	is_due(1001 * HOUR, "1411");
	is_due(1001 * HOUR + 1, "141112");
	/* what was looked at waits, and comes behind the others */
	sql("update sct set checked_at = now() - interval '61 minutes' where "
	    "tbs_sha256 = hash('16')");
	is_due(1001 * HOUR, "141116");
	sql("update sct set last_error = 'absent: x' where tbs_sha256 = "
	    "hash('14')");
	is_due(0, "");
}

static void
columns(void **state)
{
	struct incl_ask	 q = { 1, INT64_MAX / 2, 3600, 1 };
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	(void)state;
	sct("11", "01", 5);
	sct("12", "01", 6);
	sql("update sct set leaf_index = 77, last_error = 'absent: x', "
	    "leaf_hash = null where tbs_sha256 = hash('11')");
	assert_int_equal(incl_store_due(db, &q, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	assert_int_equal(db_int(r, 0, 1), 5);
	assert_true(db_null(r, 0, 2));
	assert_int_equal(db_int(r, 0, 3), 77);
	assert_string_equal(db_text(r, 0, 4), "absent: x");
	db_free(r);
}

/* --- what came of it --------------------------------------------------------------- */

static void
said(void **state)
{
	struct incl_head	h = { 5, 100, { 0 }, 9 };
	uint8_t			tbs[32];
	struct incl_said	s = { { tbs, 32 }, 1, 5, "unchecked", 7,
	    SPAN_STR("path"), &h, "absent: x" };
	struct err		e = ERR_INIT;

	(void)state;
	memset(tbs, 0x11, sizeof(tbs));
	heads(5);
	sct("11", "01", 5);
	sct("11", "01", 6);
	sct("11", "02", 5);
	assert_int_equal(incl_store_said(db, &s, &e), 0);
	is("select inclusion || (entry_index is null)::text || (proof is null)"
	    "::text || head_id || last_error || (checked_at is not null)::text "
	    "from sct where inclusion <> 'pending'",
	    "uncheckedtruetrue5absent: xtrue");
	s.state = "proved";
	s.error = "";
	assert_int_equal(incl_store_said(db, &s, &e), 0);
	is("select inclusion || entry_index || encode(proof, 'escape') || "
	    "proof_size || coalesce(last_error, '-') from sct where inclusion "
	    "<> 'pending'", "proved7path100-");
	s.state = "violated";
	s.timestamp_ms = 6;
	assert_int_equal(incl_store_said(db, &s, &e), 0);
	is("select string_agg(inclusion, ' ' order by log_id, timestamp_ms) "
	    "from sct", "proved violated pending");
}

/* 1,000 that cannot be decided: each once an hour, none for ever first. */
static void
thousand(void **state)
{
	struct incl_ask		 q = { 1, INT64_MAX / 2, 3600, 64 };
	struct incl_head	 h = { 1, 0, { 0 }, 0 };
	struct incl_said	 s = { { NULL, 0 }, 1, 0, "unchecked", 0,
	    { NULL, 0 }, &h, "HTTP 503" };
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	size_t			 n = 0, i, turns = 0;

	(void)state;
	heads(1);
	sql("insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "status, leaf_hash, inclusion, due_at) select "
	    "sha256(i::text::bytea), hash('01'), i, '', 'certificate', "
	    "'valid', hash('11'), 'pending', now() from generate_series(1, "
	    "1000) i");
	do {
		if (incl_store_due(db, &q, &r, &e) == -1)
			fail_msg("%s", e.msg);
		for (i = 0; i < db_rows(r); i++) {
			s.tbs = db_bytes(r, i, 0);
			s.timestamp_ms = db_int(r, i, 1);
			if (incl_store_said(db, &s, &e) == -1)
				fail_msg("%s", e.msg);
		}
		n += i;
		turns++;
		db_free(r);
	} while (i == 64);
	assert_int_equal(n, 1000);
	assert_int_equal(turns, 16);
	is("select count(*)::text from sct where inclusion = 'unchecked'",
	    "1000");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(alive, clear),
		cmocka_unit_test_setup(own, clear),
		cmocka_unit_test_setup(newest, clear),
		cmocka_unit_test_setup(due, clear),
		cmocka_unit_test_setup(columns, clear),
		cmocka_unit_test_setup(said, clear),
		cmocka_unit_test_setup(thousand, clear),
	};

	return SQL_TESTS(tests);
}
