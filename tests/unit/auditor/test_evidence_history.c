/* What a period's evidence says of history that was read in it. */
#include "tests/unit/auditor/evidence_world.h"

#include "auditor/evidence_json.h"

/* A range [from, done) that was proven at that time. */
static void
put_range(int64_t from, int64_t done, const char *at, const char *watches)
{
	struct err	e = ERR_INIT;
	struct buf	proof = BUF_INIT;
	struct span	root, p;
	uint8_t		r[32];

	mth(&w, 0, (size_t)done, r);
	root = hash(r);
	proof_of(&w, (size_t)done, 0, SIZE, 1, &proof);
	p = buf_bytes(&proof);
	must(db_query(db, NULL, &e, "insert into backfill_range (backfill_id, "
	    "log_ref, size_from, size_to, size_done, root_hash, head_id, "
	    "proof, watch_set_sha256, verified_at) values (1, 1, $1, $2, $2, "
	    "$3, $4, $5, sha256($6::bytea), $7::timestamptz)", "iibibss", from,
	    done, &root, head, done == SIZE ? NULL : &p, watches, at), &e);
	buf_free(&proof);
}

/* What is exported of those days; how many stretches. */
static size_t
export(const char *from, const char *to, struct buf *b)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;
	int64_t		 begin, end;
	size_t		 n, days;

	assert_int_equal(clk_parse(from, &begin), 0);
	assert_int_equal(clk_parse(to, &end), 0);
	must(evidence_store_coverage(db, begin, end, ev, &days, &e), &e);
	must(evidence_store_history(db, begin, end, ev, &n, &e), &e);
	buf_reset(b);
	if (days + n != 0)
		must(evidence_finish(ev, clk_wall(), b, &e), &e);
	evidence_free(ev);
	return n;
}

/* The text of stretch ${k} of a file, or NULL. */
static json_t *
text_of(const struct buf *b, size_t k)
{
	json_t	*root = json_loads(buf_text(b), 0, NULL), *t = NULL, *s;
	size_t	 i, at = 0;

	s = json_object_get(root, "statements");
	for (i = 0; i < json_array_size(s); i++) {
		t = json_loads(evidence_str(json_array_get(s, i), "text"), 0,
		    NULL);
		if (t != NULL && strcmp(evidence_str(t, "type"),
		    EVIDENCE_HISTORY) == 0 && at++ == k)
			break;
		json_decref(t);
		t = NULL;
	}
	json_decref(root);
	return t;
}

static void
is_stretch(const struct buf *b, size_t k, int64_t from, int64_t to,
    int64_t ranges)
{
	json_t	*t = text_of(b, k);

	assert_non_null(t);
	assert_int_equal(evidence_int(t, "size_from"), from);
	assert_int_equal(evidence_int(t, "size_to"), to);
	assert_int_equal(evidence_int(t, "ranges"), ranges);
	json_decref(t);
}

static int
begin(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	if (db == NULL)
		return 0;
	must(db_query(db, NULL, &e, "truncate backfill_range, backfill "
	    "restart identity", ""), &e);
	must(db_query(db, NULL, &e, "insert into backfill (log_ref, size_from,"
	    " size_to, again, step, cut, actor) values (1, 0, 11, false, 2, "
	    "0, 'me')", ""), &e);
	return 0;
}

/* None was read: the same file as before there was history. */
static void
none(void **state)
{
	struct buf	b = BUF_INIT;

	(void)state;
	if (db == NULL)
		skip();
	assert_int_equal(export("2026-01-01", "2026-01-02", &b), 0);
	assert_null(text_of(&b, 0));
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	buf_free(&b);
}

/* What touches is one; other watches, a hole, and other days are not. */
static void
stretches(void **state)
{
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;

	(void)state;
	if (db == NULL)
		skip();
	put_range(4, 6, "2026-01-02 01:00Z", "w");
	put_range(0, 2, "2026-01-02 02:00Z", "w");
	put_range(2, 4, "2026-01-02 03:00Z", "w");
	put_range(2, 4, "2026-01-02 23:59Z", "w");	/* again */
	put_range(8, 10, "2026-01-02 04:00Z", "w");
	put_range(10, 11, "2026-01-03 00:00Z", "w");
	put_range(4, 6, "2026-01-02 05:00Z", "v");
	assert_int_equal(export("2026-01-02", "2026-01-02", &b), 3);
	is_stretch(&b, 0, 0, 6, 4);
	is_stretch(&b, 1, 4, 6, 1);
	is_stretch(&b, 2, 8, 10, 1);
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	assert_int_equal(export("2026-01-02", "2026-01-03", &b), 3);
	is_stretch(&b, 2, 8, 11, 2);
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	/* a period in which only history was read; one of nothing at all */
	assert_int_equal(export("2026-01-03", "2026-01-03", &b), 1);
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	assert_int_equal(export("2026-01-04", "2026-01-05", &b), 0);
	/* nothing of a range that was begun and not proven */
	must(db_query(db, NULL, &e, "update backfill_range set size_done = "
	    "size_from", ""), &e);
	assert_int_equal(export("2026-01-02", "2026-01-02", &b), 0);
	buf_free(&b);
}

/* A root that its head does not lead to, or not by then, is no stretch. */
static void
wrong(void **state)
{
	static const struct {
		const char		*sql;
		enum evidence_verdict	 want;
	} t[] = {
		{ "update backfill_range set root_hash = sha256('x')",
		  EVIDENCE_INVALID },
		{ "update backfill_range set size_done = 5",
		  EVIDENCE_INVALID },
		{ "update backfill_range set proof = set_byte(proof, 3, 255 - "
		  "get_byte(proof, 3))", EVIDENCE_INVALID },
		/* proven before its head was signed, by somebody's clock */
		{ "update backfill_range set verified_at = '2025-12-31 "
		  "23:00Z'", EVIDENCE_UNCHECKED },
	};
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	if (db == NULL)
		skip();
	put_range(2, 6, "2026-01-02 01:00Z", "w");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		must(db_begin(db, &e), &e);
		must(db_query(db, NULL, &e, t[i].sql, ""), &e);
		assert_int_equal(export("2025-12-31", "2026-01-02", &b), 1);
		if (judge(buf_text(&b), b.n, 0) != t[i].want)
			fail_msg("case %zu", i);
		db_rollback(db);
	}
	buf_free(&b);
}

/* Every field of it that is changed is noticed, also when sealed again. */
static void
flipped(void **state)
{
	struct buf	b = BUF_INIT;

	(void)state;
	if (db == NULL)
		skip();
	put_range(2, 6, "2026-01-03 01:00Z", "w");
	assert_int_equal(export("2026-01-03", "2026-01-03", &b), 1);
	flip_both(&b, "history");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(none, begin),
		cmocka_unit_test_setup(stretches, begin),
		cmocka_unit_test_setup(wrong, begin),
		cmocka_unit_test_setup(flipped, begin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
