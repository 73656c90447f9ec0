#include "auditor/db/caa_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* CAA record sets as they were when, and the issuances judged by them. */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	return 0;
}

/* RDATA of "0 issue VALUE". */
static void
issue(struct caa_set *s, const char *value)
{
	struct buf	b = BUF_INIT;

	buf_u8(&b, 0);
	buf_u8(&b, 5);
	buf_str(&b, "issue");
	buf_str(&b, value);
	assert_int_equal(caa_add(s, buf_bytes(&b), NULL), 0);
	buf_free(&b);
}

/* What was found for ${name}: NULL no record.  The text of before, owned. */
static char *
seen(const char *name, const char *value, const char *grants)
{
	struct caa_set	 set = { .n = 0 };
	json_t		*g = json_loads(grants, 0, NULL);
	struct caa_seen	 s = { name, &set, g, "192.0.2.53" };
	struct err	 e = ERR_INIT;
	char		*before = NULL;

	if (value != NULL) {
		issue(&set, value);
		(void)snprintf(set.at, sizeof(set.at), "example");
		set.ttl = 300;
		set.ad = 1;
	}
	if (caa_store_seen(db, &s, 1, &before, &e) == -1)
		fail_msg("%s", e.msg);
	caa_free(&set);
	json_decref(g);
	return before;
}

#define ROWS	number("select count(*) from caa_observation")

static void
changes(void **state)
{
	char	*before;

	(void)state;
	assert_null(seen("a.example", "ca.example", "[]"));
	sql("update caa_observation set first_seen = first_seen - interval "
	    "'1 day', last_seen = last_seen - interval '1 day'");
	/* the same again: one row, seen until now */
	assert_null(seen("a.example", "ca.example", "[]"));
	assert_int_equal(ROWS, 1);
	is("select (last_seen > now() - interval '1 minute')::text from "
	    "caa_observation", "true");
	/* another name has its own */
	assert_null(seen("b.example", "ca.example", "[]"));
	/* another set: the one of before is said */
	before = seen("a.example", "other.example", "[]");
	assert_string_equal(before, "0 issue \"ca.example\"\n");
	free(before);
	/* and gone: that is a change, too */
	before = seen("a.example", NULL, "[]");
	assert_string_equal(before, "0 issue \"other.example\"\n");
	free(before);
	before = seen("a.example", "ca.example", "[]");
	assert_string_equal(before, "");
	free(before);
	assert_int_equal(ROWS, 5);
	/* a grant is a row of its own, and no change of the records */
	assert_null(seen("a.example", "ca.example", "[{\"issuer\":\"x\"}]"));
	assert_int_equal(ROWS, 6);
	is("select records::text || found_at || ttl || ad || resolver from "
	    "caa_observation order by id limit 1", "[{\"tag\": \"issue\", "
	    "\"flags\": 0, \"value\": \"ca.example\"}]example300true"
	    "192.0.2.53");
}

/* Several names in one statement: each has its own row, and its change. */
static void
several(void **state)
{
	static const char	*name[] = { "a.example", "b.example",
				    "c.example" };
	struct caa_set		 set[3];
	struct caa_seen		 v[3];
	struct err		 e = ERR_INIT;
	json_t			*none = json_array();
	char			*before[3];
	size_t			 i;

	(void)state;
	assert_null(seen("a.example", "ca.example", "[]"));
	assert_null(seen("b.example", "ca.example", "[]"));
	for (i = 0; i < 3; i++) {
		memset(&set[i], 0, sizeof(set[i]));
		issue(&set[i], i == 1 ? "other.example" : "ca.example");
		(void)snprintf(set[i].at, sizeof(set[i].at), "example");
		v[i] = (struct caa_seen){ name[i], &set[i], none, "x" };
	}
	assert_int_equal(caa_store_seen(db, v, 3, before, &e), 0);
	assert_null(before[0]);
	assert_string_equal(before[1], "0 issue \"ca.example\"\n");
	assert_null(before[2]);
	is("select string_agg(name, ' ' order by name) from caa_observation",
	    "a.example b.example b.example c.example");
	is("select resolver from caa_observation where name = 'a.example'",
	    "x");
	free(before[1]);
	for (i = 0; i < 3; i++)
		caa_free(&set[i]);
	json_decref(none);
}

