/*
 * Retention: what is over goes as a whole, what evidence needs stays, and
 * partitions are there before they are needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/db/retain.h"
#include "base/limit.h"
#include "tests/unit/testdb.h"

#define DAY	INT64_C(86400)
static const struct retain	usual = { 400 * DAY, 90 * DAY, 0 };
static const struct retain	dry = { 400 * DAY, 90 * DAY, 1 };

/* What a turn says; to free. */
static char *
turn(struct db *db, const struct retain *t)
{
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;
	int		more = 1;
	char		*said;

	while (more)
		if (retain_turn(db, t, &b, &more, &e) == -1)
			fail_msg("%s", e.msg);
	said = mem_str(buf_text(&b));
	buf_free(&b);
	return said;
}

/* A turn that says all of these, NULL behind them; none: it is silent. */
static void
says(struct db *db, const struct retain *t, ...)
{
	char		*said = turn(db, t);
	const char	*word;
	size_t		 n = 0;
	va_list		 ap;

	va_start(ap, t);
	for (; (word = va_arg(ap, const char *)) != NULL; n++)
		if (strstr(said, word) == NULL)
			fail_msg("`%s` has no `%s`", said, word);
	va_end(ap);
	if (n == 0)
		assert_string_equal(said, "");
	free(said);
}

/* Certificate number n that expires then. */
#define CERT(n, when)							\
	"insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "	\
	"spki_sha256, names, not_before, not_after) values "		\
	"(sha256('tbs" n "'), sha256('ca'), '0" n "', sha256('k'), '{}', "	\
	when " - interval '90 days', " when ");"			\
	"insert into certificate (sha256, not_after, tbs_sha256, form, der) "	\
	"values (sha256('c" n "'), " when ", sha256('tbs" n "'), 'x509', "	\
	"'\\x30');"

static void
test_certificates(void **state)
{
	struct db	*db = testdb_open();

	(void)state;
	if (db == NULL)
		skip();
	/* three half years ago, each with one to drop; a year ago; now */
	testdb_run(db, CERT("1", "timestamptz '2024-02-03'")
	    CERT("2", "timestamptz '2024-02-04'")
	    CERT("3", "timestamptz '2024-03-04'")
	    CERT("4", "timestamptz '2024-04-04'")
	    CERT("5", "timestamptz '2024-05-04'")
	    CERT("6", "now() - interval '200 days'")
	    CERT("7", "now() + interval '60 days'")
	    /* outside of all partitions */
	    CERT("8", "timestamptz '2019-05-04'")
	    CERT("9", "timestamptz '2019-06-04'"));
	/* a resolved finding is evidence, too; by issuer and serial; expected */
	testdb_run(db, "insert into finding (kind, subject, dedupe_key, severity, "
	    "state) values ('certificate.unexpected', encode(sha256('tbs2'), "
	    "'hex'), 'a', 'high', 'resolved'), ('certificate.revoked', "
	    "encode(sha256('ca'), 'hex') || ':03', 'b', 'high', 'open'), "
	    "('log.misbehaved', 'x', 'c', 'high', 'open');"
	    "update finding set detail = json_build_object('tbs', "
	    "encode(sha256('tbs9'), 'hex')) where dedupe_key = 'c';"
	    "insert into expectation (kind, issuer_spki_sha256, serial, "
	    "not_before_ms, not_after_ms, origin, author) values "
	    "('revocation', sha256('ca'), '04', 0, 1, 'x', 'x')");
	/* by its entry in a log that misbehaves */
	testdb_run(db, CERT("10", "timestamptz '2019-07-04'")
	    "insert into operator (name) values ('o');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, list_source, first_list) select "
	    "sha256('l'), id, 'l', 'rfc6962', '', '', '', 1, 'usable', 'file', "
	    "true from operator;"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type, leaf, "
	    "leaf_hash, tbs_sha256) select id, 7, 0, 'x509', '\\x00', "
	    "sha256(''), sha256('tbs10') from log;"
	    "insert into finding (kind, subject, dedupe_key, severity, detail) "
	    "select 'log.misbehaved', encode(log_id, 'base64'), 'd', 'medium', "
	    "'{\"outside\": {\"index\": 7}}' from log");
	says(db, &dry, "would drop certificate_2024_01",
	    "would drop 1 certificates outside", NULL);
	assert_int_equal(testdb_int(db, "select count(*) from certificate"), 10);
	/* who waits for a turn waits for one partition */
	{
		struct err	e = ERR_INIT;
		struct buf	b = BUF_INIT;
		int		more = 0;

		assert_int_equal(retain_turn(db, &usual, &b, &more, &e), 0);
		assert_int_equal(more, 1);
		assert_non_null(strstr(buf_text(&b),
		    "dropped certificate_2024_01"));
		assert_non_null(strstr(buf_text(&b),
		    "3 rows that evidence needs were kept"));
		buf_free(&b);
		assert_int_equal(testdb_int(db, "select count(*) from pg_class "
		    "where relname = 'certificate_2024_07'"), 1);
	}
	says(db, &usual, "dropped 1 certificates outside", NULL);
	assert_int_equal(testdb_int(db, "select count(*) from pg_class where "
	    "relname = 'certificate_2024_07'"), 0);
	assert_int_equal(testdb_int(db, "select count(*) from certificate where "
	    "sha256 in (sha256('c2'), sha256('c3'), sha256('c4'), "
	    "sha256('c6'), sha256('c7'), sha256('c9'), sha256('c10'))"), 7);
	assert_int_equal(testdb_int(db, "select count(*) from certificate"), 7);
	assert_int_equal(testdb_int(db, "select count(*) from issuance"), 10);
	assert_int_equal(testdb_int(db, "select count(*) from pg_class where "
	    "relname = 'certificate_2024_01'"), 0);
	assert_true(testdb_int(db, "select count(*) from audit_trail where "
	    "action = 'db.retention'") >= 1);
	/* nothing is due: silent */
	says(db, &usual, NULL);
	/* one that is over, and not ours to drop, or not over */
	{
		struct err	e = ERR_INIT;

		assert_int_equal(db_query(db, NULL, &e, "select "
		    "retention_drop('certificate_2035_07')", ""), -1);
		err_clear(&e);
		assert_int_equal(db_query(db, NULL, &e, "select "
		    "retention_drop('finding')", ""), -1);
		err_clear(&e);
	}
	testdb_close(db);
}

