#include "tests/unit/auditor/tail_fixture.h"

#include "base/mem.h"
#include "ctlog/entry.h"

/* What entries that were proven say against a static log. */

static struct buf	leaf;

static int
setup(void **state)
{
	(void)state;
	if (tail_leased(60, "extract(epoch from now()) * 1000") == -1)
		return -1;
	t.log.is_static = 1;
	t.log.interval_from = t.log.interval_to = INT64_MIN;
	t.head.timestamp_ms = 1000000;
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
	m->m.timestamp_ms = 7;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(index_of, setup, clean),
	};

	return SQL_TESTS(tests);
}
