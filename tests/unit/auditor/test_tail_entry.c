#include "tests/unit/auditor/tail_fixture.h"

#include "base/mem.h"
#include "ctlog/entry.h"

/* What entries that were proven say against a static log. */

static struct buf	leaf;
static uint64_t		dated;		/* entries */

static int
setup(void **state)
{
	(void)state;
	if (tail_leased(60, "extract(epoch from now()) * 1000") == -1)
		return -1;
	t.log.is_static = 1;
	t.log.interval_from = t.log.interval_to = INT64_MIN;
	t.head.timestamp_ms = 1000000;
	dated = 999000;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	tail_match_drop(&t, t.nmatches);
	free(t.matches);
	free(t.paths);
	buf_free(&leaf);
	lease_free(&t.lease);
	log_row_free(&t.log);
	return 0;
}

/* The entry at ${at} matched; its leaf names index ${named}, or none (-1). */
static void
matched(uint64_t at, int named)
{
	uint8_t			 ext[8] = { 0, 0, 5, 0, 0, 0, 0,
				    (uint8_t)named };
	struct tail_match	*m = mem_zero(sizeof(*m));
	struct entry		 in;

	memset(&in, 0, sizeof(in));
	in.type = ENTRY_X509;
	in.cert = SPAN_STR("certificate");
	in.ext = (struct span){ ext, named == -1 ? 0 : sizeof(ext) };
	buf_reset(&leaf);
	entry_put(&leaf, &in);
	m->m.leaf = buf_bytes(&leaf);
	m->m.index = at;
	m->m.timestamp_ms = dated;
	tail_match_add(&t, m);
	tail_entry_look(&t);
	tail_match_drop(&t, t.nmatches);
}

static const char	found[] = "select coalesce(string_agg(concat_ws(' ', "
    "kind, severity, state, detail->>'what', detail->'outside'->>'index'), "
    "','), '') from finding";

static void
index_of(void **state)
{
	(void)state;
	matched(3, 3);
	matched(4, -1);
	is(found, "");
	matched(5, 4);
	is(found, "log.misbehaved medium open leaf_index 5");
	is("select reason from finding", "entry 5 names index 4 as its own "
	    "(static-ct-api, leaf_index)");
	matched(6, 6);
	assert_int_equal(number("select count(*) from finding_event"), 1);
	/* the extension is of static-ct-api only */
	sql("truncate finding cascade");
	t.log.is_static = 0;
	matched(5, 4);
	is(found, "");
}

/* The entry at ${at} of issuance ${tbs}, dated as it is, as it was stored. */
static void
stored(int at, const char *tbs)
{
	char	rows[300];

	(void)snprintf(rows, sizeof(rows), "insert into entry (log_ref, index,"
	    " timestamp_ms, entry_type, leaf, leaf_hash, tbs_sha256, head_id) "
	    "values (1, %d, %llu, 'precert', '', sha256('leaf %s'), "
	    "sha256('%s'), 1)", at, (unsigned long long)dated, tbs, tbs);
	sql(rows);
}

/* An SCT of its time for a leaf of issuance ${tbs}. */
static void
promised(const char *tbs, const char *leaf_of, const char *status)
{
	char	rows[300];

	(void)snprintf(rows, sizeof(rows), "insert into sct (tbs_sha256, "
	    "log_id, timestamp_ms, raw, source, status, leaf_hash) values "
	    "(sha256('%s'), sha256('l'), %llu, 'raw', 'tls', '%s', "
	    "sha256('leaf %s'))", tbs, (unsigned long long)dated, status,
	    leaf_of);
	sql(rows);
}

/*
 * It was not there when the MMD of a minute and ten more were over since the
 * log had signed an SCT, as a head shows.
 */
static void
late(void **state)
{
	static const char	said[] = "select coalesce(string_agg(concat_ws("
	    "' ', severity, state, detail->>'what', detail->>'head_id', "
	    "detail->'entry'->>'index'), ','), '') from finding";

	(void)state;
	sql("truncate entry, sct;"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) values "
	    "(1, 100, '1', 800000, 'sth', '', 'valid', 'proved'), "
	    "(1, 200, '2', 900000, 'sth', '', 'valid', 'proved'), "
	    "(1, 210, '3', 999000, 'sth', '', 'valid', 'pending'), "
	    "(1, 220, '4', 999000, 'sth', '', 'valid', 'conflict')");
	/* in time, with a server of the log that is ten minutes ahead */
	dated = 240001;
	stored(250, "a");
	promised("a", "a", "valid");
	matched(250, -1);
	/* a head that had it */
	dated = 7;
	stored(99, "b");
	promised("b", "b", "valid");
	matched(99, -1);
	/* dated, and never promised; or it was another leaf, or forged */
	dated = 240000;
	stored(251, "c");
	matched(251, -1);
	promised("c", "d", "valid");
	matched(251, -1);
	stored(252, "e");
	promised("e", "e", "bad_signature");
	matched(252, -1);
	/* the log has the same leaf twice, once in time */
	stored(253, "f");
	promised("f", "f", "valid");
	stored(150, "f");
	matched(253, -1);
	is(said, "");
	assert_int_equal(en.wrong, 0);
	/* known by now, of a log that is not counted */
	sql("update sct set status = 'not_counted' where tbs_sha256 = "
	    "sha256('e')");
	matched(252, -1);
	is(said, "critical open mmd 3 252");
	assert_int_equal(en.wrong, 1);
	sql("delete from entry where index = 150");
	matched(253, -1);
	assert_int_equal(number("select count(*) from finding_event"), 1);
	assert_int_equal(number("select jsonb_array_length(detail->'faults') "
	    "from finding"), 1);
	/* a log that has a day for it */
	sql("truncate finding cascade; update log set mmd = 86400");
	t.log.mmd = 86400;
	matched(252, -1);
	is(said, "");
}

/* One late entry among many that came in time. */
static void
crowd(void **state)
{
	struct tail_match	*m;
	int			 i;

	(void)state;
	sql("truncate entry, sct;"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) values "
	    "(1, 200, '2', 900000, 'sth', '', 'valid', 'proved')");
	for (i = 0; i < 40; i++) {
		m = mem_zero(sizeof(*m));
		m->m.index = 100 + (uint64_t)i * 3;
		m->m.timestamp_ms = dated = 1000;
		tail_match_add(&t, m);
	}
	stored(214, "g");
	stored(211, "h");
	promised("h", "h", "valid");
	tail_entry_look(&t);
	tail_match_drop(&t, t.nmatches);
	is("select detail->'entry'->>'index' from finding", "211");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(index_of, setup, clean),
		cmocka_unit_test_setup_teardown(late, setup, clean),
		cmocka_unit_test_setup_teardown(crowd, setup, clean),
	};

	return SQL_TESTS(tests);
}
