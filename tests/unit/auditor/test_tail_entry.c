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

/* It was not there when the MMD of a minute and our grace were over, as a head shows. */
static void
late(void **state)
{
	static const char	said[] = "select coalesce(string_agg(concat_ws("
	    "' ', severity, state, detail->>'what', detail->>'head_id', "
	    "detail->'entry'->>'index'), ','), '') from finding";

	(void)state;
	sql("insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) values "
	    "(1, 100, '1', 800000, 'sth', '', 'valid', 'proved'), "
	    "(1, 200, '2', 900000, 'sth', '', 'valid', 'proved'), "
	    "(1, 210, '3', 999000, 'sth', '', 'valid', 'pending'), "
	    "(1, 220, '4', 999000, 'sth', '', 'valid', 'conflict')");
	dated = 780001;
	matched(250, -1);
	/* which had it */
	dated = 7;
	matched(99, -1);
	is(said, "");
	assert_int_equal(en.wrong, 0);
	dated = 780000;
	matched(250, -1);
	is(said, "critical open mmd 3 250");
	assert_int_equal(en.wrong, 1);
	matched(251, -1);
	assert_int_equal(number("select count(*) from finding_event"), 1);
	assert_int_equal(number("select jsonb_array_length(detail->'faults') "
	    "from finding"), 1);
	/* a log that has a day for it */
	sql("truncate finding cascade");
	t.log.mmd = 86400;
	matched(250, -1);
	is(said, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(index_of, setup, clean),
		cmocka_unit_test_setup_teardown(late, setup, clean),
	};

	return SQL_TESTS(tests);
}