static void
test_ahead(void **state)
{
	struct db	*db = testdb_open();

	(void)state;
	if (db == NULL)
		skip();
	testdb_run(db, CERT("1", "timestamptz '2036-08-09'")
	    CERT("2", "timestamptz '9999-12-31'"));
	assert_int_equal(testdb_int(db, "select count(*) from certificate_rest"),
	    2);
	assert_int_equal(testdb_int(db, "select retention_ahead('2037-02-01')"),
	    3);
	assert_int_equal(testdb_int(db, "select count(*) from certificate_rest"),
	    1);
	assert_int_equal(testdb_int(db, "select count(*) from certificate_2036_07"
	    " where sha256 = sha256('c1')"), 1);
	assert_int_equal(testdb_int(db, "select retention_ahead('2037-02-01')"),
	    0);
	/* it is one of the table as the others: unique, found by its index */
	assert_int_equal(testdb_int(db, "select count(*) from pg_index where "
	    "indrelid = 'certificate_2036_07'::regclass"), testdb_int(db, "select "
	    "count(*) from pg_index where indrelid = "
	    "'certificate_2035_07'::regclass"));
	testdb_close(db);
}

static void
test_entries(void **state)
{
	struct db	*db = testdb_open();

	(void)state;
	if (db == NULL)
		skip();
	testdb_run(db, "insert into operator (name) values ('o');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, state_at, interval_to, list_source, "
	    "first_list) select sha256(x::bytea), o.id, x, 'rfc6962', '', '', "
	    "'', 1, case x when 'live' then 'usable' else 'retired' end, "
	    "now() - interval '500 days', case x when 'late' then now() - "
	    "interval '100 days' else now() - interval '450 days' end, 'file', "
	    "true from operator o, unnest(array['old', 'late', 'live']) x;"
	    "select entry_partition(id) from log;"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type, leaf, "
	    "leaf_hash, tbs_sha256, malformed) select l.id, i, 0, 'x509', "
	    "'\\x00', sha256(''), sha256(('tbs' || i)::bytea), i = 3 from "
	    "log l, generate_series(1, 9) i;"
	    "insert into watch (pattern, origin) values ('.x.example', 'cli');"
	    "insert into entry_match (log_ref, index, watch_id, name) select "
	    "e.log_ref, e.index, w.id, '' from entry e, watch w;"
	    "insert into finding (kind, subject, dedupe_key, severity) values "
	    "('certificate.unexpected', encode(sha256('tbs2'), 'hex'), 'a', "
	    "'high');"
	    /* of this log, and of others, which share an issuance with it */
	    "insert into finding (kind, subject, dedupe_key, severity, detail) "
	    "select 'log.misbehaved', encode(log_id, 'base64'), description, "
	    "'medium', json_build_object('outside', json_build_object("
	    "'index', case description when 'old' then 5 else 7 end, 'what', "
	    "'interval')) from log");
	says(db, &usual, "dropped entry_",
	    "4 rows that evidence needs were kept", NULL);
	assert_int_equal(testdb_int(db, "select count(*) from entry e join log l "
	    "on l.id = e.log_ref where l.description = 'old' and index in (2, 3, 5, 7)"), 4);
	assert_int_equal(testdb_int(db, "select count(*) from entry"), 22);
	assert_int_equal(testdb_int(db, "select count(*) from entry_match"), 22);
	/* the log is back: what was kept lies in its partition again */
	assert_int_equal(testdb_int(db, "select count(entry_partition(id)) from "
	    "log"), 3);
	assert_int_equal(testdb_int(db, "select count(*) from entry_rest"), 0);
	assert_int_equal(testdb_int(db, "select count(*) from entry"), 22);
	testdb_run(db, "update log set state = 'usable' where description = 'old'");
	/* a second turn keeps them, too */
	says(db, &usual, NULL);
	testdb_close(db);
}