/* No answer about ${n} names. */
static void
no_answer(const char *const *name, const char *const *why, size_t n)
{
	struct db_strs	names = { (const char **)(uintptr_t)name, n };
	struct db_strs	whys = { (const char **)(uintptr_t)why, n };
	struct err	e = ERR_INIT;

	if (caa_store_errors(db, &names, &whys, &e) == -1)
		fail_msg("%s", e.msg);
}

static void
errors(void **state)
{
	static const char *const	name[] = { "a.example", "b.example" };
	static const char *const	fail[] = { "SERVFAIL", "SERVFAIL" };
	static const char *const	other[] = { "SERVFAIL", "timeout" };

	(void)state;
	assert_null(seen("a.example", "ca.example", "[]"));
	no_answer(name, fail, 1);
	sql("update caa_observation set last_seen = now() - interval '1 day'");
	no_answer(name, fail, 1);
	assert_int_equal(ROWS, 2);
	is("select string_agg((last_seen > now() - interval '1 hour')::text, "
	    "' ' order by id) from caa_observation", "false true");
	/* several at once, of which one is as before */
	no_answer(name, fail, 2);
	assert_int_equal(ROWS, 3);
	no_answer(name, other, 2);
	is("select string_agg(concat(name, ':', error), ' ' order by id) from "
	    "caa_observation", "a.example: a.example:SERVFAIL "
	    "b.example:SERVFAIL b.example:timeout");
	/* the last one counts, not one before it */
	no_answer(name, fail, 2);
	assert_int_equal(ROWS, 5);
	sql("delete from caa_observation where name = 'b.example'");
	no_answer(name, other, 1);
	assert_int_equal(ROWS, 2);
	no_answer(&name[0], &other[1], 1);
	assert_int_equal(ROWS, 3);
	/* what was known before it is what is compared with */
	assert_null(seen("a.example", "ca.example", "[]"));
	assert_int_equal(ROWS, 3);
}

/* An issuance with SCT at ${when}, of which its judge has told. */
static void
issued(const char *tbs, const char *names, const char *when)
{
	char	*text = mem_printf("select cert('%s', '%s', now(), 90, '%s');"
		    "insert into cert_fact (tbs_sha256, cert_sha256, form, "
		    "first_sct_ms) values (hash('%s'), '', 'x509', (extract("
		    "epoch from now() + interval '%s') * 1000)::bigint)", tbs,
		    tbs, names, tbs, when);

	sql(text);
	free(text);
}

static struct db_res *
due(const char *name)
{
	struct db_strs	 names = { &name, 1 };
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	if (caa_store_due(db, &names, &r, &e) == -1)
		fail_msg("%s", e.msg);
	return r;
}

