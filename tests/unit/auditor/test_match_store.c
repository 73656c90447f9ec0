#include "auditor/db/match_store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limit.h"
#include "tests/unit/auditor/matching.h"

/* What matched, as rows: early, proven, again, malformed, hostile. */

static void
early_then_proven(void **state)
{
	struct judge_match	m;
	int			i;

	(void)state;
	NEED_DB();
	m = match(5);
	/* as often as it is announced before the proof, once */
	for (i = 0; i < 2; i++) {
		STORE(m, 0);
		assert_int_equal(COUNT("issuance where logged_at is null"), 1);
		assert_int_equal(COUNT("entry"), 0);
		assert_int_equal(COUNT("finding where kind = "
		    "'certificate.unexpected' and not proven"), 1);
	}
	for (i = 0; i < 2; i++) {
		STORE(m, 1);
		assert_int_equal(COUNT("entry where proof_size = 100"), 1);
		assert_int_equal(COUNT("entry_match"), 1);
		assert_int_equal(COUNT("issuer"), 1);
		assert_int_equal(COUNT("issuance where logged_at is not "
		    "null"), 1);
		assert_int_equal(COUNT("finding"), 1);
		assert_int_equal(COUNT("finding where proven"), 1);
	}
	/* the same issuance elsewhere in the log: no second finding */
	m = match(6);
	STORE(m, 1);
	assert_int_equal(COUNT("entry"), 2);
	assert_int_equal(COUNT("finding"), 1);
}

/* More than one statement takes, precertificates beside their certificates. */
static void
many(void **state)
{
	enum { N = LIMIT_MATCH_ROWS + 40 };
	static struct judge_match	 m[2 * N];
	const struct judge_match	*v[2 * N];
	static const char		*odd[] = { "a\"b.a.example",
	    "c\\,d.a.example" };
	struct match_in			 in = { .db = db, .conf = &conf,
	    .watches = &set, .base = base, .log_ref = 1, .log_name = "log",
	    .head_id = 7, .proof_size = 1000 };
	struct err			 e = ERR_INIT;
	size_t				 i, pass;

	(void)state;
	NEED_DB();
	for (i = 0; i < 2 * N; i++) {
		v[i] = &m[i];
		m[i] = match(i);
		m[i].tbs_sha256[0] = (uint8_t)(i / 2);
		m[i].tbs_sha256[1] = (uint8_t)(i / 2 >> 8);
		memcpy(m[i].cert_sha256, &i, sizeof(i));
		memcpy(m[i].spki_sha256, m[i].tbs_sha256, 32);
		if (i % 2 == 0) {
			m[i].type = ENTRY_PRECERT;
			m[i].issued = -1;
			m[i].owner = "";
		}
	}
	/* what is no issuance may come between */
	m[11].malformed = 1;
	m[11].reason = "cut short";
	m[10].names = m[10].hit_name = odd;
	m[10].nnames = 2;
	for (pass = 0; pass < 2; pass++) {
		if (db_begin(db, &e) == -1 ||
		    match_store(&in, v, 2 * N, &e) == -1 ||
		    db_commit(db, &e) == -1)
			fail_msg("%s", e.msg);
		assert_int_equal(COUNT("entry"), 2 * N);
		assert_int_equal(COUNT("entry_match"), 2 * N);
		assert_int_equal(COUNT("issuance"), N);
		assert_int_equal(COUNT("issuance where issued = 'valid' and "
		    "issuer_owner = 'ca.example'"), N - 1);
		assert_int_equal(COUNT("certificate"), 2 * N - 1);
		assert_int_equal(COUNT("certificate where form = 'precert'"),
		    N);
		assert_int_equal(COUNT("certificate_name"), N + 1);
		assert_int_equal(COUNT("certificate_name where name in "
		    "('a\"b.a.example', 'c\\,d.a.example')"), 2);
		assert_int_equal(COUNT("issuance where decision = 'page' and "
		    "(jsonb_array_length(facts::jsonb->'entries') = 2 or names[1] = "
		    "'a\"b.a.example')"), N);
		assert_int_equal(COUNT("finding where kind = "
		    "'certificate.unexpected'"), N);
		assert_int_equal(COUNT("finding where kind = "
		    "'certificate.malformed'"), 1);
		assert_int_equal(COUNT("issuer"), 1);
	}
}