/*
 * A log whose certificates expire at any time is usable since years when its
 * list leaves it out, and may be back tomorrow.
 */
static void
test_unlisted(void **state)
{
	struct db	*db = testdb_open();
	char		*said;

	(void)state;
	if (db == NULL)
		skip();
	testdb_run(db, "insert into operator (name) values ('o');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, state_at, list_source, listed, "
	    "first_list) select sha256('x'), o.id, 'x', 'rfc6962', '', '', "
	    "'', 1, 'usable', now() - interval '900 days', 'file', false, true "
	    "from operator o;"
	    "select entry_partition(id) from log;"
	    "insert into log_health (log_ref, polled_at) select id, now() - "
	    "interval '1 hour' from log;"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type, leaf, "
	    "leaf_hash, tbs_sha256) select id, 1, 0, 'x509', '\\x00', "
	    "sha256(''), sha256('tbs') from log");
	said = turn(db, &usual);
	assert_null(strstr(said, "dropped entry_"));
	free(said);
	assert_int_equal(testdb_int(db, "select count(*) from entry"), 1);
	testdb_run(db, "update log_health set polled_at = now() - interval '401 days'");
	says(db, &usual, "dropped entry_", NULL);
	testdb_close(db);
}

static void
test_deliveries(void **state)
{
	struct db	*db = testdb_open();

	(void)state;
	if (db == NULL)
		skip();
	testdb_run(db, "insert into finding (kind, subject, dedupe_key, severity, "
	    "state) values ('log.stale', 'x', 'a', 'high', 'resolved'), "
	    "('log.stale', 'y', 'b', 'high', 'open');"
	    "insert into delivery (channel, webhook_id, events, findings, "
	    "state, done_at) select 'c', gen_random_uuid(), '{}', "
	    "array[f.id], s, now() - d * interval '1 day' from finding f, "
	    "unnest(array['delivered', 'dead', 'pending']) s, "
	    "unnest(array[80, 100]) d");
	says(db, &usual, "dropped 2 messages that ended\n", NULL);
	assert_int_equal(testdb_int(db, "select count(*) from delivery"), 10);
	/* more than one batch */
	testdb_run(db, "insert into delivery (channel, webhook_id, events, state, "
	    "done_at) select 'c', gen_random_uuid(), '{}', 'dead', now() - "
	    "interval '1 year' from generate_series(1, 10001)");
	says(db, &usual, "dropped 10000 messages that ended\n"
	    "dropped 1 messages that ended\n", NULL);
	testdb_close(db);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_unlisted),
		cmocka_unit_test(test_deliveries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