/* The set counts that was there from 8 hours before until after. */
static void
which_set(void **state)
{
	static const struct {
		const char	*first, *last, *ttl;
		int		 counts;
	} t[] = {
		{ "541 minutes", "0 hours", "300", 1 },
		{ "539 minutes", "0 hours", "300", 0 },
		{ "27 hours", "0 hours", "90000", 1 },	/* 25 h and 1 h */
		{ "25 hours", "0 hours", "90000", 0 },
		{ "541 minutes", "59 minutes", "300", 1 },
		/* not seen since: it may have changed before the issuance */
		{ "541 minutes", "61 minutes", "300", 0 },
	};
	struct db_res	*r;
	char		*text;
	size_t		 i;

	(void)state;
	issued("11", "{a.example,*.a.example,b.example}", "-1 hour");
	r = due("a.example");
	assert_int_equal(db_rows(r), 2);
	assert_true(db_null(r, 0, CAA_DUE_RECORDS));
	db_free(r);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		text = mem_printf("truncate caa_observation; insert into "
		    "caa_observation (name, found_at, records, ttl, "
		    "first_seen, last_seen) values ('a.example', 'example', "
		    "'[]', %s, now() - interval '%s', now() - interval '%s')",
		    t[i].ttl, t[i].first, t[i].last);
		sql(text);
		free(text);
		r = due("a.example");
		if (db_null(r, 0, CAA_DUE_RECORDS) != !t[i].counts)
			fail_msg("%zu: %d", i, t[i].counts);
		db_free(r);
	}
	/* errors are no sets */
	sql("update caa_observation set first_seen = now() - interval "
	    "'2 days', last_seen = now(), error = 'SERVFAIL'");
	r = due("a.example");
	assert_true(db_null(r, 0, CAA_DUE_RECORDS));
	assert_string_equal(db_text(r, 0, CAA_DUE_OWNER), "digicert.com");
	assert_int_equal(db_bool(r, 0, CAA_DUE_WILD) +
	    db_bool(r, 1, CAA_DUE_WILD), 1);
	db_free(r);
}

static void
who_is_due(void **state)
{
	struct db_res	*r;

	(void)state;
	issued("11", "{a.example}", "-1 hour");
	issued("12", "{x.a.example}", "-1 hour");
	issued("13", "{a.example}", "-1 hour");
	issued("14", "{a.example}", "-1 hour");
	issued("15", "{a.example}", "-1 hour");
	sql("update issuance set issued = 'unchecked' where tbs_sha256 = "
	    "hash('13');"
	    "update issuance set not_after = now() where tbs_sha256 = "
	    "hash('14');"
	    "delete from cert_fact where tbs_sha256 = hash('15')");
	r = due("a.example");
	assert_int_equal(db_rows(r), 1);
	assert_true(db_bytes(r, 0, CAA_DUE_TBS).p[0] == 0x11);
	db_free(r);
	/* without SCTs: when it was logged, else notBefore */
	sql("update cert_fact set first_sct_ms = null; insert into entry "
	    "(log_ref, index, timestamp_ms, entry_type, leaf, leaf_hash, "
	    "tbs_sha256) values (1, 1, 1234, 'x509', '', '', hash('11'))");
	r = due("a.example");
	assert_int_equal(db_int(r, 0, CAA_DUE_AT_MS), 1234);
	db_free(r);
	sql("truncate entry; update issuance set not_before = "
	    "'1970-01-01 00:00:02Z'");
	r = due("a.example");
	assert_int_equal(db_int(r, 0, CAA_DUE_AT_MS), 2000);
	db_free(r);
}