static void
side_by_side(void **state)
{
	static struct worker	 w[2];
	static uint8_t		 ca[SHARED];
	static struct span	 link[SHARED];
	pthread_t		 t;
	size_t			 i, k;

	(void)state;
	NEED_DB();
	sql("insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list, "
	    "watched) values ('\\x02', 1, 'log 2', 'rfc6962', 'u', 'u', "
	    "'\\x02', 86400, 'usable', 'chrome', false, true)");
	for (i = 0; i < SHARED; i++) {
		ca[i] = (uint8_t)(i * 37);
		link[i] = (struct span){ &ca[i], 1 };
		for (k = 0; k < 2; k++) {
			w[k].m[i] = match(i);
			w[k].m[i].tbs_sha256[0] = (uint8_t)(i * 101);
			w[k].m[i].tbs_sha256[1] = (uint8_t)(i >> 8);
			memcpy(w[k].m[i].cert_sha256, &i, sizeof(i));
			w[k].m[i].cert_sha256[31] = (uint8_t)k;
			w[k].m[i].chain = &link[i];
		}
	}
	w[0].db = db;
	w[1].db = testdb_again();
	w[0].log = 1;
	w[1].log = 2;
	w[0].n = w[1].n = SHARED;
	assert_int_equal(pthread_create(&t, NULL, work, &w[1]), 0);
	(void)work(&w[0]);
	assert_int_equal(pthread_join(t, NULL), 0);
	db_close(w[1].db);
	for (k = 0; k < 2; k++)
		if (w[k].rc != 0)
			fail_msg("log %d: %s", w[k].log, w[k].e.msg);
	assert_int_equal(COUNT("issuance where decision = 'page' and "
	    "logged_at is not null and jsonb_array_length(facts::jsonb->'entries') "
	    "= 2"), SHARED);
	assert_int_equal(COUNT("entry"), 2 * SHARED);
	assert_int_equal(COUNT("certificate"), 2 * SHARED);
	assert_int_equal(COUNT("issuer"), 256);
	assert_int_equal(COUNT("finding where proven and "
	    "cardinality(logs) = 2 and kind = 'certificate.unexpected'"),
	    SHARED);
	/* all have one serial number: one finding for the twins */
	assert_int_equal(COUNT("finding"), SHARED + 1);
	assert_int_equal(COUNT("finding_event"), SHARED + 1);
}

static void
unchecked_waits(void **state)
{
	struct judge_match	m;

	(void)state;
	NEED_DB();
	m = match(5);
	m.issued = -1;
	STORE(m, 0);
	assert_int_equal(COUNT("issuance"), 0);
	STORE(m, 1);
	assert_int_equal(COUNT("issuance where issued = 'unchecked'"), 1);
	assert_int_equal(COUNT("issuer"), 0);
	assert_int_equal(COUNT("finding where kind = "
	    "'certificate.unexpected'"), 1);
	/* what is known to be valid stays so */
	m.issued = 1;
	STORE(m, 1);
	m.issued = 0;
	STORE(m, 1);
	assert_int_equal(COUNT("issuance where issued = 'valid'"), 1);
}

static void
malformed(void **state)
{
	struct judge_match	m;

	(void)state;
	NEED_DB();
	m = match(5);
	m.malformed = 1;
	m.reason = "cut short";
	m.type = -1;
	m.issued = -1;
	m.leaf.n = m.der.n = m.nnames = m.nchain = 0;
	STORE(m, 0);
	assert_int_equal(COUNT("finding"), 0);
	STORE(m, 1);
	STORE(m, 1);
	assert_int_equal(COUNT("entry where malformed and tbs_sha256 is "
	    "null and reason = 'cut short' and entry_type = 'unknown'"), 1);
	assert_int_equal(COUNT("issuance"), 0);
	assert_int_equal(COUNT("finding where kind = "
	    "'certificate.malformed' and severity = 'high'"), 1);
	/* nobody's: kept, and told in the digest only */
	m = match(6);
	m.malformed = 1;
	m.reason = "leaf of an unknown type";
	m.nhits = 0;
	STORE(m, 1);
	assert_int_equal(COUNT("entry where malformed"), 2);
	assert_int_equal(COUNT("finding where severity = 'low'"), 1);
}

/* The log's first head behind the watch is two days late. */
static void
late_head(void **state)
{
	struct judge_match	m;

	(void)state;
	NEED_DB();
	sql("update watch set added_at = to_timestamp(1790000000 - 172800);"
	    "update log set first_list = true;"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) values (1, 10, sha256('r'), 5, "
	    "'sth', '', 'valid')");
	m = match(5);
	STORE(m, 1);
	assert_int_equal(COUNT("issuance where decision = 'baseline' and "
	    "facts::jsonb->'watches'->0->>'late_s' = '172800'"), 1);
	/* dated before the watch, whenever that head came */
	m = match(6);
	m.tbs_sha256[0] ^= 1;
	m.cert_sha256[0] ^= 1;
	m.timestamp_ms -= 172801000;
	STORE(m, 1);
	assert_int_equal(COUNT("issuance where decision = 'baseline' and "
	    "not facts::jsonb->'watches'->0 ? 'late_s'"), 1);
	sql("update log set first_list = false");
}

static void
nobody_watches(void **state)
{
	struct judge_match	m;

	(void)state;
	NEED_DB();
	m = match(5);
	sql("update watch set removed_at = now()");
	STORE(m, 0);
	STORE(m, 1);
	assert_int_equal(COUNT("entry"), 0);
	assert_int_equal(COUNT("issuance"), 0);
	assert_int_equal(COUNT("finding"), 0);
}

/* A judge that lies about watches changes nothing. */
static void
unknown_watch(void **state)
{
	static uint32_t		bad[] = { 1 };
	struct judge_match	m;
	struct err		e = ERR_INIT;

	(void)state;
	NEED_DB();
	m = match(5);
	m.hit_watch = bad;
	assert_int_equal(store(&m, 1, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	bad[0] = UINT32_MAX;
	assert_int_equal(store(&m, 1, &e), -1);
	assert_int_equal(COUNT("entry"), 0);
}

/* Times from the first to the last that a certificate can state. */
static void
times(void **state)
{
	static const struct {
		int64_t		before, after;
		uint64_t	ms;
	} t[] = {
		{ -62167219200000000LL, 253402300799000000LL, 0 },
		{ 253402300799000000LL, -62167219200000000LL,
		    (1ULL << JUDGE_TIME_BITS) - 1 },
		{ INT64_MIN, INT64_MIN, 1 },
	};
	struct judge_match	m;
	size_t			i;

	(void)state;
	NEED_DB();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m = match(i);
		m.tbs_sha256[0] = m.cert_sha256[0] = (uint8_t)(100 + i);
		m.not_before = t[i].before;
		m.not_after = t[i].after;
		m.timestamp_ms = t[i].ms;
		STORE(m, 0);
		STORE(m, 1);
		assert_int_equal(COUNT("entry"), (int)i + 1);
		assert_int_equal(COUNT("certificate"), (int)i + 1);
	}
}

static void
issuers(void **state)
{
	struct err	e = ERR_INIT;
	struct buf	der = BUF_INIT;
	uint8_t		fp[32], key[32], have[32] = { 0 };
	int		found;

	(void)state;
	NEED_DB();
	sha_256(fp, "ca", 2);
	memset(key, 8, 32);
	assert_int_equal(issuer_load(db, fp, &found, have, &der, &e), 0);
	assert_int_equal(found, 0);
	if (db_begin(db, &e) == -1 || issuer_store(db, SPAN_STR("ca"), key,
	    NULL, &e) == -1 || issuer_store(db, SPAN_STR("ca"), key, "owner",
	    &e) == -1 || issuer_store(db, SPAN_STR("ca"), key, "other",
	    &e) == -1 || db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(issuer_load(db, fp, &found, have, &der, &e), 0);
	assert_int_equal(found, 1);
	assert_memory_equal(have, key, 32);
	assert_true(der.n == 2 && memcmp(der.p, "ca", 2) == 0);
	assert_int_equal(COUNT("issuer where owner = 'owner'"), 1);
	buf_free(&der);
}

/*
 * All workers meet the same few CAs, each in another order: who only sees one
 * again locks nothing of it, or two of them would wait for each other.
 */
static void
issuer_is_free(void **state)
{
	struct db	*other;
	struct err	 e = ERR_INIT;
	uint8_t		 key[32] = { 1 };

	(void)state;
	NEED_DB();
	if ((other = db_open(testdb_info, &e)) == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(issuer_store(db, SPAN_STR("ca"), key, "Op", &e), 0);
	assert_int_equal(db_sync(db, &e), 0);
	assert_int_equal(db_commit(db, &e), 0);
	testdb_run(other, "set lock_timeout = '2s'");
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(issuer_store(db, SPAN_STR("ca"), key, "Op", &e), 0);
	assert_int_equal(db_sync(db, &e), 0);
	assert_int_equal(db_begin(other, &e), 0);
	assert_int_equal(issuer_store(other, SPAN_STR("ca"), key, NULL, &e),
	    0);
	assert_int_equal(issuer_store(other, SPAN_STR("ca"), key, "Op", &e),
	    0);
	assert_int_equal(db_sync(other, &e), 0);
	assert_int_equal(db_commit(other, &e), 0);
	assert_int_equal(db_commit(db, &e), 0);
	db_close(other);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(early_then_proven, clear),
		cmocka_unit_test_setup(many, clear),
		cmocka_unit_test_setup(side_by_side, clear),
		cmocka_unit_test_setup(unchecked_waits, clear),
		cmocka_unit_test_setup(malformed, clear),
		cmocka_unit_test_setup(late_head, clear),
		cmocka_unit_test_setup(nobody_watches, clear),
		cmocka_unit_test_setup(unknown_watch, clear),
		cmocka_unit_test_setup(times, clear),
		cmocka_unit_test_setup(issuers, clear),
		cmocka_unit_test_setup(issuer_is_free, clear),
	};

	return cmocka_run_group_tests(t, setup, teardown);
}