static void
judge(const char *name, const char *verdict, const char *why)
{
	uint8_t			tbs[32];
	struct caa_judged	j = { { tbs, 32 }, name, verdict, why };
	struct err		e = ERR_INIT;

	memset(tbs, 0x11, sizeof(tbs));
	if (db_begin(db, &e) == -1 || caa_store_judged(db, &j, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

/* Of several names the worst counts, whichever came first. */
static void
worst(void **state)
{
	struct db_res	*r;

	(void)state;
	issued("11", "{a.example,b.example,c.example}", "-1 hour");
	sql("insert into finding (kind, subject, dedupe_key, severity) values "
	    "('certificate.unexpected', encode(hash('11'), 'hex'), 'k', "
	    "'critical')");
	judge("a.example", "allowed", "issue");
	is("select caa || caa_why from cert_fact", "allowedissue");
	is("select caa from finding", "allowed: issue");
	r = due("a.example");
	assert_int_equal(db_rows(r), 0);
	db_free(r);
	/* one name judged is not all of them */
	r = due("b.example");
	assert_int_equal(db_rows(r), 1);
	db_free(r);
	judge("b.example", "violated", "other only");
	is("select caa || caa_why from cert_fact", "violatedother only");
	judge("c.example", "unknown", "not watched");
	judge("a.example", "allowed", "issue");
	is("select caa || caa_why || caa_names::text from cert_fact",
	    "violatedother only{a.example,b.example,c.example}");
	is("select caa from finding", "violated: other only");
	sql("update cert_fact set caa = null, caa_why = null");
	judge("c.example", "unknown", "");
	is("select caa from finding", "unknown");
}

/* All of them in one statement, as if one came behind the other. */
static void
at_once(void **state)
{
	static uint8_t			 tbs[3][32];
	static const struct caa_judged	 v[] = {
		{ { tbs[0], 32 }, "a.example", "allowed", "issue" },
		{ { tbs[1], 32 }, "a.example", "unknown", "not watched" },
		{ { tbs[0], 32 }, "b.example", "violated", "other only" },
		{ { tbs[0], 32 }, "a.example", "allowed", "issuewild" },
		{ { tbs[1], 32 }, "b.example", "allowed", "" },
		{ { tbs[2], 32 }, "a.example", "allowed", "" },
	};
	struct err			 e = ERR_INIT;

	(void)state;
	memset(tbs[0], 0x11, 32);
	memset(tbs[1], 0x12, 32);
	memset(tbs[2], 0x13, 32);
	issued("11", "{a.example,b.example}", "-1 hour");
	issued("12", "{a.example,b.example}", "-1 hour");
	issued("13", "{a.example}", "-1 hour");
	issued("14", "{a.example}", "-1 hour");
	sql("update cert_fact set caa = 'unknown', caa_why = 'before', "
	    "caa_names = '{x.example,a.example}' where tbs_sha256 = "
	    "hash('13');"
	    "insert into finding (kind, subject, dedupe_key, severity) select "
	    "'certificate.unexpected', encode(tbs_sha256, 'hex'), "
	    "tbs_sha256::text, 'critical' from issuance");
	if (db_begin(db, &e) == -1 || caa_store_judged(db, v, 6, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	is("select string_agg(concat_ws('|', left(encode(tbs_sha256, 'hex'), "
	    "2), caa, caa_why, (select string_agg(n, ',' order by n) from "
	    "unnest(caa_names) n)), ' ' order by tbs_sha256) from cert_fact",
	    "11|violated|other only|a.example,b.example "
	    "12|unknown|not watched|a.example,b.example "
	    "13|unknown|before|a.example,x.example 14");
	is("select string_agg(coalesce(caa, '-'), ' ' order by subject) from "
	    "finding", "violated: other only unknown: not watched "
	    "unknown: before -");
}

static void
many(void **state)
{
	struct db_res	*r;

	(void)state;
	sql("select cert(lpad(to_hex(i / 10 + 1), 2, '0'), i::text, now(), 90, "
	    "'{}') from generate_series(0, 10, 10) i;"
	    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "sha256(i::text::bytea), hash('aa'), 's' || i, hash('bb'), "
	    "'{a.example}', now(), now() + interval '1 day', 'valid' from "
	    "generate_series(1, 1100) i;"
	    "insert into certificate_name select sha256(i::text::bytea), "
	    "'a.example' from generate_series(1, 1100) i;"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form) select "
	    "sha256(i::text::bytea), '', 'x509' from generate_series(1, 1100) "
	    "i");
	r = due("a.example");
	assert_int_equal(db_rows(r), 1000);
	db_free(r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(changes, clear),
		cmocka_unit_test_setup(several, clear),
		cmocka_unit_test_setup(errors, clear),
		cmocka_unit_test_setup(which_set, clear),
		cmocka_unit_test_setup(who_is_due, clear),
		cmocka_unit_test_setup(worst, clear),
		cmocka_unit_test_setup(at_once, clear),
		cmocka_unit_test_setup(many, clear),
	};

	return SQL_TESTS(tests);
}
